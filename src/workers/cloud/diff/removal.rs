//! The Workers go: first nothing leads to them, then the caller before what it calls.

use super::late;
use crate::{
    plan::{Change, ResourceId, Step, StepId},
    workers::cloud::{
        names::{Kind, Scripts},
        op::Op,
        seen::SeenPlane,
    },
};

/// The steps that remove what is ours of the plane. Each needs the one before it.
pub fn removal(scripts: &Scripts, seen: &SeenPlane, why: &str) -> Vec<Step<Op>> {
    let change = || Change::Delete { why: why.to_owned() };
    let edge = scripts.name(Kind::Edge);
    let ours = |kind: &Kind| seen.scripts.get(kind).is_some_and(|script| script.ours);
    let mut steps: Vec<Step<Op>> = Vec::new();
    if ours(&Kind::Edge) {
        // A script that goes would leave its host names behind.
        for domain in seen.domains.iter().filter(|domain| domain.service == edge) {
            let op = Op::DeleteDomain { hostname: domain.hostname.clone() };
            steps.push(late(ResourceId::new("domain", domain.hostname.clone()), change(), op));
        }
    }
    let names: Vec<StepId> = steps.iter().map(|step| step.id.clone()).collect();
    let mut before = names;
    for kind in Kind::ALL.into_iter().rev().filter(ours) {
        let id = ResourceId::new(kind.as_str(), scripts.app.to_string());
        let mut step = late(id, change(), Op::DeleteScript { kind });
        step.needs.clone_from(&before);
        before = vec![step.id.clone()];
        steps.push(step);
    }
    steps
}
