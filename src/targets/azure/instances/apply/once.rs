//! A command that runs once, in a group of its own that is gone when it has ended.

use std::time::Duration;

use serde_json::Value;

use super::{
    super::group::{GroupTags, SHELL, containers_of, tags_of, text_of},
    InstancesExecutor,
    group::{patience, resource},
    output::{Ended, Output},
    ready::cannot_start,
};
use crate::{
    engine::StepContext,
    error::{Error, ErrorKind, Result},
    targets::azure::{foreign::foreign, overrides},
};

/// Its image may take so long to be pulled.
const START: Duration = Duration::from_secs(15 * 60);
/// Lines come a little later than the end of what wrote them.
const LAST_LINES: u32 = 20;
/// Between two looks.
const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(2);

/// A command in its group.
pub(super) struct Running<'a> {
    /// What it is, as it follows "the".
    pub what: &'a str,
    /// The group.
    pub group: &'a str,
    /// Its container.
    pub container: &'a str,
    /// How long it may run, if not for ever.
    pub timeout: Option<Duration>,
}

impl InstancesExecutor {
    /// Follows a command to its end; hands every line on. What takes too long, or whose run is
    /// cancelled, is removed.
    pub(super) async fn follow(
        &self,
        running: &Running<'_>,
        context: &StepContext<'_>,
        mut show: impl FnMut(&str) -> Result<()>,
    ) -> Result<Ended> {
        let groups = self.clients.groups(&self.scope);
        let mut output = Output::default();
        let begin = self.clock.now();
        let mut since = None;
        let mut state = String::new();
        loop {
            let found = groups.get(running.group).await?;
            let Some(found) = found else {
                return Err(Error::failed(format!("the {} was removed meanwhile", running.what)));
            };
            let seen = container_state(&found, running.container);
            let content = groups.logs(running.group, running.container, None).await?;
            output.take(content.as_deref().unwrap_or_default(), &mut show)?;
            if let Some(code) = output.code {
                return Ok(output.ended(code));
            }
            if let Some(why) = &seen.cannot_start {
                return Err(self.never_started(running, why).await);
            }
            if seen.has_ended {
                return self.last_lines(running, output, &seen, show).await;
            }
            if seen.text != state {
                context.progress(format!("the {} is {}", running.what, seen.text));
                state.clone_from(&seen.text);
            }
            let now = self.clock.now();
            if seen.runs {
                since.get_or_insert(now);
            }
            let is_late = match (since, running.timeout) {
                (Some(since), Some(timeout)) => now - since >= timeout,
                (Some(_), None) => false,
                (None, _) => now - begin >= overrides::patience(START),
            };
            if is_late {
                return Err(self.too_late(running, since.is_some(), output, &seen).await);
            }
            let pause = ((now - begin) / 10).clamp(SHORTEST, LONGEST);
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                () = context.cancel.cancelled() => {
                    groups.delete(running.group, patience()).await?;
                    return Err(Error::new(ErrorKind::Interrupted, "cancelled"));
                }
            }
        }
    }

    /// Lines may come later than the end; without the last one, Azure's own exit code counts.
    async fn last_lines(
        &self,
        running: &Running<'_>,
        mut output: Output,
        seen: &ContainerState,
        mut show: impl FnMut(&str) -> Result<()>,
    ) -> Result<Ended> {
        let groups = self.clients.groups(&self.scope);
        for _ in 0..LAST_LINES {
            let content = groups.logs(running.group, running.container, None).await?;
            output.take(content.as_deref().unwrap_or_default(), &mut show)?;
            if let Some(code) = output.code {
                return Ok(output.ended(code));
            }
            // What was ended from outside, or could not start, has no last line.
            if seen.code != Some(0) {
                break;
            }
            self.clock.sleep(SHORTEST).await;
        }
        match seen.code {
            Some(code) if code != 0 => Ok(output.ended(code)),
            _ => {
                let message = format!("the {} ended, and nobody knows how", running.what);
                let error = Error::failed(message).cause(&seen.text).log(output.tail);
                Err(self.given_up(running, error).await)
            }
        }
    }

    async fn never_started(&self, running: &Running<'_>, why: &str) -> Error {
        let message = format!("the {} could not be started", running.what);
        let error = Error::failed(message).cause(why);
        let error = match why.contains(SHELL) {
            true => error.hint(format!("the image needs {SHELL}, which tells how a command ended")),
            false => error,
        };
        self.given_up(running, error).await
    }

    /// The group of a command that came to nothing is removed: the next run would wait for it.
    async fn given_up(&self, running: &Running<'_>, error: Error) -> Error {
        match self.clients.groups(&self.scope).delete(running.group, patience()).await {
            Ok(()) => error,
            Err(left) => error.cause(Error::from(left)),
        }
    }

    async fn too_late(
        &self,
        running: &Running<'_>,
        has_started: bool,
        output: Output,
        seen: &ContainerState,
    ) -> Error {
        let error = match (has_started, running.timeout) {
            (true, Some(timeout)) => Error::failed(format!(
                "the {} did not end within {} s and was stopped",
                running.what,
                timeout.as_secs_f64()
            ))
            .hint("release.timeout gives it more time"),
            _ => Error::failed(format!(
                "the {} did not start within {} s",
                running.what,
                overrides::patience(START).as_secs_f64()
            ))
            .cause(&seen.text),
        };
        self.given_up(running, error).await.log(output.tail)
    }

    /// The group of a command, and the hash of what it runs, if it is there.
    pub(super) async fn running(&self, group: &str) -> Result<Option<String>> {
        let Some(found) = self.clients.groups(&self.scope).get(group).await? else {
            return Ok(None);
        };
        let tags = tags_of(&found);
        if !self.scope.owns(&tags) {
            return Err(foreign(&resource(group)));
        }
        Ok(Some(tags.get(GroupTags::SPEC).cloned().unwrap_or_default()))
    }
}

/// What a container does.
struct ContainerState {
    text: String,
    runs: bool,
    has_ended: bool,
    /// Why it never will.
    cannot_start: Option<String>,
    code: Option<i64>,
}

fn container_state(group: &Value, name: &str) -> ContainerState {
    let provisioning = text_of(&group["properties"]["provisioningState"]);
    let all = containers_of(group);
    let container = all.iter().find(|container| container["name"] == name);
    let current = container.map(|it| &it["properties"]["instanceView"]["currentState"]);
    let state = current.map_or("", |current| text_of(&current["state"]));
    let detail = current.map_or("", |current| text_of(&current["detailStatus"]));
    let has_failed = matches!(provisioning, "Failed" | "Canceled");
    let shown = if state.is_empty() { "waiting" } else { state };
    let shown = match (has_failed, detail) {
        (true, _) => {
            format!("{provisioning}: {}", super::super::group::last_events(group, 1).join(" "))
        }
        (false, "") => shown.to_lowercase(),
        (false, detail) => format!("{} ({detail})", shown.to_lowercase()),
    };
    ContainerState {
        text: shown,
        runs: state == "Running",
        has_ended: state == "Terminated" || has_failed,
        cannot_start: container
            .filter(|_| state != "Running" && state != "Terminated")
            .and_then(|it| cannot_start(&it["properties"]["instanceView"])),
        code: current.and_then(|current| current["exitCode"].as_i64()),
    }
}
