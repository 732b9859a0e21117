//! What somebody changed by hand becomes again what the live release recorded.

use super::{Ground, Needs, Part, fields, kept, release, resource, step};
use crate::{
    model::ReleaseId,
    plan::{Change, FieldValue, StepId, Undo},
    workers::cloud::{
        names::Kind,
        op::{Op, Pick},
    },
};

pub(super) fn plan(ground: &Ground<'_>, number: ReleaseId, part: &mut Part) {
    let Some(live) = ground.live else { return };
    let mut needs: Vec<StepId> = match ground.seen.scripts.contains_key(&Kind::Hub) {
        true => release::hub(ground, Vec::new(), part).into_iter().collect(),
        false => release::new_hub(ground, &Needs::default(), part).into_iter().collect(),
    };
    let recorded = &live.recorded;
    let pairs = [(Kind::Render, &recorded.render), (Kind::Edge, &recorded.edge)];
    for (kind, version) in pairs {
        let id = resource(ground, kind);
        let (Some(wanted), seen) = (version.as_deref(), ground.seen.version(kind)) else {
            continue;
        };
        if seen == Some(wanted) {
            part.unchanged.push(id);
            continue;
        }
        let after = FieldValue::Known(fields::short(wanted));
        let change = Change::Update { fields: vec![fields::version(seen, after)] };
        // Each puts its own script right; the Edge's needs Render's.
        let pick = Pick::Version(wanted.to_owned());
        let op = match kind {
            Kind::Render => Op::Switch { edge: Pick::Untouched, render: pick, release: number },
            _ => Op::Switch { edge: pick, render: Pick::Untouched, release: number },
        };
        let undo = Undo::None { why: kept::UNKNOWN.into() };
        part.before.push(step(id.clone(), change, needs.clone(), op, undo));
        needs.push(id.step_id());
    }
    release::subdomain(ground, part);
    release::address(ground, needs, part);
    // A deploy that was killed after its record may not have come to this.
    release::obsolete(ground, part);
}
