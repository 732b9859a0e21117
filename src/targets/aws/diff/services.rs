//! The services: which of them are rolled out, in which order, and how each is taken back.

use super::{
    super::{
        op::Op,
        seen::SeenService,
        spec::{Kind, ServiceSpec, TaskSpec},
    },
    Planner, Purpose, fields, kept, service_resource,
};
use crate::{
    plan::{Change, FieldDiff, Note, ResourceId, Seen, StepId, Undo},
    targets::EnvSpec,
};

/// Why a service with a new name is a new service.
const RENAMED: &str = "an ECS service cannot change its name";

impl<'a> Planner<'a> {
    /// The web service comes first: a release that fails its health check never touches the queue.
    /// It takes requests as soon as it runs, so it waits for the check; a first one, which nobody
    /// can reach yet, comes up meanwhile.
    pub(super) fn services(&mut self, migrated: &[StepId], checked: Option<&StepId>) {
        let desired = self.desired;
        let (web, others): (Vec<_>, Vec<_>) =
            desired.services.iter().partition(|(_, spec)| spec.is_web());
        let mut needs = migrated.to_vec();
        needs.extend(self.for_traffic());
        needs.extend(checked.filter(|_| self.serves).cloned());
        for (name, spec) in web {
            self.service(name, spec, &needs);
            needs.push(service_resource(name).step_id());
        }
        needs.extend(checked.cloned());
        for (name, spec) in others {
            self.service(name, spec, &needs);
        }
    }

    fn service(&mut self, name: &str, spec: &ServiceSpec, needs: &[StepId]) {
        match self.observed.services.get(name) {
            None | Some(Seen::Absent) => self.new_service(name, spec, needs),
            Some(Seen::Present(seen)) => self.compare_service(name, spec, seen, needs),
            Some(Seen::Unknown(why)) => self.unknown_service(name, spec, why, needs),
        }
    }

    fn new_service(&mut self, name: &str, spec: &ServiceSpec, needs: &[StepId]) {
        let former = self.former(name);
        let change = match former {
            None => Change::Create { fields: fields::of_new_service(spec) },
            Some((former, seen)) => {
                let mut fields = vec![fields::changed("name", former, name)];
                fields.extend(fields::of_services(&seen.spec, spec));
                Change::Replace { why: RENAMED.to_owned(), fields }
            }
        };
        let mut needs = needs.to_vec();
        if let Some((former, seen)) = former.filter(|_| spec.role == Kind::Singleton) {
            needs.push(self.stop(former, seen, &needs));
        }
        self.put_service(name, spec, change, needs, Undo::Delete);
    }

    /// The service that this one takes the place of, if it is still there.
    fn former(&self, name: &str) -> Option<(&'a str, &'a SeenService)> {
        let former = self.desired.renames.get(name)?;
        let seen = self.observed.services.get(former)?.present()?;
        seen.ours.then_some((former.as_str(), seen))
    }

    /// A singleton never runs twice: the old one stops before the new one starts.
    fn stop(&mut self, name: &str, seen: &SeenService, needs: &[StepId]) -> StepId {
        let resource = ResourceId::new("stop", name);
        let what = "it runs only once, and its successor is about to start".to_owned();
        let op = Op::StopService { service: name.to_owned() };
        let undo = self.restore(name, seen);
        self.step(resource.clone(), Change::Run { what }, needs.to_vec(), op, undo);
        resource.step_id()
    }

    fn compare_service(
        &mut self,
        name: &str,
        spec: &ServiceSpec,
        seen: &SeenService,
        needs: &[StepId],
    ) {
        let mut fields = match is_like(&seen.spec, spec) {
            true => Vec::new(),
            false => fields::of_services(&seen.spec, spec),
        };
        fields.extend(self.other_revision(name, seen));
        fields.extend(self.unrecorded(name, seen));
        fields.extend(
            seen.unsettled.as_deref().map(|why| fields::changed("deployment", why, "complete")),
        );
        if fields.is_empty() {
            self.builder.unchanged(service_resource(name));
            return;
        }
        if self.recorded(name) == Some(spec) {
            let text = format!("service {name} is not as it was deployed");
            self.builder.note(Note::Warning(text));
        }
        let undo = self.restore(name, seen);
        self.put_service(name, spec, Change::Update { fields }, needs.to_vec(), undo);
    }

