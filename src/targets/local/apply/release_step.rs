//! The release step: one container per release, run once; a run that finds one adopts it.

use std::time::Duration;

use bollard::query_parameters::{LogsOptionsBuilder, WaitContainerOptions};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{
    super::{desired::ReleaseSpec, observe::ContainerRole},
    LocalExecutor,
    container::{Blueprint, into_bytes},
    service::label,
};
use crate::{
    engine::{LogStream, StepContext, StepOutput},
    error::{Error, Result},
    model::ReleaseId,
    plan::Late,
};

/// Seconds a release step may take to stop when the run is cancelled.
const RELEASE_STOP_SECONDS: u64 = 10;

impl LocalExecutor {
    /// The release step has run for this release and ended with 0.
    ///
    /// One that is still running (its deploy was killed) is adopted, never run twice at once; one
    /// that has ended with 0 is not repeated; one that failed is run again. Its container goes
    /// when its exit code is known.
    pub(super) async fn run_release_step(
        &self,
        release: ReleaseId,
        spec: &ReleaseSpec,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let blueprint = self.release_blueprint(release, spec, context)?;
        let name = blueprint.name.clone();
        let containers = self.containers();
        match containers.state(&name).await? {
            Some(state) if state.spec.as_deref() == Some(&blueprint.spec) => {
                if state.running {
                    context.progress("adopting the run of an interrupted deploy");
                } else if !(state.started && state.exit_code == 0) {
                    containers.ensure_running(&blueprint).await?;
                }
            }
            // One that still runs may be migrating: it must end before another begins.
            Some(state) if state.running => {
                context.progress("waiting for the release step of an interrupted deploy");
                self.wait_for_exit(&name, spec, context).await?;
                containers.ensure_running(&blueprint).await?;
            }
            _ => {
                containers.ensure_running(&blueprint).await?;
            }
        }
        let result = self.follow_to_success(&name, spec, context).await;
        containers.remove(&name).await?;
        result.map(|()| StepOutput::new())
    }

    fn release_blueprint(
        &self,
        release: ReleaseId,
        spec: &ReleaseSpec,
        context: &StepContext<'_>,
    ) -> Result<Blueprint> {
        let image = self.resolve_image(&spec.image, context)?;
        let mut resolved = spec.clone();
        resolved.image = Late::Known(image.clone());
        self.fill_fingerprints(&mut resolved.env);
        let mut env = self.env_values(&resolved.env)?;
        env.push(format!("MIZAN_RELEASE={release}"));
        Ok(Blueprint {
            name: self.scope().release_step(release),
            role: ContainerRole::ReleaseStep,
            service: "release".to_owned(),
            release: Some(release),
            spec: label(&resolved)?,
            image,
            command: Some(spec.command.clone()),
            env,
            cpu: None,
            memory: None,
            volumes: self.volume_names(&spec.volumes),
            publish: None,
            restarts: false,
            stop_timeout: RELEASE_STOP_SECONDS,
        })
    }

    /// Passes its log on while it runs, then looks at its exit code.
    async fn follow_to_success(
        &self,
        name: &str,
        spec: &ReleaseSpec,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let (code, ()) =
            tokio::join!(self.wait_for_exit(name, spec, context), self.pass_log_on(name, context),);
        match code? {
            0 => Ok(()),
            code => Err(Error::failed(format!(
                "the release step `{}` failed with exit code {code}",
                spec.command.join(" ")
            ))
            .log(self.containers().log_tail(name).await)
            .hint("traffic has not moved; migrations that did run are not taken back")),
        }
    }

    async fn wait_for_exit(
        &self,
        name: &str,
        spec: &ReleaseSpec,
        context: &StepContext<'_>,
    ) -> Result<i64> {
        let limit = Duration::from_secs(spec.timeout);
        let mut wait = self.docker.wait_container(name, None::<WaitContainerOptions>);
        let exit = tokio::select! {
            exit = timeout(limit, wait.next()) => exit,
            () = context.cancel.cancelled() => {
                self.containers().stop(name).await?;
                return Err(super::cancelled());
            }
        };
        match exit {
            Ok(Some(Ok(answer))) => Ok(answer.status_code),
            // bollard turns an exit code other than 0 into an error.
            Ok(Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. }))) => {
                Ok(code)
            }
            Ok(Some(Err(error))) => {
                Err(Error::failed(format!("cannot wait for container {name}")).because(&error))
            }
            Ok(None) => Err(Error::failed(format!("container {name} is gone"))),
            Err(_) => {
                let log = self.containers().log_tail(name).await;
                self.containers().stop(name).await?;
                Err(Error::failed(format!(
                    "the release step did not end within {} s and was stopped",
                    spec.timeout
                ))
                .log(log)
                .hint("release.timeout gives it more time"))
            }
        }
    }

    async fn pass_log_on(&self, name: &str, context: &StepContext<'_>) {
        let options = LogsOptionsBuilder::default().follow(true).stdout(true).stderr(true).build();
        let mut chunks = self.docker.logs(name, Some(options));
        let mut pending = String::new();
        loop {
            let chunk = tokio::select! {
                chunk = chunks.next() => chunk,
                () = context.cancel.cancelled() => return,
            };
            let Some(Ok(chunk)) = chunk else { break };
            pending.push_str(&String::from_utf8_lossy(&into_bytes(chunk)));
            while let Some(end) = pending.find('\n') {
                let line: String = pending.drain(..=end).collect();
                context.log(LogStream::Output, line.trim_end());
            }
        }
        if !pending.is_empty() {
            context.log(LogStream::Output, pending);
        }
    }
}
