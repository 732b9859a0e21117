//! What the reader of a plan should know beside the changes.

use std::collections::BTreeSet;

use super::{super::spec::Thing, Planner};
use crate::{plan::Note, targets::EnvSpec};

const HTTP: u16 = 80;

impl Planner<'_> {
    pub(super) fn notes(&mut self) {
        self.traffic_notes();
        for name in self.secrets_without_value() {
            self.warn(format!(
                "the secret {name} has no value: set one with `mizan secrets set {name}`, or no \
                 task will start"
            ));
        }
        if !self.observed.bucket {
            let bucket = self.desired.scope.bucket();
            let text = format!(
                "the bucket {bucket} will be created: it keeps the lock and the release history of \
                 all apps in this account and region"
            );
            self.builder.note(Note::Info(text));
        }
    }

    fn traffic_notes(&mut self) {
        let Some(probe) = &self.desired.probe else { return };
        if probe.port == HTTP {
            self.warn(
                "the load balancer is reached by plain http: everybody on the way can read and \
                 change requests; name a domain under `edge.domain` for https"
                    .to_owned(),
            );
        }
        if probe.secret.is_some() {
            self.warn(
                "the edge is on, but this version of mizan does not set up Cloudflare Workers yet: \
                 the load balancer answers 403 to everybody but an Edge with its secret"
                    .to_owned(),
            );
        }
        let things = &self.desired.things;
        let record = things.iter().any(|thing| matches!(thing, Thing::DnsRecord(_)));
        if let Some(host) = probe.host.as_ref().filter(|_| !record) {
            let balancer = &probe.balancer;
            let text =
                format!("{host} must lead to the load balancer {balancer}: its DNS is yours");
            self.builder.note(Note::Info(text));
        }
    }

    /// Secrets that a task refers to and nobody has set.
    fn secrets_without_value(&self) -> BTreeSet<String> {
        let generated: BTreeSet<String> = self
            .desired
            .things
            .iter()
            .filter_map(|thing| match thing {
                Thing::Secret(secret) => Some(secret.name.clone()),
                _ => None,
            })
            .collect();
        let tasks = self.desired.services.values().map(|spec| &spec.task);
        let missing = tasks.flat_map(|task| {
            let empty = task.env.iter().filter(|(name, value)| {
                matches!(value, EnvSpec::Secret { fingerprint: None })
                    && !task.references.contains_key(*name)
            });
            empty.map(|(name, _)| name)
        });
        missing
            .filter(|name| !generated.contains(&self.desired.scope.secret(name)))
            .cloned()
            .collect()
    }

    fn warn(&mut self, text: String) {
        self.builder.note(Note::Warning(text));
    }
}
