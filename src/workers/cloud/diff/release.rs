//! A new release of the Workers: versions are uploaded, asked, and only then given the requests.

use super::{Ground, Needs, Part, fields, kept, late, resource, step};
use crate::{
    model::ReleaseId,
    plan::{Change, FieldValue, Late, ResourceId, StepId, Undo},
    workers::cloud::{
        names::Kind,
        op::{Op, Pick},
        record::{LivePlane, Recorded},
    },
};

/// New versions from source.
pub(super) fn upload(ground: &Ground<'_>, release: ReleaseId, needs: &Needs, part: &mut Part) {
    let mut before_edge: Vec<StepId> = new_hub(ground, needs, part).into_iter().collect();
    before_edge.extend(render(ground, release, needs, part));
    let edge = edge(ground, release, needs, before_edge, part);
    let question = Op::Probe { version: None, health: ground.desired.health.clone() };
    let askable = subdomain(ground, part).into_iter().chain([edge]).collect();
    let asked = probe(question, release, needs, askable, part);
    let render = if ground.desired.config.render { Pick::Uploaded } else { Pick::Untouched };
    open(ground, Op::Switch { edge: Pick::Uploaded, render, release }, release, asked, part);
    if needs.migrated {
        let op = Op::PutHub { origin: ground.desired.origin.clone(), mark: Some(release) };
        let what = format!("count everything that was cached before {release} as changed");
        let cache = ResourceId::new("cache", ground.desired.scripts.app.to_string());
        part.after.push(late(cache, Change::Run { what }, op));
    }
    obsolete(ground, part);
}

/// The versions of an earlier release.
pub(super) fn bring_back(
    ground: &Ground<'_>,
    release: ReleaseId,
    to: &Recorded,
    needs: &Needs,
    part: &mut Part,
) {
    let mut before: Vec<StepId> = new_hub(ground, needs, part).into_iter().collect();
    before.extend(subdomain(ground, part));
    let id = resource(ground, Kind::Render);
    let current = ground.seen.version(Kind::Render);
    if let Some(version) = to.render.as_ref().filter(|version| Some(version.as_str()) != current) {
        let after = FieldValue::Known(fields::short(version));
        let change = Change::Update { fields: vec![fields::version(current, after)] };
        let op = Op::StageRender { version: version.clone() };
        before.push(id.step_id());
        part.before.push(step(id, change, vec![], op, Undo::None { why: kept::VERSION.into() }));
    } else if to.render.is_some() {
        part.unchanged.push(id);
    }
    let health = to.health.clone().or_else(|| ground.desired.health.clone());
    let question = Op::Probe { version: to.edge.clone(), health };
    let asked = probe(question, release, needs, before, part);
    let switch =
        Op::Switch { edge: to.edge.clone().into(), render: to.render.clone().into(), release };
    open(ground, switch, release, asked, part);
    obsolete(ground, part);
}

/// A Hub that is not there yet: the Edge cannot be made without it.
pub(super) fn new_hub(ground: &Ground<'_>, needs: &Needs, part: &mut Part) -> Option<StepId> {
    if ground.seen.scripts.contains_key(&Kind::Hub) {
        return None;
    }
    let id = resource(ground, Kind::Hub);
    let origin = &ground.desired.origin;
    let change = Change::Create { fields: fields::origin(None, origin) };
    let op = Op::PutHub { origin: origin.clone(), mark: None };
    part.before.push(step(id.clone(), change, needs.origin.clone(), op, Undo::Delete));
    Some(id.step_id())
}

/// The Hub that is there, which outlives releases: it changes with the origin and with its own code.
/// Another origin is one for all visitors at once, so the new version was asked before.
pub(super) fn hub(ground: &Ground<'_>, needs: Vec<StepId>, part: &mut Part) -> Option<StepId> {
    let id = resource(ground, Kind::Hub);
    let desired = &ground.desired.origin;
    let op = |origin: &Late<String>| Op::PutHub { origin: origin.clone(), mark: None };
    let seen = ground.seen.scripts.get(&Kind::Hub)?;
    let now = seen.vars.get("ORIGIN").cloned().map(Late::Known);
    let same_code = ground.live.is_some_and(|live| live.spec.code == ground.desired.code);
    let mut changes = fields::origin(now.as_ref(), desired);
    if changes.is_empty() && same_code {
        part.unchanged.push(id);
        return None;
    }
    if changes.is_empty() {
        changes.push(fields::code(ground));
    }
    let undo = match &now {
        Some(now) => Undo::Restore { op: Box::new(op(now)) },
        None => Undo::None { why: kept::UNKNOWN.into() },
    };
    let change = Change::Update { fields: changes };
    part.before.push(step(id.clone(), change, needs, op(desired), undo));
    Some(id.step_id())
}

