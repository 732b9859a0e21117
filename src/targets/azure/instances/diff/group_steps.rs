//! The steps that make, start and stop container groups, and how each is taken back.

use super::{
    super::{
        op::Op,
        seen::{SeenGroup, State},
        spec::ServiceSpec,
    },
    Planner, fields, group_name, group_resource, kept,
};
use crate::plan::{Change, FieldDiff, Note, ResourceId, StepId, Undo};

impl Planner<'_> {
    /// A singleton's group stops. If the deploy fails, the group that `back` names runs again instead
    /// of the other: the live one, wherever a killed deploy has left it.
    pub(super) fn stop_before(
        &mut self,
        group: &str,
        back: (&str, &str),
        needs: Vec<StepId>,
    ) -> StepId {
        let what = "it runs only once, and its successor is about to start".to_owned();
        let op = Op::StopGroup { group: group.to_owned(), drain: 0 };
        let (group_again, instead_of) = back;
        let start = Op::StartGroup {
            group: group_again.to_owned(),
            instead_of: Some(instead_of.to_owned()),
        };
        let undo = Undo::Restore { op: Box::new(start) };
        self.step(ResourceId::new("stop", group), Change::Run { what }, needs, op, undo)
    }

    pub(super) fn start(&mut self, name: &str, group: &str, needs: Vec<StepId>) -> StepId {
        let fields = vec![fields::changed("state", "stopped", "running")];
        let op = Op::StartGroup { group: group.to_owned(), instead_of: None };
        let undo = match self.is_live(name, group) {
            true => Undo::None { why: kept::IN_USE.into() },
            false => stopped_again(group),
        };
        self.step(group_resource(group), Change::Update { fields }, needs, op, undo)
    }

    pub(super) fn create(
        &mut self,
        name: &str,
        group: &str,
        spec: &ServiceSpec,
        needs: Vec<StepId>,
    ) -> StepId {
        let undo = match self.is_live(name, group) {
            true => Undo::None { why: kept::IN_USE.into() },
            false => Undo::Delete,
        };
        let op = self.creating(name, group, spec);
        let change = self.creation(name, group, spec);
        self.step(group_resource(group), change, needs, op, undo)
    }

    /// What a killed deploy has started: it must be as it should, and goes back if this one fails.
    pub(super) fn take_over(
        &mut self,
        name: &str,
        group: &str,
        spec: &ServiceSpec,
        needs: Vec<StepId>,
    ) -> StepId {
        let what = "take over what an interrupted deploy has started".to_owned();
        let was_made = group == group_name(&self.desired.scope, self.number, name, spec);
        let (op, undo) = match was_made {
            true => (self.creating(name, group, spec), Undo::Delete),
            // It is kept for the way back, and this is one.
            false => {
                let op = Op::StartGroup { group: group.to_owned(), instead_of: None };
                (op, stopped_again(group))
            }
        };
        self.step(group_resource(group), Change::Run { what }, needs, op, undo)
    }

    fn creating(&self, name: &str, group: &str, spec: &ServiceSpec) -> Op {
        Op::CreateGroup {
            group: group.to_owned(),
            service: name.to_owned(),
            release: self.number,
            spec: Box::new(spec.clone()),
        }
    }

    /// A new group, as what it changes of its service; a new service as a whole.
    fn creation(&mut self, name: &str, group: &str, spec: &ServiceSpec) -> Change {
        let mut fields = match self.before(name).filter(|_| !self.is_live(name, group)) {
            None => fields::of_new_service(spec),
            Some(before) => fields::of_services(&before, spec),
        };
        if let Some(former) = self.desired.renames.get(name)
            && self.recorded(former).is_some()
        {
            fields.insert(0, fields::changed("name", former.as_str(), name));
        }
        fields.extend(self.failure(name));
        match self.observed.group(group) {
            Some(_) => {
                let why = "an interrupted deploy has left another one".to_owned();
                Change::Replace { why, fields }
            }
            None => Change::Create { fields },
        }
    }

    /// What the service is now: as its live group is, and where that cannot be seen, as it was
    /// recorded.
    fn before(&mut self, name: &str) -> Option<ServiceSpec> {
        let former = self.desired.renames.get(name).map_or(name, String::as_str);
        let known = if self.recorded(name).is_some() { name } else { former };
        let recorded = self.recorded(known)?;
        let group = self.live?.groups.get(known)?;
        let Some(seen) = self.observed.group(group) else { return Some(recorded.clone()) };
        if !seen.is_like(recorded) {
            let text = format!("{} is not as it was deployed", group_resource(group));
            self.builder.note(Note::Warning(text));
        }
        Some(seen.known(recorded).unwrap_or_else(|| recorded.clone()))
    }

    /// Why the live group does not run, if it failed by itself.
    fn failure(&self, name: &str) -> Option<FieldDiff> {
        let group = self.live?.groups.get(name)?;
        match &self.observed.group(group)?.state {
            State::Failed(why) => Some(fields::changed("state", why.as_str(), "running")),
            State::Running | State::Stopped => None,
        }
    }

    pub(super) fn is_live(&self, name: &str, group: &str) -> bool {
        self.live.and_then(|live| live.groups.get(name)).is_some_and(|live| live == group)
    }
}

/// How a group that was kept stopped is taken back: nobody asks it any more.
fn stopped_again(group: &str) -> Undo<Op> {
    Undo::Restore { op: Box::new(Op::StopGroup { group: group.to_owned(), drain: 0 }) }
}

impl SeenGroup {
    /// As it is, with the versions of its secrets, if it has those that were recorded.
    fn known(&self, recorded: &ServiceSpec) -> Option<ServiceSpec> {
        let seen = self.spec.as_ref()?;
        Some(match self.secrets == recorded.secrets_hash() {
            true => seen.with_versions_of(recorded),
            false => seen.clone(),
        })
    }
}
