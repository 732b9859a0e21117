//! Edge, Render and the front: generations are written, started, given the traffic and retired.

use std::{fs, path::PathBuf, time::Duration};

use super::{super::desired::PlaneSpec, LocalExecutor, remove::remove_folder};
use crate::{
    check::{Gate, Passage},
    engine::{StepContext, StepOutput},
    error::{Context, Error, ErrorKind, Result},
    model::ReleaseId,
    plan::ResourceId,
    secret::SecretValue,
    workers::{
        generation,
        local::{Control, Settings, Source},
        policy::{PlaneConfig, Policy, Whose},
        purge::PURGE_KEY,
    },
};

/// What a container says when it stops is on its way to the visitors for no longer than this.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Lines of the supervisor's log that a failure shows.
const LOG_TAIL: usize = 20;

impl LocalExecutor {
    fn control(&self) -> Result<Control> {
        Control::at(self.state.supervisor())
    }

    /// The supervisor runs, listens on the public port, and serves what it served before.
    pub(super) async fn start_front(&self, port: u16) -> Result<StepOutput> {
        self.state.create()?;
        let hosts = self.desired()?.hosts.clone();
        let workerd = match self.desired()?.plane {
            Some(_) => Some(crate::workers::workerd::ensure()?),
            None => None,
        };
        let control = self.control()?;
        let before = control.remembered()?;
        let status = control.ensure_running(&Settings { port, hosts, workerd }).await?;
        if let Some(before) = before.filter(|_| status.active.is_none()) {
            return Err(Error::failed(format!("the front cannot serve {before} again"))
                .log(control.log("supervisor", LOG_TAIL).await.unwrap_or_default())
                .hint("`mizan deploy` once more makes a new release"));
        }
        fs::write(self.state.port(), port.to_string())
            .context(ErrorKind::Failed, || "cannot remember the public port".into())?;
        Ok(StepOutput::from([("port".to_owned(), port.to_string())]))
    }

    /// The front and all Workers are stopped.
    pub(super) async fn stop_front(&self) -> Result<StepOutput> {
        self.control()?.stop().await?;
        Ok(StepOutput::new())
    }

    /// The front is stopped and has forgotten what was live: what a first deploy that fails goes
    /// back to.
    pub(super) async fn forget_front(&self) -> Result<StepOutput> {
        self.stop_front().await?;
        remove_folder(self.state.supervisor())?;
        Ok(StepOutput::new())
    }

    /// Render's bundle and assets lie in the generation's folder.
    pub(super) async fn stage_render(
        &self,
        release: ReleaseId,
        plane: &PlaneSpec,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        self.write_generation(release, &plane.config, context).await?;
        Ok(StepOutput::new())
    }

    /// The Workers of this release run and answer, without traffic yet.
    pub(super) async fn start_edge(
        &self,
        release: ReleaseId,
        plane: &PlaneSpec,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let resolved = self.write_generation(release, &plane.config, context).await?;
        context.progress("starting the Workers");
        let source = Source::Workers { dir: self.state.generation(release) };
        self.control()?.prepare(&release.to_string(), source).await?;
        self.state.write_plane(release, &resolved)?;
        Ok(StepOutput::new())
    }

    /// Writes the folder that the Workers of this release run from.
    async fn write_generation(
        &self,
        release: ReleaseId,
        config: &PlaneConfig,
        context: &StepContext<'_>,
    ) -> Result<PlaneSpec> {
        let origin = self.origin(context)?;
        let artifacts = self.artifacts(context).await?;
        let whose = Whose { app: &self.scope.app, env: &self.scope.env };
        let policy = Policy::read(whose, config, &artifacts)?;
        let previous = self.previous_generations(release).await?;
        let purge_key = self.purge_key()?;
        let manifest = generation::write(
            &self.state.generation(release),
            policy.content(&artifacts, &artifacts.assets_dir()),
            generation::Release {
                id: &release.to_string(),
                origin: &origin,
                public_url: &self.desired()?.url(),
                previous: &previous,
                purge_key: purge_key.as_ref(),
            },
        )?;
        Ok(PlaneSpec::of(policy, config.clone(), &manifest.hashes))
    }

