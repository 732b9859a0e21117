//! Compares the Workers that should be with those that are: pure. The steps become part of the plan
//! of the target that is behind them.

mod fields;
mod release;
mod removal;
mod repair;

use crate::{
    error::Error,
    model::ReleaseId,
    plan::{Change, Note, ResourceId, Step, StepId, Undo},
};

use super::{
    desired::{CloudSpec, Foreseen},
    names::Kind,
    op::Op,
    record::{LivePlane, Recorded},
    seen::SeenPlane,
};

pub use removal::removal;

/// Everything a plan of the plane is made from.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// What should be.
    pub desired: &'a CloudSpec,
    /// What is.
    pub seen: &'a SeenPlane,
    /// The Workers of the live release, as they were recorded.
    pub live: Option<&'a LivePlane>,
    /// What is known of the next versions already.
    pub foreseen: &'a Foreseen,
}

/// What the plan is for.
#[derive(Debug, Clone, Copy)]
pub enum Goal<'a> {
    /// A new release from source.
    Release(ReleaseId),
    /// The versions of an earlier release, under a new number.
    Return {
        /// The new number.
        release: ReleaseId,
        /// The earlier release's Workers.
        to: &'a Recorded,
    },
    /// The live release as it was recorded.
    Repair(ReleaseId),
}

/// What steps of the target must be done before which of ours. Those that are not in its plan are
/// dropped by the target.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Before the origin's address is known.
    pub origin: Vec<StepId>,
    /// Before schema, bundle and assets are there.
    pub artifacts: Vec<StepId>,
    /// Before the origin answers as the new release.
    pub serving: Vec<StepId>,
    /// The release step has changed data, so what was cached until the end counts as changed.
    pub migrated: bool,
}

/// The plane's part of a plan.
#[derive(Debug, Default)]
pub struct Part {
    /// Steps that can be taken back.
    pub before: Vec<Step<Op>>,
    /// Steps after the commit point: the target adds what they need.
    pub after: Vec<Step<Op>>,
    /// What stays as it is.
    pub unchanged: Vec<ResourceId>,
    /// What else the reader should know.
    pub notes: Vec<Note>,
}

/// Why an operation is not undone although the run failed.
mod kept {
    pub const VERSION: &str = "a version without requests stays, as history";
    pub const ASKED: &str = "nothing was changed";
    pub const GONE: &str = "what was removed is gone";
    pub const UNKNOWN: &str = "nobody knows what it was before";
    pub const REPAIRED: &str = "what somebody changed is as it was recorded";
}

/// The plane's steps.
///
/// # Errors
/// A script or host name is somebody else's, or an earlier version is gone.
pub fn plan(ground: Ground<'_>, goal: Goal<'_>, needs: &Needs) -> Result<Part, Error> {
    refuse_foreign(&ground)?;
    let mut part = Part::default();
    match goal {
        Goal::Release(release) => release::upload(&ground, release, needs, &mut part),
        Goal::Return { release, to } => {
            refuse_lost(&ground, to)?;
            release::bring_back(&ground, release, to, needs, &mut part);
        }
        Goal::Repair(release) => repair::plan(&ground, release, &mut part),
    }
    foreign_notes(&ground, &mut part);
    Ok(part)
}

/// True if a new release is needed for the Workers to be as desired: they are of another source,
/// configuration or version of mizan, or there is nothing that could be repaired.
pub fn needs_release(ground: &Ground<'_>) -> bool {
    let Some(live) = ground.live else { return true };
    let Recorded { edge, render, .. } = &live.recorded;
    let mut versions = [edge, render].into_iter().flatten();
    let wanted: &[Kind] = match ground.desired.config.render {
        true => &[Kind::Edge, Kind::Render],
        false => &[Kind::Edge],
    };
    live.spec.is_outdated_by(ground.desired)
        || edge.is_none()
        || wanted.iter().any(|kind| !ground.seen.scripts.contains_key(kind))
        || versions.any(|version| ground.seen.lost_versions.contains(version))
        || wanted.iter().any(|kind| was_set_by_others(ground, live, *kind))
}

