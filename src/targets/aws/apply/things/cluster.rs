//! The ECS cluster.

use aws_sdk_ecs::types::{Cluster as Found, ClusterField, Tag};

use super::{super::AwsExecutor, told};
use crate::{
    engine::{StepContext, StepOutput, Verdict},
    error::{Error, Result},
    plan::ResourceId,
    targets::aws::{
        apply::{
            ownership::{TagMap, tag_map},
            wait::{DETACHING, PROPAGATION, delete_attempt, is_role_missing, words},
        },
        failure::failure,
        spec::Cluster,
    },
};

const ABSENT: [&str; 1] = ["ClusterNotFoundException"];
/// What was stopped in it is not quite gone.
const IN_USE: [&str; 4] = [
    "ClusterContainsContainerInstancesException",
    "ClusterContainsServicesException",
    "ClusterContainsTasksException",
    "UpdateInProgressException",
];

impl AwsExecutor {
    /// `CreateCluster` answers with whatever has the name, so it is looked for first.
    pub(super) async fn put_cluster(
        &self,
        id: &ResourceId,
        spec: &Cluster,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let cluster = match self.find_cluster(id, &spec.name).await? {
            Some(found) => {
                self.must_own(id, &cluster_tags(&found))?;
                found
            }
            None => self.create_cluster(id, spec, context).await?,
        };
        Ok(told(cluster.cluster_arn.unwrap_or_default()))
    }

    pub(super) async fn delete_cluster(
        &self,
        id: &ResourceId,
        spec: &Cluster,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let Some(found) = self.find_cluster(id, &spec.name).await? else { return Ok(()) };
        if !self.may_delete(id, &cluster_tags(&found), context) {
            return Ok(());
        }
        let attempt = async || {
            let call = self.clients.ecs.delete_cluster().cluster(&spec.name);
            delete_attempt(call.send().await, &ABSENT, &IN_USE, format!("cannot delete the {id}"))
        };
        self.persist(format!("the {id} to be empty"), DETACHING, context, attempt).await
    }

    /// A deleted one stays visible for a while, as inactive.
    async fn find_cluster(&self, id: &ResourceId, name: &str) -> Result<Option<Found>> {
        let call = self.clients.ecs.describe_clusters().clusters(name).include(ClusterField::Tags);
        let what = format!("cannot read the {id}");
        let answer = call.send().await.map_err(|error| failure(what, error))?;
        let mut clusters = answer.clusters.unwrap_or_default().into_iter();
        Ok(clusters.find(|cluster| cluster.status() != Some("INACTIVE")))
    }

    /// The first cluster of an account makes the service-linked role of ECS, which is not known
    /// everywhere at once.
    async fn create_cluster(
        &self,
        id: &ResourceId,
        spec: &Cluster,
        context: &StepContext<'_>,
    ) -> Result<Found> {
        let tags = self.scope.tags().into_iter();
        let tags: Vec<_> =
            tags.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let attempt = async || {
            let call = self.clients.ecs.create_cluster().cluster_name(&spec.name);
            match call.set_tags(Some(tags.clone())).send().await {
                Ok(made) => Ok(Verdict::Met(made)),
                Err(error) if is_role_missing(&words(&error)) => {
                    Ok(Verdict::Waiting(words(&error)))
                }
                Err(error) => Err(failure(format!("cannot create the {id}"), error)),
            }
        };
        let what = "the service-linked role of ECS".to_owned();
        let made = self.persist(what, PROPAGATION, context, attempt).await?;
        made.cluster.ok_or_else(|| Error::failed(format!("AWS did not tell about the new {id}")))
    }
}

fn cluster_tags(cluster: &Found) -> TagMap {
    tag_map(cluster.tags().iter().map(|tag| (tag.key(), tag.value())))
}