fn render(
    ground: &Ground<'_>,
    release: ReleaseId,
    needs: &Needs,
    part: &mut Part,
) -> Option<StepId> {
    if !ground.desired.config.render {
        return None;
    }
    let id = resource(ground, Kind::Render);
    let current = ground.seen.version(Kind::Render);
    if let Some(live) =
        ground.live.filter(|live| current.is_some() && live.recorded.render.as_deref() == current)
    {
        let same =
            ground.foreseen.render.is_some() && ground.foreseen.render == live.recorded.render_hash;
        if same {
            part.unchanged.push(id);
            return None;
        }
    }
    let op = Op::UploadRender { release };
    let before = ground.live.map(|live| &live.recorded.foreseen.render_fields);
    let (change, undo) = match ground.seen.scripts.contains_key(&Kind::Render) {
        false => (
            Change::Create {
                fields: fields::worker(ground, before, &ground.foreseen.render_fields),
            },
            Undo::Delete,
        ),
        true => {
            let mut changes = vec![fields::version(current, FieldValue::After(id.step_id()))];
            changes.extend(fields::worker(ground, before, &ground.foreseen.render_fields));
            (Change::Update { fields: changes }, Undo::None { why: kept::VERSION.into() })
        }
    };
    part.before.push(step(id.clone(), change, needs.artifacts.clone(), op, undo));
    Some(id.step_id())
}

fn edge(
    ground: &Ground<'_>,
    release: ReleaseId,
    needs: &Needs,
    before: Vec<StepId>,
    part: &mut Part,
) -> StepId {
    let id = resource(ground, Kind::Edge);
    let op = Op::UploadEdge { release };
    let known = &ground.foreseen.edge_fields;
    let before_fields = ground.live.map(|live| &live.recorded.foreseen.edge_fields);
    let (change, undo) = match ground.seen.scripts.contains_key(&Kind::Edge) {
        false => {
            let mut fields = fields::worker(ground, before_fields, known);
            fields.extend(fields::purge_key(ground));
            (Change::Create { fields }, Undo::Delete)
        }
        true => {
            let current = ground.seen.version(Kind::Edge);
            let mut changes = vec![fields::version(current, FieldValue::After(id.step_id()))];
            changes.extend(fields::worker(ground, before_fields, known));
            changes.extend(fields::purge_key(ground));
            (Change::Update { fields: changes }, Undo::None { why: kept::VERSION.into() })
        }
    };
    let needs = needs.artifacts.iter().cloned().chain(before).collect();
    part.before.push(step(id.clone(), change, needs, op, undo));
    id.step_id()
}

fn probe(
    question: Op,
    release: ReleaseId,
    needs: &Needs,
    mut before: Vec<StepId>,
    part: &mut Part,
) -> StepId {
    let id = ResourceId::new("probe", release.to_string());
    before.extend(needs.serving.iter().cloned());
    let what = format!("ask the Edge of {release} whether it answers, before visitors do");
    let undo = Undo::None { why: kept::ASKED.into() };
    part.before.push(step(id.clone(), Change::Run { what }, before, question, undo));
    id.step_id()
}

