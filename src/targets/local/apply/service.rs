//! Services and accessories: a container made from its specification, and the wait until it is up.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    super::{
        desired::{Desired, Kind, ServiceSpec},
        observe::ContainerRole,
        probe,
    },
    LocalExecutor,
    container::{Blueprint, ContainerState},
};
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    model::ReleaseId,
    plan::{Late, StepId},
    targets::{EnvSpec, Health, advice, settled_after},
};

/// The output of the web service's step with the milliseconds it took to come up.
const CAME_UP_AFTER: &str = "came_up_after_ms";
/// Between two looks at a container that is starting.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// One health request may take this long.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

impl LocalExecutor {
    /// The service's container of this release runs, and is healthy if it is `web`.
    pub(super) async fn run_service(
        &self,
        service: &str,
        release: ReleaseId,
        spec: &ServiceSpec,
        stop_first: Option<&str>,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let containers = self.containers();
        let name = self.scope().container(service, release);
        if let Some(old) = stop_first.filter(|old| *old != name) {
            context.progress(format!("stopping {old}"));
            containers.stop(old).await?;
        }
        let blueprint = self.blueprint(service, Some(release), name, spec, context)?;
        context.progress("starting the container");
        let port = containers.ensure_running(&blueprint).await?;
        let begin = Instant::now();
        self.wait_until_up(&blueprint.name, &spec.kind, port, context).await?;
        let mut output = StepOutput::from([
            ("container".to_owned(), blueprint.name),
            (CAME_UP_AFTER.to_owned(), begin.elapsed().as_millis().to_string()),
        ]);
        if let Some(port) = port {
            output.insert("port".to_owned(), port.to_string());
        }
        Ok(output)
    }

    /// The accessory runs as specified; one that differs is replaced, its volumes stay.
    pub(super) async fn run_accessory(
        &self,
        service: &str,
        spec: &ServiceSpec,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let name = self.scope().accessory(service);
        let blueprint = self.blueprint(service, None, name, spec, context)?;
        self.ensure_foreign_image(&blueprint.image, context).await?;
        self.containers().ensure_running(&blueprint).await?;
        self.wait_until_up(&blueprint.name, &spec.kind, None, context).await?;
        Ok(StepOutput::from([("container".to_owned(), blueprint.name)]))
    }

    /// The container to be: the image resolved, secret values looked up.
    fn blueprint(
        &self,
        service: &str,
        release: Option<ReleaseId>,
        name: String,
        spec: &ServiceSpec,
        context: &StepContext<'_>,
    ) -> Result<Blueprint> {
        let spec = self.resolve_spec(spec, context)?;
        let mut env = self.env_values(&spec.env)?;
        if let Some(release) = release {
            env.push(format!("MIZAN_RELEASE={release}"));
        }
        Ok(Blueprint {
            role: match release {
                Some(_) => ContainerRole::Service,
                None => ContainerRole::Accessory,
            },
            service: service.to_owned(),
            release,
            image: self.resolve_image(&spec.image, context)?,
            command: spec.command.clone(),
            env,
            cpu: spec.cpu,
            memory: spec.memory,
            volumes: self.volume_names(&spec.volumes),
            publish: match spec.kind {
                Kind::Web { port, .. } => Some(port),
                _ => None,
            },
            restarts: true,
            stop_timeout: spec.stop_timeout,
            spec: label(&spec)?,
            name,
        })
    }

    /// The specification with everything known: what the container's label says.
    pub(super) fn resolve_spec(
        &self,
        spec: &ServiceSpec,
        context: &StepContext<'_>,
    ) -> Result<ServiceSpec> {
        let mut spec = spec.clone();
        spec.image = Late::Known(self.resolve_image(&spec.image, context)?);
        self.fill_fingerprints(&mut spec.env);
        Ok(spec)
    }

    /// Fills in the fingerprints of secrets that this deploy generated.
    pub(super) fn fill_fingerprints(&self, env: &mut std::collections::BTreeMap<String, EnvSpec>) {
        let store = self.secrets.borrow();
        for (name, value) in env {
            if let EnvSpec::Secret { fingerprint } = value {
                *fingerprint = store.fingerprint(name);
            }
        }
    }

    async fn wait_until_up(
        &self,
        name: &str,
        kind: &Kind,
        port: Option<u16>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        match (kind, port) {
            (Kind::Web { health, health_timeout, .. }, Some(port)) => {
                let limit = Duration::from_secs(*health_timeout);
                self.wait_until_healthy(name, port, health, limit, context).await
            }
            _ => self.wait_until_settled(name, context).await,
        }
    }

