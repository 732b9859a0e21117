//! The plan of `mizan destroy`: everything of the environment goes, secrets and what is shared only
//! when asked.

use super::{
    super::{op::Op, seen::Observed},
    Refusal, group_resource, kept, order, plane,
};
use crate::{
    plan::{
        Change, Note, Plan, PlanBuilder, ResourceId, Seen, Step, StepId, Undo, with_known_needs,
    },
    targets::azure::{
        names::Scope,
        things::{Thing, Vault},
    },
    workers::cloud::{Scripts, diff as workers},
};

/// What a teardown takes along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Teardown {
    /// The values of secrets, with the vault and the resource group that they are in.
    pub secrets: bool,
    /// The storage account of all ledgers, if no other environment uses it.
    pub shared: bool,
}

/// Everything of this environment goes: first what stands before it and what runs, then what it
/// stood on, last the ledger. What is not ours stays, and so does the resource group that it is in.
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
    plan.groups();
    plan.things();
    plan.ledger();
    plan.kept();
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
        let scripts = Scripts { app: self.scope.app.clone(), env: self.scope.env.clone() };
        let steps = workers::removal(&scripts, &self.observed.plane, "destroy");
        self.steps.extend(steps.into_iter().map(plane::wrapped));
    }

    fn groups(&mut self) {
        let needs = self.so_far();
        let observed = self.observed;
        for (group, _) in observed.own_groups() {
            // Nobody is led there any more.
            let op = Op::DeleteGroup { group: group.to_owned(), drain: 0 };
            self.delete(group_resource(group), needs.clone(), op);
        }
    }

    fn things(&mut self) {
        let running = self.so_far();
        let going = self.going();
        for thing in &going {
            let id = thing.id();
            let waits_for = |other: &&&Thing| match thing {
                Thing::ResourceGroup(_) => other.id() != id,
                _ => order::needs(other, self.scope).contains(&id),
            };
            let mut needs = running.clone();
            needs.extend(going.iter().filter(waits_for).map(|other| other.id().step_id()));
            self.delete(id, needs, Op::Delete { thing: (*thing).clone() });
        }
        let vault = Thing::Vault(Vault { name: self.scope.vault(), by_roles: true });
        let goes = going.iter().any(|thing| thing.id() == vault.id());
        if self.teardown.secrets && self.observed.vault_is_deleted && !goes {
            self.delete(vault.id(), running, Op::Delete { thing: vault });
        }
    }

    /// The things of ours that go one by one. The Edge's secret is nobody's data; others stay, with
    /// the vault and the resource group around them, unless they go as well.
    fn going(&self) -> Vec<&'a Thing> {
        let seen = self.observed.things.values().filter_map(Seen::present);
        let ours = seen.filter(|seen| seen.ours).map(|seen| &seen.thing);
        let vault_goes = self.teardown.secrets || self.data().is_empty();
        let group_goes = vault_goes && self.observed.strangers.is_empty();
        ours.filter(|thing| match thing {
            Thing::Provider(_) => false,
            // They go with the vault, or stay with it.
            Thing::Secret(secret) => !vault_goes && secret.name == self.scope.origin_secret(),
            Thing::Vault(_) => vault_goes,
            Thing::ResourceGroup(_) => group_goes,
            Thing::Registry(_) | Thing::Identity(_) | Thing::RoleAssignment(_) => true,
        })
        .collect()
    }

    /// The secrets whose values somebody may miss.
    fn data(&self) -> Vec<&'a String> {
        let origin = self.scope.origin_secret();
        self.observed.secrets.iter().filter(|secret| **secret != origin).collect()
    }

    /// The ledger goes last: until then it says what there was.
    fn ledger(&mut self) {
        let own = self.scope.ledger_prefix();
        let elsewhere = self.observed.ledger_elsewhere && self.observed.newest.is_some();
        if elsewhere || self.observed.storage && self.observed.storage_users.contains(&own) {
            let resource = ResourceId::new("ledger", own.clone());
            self.delete(resource, self.so_far(), Op::DeleteLedger);
        }
        if !self.observed.storage {
            return;
        }
        let account = self.scope.storage_account();
        let others = self.observed.storage_users.iter().filter(|user| **user != own);
        let others: Vec<&str> = others.map(String::as_str).collect();
        let text = match (self.teardown.shared, others.is_empty()) {
            (true, true) => {
                let resource = ResourceId::new("storage-account", account.clone());
                return self.delete(resource, self.so_far(), Op::DeleteStorage { account });
            }
            (true, false) => {
                format!("the storage account {account} is kept: {} still use it", others.join(", "))
            }
            (false, _) => {
                format!("the storage account {account} is shared and kept; --shared removes it")
            }
        };
        self.notes.push(Note::Info(text));
    }

    fn kept(&mut self) {
        if !self.teardown.secrets {
            for secret in self.data() {
                let vault = self.scope.vault();
                let text =
                    format!("the secret {secret} is kept in {vault}; --volumes removes it too");
                self.notes.push(Note::Info(text));
            }
        }
        let strangers: Vec<&str> = self.observed.strangers.iter().map(String::as_str).collect();
        if !strangers.is_empty() {
            let group = self.scope.resource_group();
            let text =
                format!("the resource group {group} is kept: {} is not ours", strangers.join(", "));
            self.notes.push(Note::Warning(text));
        }
        self.unknown();
    }

    /// What could not be seen may still be there.
    fn unknown(&mut self) {
        let things = self.observed.things.iter().map(|(id, seen)| (id.clone(), why_unknown(seen)));
        let groups = self.observed.groups.iter();
        let groups = groups.map(|(name, seen)| (group_resource(name), why_unknown(seen)));
        let unseen = things.chain(groups).filter_map(|(id, why)| Some((id, why?)));
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
            undo: Undo::None { why: kept::GONE.into() },
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

fn why_unknown<T>(seen: &Seen<T>) -> Option<&str> {
    match seen {
        Seen::Unknown(why) => Some(why),
        Seen::Absent | Seen::Present(_) => None,
    }
}