/// Requests come in: those that do already go to the new versions, and the host name leads to them.
fn open(ground: &Ground<'_>, switch: Op, release: ReleaseId, asked: StepId, part: &mut Part) {
    let mut before = vec![asked.clone()];
    before.extend(hub(ground, vec![asked], part));
    // A script that is made anew has but one version.
    let is_there = |kind| ground.seen.scripts.contains_key(&kind);
    if is_there(Kind::Edge) || (ground.desired.config.render && is_there(Kind::Render)) {
        let traffic = ResourceId::new("traffic", ground.desired.scripts.app.to_string());
        let what = format!("move traffic to {release}");
        let undo = match ground.live {
            Some(live) => Undo::Restore {
                op: Box::new(Op::Switch {
                    edge: live.recorded.edge.clone().into(),
                    render: live.recorded.render.clone().into(),
                    release,
                }),
            },
            None => Undo::None { why: kept::UNKNOWN.into() },
        };
        let needs = before.clone();
        before.push(traffic.step_id());
        part.before.push(step(traffic, Change::Run { what }, needs, switch, undo));
    }
    address(ground, before, part);
}

/// The host name leads to the Edge, if it does not yet.
pub(super) fn address(ground: &Ground<'_>, needs: Vec<StepId>, part: &mut Part) {
    let edge = ground.desired.scripts.name(Kind::Edge);
    let (id, is_there, op) = match &ground.desired.domain {
        Some(domain) => {
            let seen = ground.seen.domains.iter();
            let mut seen =
                seen.filter(|seen| seen.hostname == domain.hostname && seen.service == edge);
            let op = Op::PutDomain { hostname: domain.hostname.clone(), zone: domain.zone.clone() };
            (ResourceId::new("domain", domain.hostname.clone()), seen.next().is_some(), op)
        }
        None => {
            let host = ground.desired.public_url.trim_start_matches("https://").to_owned();
            let op = Op::PutSubdomain { enabled: true };
            (ResourceId::new("domain", host), ground.seen.on_subdomain, op)
        }
    };
    if is_there {
        part.unchanged.push(id);
        return;
    }
    let change = Change::Create { fields: Vec::new() };
    part.before.push(step(id, change, needs, op, Undo::Delete));
}

/// What somebody changed of the Edge's own name below `workers.dev`: new versions are asked there,
/// and where there is a host name, visitors are not.
pub(super) fn subdomain(ground: &Ground<'_>, part: &mut Part) -> Option<StepId> {
    let live = ground.live?;
    ground.seen.scripts.get(&Kind::Edge)?;
    let had_name = ground.desired.domain.is_some() && live.spec.domain.is_some();
    let changes = fields::subdomain(ground.seen, had_name);
    if changes.is_empty() {
        return None;
    }
    let id = ResourceId::new("subdomain", ground.desired.scripts.app.to_string());
    let op = Op::PutSubdomain { enabled: ground.seen.on_subdomain && !had_name };
    let undo = Undo::None { why: kept::REPAIRED.into() };
    part.before.push(step(id.clone(), Change::Update { fields: changes }, Vec::new(), op, undo));
    Some(id.step_id())
}

/// Host names and scripts that nothing leads to any more.
pub(super) fn obsolete(ground: &Ground<'_>, part: &mut Part) {
    let edge = ground.desired.scripts.name(Kind::Edge);
    let wanted = ground.desired.domain.as_ref().map(|domain| &domain.hostname);
    let why = || "no longer in mizan.yaml".to_owned();
    for seen in ground.seen.domains.iter().filter(|seen| seen.service == edge) {
        // A host name that somebody else gave our Edge is theirs.
        let mut ours = ground.live.into_iter().flat_map(LivePlane::hostnames);
        if Some(&seen.hostname) == wanted || !ours.any(|hostname| hostname == seen.hostname) {
            continue;
        }
        let op = Op::DeleteDomain { hostname: seen.hostname.clone() };
        let id = ResourceId::new("domain", seen.hostname.clone());
        part.after.push(late(id, Change::Delete { why: why() }, op));
    }
    let had_subdomain = ground.live.is_some_and(|live| live.spec.domain.is_none());
    if wanted.is_some() && had_subdomain && ground.seen.on_subdomain {
        let id = ResourceId::new("domain", "workers.dev");
        part.after.push(late(
            id,
            Change::Delete { why: why() },
            Op::PutSubdomain { enabled: false },
        ));
    }
    if !ground.desired.config.render && ground.seen.scripts.contains_key(&Kind::Render) {
        let id = resource(ground, Kind::Render);
        part.after.push(late(
            id,
            Change::Delete { why: why() },
            Op::DeleteScript { kind: Kind::Render },
        ));
    }
}
