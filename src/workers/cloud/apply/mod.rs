//! Makes the plane's operations true, and takes them back. Each kind of work has a file of its own.

mod address;
mod assets;
mod edge;
mod hub;
mod probe;
mod render;
mod switch;
mod upload;

use crate::{
    cloudflare::Cloudflare,
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    images::Artifacts,
    plan::{Late, StepId, Undo},
    secret::SecretValue,
};

use super::{
    desired::CloudSpec,
    names::{Kind, Scripts},
    op::Op,
    record::{LivePlane, Recorded},
    seen::SeenPlane,
};

/// What the target behind the plane supplies.
#[allow(async_fn_in_trait)] // One thread runs the whole engine; no future needs to be `Send`.
pub trait Supplies {
    /// Schema, bundle and assets of this deploy.
    async fn artifacts(&self, context: &StepContext<'_>) -> Result<Artifacts>;

    /// The origin's base URL, by now.
    fn origin(&self, origin: &Late<String>, context: &StepContext<'_>) -> Result<String>;

    /// What the Edge must show the origin, if anything.
    async fn origin_secret(&self) -> Result<Option<SecretValue>>;

    /// The keys by which the Edge knows who may purge; without them it keeps those that it has.
    async fn purge_key(&self) -> Result<Option<SecretValue>>;

    /// The Workers of the releases that are kept, newest first.
    async fn earlier(&self) -> Result<Vec<Recorded>>;
}

/// The plane of one environment, while a plan runs.
pub struct Plane<'a, S> {
    /// The API.
    pub cloudflare: &'a Cloudflare,
    /// The account's id.
    pub account: &'a str,
    /// The names.
    pub scripts: &'a Scripts,
    /// What is to be; `None` for a teardown.
    pub spec: Option<&'a CloudSpec>,
    /// What was there when the plan was made.
    pub seen: &'a SeenPlane,
    /// The Workers of the live release.
    pub live: Option<&'a LivePlane>,
    /// What the target supplies.
    pub supplies: &'a S,
}

impl<S: Supplies> Plane<'_, S> {
    /// Makes an operation true.
    ///
    /// # Errors
    /// Cloudflare refuses or cannot be reached, or a version does not answer as it should.
    pub async fn apply(&self, op: &Op, context: &StepContext<'_>) -> Result<StepOutput> {
        let done = |()| StepOutput::new();
        match op {
            Op::PutHub { origin, mark } => Box::pin(self.put_hub(origin, *mark, context)).await,
            Op::UploadRender { .. } => Box::pin(self.upload_render(context)).await,
            Op::UploadEdge { release } => Box::pin(self.upload_edge(*release, context)).await,
            Op::StageRender { version } => self.stage_render(version).await,
            Op::Probe { version, health } => {
                let asked = self.probe(version.as_deref(), health.as_deref(), context);
                Box::pin(asked).await.map(done)
            }
            Op::Switch { edge, render, release } => {
                Box::pin(self.switch(edge, render, *release, context)).await.map(done)
            }
            Op::PutDomain { hostname, zone } => self.put_domain(hostname, zone).await.map(done),
            Op::DeleteDomain { hostname } => self.delete_domain(hostname).await.map(done),
            Op::PutSubdomain { enabled } => self.put_subdomain(*enabled).await.map(done),
            Op::DeleteScript { kind } => self.delete_script(*kind).await.map(done),
        }
    }

    /// Takes a step back as its `undo` says.
    ///
    /// # Errors
    /// As above.
    pub async fn undo(&self, op: &Op, undo: &Undo<Op>, context: &StepContext<'_>) -> Result<()> {
        match (undo, op) {
            (Undo::Restore { op }, _) => self.apply(op, context).await.map(drop),
            (Undo::Delete, Op::PutHub { .. }) => self.delete_script(Kind::Hub).await,
            (Undo::Delete, Op::UploadRender { .. }) => self.delete_script(Kind::Render).await,
            (Undo::Delete, Op::UploadEdge { .. }) => self.delete_script(Kind::Edge).await,
            (Undo::Delete, Op::PutDomain { hostname, .. }) => self.delete_domain(hostname).await,
            (Undo::Delete, Op::PutSubdomain { .. }) => self.put_subdomain(false).await,
            // The planner declares `Undo::Delete` for the operations above only.
            (Undo::Delete | Undo::None { .. }, _) => Ok(()),
        }
    }

    /// What this deploy made of the Workers, for the record.
    ///
    /// # Errors
    /// The plan has no desired state.
    pub fn recorded(&self, to: Option<&Recorded>, context: &StepContext<'_>) -> Result<Recorded> {
        let output =
            |kind: Kind, name: &str| context.output(&self.step(kind), name).map(str::to_owned);
        let before = to.or(self.live.map(|live| &live.recorded));
        let kept = |value: &dyn Fn(&Recorded) -> Option<String>| before.and_then(value);
        let has_render = self.spec()?.config.render;
        let render = |value: Option<String>| value.filter(|_| has_render);
        let assets = output(Kind::Edge, ASSETS).and_then(|text| serde_json::from_str(&text).ok());
        Ok(Recorded {
            edge: output(Kind::Edge, VERSION).or_else(|| kept(&|it| it.edge.clone())),
            hub: output(Kind::Hub, VERSION)
                .or_else(|| self.seen.version(Kind::Hub).map(str::to_owned)),
            render: render(output(Kind::Render, VERSION).or_else(|| kept(&|it| it.render.clone()))),
            render_hash: render(
                output(Kind::Render, HASH).or_else(|| kept(&|it| it.render_hash.clone())),
            ),
            foreseen: output(Kind::Edge, FORESEEN)
                .and_then(|text| serde_json::from_str(&text).ok())
                .or_else(|| before.map(|it| it.foreseen.clone()))
                .unwrap_or_default(),
            health: output(Kind::Edge, HEALTH).or_else(|| kept(&|it| it.health.clone())),
            policy: output(Kind::Edge, POLICY)
                .and_then(|text| serde_json::from_str(&text).ok())
                .or_else(|| before.and_then(|it| it.policy.clone())),
            assets: assets
                .unwrap_or_else(|| before.map(|it| it.assets.clone()).unwrap_or_default()),
            left_hostname: self.left_hostname()?,
        })
    }

    /// The host name that still leads to the Edge, and goes after this release is recorded.
    fn left_hostname(&self) -> Result<Option<String>> {
        let wanted = self.spec()?.domain.as_ref().map(|domain| domain.hostname.as_str());
        let edge = self.name(Kind::Edge);
        let leads_here = |hostname: &str| {
            self.seen.domains.iter().any(|it| it.hostname == hostname && it.service == edge)
        };
        let mut earlier = self.live.into_iter().flat_map(LivePlane::hostnames);
        let left = earlier.find(|hostname| Some(*hostname) != wanted && leads_here(hostname));
        Ok(left.map(str::to_owned))
    }

    fn spec(&self) -> Result<&CloudSpec> {
        self.spec.ok_or_else(|| Error::failed("this plan has no desired Workers"))
    }

    fn name(&self, kind: Kind) -> String {
        self.scripts.name(kind)
    }

    fn step(&self, kind: Kind) -> StepId {
        StepId::new(kind.as_str(), self.scripts.app.as_str())
    }
}

/// Outputs of steps.
const VERSION: &str = "version";
const HASH: &str = "hash";
const ASSETS: &str = "assets";
const HEALTH: &str = "health";
const FORESEEN: &str = "foreseen";
const POLICY: &str = "policy";
