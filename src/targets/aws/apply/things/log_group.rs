//! The CloudWatch log group and how long it keeps its lines.

use super::{super::AwsExecutor, told};
use crate::{
    engine::{StepContext, StepOutput},
    error::Result,
    plan::ResourceId,
    targets::aws::{
        apply::{
            ownership::{Obtained, TagMap},
            wait::unless_absent,
        },
        failure::failure,
        spec::LogGroup,
    },
};

const ABSENT: [&str; 1] = ["ResourceNotFoundException"];
const EXISTS: [&str; 1] = ["ResourceAlreadyExistsException"];

/// Days that lines are kept; for ever if absent.
type Retention = Option<i32>;

impl AwsExecutor {
    pub(super) async fn put_log_group(
        &self,
        id: &ResourceId,
        spec: &LogGroup,
    ) -> Result<StepOutput> {
        let find = async || self.own_log_group(id, &spec.name).await;
        let create = async || self.create_log_group(id, &spec.name).await;
        let (Obtained::Made(kept) | Obtained::Found(kept)) = self.obtain(id, find, create).await?;
        if kept != spec.retention_days.map(u32::cast_signed) {
            self.put_retention(id, spec).await?;
        }
        Ok(told(self.log_group_arn(&spec.name)))
    }

    pub(super) async fn delete_log_group(
        &self,
        id: &ResourceId,
        spec: &LogGroup,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let Some(tags) = self.log_group_tags(id, &spec.name).await? else { return Ok(()) };
        if !self.may_delete(id, &tags, context) {
            return Ok(());
        }
        let call = self.clients.logs.delete_log_group().log_group_name(&spec.name);
        unless_absent(call.send().await, &ABSENT, format!("cannot delete the {id}")).map(drop)
    }

    async fn create_log_group(&self, id: &ResourceId, name: &str) -> Result<Option<Retention>> {
        let tags = self.scope.tags().into_iter().collect();
        let call = self.clients.logs.create_log_group().log_group_name(name).set_tags(Some(tags));
        let made = unless_absent(call.send().await, &EXISTS, format!("cannot create the {id}"))?;
        Ok(made.map(|_| None))
    }

    async fn own_log_group(&self, id: &ResourceId, name: &str) -> Result<Option<Retention>> {
        let Some(tags) = self.log_group_tags(id, name).await? else { return Ok(None) };
        self.must_own(id, &tags)?;
        // The group itself comes first of those whose names begin like its own.
        let call = self.clients.logs.describe_log_groups().log_group_name_prefix(name);
        let found = call.send().await.map_err(|error| failure(cannot_read(id), error))?;
        let mut groups = found.log_groups().iter();
        let group = groups.find(|group| group.log_group_name() == Some(name));
        Ok(group.map(|group| group.retention_in_days()))
    }

    async fn log_group_tags(&self, id: &ResourceId, name: &str) -> Result<Option<TagMap>> {
        let call = self.clients.logs.list_tags_for_resource();
        let call = call.resource_arn(self.log_group_arn(name));
        let tags = unless_absent(call.send().await, &ABSENT, cannot_read(id))?;
        Ok(tags.map(|answer| answer.tags.unwrap_or_default().into_iter().collect()))
    }

    async fn put_retention(&self, id: &ResourceId, spec: &LogGroup) -> Result<()> {
        let what = format!("cannot change how long the {id} keeps its lines");
        let logs = &self.clients.logs;
        match spec.retention_days {
            Some(days) => {
                let call = logs.put_retention_policy().log_group_name(&spec.name);
                let call = call.retention_in_days(days.cast_signed());
                call.send().await.map(drop).map_err(|error| failure(what, error))
            }
            None => {
                let call = logs.delete_retention_policy().log_group_name(&spec.name);
                call.send().await.map(drop).map_err(|error| failure(what, error))
            }
        }
    }

    /// As the tagging calls want it: without `:*` at its end.
    fn log_group_arn(&self, name: &str) -> String {
        self.scope.arn("logs", &format!("log-group:{name}"))
    }
}

fn cannot_read(id: &ResourceId) -> String {
    format!("cannot read the {id}")
}
