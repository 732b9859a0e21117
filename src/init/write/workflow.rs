//! The workflow that plans and deploys on GitHub.

use std::path::Path;

use serde::Serialize;

use super::{Draft, config::PRODUCTION, render};
use crate::{
    error::{Error, ErrorKind, Result},
    init::{
        decide::{Cloud, Setup},
        findings::{Note, Place},
        tree::Tree,
    },
};

const TEMPLATE: &str = include_str!("../../../templates/init/workflow.yml.j2");
const PATH: &str = ".github/workflows/mizan.yml";
/// What stands where nobody has said which action is called.
const UNNAMED_ACTION: &str = "OWNER/mizan@v0";

#[derive(Serialize)]
struct Values<'a> {
    branch: &'a str,
    environment: &'a str,
    cloud: &'a str,
    region: &'a str,
    cloudflare: bool,
    needs_env: bool,
    action: &'a str,
}

/// The workflow, where there is something to deploy to from GitHub; else why there is none.
pub(super) fn workflow(
    tree: &Tree,
    setup: &Setup,
    action: Option<&str>,
) -> Result<(Option<Draft>, Vec<Note>)> {
    let note = |place: Option<Place>, text: String| Note { place, text };
    let Some(cloud) = &setup.cloud else {
        let text = "no workflow was written, for a job on GitHub does not deploy to this machine: \
                    `mizan init --target …` adds an environment and a workflow for it";
        return Ok((None, vec![note(None, text.into())]));
    };
    if let Some(above) = git_root_above(tree.root()) {
        let text = format!(
            "no workflow was written: GitHub reads it from {above}/{PATH} alone; run `mizan init` there, \
             or write it as docs/github-actions.md has it"
        );
        return Ok((None, vec![note(None, text)]));
    }
    if let Some(odd) = action.filter(|action| !is_action(action)) {
        return Err(Error::new(ErrorKind::Usage, format!("{odd:?} is no action"))
            .hint("--action takes OWNER/REPO@REF"));
    }
    let (name, region) = match cloud {
        Cloud::Aws { region, .. } => ("aws", region.as_str()),
        Cloud::Azure { .. } => ("azure", ""),
        Cloud::Origin { .. } => ("origin", ""),
    };
    let cloudflare = cloud.domain().is_some();
    let values = Values {
        branch: &branch(tree.root()),
        environment: PRODUCTION,
        cloud: name,
        region,
        cloudflare,
        needs_env: cloudflare || name == "azure",
        action: action.unwrap_or(UNNAMED_ACTION),
    };
    let text = render(PATH, TEMPLATE, values)?;
    let line = text.lines().position(|line| line.contains(UNNAMED_ACTION)).map(|index| index + 1);
    let mut notes = Vec::new();
    if let Some(line) = line {
        let text = "put the repository of mizan's action here (--action OWNER/REPO@REF)";
        notes.push(note(Some(Place::at(PATH, line)), text.into()));
    }
    if let Cloud::Origin { .. } = cloud {
        let text = "releases are recorded where mizan runs, and a runner of GitHub forgets: name a \
                    place by `ledger:` in the environment (docs/cloudflare.md)";
        notes.push(note(None, text.into()));
    }
    Ok((Some(Draft { path: PATH, text }), notes))
}

/// `OWNER/REPO@REF`.
fn is_action(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-/@".contains(c);
    text.chars().all(fits) && text.contains('/') && text.contains('@')
}

/// The repository's folder, if it is one above.
fn git_root_above(root: &Path) -> Option<String> {
    let root = std::path::absolute(root).ok()?;
    let found = root.ancestors().find(|folder| folder.join(".git").exists())?;
    (found != root).then(|| found.display().to_string())
}

/// The branch that is checked out, if its name can stand in YAML.
fn branch(root: &Path) -> String {
    let head = std::fs::read_to_string(root.join(".git/HEAD")).unwrap_or_default();
    let name = head.trim().strip_prefix("ref: refs/heads/").unwrap_or("main");
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(fits);
    if plain { name.to_owned() } else { "main".to_owned() }
}