    /// A revision that nobody recorded, although it looks the same.
    fn other_revision(&self, name: &str, seen: &SeenService) -> Option<FieldDiff> {
        let recorded = self.live.filter(|_| self.release.is_none())?.task_definitions.get(name)?;
        let revision = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
        (*recorded != seen.task_definition).then(|| {
            fields::changed("task_definition", revision(&seen.task_definition), revision(recorded))
        })
    }

    /// A deploy that was cut off has rolled out a revision that no release has: going on with it may
    /// fail, and then the service is put back as the live release has it.
    fn unrecorded(&self, name: &str, seen: &SeenService) -> Option<FieldDiff> {
        let (live, release) = (self.live?, self.release?);
        let recorded = live.task_definitions.get(name)?;
        let is_new = *recorded != seen.task_definition;
        is_new.then(|| fields::changed("release", live.id.to_string(), release.to_string()))
    }

    /// What cannot be seen is rolled out if it must change, and left alone if it need not.
    fn unknown_service(&mut self, name: &str, spec: &ServiceSpec, why: &str, needs: &[StepId]) {
        let text = format!("service {name} cannot be compared: {why}");
        self.builder.note(Note::Warning(text));
        let recorded = self.recorded(name);
        if recorded == Some(spec) {
            return;
        }
        let fields = match recorded {
            Some(before) => fields::of_services(before, spec),
            None => fields::of_new_service(spec),
        };
        let undo = Undo::None { why: kept::UNKNOWN.into() };
        self.put_service(name, spec, Change::Update { fields }, needs.to_vec(), undo);
    }

    /// How a service is put back as the live release has it. What was seen may be that of a deploy
    /// that was cut off, and a failing one says that the live release runs.
    fn restore(&self, name: &str, seen: &SeenService) -> Undo<Op> {
        let recorded = self.live.and_then(|live| {
            let (spec, revision) =
                (live.desired.services.get(name)?, live.task_definitions.get(name)?);
            (*revision != seen.task_definition).then_some((spec, Some(live.id), revision))
        });
        let (spec, release, revision) =
            recorded.unwrap_or((&seen.spec, seen.release, &seen.task_definition));
        let op = Op::RestoreService {
            service: name.to_owned(),
            spec: Box::new(spec.clone()),
            release,
            task_definition: revision.clone(),
            desired: seen.desired,
        };
        Undo::Restore { op: Box::new(op) }
    }

    fn put_service(
        &mut self,
        name: &str,
        spec: &ServiceSpec,
        change: Change,
        mut needs: Vec<StepId>,
        undo: Undo<Op>,
    ) {
        needs.extend(late_steps(&spec.task));
        let op = Op::PutService {
            service: name.to_owned(),
            release: self.number,
            spec: Box::new(spec.clone()),
            task_definition: self.revision(name, spec),
        };
        self.step(service_resource(name), change, needs, op, undo);
    }

    /// The revision that runs this very task already: the one of a release that is brought back,
    /// or the live one's. Without one a new revision is registered.
    pub(super) fn revision(&self, name: &str, spec: &ServiceSpec) -> Option<String> {
        let release = match self.purpose {
            Purpose::Rollback(to) => Some(to),
            Purpose::Deploy => self.live,
        };
        let same = |before: &ServiceSpec| match self.purpose {
            // Secrets are looked up when a task starts: a version that has changed since is no
            // reason for another revision.
            Purpose::Rollback(_) => true,
            Purpose::Deploy => before.task == spec.task,
        };
        let release = release.filter(|it| it.desired.services.get(name).is_some_and(same))?;
        release.task_definitions.get(name).cloned()
    }
}

/// The steps that tell values of a task's environment.
pub(super) fn late_steps(task: &TaskSpec) -> Vec<StepId> {
    let late = task.env.values().filter_map(|value| match value {
        EnvSpec::Late { step, .. } => Some(step.clone()),
        EnvSpec::Literal(_) | EnvSpec::Caller { .. } | EnvSpec::Secret { .. } => None,
    });
    late.collect()
}

/// True if a service is as it should be. How many tasks run is autoscaling's business, where it
/// decides.
fn is_like(seen: &ServiceSpec, spec: &ServiceSpec) -> bool {
    let count = if spec.scaled { spec.count } else { seen.count };
    ServiceSpec { count, ..seen.clone() } == *spec
}
