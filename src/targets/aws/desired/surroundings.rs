//! What the services stand on: repository, logs, roles, security groups, cluster, secrets.

use std::collections::{BTreeMap, BTreeSet};

use super::{Draft, policy};
use crate::{
    model::Role as ServiceRole,
    targets::aws::spec::{
        Cluster, Ingress, LogGroup, Peer, Repository, Role, Secret, SecurityGroup, Thing,
    },
};

/// Days that log lines are kept if `mizan.yaml` does not say.
const LOG_RETENTION: u32 = 30;
/// The range of everybody.
const ANYWHERE: &str = "0.0.0.0/0";

impl Draft<'_> {
    pub(super) fn surroundings(&self) -> Vec<Thing> {
        let mut things = vec![
            Thing::Repository(Repository {
                name: self.scope.repository(),
                immutable: true,
                lifecycle: Some(policy::lifecycle()),
            }),
            Thing::LogGroup(LogGroup {
                name: self.scope.log_group(),
                retention_days: Some(self.target.log_retention.unwrap_or(LOG_RETENTION)),
            }),
        ];
        things.extend(self.roles().map(Thing::Role));
        if self.target.cluster.is_none() {
            things.push(Thing::Cluster(Cluster { name: self.cluster() }));
        }
        things.extend(self.groups().map(Thing::SecurityGroup));
        things.extend(self.generated_secrets().map(Thing::Secret));
        things
    }

    fn roles(&self) -> impl Iterator<Item = Role> {
        let execution = self.target.execution_role.is_none().then(|| Role {
            name: self.scope.execution_role(),
            trust: policy::trust(self.scope),
            policies: BTreeMap::from([("mizan".to_owned(), self.execution_policy())]),
        });
        // What the app's own code may do is not ours to guess: it begins with nothing.
        let task = self.target.task_role.is_none().then(|| Role {
            name: self.scope.task_role(),
            trust: policy::trust(self.scope),
            policies: BTreeMap::new(),
        });
        execution.into_iter().chain(task)
    }

    /// The balancer's group lets everybody in at the listeners, the tasks' group lets the balancer
    /// in at the web service's port.
    fn groups(&self) -> impl Iterator<Item = SecurityGroup> {
        let vpc = &self.inputs.network.vpc;
        let balancer = self.inputs.balancer.is_none().then(|| SecurityGroup {
            name: self.scope.balancer_group(),
            description: format!("Load balancer of {} in {}", self.app.name, self.app.env),
            vpc: vpc.clone(),
            ingress: self
                .listener_ports()
                .map(|port| Ingress { port, from: Peer::Cidr(ANYWHERE.to_owned()) })
                .collect(),
        });
        let tasks = SecurityGroup {
            name: self.scope.tasks_group(),
            description: format!("Tasks of {} in {}", self.app.name, self.app.env),
            vpc: vpc.clone(),
            ingress: self.web_ingress(),
        };
        balancer.into_iter().chain([tasks])
    }

    fn web_ingress(&self) -> BTreeSet<Ingress> {
        let Some(ServiceRole::Web { port, .. }) = self.app.web().map(|(_, web)| &web.role) else {
            return BTreeSet::new();
        };
        let from = match &self.inputs.balancer {
            Some(given) => given.groups.clone(),
            None => BTreeSet::from([self.scope.balancer_group()]),
        };
        from.into_iter().map(|group| Ingress { port: *port, from: Peer::Group(group) }).collect()
    }

    fn generated_secrets(&self) -> impl Iterator<Item = Secret> {
        let generated = self.app.secrets.iter().filter(|(_, spec)| spec.generate);
        let names = generated.map(|(name, _)| self.scope.secret(name));
        names.chain(self.origin_secret()).map(|name| Secret { name })
    }

    /// The secret that only the Edge knows, if there is one.
    pub(super) fn origin_secret(&self) -> Option<String> {
        self.has_edge().then(|| self.scope.origin_secret())
    }
}
