//! Makes the operations true, and takes them back.

use std::{collections::HashMap, fs, io::ErrorKind as IoErrorKind, path::PathBuf};

use jiff::Timestamp;

use super::{
    desired::{CurrentRelease, Desired, Observed},
    op::Op,
};
use crate::{
    check::{Gate, Passage},
    cloudflare::Cloudflare,
    docker,
    engine::{Executor, StepContext, StepOutput},
    error::{Context, Error, ErrorKind, Result},
    images::{self, Artifacts, Identity},
    ledger::{ImageRecord, Ledger, Release},
    model::{ReleaseId, SchemaSource},
    plan::{Late, Step, Undo},
    secret::SecretValue,
    targets::Source,
    workers::{
        cloud::{LivePlane, Plane, Recorded, Supplies},
        policy::Policy,
    },
};

/// Executes the operations of the target.
pub struct OriginExecutor {
    /// The API.
    pub cloudflare: Cloudflare,
    /// The account's id.
    pub account: String,
    /// What is to be; `None` for a teardown.
    pub desired: Option<Desired>,
    /// What was there when the plan was made.
    pub observed: Observed,
    /// Its releases.
    pub ledger: Ledger,
    /// The source, for a deploy.
    pub source: Option<Source>,
    /// The release that is brought back, for a rollback.
    pub returning: Option<CurrentRelease>,
    /// Where artifacts of images are cached on this machine.
    pub artifacts: PathBuf,
    /// The ledger's folder, where it is one.
    pub ledger_folder: Option<PathBuf>,
    /// That folder is in the environment's own folder of state.
    pub is_ledger_of_this_machine: bool,
    /// The keys for purges, as the variable of whoever deploys has them.
    pub purge_key: Option<SecretValue>,
}

impl OriginExecutor {
    fn desired(&self) -> Result<&Desired> {
        self.desired.as_ref().ok_or_else(|| Error::failed("this plan has no desired state"))
    }

    fn plane(&self) -> Plane<'_, Self> {
        Plane {
            cloudflare: &self.cloudflare,
            account: &self.account,
            scripts: &self.observed.scripts,
            spec: self.desired.as_ref().map(|desired| &desired.plane),
            seen: &self.observed.plane,
            live: self.observed.current.as_ref().map(|current| &current.live),
            supplies: self,
        }
    }

    async fn apply_op(&self, op: &Op, context: &StepContext<'_>) -> Result<StepOutput> {
        let done = |()| StepOutput::new();
        match op {
            Op::TakeArtifacts => Box::pin(self.take_out(context)).await,
            Op::CheckOrigin { gate } => Box::pin(self.check(gate, context)).await.map(done),
            Op::Worker { worker } => Box::pin(self.plane().apply(worker, context)).await,
            Op::RecordRelease { release, rollback_to } => {
                self.record(*release, *rollback_to, context).await.map(done)
            }
            Op::UnrecordRelease { release, before } => {
                self.unrecord(*release, *before).await.map(done)
            }
            Op::ForgetRelease { release } => self.ledger.forget(*release).await.map(done),
            Op::DeleteLedger => self.delete_ledger().await.map(done),
        }
    }

    /// What Edge and Render need: out of the image, or, where only a schema is needed, its file.
    async fn take(&self, context: &StepContext<'_>) -> Result<Artifacts> {
        let desired = self.desired()?;
        if desired.image.is_none() {
            return files_alone(desired);
        }
        let Some(Source { app, lock, refresh, .. }) = &self.source else {
            return Err(Error::failed("this plan has no source"));
        };
        let engine = docker::connect().await?;
        let built = images::build(&engine, app, lock, *refresh, context).await?;
        let request = &desired.artifacts;
        if let Some(artifacts) = images::cached(&built.id, request, &self.artifacts) {
            return Ok(artifacts);
        }
        let scripts = &self.observed.scripts;
        let labels = HashMap::from([
            ("mizan.app".to_owned(), scripts.app.to_string()),
            ("mizan.env".to_owned(), scripts.env.to_string()),
        ]);
        images::extract(&engine, &built.id, labels, request, &self.artifacts, context).await
    }

    /// Its output is `image`, the tag.
    async fn take_out(&self, context: &StepContext<'_>) -> Result<StepOutput> {
        let artifacts = self.take(context).await?;
        let Some(Source { app, lock, .. }) = &self.source else {
            return Ok(StepOutput::new());
        };
        // A schema that is invalid, or that mizan.yaml does not fit, stops the deploy here, before
        // anything of the environment is changed.
        Policy::foreseen(app, Some(&artifacts))?;
        // The build has pinned what was not pinned, and so has named the image.
        let lock = images::BaseLock::read(&app.root).unwrap_or_else(|_| lock.clone());
        Ok(match images::identity(app, &lock)? {
            Identity::Known(image) => StepOutput::from([("image".to_owned(), image.tag)]),
            Identity::AfterPinning { .. } => StepOutput::new(),
        })
    }

    /// The app is asked as the Edge will ask.
    async fn check(&self, gate: &Gate, context: &StepContext<'_>) -> Result<()> {
        let schema = self.take(context).await?.schema;
        let schema = schema.ok_or_else(|| Error::failed("the app exports no schema"))?;
        let plane = &self.desired()?.plane;
        let origin = self.origin(&plane.origin, context)?;
        gate.pass(&origin, &plane.public_url, Passage::default(), &schema, context).await
    }

    /// What was desired, with everything that the steps before found out.
    fn resolved(&self, context: &StepContext<'_>) -> Result<Desired> {
        let mut desired = self.desired()?.clone();
        if let Late::After(step) = &desired.plane.source
            && let Some(image) = context.output(step, "image")
        {
            let image = image.to_owned();
            desired.plane.source = Late::Known(image.clone());
            desired.image = Some(Late::Known(image));
        }
        Ok(desired)
    }

    async fn record(
        &self,
        id: ReleaseId,
        rollback_to: Option<ReleaseId>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        // An interrupted deploy may have written the record without pointing to it, and the source
        // may have changed since.
        if self.ledger.has(id).await? {
            self.ledger.forget(id).await?;
        }
        let desired = self.resolved(context)?;
        let returning = self.returning.as_ref().map(|release| &release.live.recorded);
        let recorded = self.plane().recorded(returning, context)?;
        let source = match &desired.plane.source {
            Late::Known(source) => source.clone(),
            Late::After(step) => step.to_string(),
        };
        self.ledger
            .record(&Release {
                id,
                created: Timestamp::now(),
                git: self.source.as_ref().and_then(|source| source.git.clone()),
                image: ImageRecord { reference: source.clone(), id: source },
                edge: recorded.edge.clone(),
                render: recorded.render.clone(),
                schema: None,
                inventory: recorded.inventory(&desired.plane),
                rollback_to,
                config: serde_json::to_value(&desired)
                    .context(ErrorKind::Failed, || "cannot describe the release".into())?,
            })
            .await
    }

    async fn unrecord(&self, id: ReleaseId, before: Option<ReleaseId>) -> Result<()> {
        // The pointer goes first: it never points to nothing.
        match before {
            Some(before) => self.ledger.set_current(before).await?,
            None => self.ledger.clear_current().await?,
        }
        self.ledger.forget(id).await
    }

    async fn delete_ledger(&self) -> Result<()> {
        for release in self.ledger.ids().await? {
            self.ledger.forget(release).await?;
        }
        self.ledger.clear_current().await?;
        let Some(folder) = &self.ledger_folder else { return Ok(()) };
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != IoErrorKind::NotFound => {
                let message = format!("cannot remove {}", folder.display());
                return Err(Error::failed(message).because(&error));
            }
            _ => {}
        }
        // The folder of the environment's state has nothing else in it; if it has, it stays.
        if let Some(state) = folder.parent().filter(|_| self.is_ledger_of_this_machine) {
            let _ = fs::remove_dir(state);
        }
        Ok(())
    }
}

