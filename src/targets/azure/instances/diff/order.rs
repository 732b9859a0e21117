//! What must be there before what; what needs another is gone before it.

use super::super::desired::Desired;
use crate::{
    plan::ResourceId,
    targets::azure::{names::Scope, things::Thing},
};

/// What must be there before this thing.
pub(super) fn needs(thing: &Thing, scope: &Scope) -> Vec<ResourceId> {
    let group = ResourceId::new("resource-group", scope.resource_group());
    let provider = |namespace: &str| ResourceId::new("provider", namespace);
    match thing {
        Thing::Provider(_) | Thing::ResourceGroup(_) => vec![],
        Thing::Registry(_) => vec![provider("Microsoft.ContainerRegistry"), group],
        Thing::Identity(_) => vec![provider("Microsoft.ManagedIdentity"), group],
        Thing::Vault(_) => vec![provider("Microsoft.KeyVault"), group],
        Thing::RoleAssignment(it) => vec![
            ResourceId::new("registry", &it.registry),
            ResourceId::new("identity", &it.identity),
        ],
        Thing::Secret(_) => vec![ResourceId::new("vault", scope.vault())],
    }
}

/// What every container needs: image, identity, vault, and what they stand on.
pub(super) fn for_containers(desired: &Desired) -> Vec<ResourceId> {
    let things = desired.things.iter().map(Thing::id);
    let own = [super::image_resource(desired), super::artifacts_resource(desired)];
    let sidecar = desired.sidecar().map(super::sidecar_resource);
    things.chain(own).chain(sidecar).collect()
}
