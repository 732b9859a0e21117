//! The release step: one group per release, run once; a run that finds one adopts it. That it has
//! ended well is written down at the resource group, so that a deploy that was killed afterwards does
//! not run it again.

use std::time::Duration;

use serde_json::json;

use super::{
    super::{
        group::{GroupTags, Once, STEP_SERVICE, tags_of},
        observe::migration_mark,
        spec::ReleaseSpec,
    },
    InstancesExecutor,
    group::patience,
    once::Running,
    output::Ended,
};
use crate::{
    engine::{LogStream, StepContext},
    error::{Error, Result},
    model::ReleaseId,
    plan::ResourceId,
    targets::azure::{api::Patience, foreign::foreign, names::Tags, paths::version},
};

impl InstancesExecutor {
    /// The release step has run for this release and ended with 0.
    pub(super) async fn run_release_step(
        &self,
        release: ReleaseId,
        group: &str,
        spec: &ReleaseSpec,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let container = spec.container.resolved(&self.scope, &self.found(context));
        let spec = ReleaseSpec { container, timeout: spec.timeout };
        let command = spec.container.command.clone().unwrap_or_default();
        let ingredients = self.ingredients(&spec.container, false, context).await?;
        let once = Once { name: STEP_SERVICE, container: &spec.container, command: &command };
        let body = self.rendering(group, release, &ingredients).once(&once)?;
        let wanted = body.resource.tags.as_ref().and_then(|tags| tags[GroupTags::SPEC].as_str());
        match self.running(group).await? {
            Some(hash) if Some(hash.as_str()) == wanted => {
                context.progress("adopting the run of an interrupted deploy");
            }
            // One that still runs may be migrating: it must end before another begins.
            Some(_) => {
                context.progress("waiting for the release step of an interrupted deploy");
                self.follow_step(group, &spec, context).await?;
                self.delete_group(group, 0, context).await?;
                self.put_group(group, &body, context).await?;
            }
            None => self.put_group(group, &body, context).await?,
        }
        let ended = self.follow_step(group, &spec, context).await?;
        if ended.code != 0 {
            // Nothing of it is needed any more: its log is told.
            self.clients.groups(&self.scope).delete(group, patience()).await?;
            let code = ended.code;
            let message =
                format!("the release step `{}` failed with exit code {code}", command.join(" "));
            return Err(Error::failed(message)
                .log(ended.tail)
                .hint("traffic has not moved; migrations that did run are not taken back"));
        }
        self.write_down(&migration_mark(release, &spec)).await?;
        self.clients.groups(&self.scope).delete(group, patience()).await?;
        Ok(())
    }

    async fn follow_step(
        &self,
        group: &str,
        spec: &ReleaseSpec,
        context: &StepContext<'_>,
    ) -> Result<Ended> {
        let running = Running {
            what: STEP_SERVICE,
            group,
            container: STEP_SERVICE,
            timeout: Some(Duration::from_secs(spec.timeout)),
        };
        let show = |line: &str| {
            context.log(LogStream::Output, line);
            Ok(())
        };
        self.follow(&running, context, show).await
    }

    /// The resource group says which release has been migrated to.
    async fn write_down(&self, mark: &str) -> Result<()> {
        let name = self.scope.resource_group();
        let path = self.scope.group_path(&name);
        let arm = &self.clients.arm;
        let found = arm.get(&path, version::RESOURCES).await?;
        let found = found.ok_or_else(|| Error::failed(format!("{name} is gone")))?;
        let mut tags = tags_of(&found);
        if !self.scope.owns(&tags) {
            return Err(foreign(&ResourceId::new("resource-group", &name)));
        }
        tags.insert(Tags::MIGRATED.to_owned(), mark.to_owned());
        let body = json!({"location": found["location"], "tags": tags});
        arm.put(&path, version::RESOURCES, &body, Patience::USUAL).await?;
        Ok(())
    }
}
