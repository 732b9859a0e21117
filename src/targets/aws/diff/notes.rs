//! What the reader of a plan should know beside the changes.

use super::{super::spec::Thing, Planner};
use crate::plan::Note;

const HTTP: u16 = 80;

impl Planner<'_> {
    pub(super) fn notes(&mut self) {
        self.traffic_notes();
        if self.desired.unrendered {
            let text = "`render` is not used, as the edge is off here: every request goes to Django, \
                        and pages of the schema are 404 where it has no view of its own";
            self.builder.note(Note::Info(text.to_owned()));
        }
        if !self.observed.bucket && !self.observed.ledger_elsewhere {
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
        let things = &self.desired.things;
        let record = things.iter().any(|thing| matches!(thing, Thing::DnsRecord(_)));
        if let Some(host) = probe.host.as_ref().filter(|_| !record) {
            let balancer = &probe.balancer;
            let text =
                format!("{host} must lead to the load balancer {balancer}: its DNS is yours");
            self.builder.note(Note::Info(text));
        }
    }

    fn warn(&mut self, text: String) {
        self.builder.note(Note::Warning(text));
    }
}
