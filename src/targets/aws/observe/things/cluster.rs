//! The ECS cluster.

use aws_sdk_ecs::types::ClusterField;

use super::{
    super::{
        super::{
            clients::Clients,
            names::Scope,
            spec::{Cluster, Thing},
        },
        answer::{Read, answer, tags},
    },
    thing,
};
use crate::{
    error::{ErrorKind, Result},
    targets::aws::{SeenThing, failure::failure},
};

/// A cluster that is in use; a deleted one can be described for a while.
pub async fn cluster(clients: &Clients, scope: &Scope, name: &str) -> Read<Option<SeenThing>> {
    let request = clients.ecs.describe_clusters().clusters(name).include(ClusterField::Tags);
    let found = answer(&format!("cannot read the cluster {name}"), request.send().await)?;
    let mut found = found.clusters.unwrap_or_default().into_iter();
    Ok(found.find(|cluster| cluster.status.as_deref() == Some("ACTIVE")).map(|cluster| {
        let tagged = cluster.tags.unwrap_or_default().into_iter();
        let tagged = tags(tagged.map(|tag| (tag.key, tag.value)));
        let spec = Cluster { name: name.to_owned() };
        thing(scope, Thing::Cluster(spec), cluster.cluster_arn, &tagged)
    }))
}

/// Whether a cluster is there and in use. Whoever may not look is told that it is.
///
/// # Errors
/// AWS cannot be reached.
pub async fn has_cluster(clients: &Clients, name: &str) -> Result<bool> {
    let found = clients.ecs.describe_clusters().clusters(name).send().await;
    match found.map_err(|error| failure(format!("cannot read the cluster {name}"), error)) {
        Err(error) if error.kind == ErrorKind::Denied => Ok(true),
        found => {
            let mut found = found?.clusters.unwrap_or_default().into_iter();
            Ok(found.any(|cluster| cluster.status.as_deref() == Some("ACTIVE")))
        }
    }
}