    /// The keys for purges, if the app has them among its secrets.
    fn purge_key(&self) -> Result<Option<SecretValue>> {
        let web = self.desired()?.web().and_then(|(_, web)| web.env.get(PURGE_KEY));
        Ok(web.and_then(|_| self.secrets.borrow().get(PURGE_KEY).cloned()))
    }

    /// The folders of the releases that are kept, newest first: pages that are still open ask for
    /// their assets.
    async fn previous_generations(&self, release: ReleaseId) -> Result<Vec<PathBuf>> {
        let ids = self.ledger.ids().await?;
        Ok(ids
            .into_iter()
            .filter(|id| *id != release)
            .map(|id| self.state.generation(id))
            .collect())
    }

    /// Where the web container of this deploy listens.
    fn origin(&self, context: &StepContext<'_>) -> Result<String> {
        let (web, _) = self
            .desired()?
            .web()
            .ok_or_else(|| Error::failed("no service of this app takes traffic"))?;
        let step = ResourceId::new("service", web.to_owned()).step_id();
        match context.output(&step, "port") {
            Some(port) => Ok(format!("http://127.0.0.1:{port}")),
            None => Err(Error::failed(format!("{step} did not tell its port"))),
        }
    }

    /// The web container of this deploy keeps the rules of the protocol: it is asked as its Edge
    /// will ask.
    pub(super) async fn check_release(
        &self,
        gate: &Gate,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let schema = self.artifacts(context).await?.schema;
        let schema = schema.ok_or_else(|| Error::failed("the image exports no schema"))?;
        let (origin, public_url) = (self.origin(context)?, self.desired()?.url());
        let passage = Passage::default();
        Box::pin(gate.pass(&origin, &public_url, passage, &schema, context)).await?;
        Ok(StepOutput::new())
    }

    /// The front forwards to this release.
    pub(super) async fn move_traffic(
        &self,
        release: ReleaseId,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let control = self.control()?;
        let id = release.to_string();
        // Without an Edge nothing was prepared; going back, everything still is.
        if self.desired()?.plane.is_none()
            && let Ok(origin) = self.origin(context)
            && !is_prepared(&control, &id).await?
        {
            control.prepare(&id, Source::Direct { origin }).await?;
        }
        control.activate(&id).await?;
        Ok(StepOutput::new())
    }

    /// A release that was given the traffic and lost it again: its last requests are answered, and
    /// its WebSockets are told to go while its Edge can still tell them.
    pub(super) async fn leave_traffic(&self, release: ReleaseId) -> Result<()> {
        let desired = self.desired()?;
        self.drain_traffic(release, desired.drain()).await?;
        match desired.web() {
            Some((web, _)) => {
                let container = self.scope.container(web, release);
                self.containers().stop(&container).await
            }
            None => Ok(()),
        }
    }

    /// The release's last requests are answered, or their time has passed.
    pub(super) async fn drain_traffic(&self, release: ReleaseId, limit: Duration) -> Result<usize> {
        self.control()?.drain(&release.to_string(), limit).await
    }

    /// The Workers of a release without traffic are stopped.
    pub(super) async fn retire_traffic(&self, release: ReleaseId) -> Result<()> {
        let control = self.control()?;
        control.retire(&release.to_string(), LAST_WORDS).await?;
        if self.desired()?.plane.is_some() {
            // The old release may have answered with data from before the migration until now.
            control.record_everything().await?;
        }
        Ok(())
    }

    /// The Workers of a release and their files are gone.
    pub(super) async fn drop_generation(&self, release: ReleaseId) -> Result<StepOutput> {
        let control = self.control()?;
        if control.status().await?.is_some() {
            control.retire(&release.to_string(), Duration::ZERO).await?;
        }
        remove_folder(&self.state.generation(release))?;
        self.state.remove_plane(release)?;
        Ok(StepOutput::new())
    }
}

/// True if the supervisor has this generation.
async fn is_prepared(control: &Control, id: &str) -> Result<bool> {
    let status = control.status().await?;
    Ok(status.is_some_and(|status| status.generations.iter().any(|known| known.id == id)))
}
