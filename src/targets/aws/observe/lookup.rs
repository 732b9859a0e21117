//! What is looked for: what should be there, what recorded releases have made, and what is always
//! called the same, so that it is found even when the ledger is lost.

use std::collections::BTreeSet;

use super::super::{
    desired::Desired,
    names::Scope,
    spec::{DnsRecord, Thing},
};
use crate::{ledger::Release, plan::ResourceId};

/// What is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lookup {
    /// Things, by kind and name.
    pub things: BTreeSet<ResourceId>,
    /// Services, by their names in `mizan.yaml`.
    pub services: BTreeSet<String>,
    /// ARNs of load balancers of others that have, or had, a rule of ours.
    pub balancers: BTreeSet<String>,
    /// Records in the DNS zone.
    pub records: Vec<DnsRecord>,
}

impl Lookup {
    /// Everything that an environment has or may have.
    pub fn new(scope: &Scope, want: Option<&Desired>, recorded: &[Release]) -> Self {
        let mut lookup = Self::default();
        lookup.add_usual(scope);
        if want.is_none() {
            lookup.things.insert(ResourceId::new("target-group", scope.check_group()));
        }
        let configs = recorded.iter().filter_map(|release| {
            // One that another version of the tool wrote still has its inventory.
            serde_json::from_value::<Desired>(release.config.clone()).ok()
        });
        for desired in want.cloned().into_iter().chain(configs) {
            lookup.add_desired(&desired);
        }
        for item in recorded.iter().flat_map(|release| &release.inventory) {
            lookup.add_item(&item.kind, &item.name);
        }
        lookup
    }

    /// The names of a kind.
    pub fn names(&self, kind: &str) -> Vec<String> {
        let things = self.things.iter().filter(|id| id.kind == kind);
        things.map(|id| id.name.clone()).collect()
    }

    /// True if a release may be, or may have been, checked before visitors are sent there.
    pub fn has_checks(&self, scope: &Scope) -> bool {
        self.things.contains(&ResourceId::new("target-group", scope.check_group()))
    }

    fn add_usual(&mut self, scope: &Scope) {
        self.things.extend([
            ResourceId::new("repository", scope.repository()),
            ResourceId::new("log-group", scope.log_group()),
            ResourceId::new("role", scope.execution_role()),
            ResourceId::new("role", scope.task_role()),
            ResourceId::new("security-group", scope.balancer_group()),
            ResourceId::new("security-group", scope.tasks_group()),
            ResourceId::new("cluster", scope.cluster()),
            ResourceId::new("secret", scope.origin_secret()),
            ResourceId::new("load-balancer", scope.balancer()),
            ResourceId::new("target-group", scope.target_group()),
        ]);
    }

    fn add_desired(&mut self, desired: &Desired) {
        self.services.extend(desired.services.keys().cloned());
        for thing in &desired.things {
            self.things.insert(thing.id());
            match thing {
                Thing::Rule(rule) if rule.balancer.starts_with("arn:") => {
                    self.balancers.insert(rule.balancer.clone());
                }
                Thing::DnsRecord(record) if !self.records.contains(record) => {
                    self.records.push(record.clone());
                }
                _ => {}
            }
        }
    }

    fn add_item(&mut self, kind: &str, name: &str) {
        if kind == "service" {
            self.services.insert(name.to_owned());
        } else {
            self.things.insert(ResourceId::new(kind.to_owned(), name));
        }
    }
}