    /// Waits for the health path; a container that crashes meanwhile fails at once.
    async fn wait_until_healthy(
        &self,
        name: &str,
        port: u16,
        path: &str,
        limit: Duration,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let host = format!("{}:{}", self.scope().host(), self.port());
        let deadline = Instant::now() + limit;
        let mut last = String::new();
        loop {
            self.require_alive(name).await?;
            match probe::ask(port, &host, path, PROBE_LIMIT).await {
                Health::Healthy => return Ok(()),
                Health::Unhealthy(why) if why != last => {
                    context.progress(format!("waiting for {path}: {why}"));
                    last = why;
                }
                Health::Unhealthy(_) => {}
                Health::Silent(why) => {
                    if last.is_empty() {
                        context.progress(format!("waiting for {path}"));
                    }
                    last = why;
                }
            }
            if Instant::now() >= deadline {
                return Err(self.unhealthy(name, path, limit, &last).await);
            }
            pause(context).await?;
        }
    }

    async fn unhealthy(&self, name: &str, path: &str, limit: Duration, last: &str) -> Error {
        let seconds = limit.as_secs();
        Error::failed(format!("{name} did not become healthy within {seconds} s"))
            .cause(format!("GET {path}: {last}"))
            .log(self.containers().log_tail(name).await)
            .hint(advice(last))
    }

    /// Workers have no health path: one that has not crashed for a while is up.
    async fn wait_until_settled(&self, name: &str, context: &StepContext<'_>) -> Result<()> {
        context.progress("watching that it does not crash");
        let settled = Instant::now() + self.watched_for(context);
        while Instant::now() < settled {
            self.require_alive(name).await?;
            pause(context).await?;
        }
        self.require_alive(name).await
    }

    fn watched_for(&self, context: &StepContext<'_>) -> Duration {
        let web = self.desired.as_ref().and_then(Desired::web);
        let step = web.map(|(name, _)| StepId::new("service", name));
        let millis = step.and_then(|step| context.output(&step, CAME_UP_AFTER)?.parse().ok());
        settled_after(millis.map(Duration::from_millis).unwrap_or_default())
    }

    /// Fails with the exit code and the last log lines if the container has crashed.
    async fn require_alive(&self, name: &str) -> Result<()> {
        let containers = self.containers();
        match containers.state(name).await? {
            Some(state) if state.running && state.restarts == 0 => Ok(()),
            Some(state) => Err(crash(name, &state).log(containers.log_tail(name).await)),
            None => Err(Error::failed(format!("container {name} is gone"))
                .hint("somebody removed it while it was starting")),
        }
    }
}

/// Why a container does not run.
fn crash(name: &str, state: &ContainerState) -> Error {
    if state.running {
        // The engine has started it again, and tells the exit code of this run only.
        return Error::failed(format!("{name} crashed and was started again by the engine"));
    }
    let error = Error::failed(format!("{name} crashed with exit code {}", state.exit_code));
    match (state.out_of_memory, state.exit_code) {
        (true, _) => {
            error.cause("it used more memory than its limit").hint("raise services.<name>.memory")
        }
        (_, 127) => error.cause("the command was not found in the image"),
        (_, 126) => error.cause("the command cannot be executed"),
        _ => error,
    }
}

/// Waits a moment, or ends early when the run is cancelled.
async fn pause(context: &StepContext<'_>) -> Result<()> {
    tokio::select! {
        () = sleep(LOOK_EVERY) => Ok(()),
        () = context.cancel.cancelled() => Err(super::cancelled()),
    }
}

/// A specification as the label of its container says it.
pub(super) fn label<T: serde::Serialize>(spec: &T) -> Result<String> {
    serde_json::to_string(spec)
        .map_err(|error| Error::failed("cannot describe a container").because(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_told_with_its_exit_code_unless_the_engine_was_quicker() {
        let ended = ContainerState {
            running: false,
            restarts: 0,
            exit_code: 1,
            out_of_memory: false,
            spec: None,
            host_port: None,
            started: true,
        };
        assert_eq!(crash("web-r2", &ended).message, "web-r2 crashed with exit code 1");
        let again = ContainerState { running: true, restarts: 1, exit_code: 0, ..ended };
        assert!(
            crash("web-r2", &again).message.starts_with("web-r2 crashed and was started again")
        );
    }
}
