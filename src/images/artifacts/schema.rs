//! Gets the schema an app exports: from a file, or by asking the app itself in a container that
//! has no network, no secrets and nothing it could change.

use std::{collections::HashMap, path::Path, time::Duration};

use bollard::{
    Docker,
    container::LogOutput,
    errors::Error as DockerError,
    models::{ContainerCreateBody, HostConfig, HostConfigLogConfig},
    query_parameters::{LogsOptionsBuilder, StartContainerOptions, WaitContainerOptions},
};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{Extraction, interrupted, remove};
use crate::error::{Error, ErrorKind, Result};

/// What prints the schema.
const COMMAND: [&str; 3] = ["python", "manage.py", "mizan_schema"];
/// Django starts within seconds; what takes longer waits for something it cannot have.
const TIMEOUT: Duration = Duration::from_secs(90);
const MEMORY: i64 = 1 << 30;
const PROCESSES: i64 = 256;
/// How much of the error output an error shows.
const KEPT_LINES: usize = 20;

/// Reads a schema file, and checks that it is one JSON object.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>> {
    let invalid = |why: &dyn std::error::Error| {
        Error::new(ErrorKind::Invalid, format!("the schema {} cannot be used", path.display()))
            .cause(why)
            .hint("`schema` in mizan.yaml names it")
    };
    let text = std::fs::read(path).map_err(|error| invalid(&error))?;
    check(&text).map_err(|error| invalid(&error))?;
    Ok(text)
}

/// Runs the export in a container of the image.
pub(super) async fn export(extraction: &Extraction<'_>) -> Result<Vec<u8>> {
    let docker = extraction.docker;
    let container = extraction.create(container_body()).await?;
    let exported = tokio::select! {
        () = extraction.context.cancel.cancelled() => Err(interrupted()),
        ran = tokio::time::timeout(TIMEOUT, run(docker, &container)) => match ran {
            Ok(ran) => ran,
            Err(_) => {
                let seconds = TIMEOUT.as_secs();
                let error = failed(format!("it was not done within {seconds} s"));
                // What it printed until now tells what it waited for.
                let printed = output(docker, &container).await.unwrap_or_default();
                Err(error.log(printed.last_lines()))
            }
        },
    };
    remove(docker, &container).await;
    exported
}

fn container_body() -> ContainerCreateBody {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let writable = HashMap::from(["/tmp", "/run"].map(|path| (path.to_owned(), String::new())));
    ContainerCreateBody {
        // The image's own entry point may wait for a database.
        entrypoint: Some(words(&COMMAND[..1])),
        cmd: Some(words(&COMMAND[1..])),
        env: Some(words(&["PYTHONDONTWRITEBYTECODE=1"])),
        host_config: Some(HostConfig {
            network_mode: Some("none".into()),
            readonly_rootfs: Some(true),
            tmpfs: Some(writable),
            cap_drop: Some(words(&["ALL"])),
            security_opt: Some(words(&["no-new-privileges"])),
            memory: Some(MEMORY),
            pids_limit: Some(PROCESSES),
            // Whatever the engine's default is, this one can be read back.
            log_config: Some(HostConfigLogConfig { typ: Some("json-file".into()), config: None }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

async fn run(docker: &Docker, container: &str) -> Result<Vec<u8>> {
    docker
        .start_container(container, None::<StartContainerOptions>)
        .await
        .map_err(|error| failed("it cannot be started").because(&error))?;
    let code = exit_code(docker, container).await?;
    let printed = output(docker, container)
        .await
        .map_err(|error| failed("its output cannot be read").because(&error))?;
    if code != 0 {
        return Err(failed(format!("exit code {code}")).log(printed.last_lines()));
    }
    match check(&printed.stdout) {
        Ok(()) => Ok(printed.stdout),
        Err(error) => Err(failed(format!("it printed no schema: {error}"))
            .hint("the schema alone goes to standard output; print other things to standard error")
            .log(printed.last_lines())),
    }
}

async fn exit_code(docker: &Docker, container: &str) -> Result<i64> {
    let mut waits = docker.wait_container(container, None::<WaitContainerOptions>);
    match waits.next().await {
        Some(Ok(exit)) => Ok(exit.status_code),
        Some(Err(DockerError::DockerContainerWaitError { code, .. })) => Ok(code),
        Some(Err(error)) => Err(failed("the engine lost it").because(&error)),
        None => Err(failed("the engine lost it")),
    }
}

#[derive(Default)]
struct Printed {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Printed {
    /// The end of its error output, or of its output if there is none.
    fn last_lines(&self) -> Vec<String> {
        let source = if self.stderr.is_empty() { &self.stdout } else { &self.stderr };
        let text = String::from_utf8_lossy(source);
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines[lines.len().saturating_sub(KEPT_LINES)..].to_vec()
    }
}

async fn output(docker: &Docker, container: &str) -> Result<Printed, DockerError> {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
    docker
        .logs(container, Some(options))
        .try_fold(Printed::default(), |mut printed, piece| async move {
            match piece {
                LogOutput::StdErr { message } => printed.stderr.extend_from_slice(&message),
                other => printed.stdout.extend_from_slice(&other.into_bytes()),
            }
            Ok(printed)
        })
        .await
}

fn check(text: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(text).map(drop)
}

fn failed(why: impl Into<String>) -> Error {
    Error::failed(format!("`{}` fails in the built image", COMMAND.join(" ")))
        .cause(why.into())
        .hint("it runs without network, database, secrets and environment variables")
        .hint("an app that does not speak the Mizan protocol says so: `schema: none` in mizan.yaml")
}