/// Who sets a variable or a secret makes a version by that, and the recorded one has it not: what
/// somebody else set stays, so both become one in a new version.
fn was_set_by_others(ground: &Ground<'_>, live: &LivePlane, kind: Kind) -> bool {
    let Some(seen) = ground.seen.scripts.get(&kind) else { return false };
    seen.version.as_deref() != live.recorded.version(kind) && !seen.foreign.is_empty()
}

fn refuse_foreign(ground: &Ground<'_>) -> Result<(), Error> {
    let scripts = &ground.desired.scripts;
    for (kind, script) in &ground.seen.scripts {
        if !script.ours {
            let name = scripts.name(*kind);
            return Err(Error::failed(format!("the Worker {name} exists and is not ours"))
                .cause(format!("it has no tag {}", scripts.tag()))
                .hint(format!(
                    "delete it at Cloudflare, or choose another name than {} for the app",
                    scripts.app
                )));
        }
    }
    let edge = scripts.name(Kind::Edge);
    let Some(domain) = &ground.desired.domain else { return Ok(()) };
    let taken = ground
        .seen
        .domains
        .iter()
        .find(|seen| seen.hostname == domain.hostname && seen.service != edge);
    match taken {
        None => Ok(()),
        Some(seen) => {
            Err(Error::failed(format!("{} leads to another Worker already", domain.hostname))
                .cause(format!("it is a custom domain of the Worker {}", seen.service))
                .hint("remove it there, or choose another host name under `edge.domain`"))
        }
    }
}

fn refuse_lost(ground: &Ground<'_>, to: &Recorded) -> Result<(), Error> {
    let lost = [(Kind::Edge, &to.edge), (Kind::Render, &to.render)];
    let lost = lost.into_iter().find_map(|(kind, version)| {
        version
            .as_ref()
            .filter(|version| ground.seen.lost_versions.contains(*version))
            .map(|version| (kind, version))
    });
    match lost {
        None => Ok(()),
        Some((kind, version)) => {
            Err(Error::failed(format!("the release's version of {kind} is gone"))
                .cause(format!(
                    "Cloudflare has no version {version} of {}",
                    ground.desired.scripts.name(kind)
                ))
                .hint("check the revision out and run `mizan deploy`"))
        }
    }
}

fn foreign_notes(ground: &Ground<'_>, part: &mut Part) {
    for (kind, script) in &ground.seen.scripts {
        if script.foreign.is_empty() {
            continue;
        }
        let name = ground.desired.scripts.name(*kind);
        let text = format!(
            "{name} has settings that are not ours, and they stay: {}",
            script.foreign.join(", ")
        );
        part.notes.push(Note::Info(text));
    }
}

/// A Worker's resource.
fn resource(ground: &Ground<'_>, kind: Kind) -> ResourceId {
    ResourceId::new(kind.as_str(), ground.desired.scripts.app.to_string())
}

fn step(
    resource: ResourceId,
    change: Change,
    needs: Vec<StepId>,
    op: Op,
    undo: Undo<Op>,
) -> Step<Op> {
    Step { id: resource.step_id(), resource, change, needs, op, undo, after_commit: false }
}

/// A step after the commit point; the target adds what it needs.
fn late(resource: ResourceId, change: Change, op: Op) -> Step<Op> {
    let undo = Undo::None { why: kept::GONE.into() };
    Step { after_commit: true, ..step(resource, change, Vec::new(), op, undo) }
}

impl<O> Step<O> {
    /// The same step of a larger set of operations.
    pub fn map_op<P>(self, wrap: impl Fn(O) -> P) -> Step<P> {
        let undo = match self.undo {
            Undo::Delete => Undo::Delete,
            Undo::Restore { op } => Undo::Restore { op: Box::new(wrap(*op)) },
            Undo::None { why } => Undo::None { why },
        };
        Step {
            id: self.id,
            resource: self.resource,
            change: self.change,
            needs: self.needs,
            op: wrap(self.op),
            undo,
            after_commit: self.after_commit,
        }
    }
}
