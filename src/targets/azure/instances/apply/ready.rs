//! Whether a group that was started has come up: its containers run and stay up, and the web service
//! answers at its host name as the Edge will ask.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::{
    super::group::{SIDECAR, containers_of, last_events, text_of},
    InstancesExecutor,
    group::cancelled,
};
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    http::{Http, Request, Timeouts},
    targets::{
        Health, ORIGIN_SECRET_HEADER, advice,
        azure::{instances::logs::Cursor, overrides},
        settled_after,
    },
};

/// How long its images may take to be pulled and its containers to start.
const START: Duration = Duration::from_secs(15 * 60);
/// One question may take this long.
const LIMIT: Duration = Duration::from_secs(5);
/// The pauses between two looks.
const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(3);
/// What crashed so often will go on crashing.
const CRASHES: u64 = 2;
/// Lines of a container's log in an error.
const TAIL: usize = 20;

/// What has to come up.
pub(super) struct Patient {
    /// The group.
    pub group: String,
    /// The service.
    pub service: String,
    /// Of the web service, its health path and how long that may take.
    pub web: Option<(String, Duration)>,
}

/// What one look at a group told.
enum Look {
    /// Not all of its containers run.
    Starting(String),
    /// They do.
    Runs,
    /// It will not come up any more: why, and which container.
    Down(String, String),
    /// It ended again and again: how, and which container.
    Crashed(String, String),
}

impl InstancesExecutor {
    /// Waits until it is up; its output is `seconds`, the time it took to answer.
    pub(super) async fn come_up(
        &self,
        patient: &Patient,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let probe = match &patient.web {
            Some((health, _)) => Some(self.health_probe(&patient.group, health).await?),
            None => None,
        };
        let begin = self.clock.now();
        let mut runs_since = None;
        let mut last = String::new();
        loop {
            let found = self.clients.groups(&self.scope).get(&patient.group).await?;
            let Some(found) = found else {
                return Err(Error::failed(format!("{} was removed meanwhile", patient.group)));
            };
            let now = self.clock.now();
            let seen = match look(&found) {
                Look::Crashed(why, container) => {
                    return Err(self.down(patient, "crashed", &why, &container).await);
                }
                Look::Down(why, container) => {
                    return Err(self.down(patient, "does not run", &why, &container).await);
                }
                Look::Starting(state) => {
                    if now - begin >= overrides::patience(START) {
                        return Err(self.not_started(patient, &found, &state).await);
                    }
                    state
                }
                Look::Runs => {
                    let since = *runs_since.get_or_insert(now);
                    match (&probe, &patient.web) {
                        (Some(probe), Some((_, timeout))) => match probe.ask().await {
                            Health::Healthy => {
                                let seconds = (self.clock.now() - since).as_secs_f64();
                                let output = ("seconds".to_owned(), seconds.to_string());
                                return Ok(StepOutput::from([output]));
                            }
                            Health::Unhealthy(seen) | Health::Silent(seen) => {
                                if self.clock.now() - since >= overrides::patience(*timeout) {
                                    return Err(self.unhealthy(patient, *timeout, &seen).await);
                                }
                                seen
                            }
                        },
                        _ if now - since >= self.settling(context) => return Ok(StepOutput::new()),
                        _ => "it runs".to_owned(),
                    }
                }
            };
            if seen != last {
                context.progress(format!("waiting for {}: {seen}", patient.service));
                last = seen;
            }
            let pause = ((self.clock.now() - begin) / 10).clamp(SHORTEST, LONGEST);
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                () = context.cancel.cancelled() => return Err(cancelled()),
            }
        }
    }

    /// What has no health path is watched for a crash, by the time that the web service took.
    fn settling(&self, context: &StepContext<'_>) -> Duration {
        let took = context.outputs.values().find_map(|output| output.get("seconds")?.parse().ok());
        settled_after(Duration::from_secs_f64(took.unwrap_or(1.0)))
    }

    async fn health_probe(&self, group: &str, path: &str) -> Result<Probe> {
        let origin = match &self.desired {
            Some(desired) => desired.origin(group),
            None => format!("https://{}", self.scope.host(group)),
        };
        Ok(Probe {
            http: Http::with_timeouts(Timeouts { connect: LIMIT, read: LIMIT })?,
            url: format!("{origin}{path}"),
            secret: self.origin_secret_value().await?,
        })
    }

    async fn down(&self, patient: &Patient, what: &str, why: &str, container: &str) -> Error {
        let message = match container {
            SIDECAR => format!("the proxy before service {} {what}", patient.service),
            _ => format!("service {} {what}", patient.service),
        };
        Error::failed(message).cause(why).log(self.tail_of(&patient.group, container).await)
    }

    async fn not_started(&self, patient: &Patient, group: &Value, state: &str) -> Error {
        let message = format!(
            "service {} did not start within {} s",
            patient.service,
            overrides::patience(START).as_secs_f64()
        );
        Error::failed(message).cause(state).log(last_events(group, 10))
    }

    async fn unhealthy(&self, patient: &Patient, timeout: Duration, seen: &str) -> Error {
        let message = format!(
            "service {} did not become healthy within {} s",
            patient.service,
            timeout.as_secs_f64()
        );
        let mut log = self.tail_of(&patient.group, &patient.service).await;
        // Where the proxy has no certificate, its own log tells why.
        if !seen.starts_with(|c: char| c.is_ascii_digit()) {
            let lines = self.tail_of(&patient.group, SIDECAR).await.into_iter();
            log.extend(lines.map(|line| format!("{SIDECAR}: {line}")));
        }
        Error::failed(message).cause(seen).log(log).hint(advice(seen))
    }

    /// The last lines of a container, without times; an error without them is still an error.
    pub(super) async fn tail_of(&self, group: &str, container: &str) -> Vec<String> {
        let groups = self.clients.groups(&self.scope);
        let Ok(Some(content)) = groups.logs(group, container, u32::try_from(TAIL).ok()).await
        else {
            return Vec::new();
        };
        let lines = Cursor::default().take(&content);
        let texts: Vec<String> = lines.into_iter().map(|line| line.text).collect();
        texts[texts.len().saturating_sub(TAIL)..].to_vec()
    }
}

