//! A Dockerfile for an app that has none: the one that `mizan init` would write, without answers.

use std::path::Path;

use super::{
    Answers, Hints, Interface, Manager, Stop, Tree, decide, detect, dockerfile, dockerignore,
};
use crate::error::{Error, ErrorKind, Result};

/// What an app without a Dockerfile is built by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The text of the Dockerfile.
    pub dockerfile: String,
    /// The text of .dockerignore, where there is none.
    pub dockerignore: String,
    /// What it was made of, in a few words.
    pub facts: String,
}

/// Makes the Dockerfile of the project in a build context.
///
/// # Errors
/// There is no project, its files are broken, or there is a choice to make.
pub fn generate(context: &Path) -> Result<Generated> {
    let none = || Error::new(ErrorKind::Invalid, "there is no Dockerfile, and none can be made");
    let write =
        "write one (docs/deploying-django.md), or name yours with `build.dockerfile` in mizan.yaml";
    let tree = Tree::read(context)?;
    let findings = match detect(&tree, &Hints::default()) {
        Ok(findings) => findings,
        Err(Stop::Error(error)) => {
            let error = none().cause(&error.message).hint(write);
            return Err(error);
        }
        Err(Stop::Ambiguous { question, choices, flag, .. }) => {
            return Err(none()
                .cause(format!("{question}: {}", choices.join(", ")))
                .hint(format!("`mizan init {flag} …` writes one"))
                .hint(write));
        }
    };
    // The name is in no Dockerfile.
    let answers = Answers { app: Some("app".to_owned()), cloud: None };
    let setup = decide(&tree, &findings, &answers)?;
    let interface = match &findings.interface.value {
        Interface::Asgi(app) => format!("ASGI {app}"),
        Interface::Wsgi(app) => format!("WSGI {app}"),
    };
    let packages = findings.packages.files.first().map_or("", String::as_str);
    let frontend = findings.frontend.as_ref().map(|found| &found.folder);
    let frontend = frontend.and_then(|folder| folder.place.as_ref());
    let frontend = frontend.map_or(String::new(), |place| format!(", {}", place.file));
    let by = match findings.packages.manager.value {
        Manager::Pip => "pip",
        Manager::Uv | Manager::UvWorkspace | Manager::Pyproject => "uv",
        Manager::Poetry => "poetry",
        Manager::Pipenv => "pipenv",
    };
    Ok(Generated {
        dockerfile: dockerfile(&findings, &setup)?,
        dockerignore: dockerignore(&findings)?,
        facts: format!(
            "{interface}, {packages} by {by}{frontend}, Python {}",
            findings.python.value
        ),
    })
}
