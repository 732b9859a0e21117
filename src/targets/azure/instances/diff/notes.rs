//! What the reader of a plan should know beside the changes: above all, what they cost.

use std::collections::BTreeSet;

use super::{
    super::{
        op::Op,
        spec::{ServiceSpec, Size},
    },
    Planner,
};
use crate::plan::Note;

impl Planner<'_> {
    pub(super) fn notes(&mut self) {
        let texts = [self.capacity(), self.pauses(), self.secrets(), self.storage()];
        texts.into_iter().flatten().for_each(|text| self.builder.note(Note::Info(text)));
    }

    fn created(&self) -> Vec<&ServiceSpec> {
        let specs = self.steps.iter().filter_map(|step| match &step.op {
            Op::CreateGroup { spec, .. } => Some(spec.as_ref()),
            _ => None,
        });
        specs.collect()
    }

    /// Groups are never changed while they run: for some time there are both.
    fn capacity(&self) -> Option<String> {
        let created = self.created();
        if created.is_empty() || !self.serves() {
            return None;
        }
        let nothing = Size { cpu: 0, memory: 0 };
        let all = created.iter().fold(nothing, |sum, spec| sum.and(spec.size()));
        Some(format!(
            "container groups are not changed while they run: {} beside the live ones, which \
             takes {} cores and {} GiB more until those are stopped",
            match created.len() {
                1 => "1 new one starts".to_owned(),
                more => format!("{more} new ones start"),
            },
            all.cores(),
            all.gibibytes()
        ))
    }

    /// What stands still meanwhile.
    fn pauses(&self) -> Option<String> {
        let stopped = self.steps.iter().filter(|step| !step.after_commit);
        let stopped = stopped.filter_map(|step| match &step.op {
            Op::StopGroup { group, .. } => self.observed.group(group)?.service.as_deref(),
            _ => None,
        });
        let names: BTreeSet<&str> = stopped.collect();
        let names: Vec<&str> = names.into_iter().collect();
        (!names.is_empty()).then(|| {
            format!(
                "{} stands still until its successor runs: it never runs twice",
                names.join(", ")
            )
        })
    }

    fn secrets(&self) -> Option<String> {
        let created = self.created();
        let names: BTreeSet<&str> = created.iter().flat_map(|spec| spec.secrets()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        (!names.is_empty()).then(|| {
            format!(
                "{} will be written, not compared: Container Instances never give a value back",
                names.join(", ")
            )
        })
    }

    fn storage(&self) -> Option<String> {
        let is_there = self.observed.storage || self.observed.ledger_elsewhere;
        (!is_there).then(|| {
            format!(
                "the storage account {} will be created: it keeps the lock and the release history \
                 of all apps in this subscription and location",
                self.desired.scope.storage_account()
            )
        })
    }
}