/// The question that the Edge will ask, ready to be asked.
struct Probe {
    http: Http,
    url: String,
    secret: crate::secret::SecretValue,
}

impl Probe {
    async fn ask(&self) -> Health {
        let request = Request::get(&self.url).header(ORIGIN_SECRET_HEADER, self.secret.expose());
        let request = match request.body(Bytes::new()) {
            Ok(request) => request,
            Err(error) => return Health::Silent(error.to_string()),
        };
        match self.http.fetch(request).await {
            Ok(answer) => Health::of(answer.status(), &String::from_utf8_lossy(answer.body())),
            Err(error) => Health::Silent(error.to_string()),
        }
    }
}

/// Why a container cannot be started, if Azure says so. That an image cannot be pulled may pass: a
/// role takes its time.
pub(super) fn cannot_start(view: &Value) -> Option<String> {
    let events = view["events"].as_array()?.iter();
    let failed = events.filter(|event| event["name"] == "Failed");
    let mut messages = failed.map(|event| text_of(&event["message"]));
    messages.rfind(|message| !message.to_lowercase().contains("pull")).map(str::to_owned)
}

fn look(group: &Value) -> Look {
    let properties = &group["properties"];
    let mut starting = None;
    for container in containers_of(group) {
        let name = text_of(&container["name"]);
        let view = &container["properties"]["instanceView"];
        let current = &view["currentState"];
        let (state, detail) = (text_of(&current["state"]), text_of(&current["detailStatus"]));
        let crashes = view["restartCount"].as_u64().unwrap_or_default();
        let exit = current["exitCode"].as_i64().or(view["previousState"]["exitCode"].as_i64());
        let code = exit.map(|code| format!("it ended with exit code {code}"));
        if crashes >= CRASHES {
            let why = code.unwrap_or_else(|| format!("it was started {crashes} times again"));
            return Look::Crashed(why, name.to_owned());
        }
        if state != "Running"
            && let Some(why) = cannot_start(view)
        {
            return Look::Down(why, name.to_owned());
        }
        if state != "Running" {
            let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
            let state = if state.is_empty() { "waiting" } else { state };
            starting.get_or_insert(format!("{name} is {}{detail}", state.to_lowercase()));
        }
    }
    let provisioning = text_of(&properties["provisioningState"]);
    if matches!(provisioning, "Failed" | "Canceled") {
        let why = last_events(group, 1).pop().unwrap_or_else(|| provisioning.to_owned());
        let first = containers_of(group).first().map(|first| text_of(&first["name"]).to_owned());
        return Look::Down(why, first.unwrap_or_default());
    }
    match starting {
        Some(state) => Look::Starting(state),
        None => Look::Runs,
    }
}