/// A schema in a file, and nothing else.
fn files_alone(desired: &Desired) -> Result<Artifacts> {
    let SchemaSource::File(path) = &desired.artifacts.schema else {
        return Err(Error::failed("the Workers need a schema"));
    };
    let dir = path.parent().map(PathBuf::from).unwrap_or_default();
    Ok(Artifacts { dir, schema: Some(path.clone()), bundle: None, assets: Vec::new() })
}

impl Supplies for OriginExecutor {
    async fn artifacts(&self, context: &StepContext<'_>) -> Result<Artifacts> {
        self.take(context).await
    }

    fn origin(&self, origin: &Late<String>, _context: &StepContext<'_>) -> Result<String> {
        match origin {
            Late::Known(origin) => Ok(origin.clone()),
            Late::After(step) => Err(Error::failed(format!("{step} did not tell the origin"))),
        }
    }

    async fn origin_secret(&self) -> Result<Option<SecretValue>> {
        Ok(None)
    }

    async fn purge_key(&self) -> Result<Option<SecretValue>> {
        Ok(self.purge_key.clone())
    }

    async fn earlier(&self) -> Result<Vec<Recorded>> {
        let releases = self.ledger.releases().await?;
        Ok(releases.iter().filter_map(Recorded::of).collect())
    }
}

impl Executor<Op> for OriginExecutor {
    async fn apply(&self, step: &Step<Op>, context: &StepContext<'_>) -> Result<StepOutput> {
        self.apply_op(&step.op, context).await
    }

    async fn undo(
        &self,
        step: &Step<Op>,
        _output: Option<&StepOutput>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        match (&step.undo, &step.op) {
            (Undo::Restore { op }, _) => self.apply_op(op, context).await.map(drop),
            (Undo::Delete, Op::Worker { worker }) => {
                Box::pin(self.plane().undo(worker, &Undo::Delete, context)).await
            }
            (Undo::Delete | Undo::None { .. }, _) => Ok(()),
        }
    }
}

impl Observed {
    /// The Workers of the live release.
    pub fn live(&self) -> Option<&LivePlane> {
        self.current.as_ref().map(|current| &current.live)
    }
}
