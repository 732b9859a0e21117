//! What a person should know about a setup, or mend in the project.

use super::{
    decide::Setup,
    findings::{Findings, Manager, Note, Place, Server},
};

/// Everything there is to say, the most pressing first.
pub(super) fn on(findings: &Findings, setup: &Setup) -> Vec<Note> {
    [
        missing_server(findings, setup),
        health(findings),
        secrets(setup),
        websockets(findings, setup),
        python_lock(findings),
        javascript_lock(findings),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn note(place: Option<Place>, text: impl Into<String>) -> Option<Note> {
    Some(Note { place, text: text.into() })
}

fn missing_server(findings: &Findings, setup: &Setup) -> Option<Note> {
    let (_, requirement) = setup.server;
    let requirement = requirement?;
    let file = findings.packages.files.first().map_or("the requirements", String::as_str);
    let text = format!(
        "there is no server for the app among its packages: the Dockerfile installs {requirement}; \
         better add that line to {file}, and take it out there"
    );
    note(findings.packages.manager.place.clone(), text)
}

fn health(findings: &Findings) -> Option<Note> {
    if findings.health.place.is_some() || findings.health.value != "/" {
        return None;
    }
    note(
        None,
        "no path is made for health checks, so / is asked and has to answer 2xx: \
         docs/deploying-django.md#health has one to copy, --health names yours",
    )
}

fn secrets(setup: &Setup) -> Option<Note> {
    let asked =
        setup.secrets.iter().filter(|(name, generate)| !generate && !setup.is_given_locally(name));
    let asked: Vec<&str> = asked.map(|(name, _)| name.as_str()).collect();
    if asked.is_empty() {
        return None;
    }
    let text = format!(
        "the first deploy asks for {}; without a terminal, set them by `mizan secrets set NAME < FILE`",
        asked.join(", ")
    );
    note(None, text)
}

fn websockets(findings: &Findings, setup: &Setup) -> Option<Note> {
    findings.channels.as_ref()?;
    let uvicorn = findings.packages.direct.get("uvicorn")?;
    let speaks = uvicorn.extras.iter().any(|extra| extra == "standard")
        || ["websockets", "wsproto"].iter().any(|name| findings.packages.has(name));
    if speaks || setup.server.0 != Server::Uvicorn {
        return None;
    }
    note(
        Some(uvicorn.place.clone()),
        "uvicorn alone speaks no WebSockets: make it uvicorn[standard]",
    )
}

/// A requirements file may pin its versions by itself.
fn python_lock(findings: &Findings) -> Option<Note> {
    let manager = &findings.packages.manager;
    if findings.packages.locked || manager.value == Manager::Pip {
        return None;
    }
    note(
        manager.place.clone(),
        "no lock fixes the versions of the Python packages: another day's build can be another app",
    )
}

fn javascript_lock(findings: &Findings) -> Option<Note> {
    let frontend = findings.frontend.as_ref().filter(|found| found.lock.is_none())?;
    note(
        frontend.folder.place.clone(),
        "no lock fixes the versions of the JavaScript packages: commit the one that your package \
         manager writes",
    )
}
