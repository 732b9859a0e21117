//! The plan of `mizan destroy`: everything of the environment goes, secrets and what is shared only
//! when asked.

use super::{
    super::{names::Scope, op::Op, seen::Observed, spec::Thing},
    Refusal, order, service_resource,
};
use crate::{
    plan::{
        Change, Note, Plan, PlanBuilder, ResourceId, Seen, Step, StepId, Undo, with_known_needs,
    },
    workers::cloud::{Scripts, diff as workers},
};

/// What a teardown takes along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Teardown {
    /// The values of secrets.
    pub secrets: bool,
    /// The bucket of all ledgers, if no other environment uses it.
    pub shared: bool,
}

/// Everything of this environment goes: first what scales and runs, then what it stood on, last the
/// ledger. What is not ours stays.
///
/// # Errors
/// Only if the planner itself is wrong.
pub fn plan_teardown(
    scope: &Scope,
    observed: &Observed,
    teardown: Teardown,
) -> Result<Plan<Op>, Refusal> {
    let mut plan = Demolition { scope, observed, teardown, steps: Vec::new(), notes: Vec::new() };
    plan.workers();
    plan.running();
    plan.things();
    plan.families();
    plan.secrets();
    plan.ledger();
    plan.unknown();
    plan.finish()
}

struct Demolition<'a> {
    scope: &'a Scope,
    observed: &'a Observed,
    teardown: Teardown,
    steps: Vec<Step<Op>>,
    notes: Vec<Note>,
}

impl<'a> Demolition<'a> {
    /// What stands before everything goes first.
    fn workers(&mut self) {
        let Some(seen) = &self.observed.plane else { return };
        let scripts = Scripts { app: self.scope.app.clone(), env: self.scope.env.clone() };
        let steps = workers::removal(&scripts, seen, "destroy");
        self.steps.extend(steps.into_iter().map(super::plane::wrapped));
    }

    /// Services and stray tasks.
    fn running(&mut self) {
        let observed: &'a Observed = self.observed;
        for (name, seen) in &observed.services {
            if seen.present().is_some_and(|seen| seen.ours) {
                let needs = vec![ResourceId::new("scaling", name).step_id()];
                let op = Op::DeleteService { service: name.clone() };
                self.delete(service_resource(name), needs, op);
            }
        }
        for (resource, arn) in &observed.leftovers {
            let op = Op::Sweep { resource: resource.clone(), arn: arn.clone() };
            self.delete(resource.clone(), Vec::new(), op);
        }
    }

    fn things(&mut self) {
        let running = self.so_far();
        let going = self.going();
        for thing in &going {
            let before = order::gone_before(thing, going.iter().copied());
            let mut needs: Vec<StepId> = before.iter().map(ResourceId::step_id).collect();
            if !matches!(thing, Thing::Scaling(_)) {
                needs.extend(running.iter().cloned());
            }
            self.delete(thing.id(), needs, Op::Delete { thing: (*thing).clone() });
        }
    }

    /// The things of ours that go one by one. The values of secrets go together, and the Edge's is
    /// nobody's data.
    fn going(&self) -> Vec<&'a Thing> {
        let seen = self.observed.things.values().filter_map(Seen::present);
        let ours = seen.filter(|seen| seen.ours).map(|seen| &seen.thing);
        let origin = self.scope.origin_secret();
        ours.filter(|thing| match thing {
            Thing::Secret(secret) => secret.name == origin && !self.teardown.secrets,
            _ => true,
        })
        .collect()
    }

    fn families(&mut self) {
        let running = self.so_far();
        for family in &self.observed.families {
            let resource = ResourceId::new("family", family);
            let op = Op::DeleteFamily { family: family.clone() };
            self.delete(resource, running.clone(), op);
        }
    }

    fn secrets(&mut self) {
        let secrets = &self.observed.secrets;
        if self.teardown.secrets && !secrets.is_empty() {
            let resource = ResourceId::new("secrets", self.scope.secrets_prefix());
            self.delete(resource, self.so_far(), Op::DeleteSecrets);
            return;
        }
        let origin = self.scope.origin_secret();
        for secret in secrets.iter().filter(|secret| **secret != origin) {
            self.notes
                .push(Note::Info(format!("the secret {secret} is kept; --volumes removes it too")));
        }
    }

    /// The ledger goes last: until then it says what there was.
    fn ledger(&mut self) {
        let own = self.scope.ledger_prefix();
        if self.observed.ledger_elsewhere && self.observed.newest.is_some() {
            let resource = ResourceId::new("ledger", own.clone());
            self.delete(resource, self.so_far(), Op::DeleteLedger);
        }
        if !self.observed.bucket {
            return;
        }
        let (mine, others): (Vec<&String>, Vec<&String>) =
            self.observed.bucket_users.iter().partition(|user| **user == own);
        if !mine.is_empty() {
            let resource = ResourceId::new("ledger", own);
            self.delete(resource, self.so_far(), Op::DeleteLedger);
        }
        let bucket = self.scope.bucket();
        let text = match (self.teardown.shared, others.is_empty()) {
            (true, true) => {
                let resource = ResourceId::new("bucket", bucket.clone());
                return self.delete(resource, self.so_far(), Op::DeleteBucket { bucket });
            }
            (true, false) => {
                let others: Vec<&str> = others.into_iter().map(String::as_str).collect();
                format!("the bucket {bucket} is kept: {} still use it", others.join(", "))
            }
            (false, _) => {
                format!("the bucket {bucket} is shared and kept; --shared removes it")
            }
        };
        self.notes.push(Note::Info(text));
    }

    /// What could not be seen may still be there.
    fn unknown(&mut self) {
        let things = self.observed.things.iter().map(|(id, seen)| (id.clone(), unknown(seen)));
        let services = self.observed.services.iter();
        let services = services.map(|(name, seen)| (service_resource(name), unknown(seen)));
        let unseen = things.chain(services).filter_map(|(id, why)| Some((id, why?)));
        let notes = unseen.map(|(id, why)| Note::Warning(format!("{id} may be left over: {why}")));
        self.notes.extend(notes);
    }

    fn so_far(&self) -> Vec<StepId> {
        self.steps.iter().map(|step| step.id.clone()).collect()
    }

    fn delete(&mut self, resource: ResourceId, needs: Vec<StepId>, op: Op) {
        self.steps.push(Step {
            id: resource.step_id(),
            resource,
            change: Change::Delete { why: "destroy".into() },
            needs,
            op,
            undo: Undo::None { why: super::kept::GONE.into() },
            // A teardown goes on past a failure: what can be removed is removed.
            after_commit: true,
        });
    }

    fn finish(self) -> Result<Plan<Op>, Refusal> {
        let mut builder = PlanBuilder::default();
        let steps = with_known_needs(self.steps);
        steps.into_iter().for_each(|step| builder.step(step));
        self.notes.into_iter().for_each(|note| builder.note(note));
        Ok(builder.build()?)
    }
}

fn unknown<T>(seen: &Seen<T>) -> Option<&str> {
    match seen {
        Seen::Unknown(why) => Some(why),
        Seen::Absent | Seen::Present(_) => None,
    }
}
