//! What the services stand on: providers, resource group, registry, identity and its role, vault.

use super::Draft;
use crate::targets::azure::things::{
    Identity, Provider, Registry, ResourceGroup, RoleAssignment, Secret, Thing, Vault,
};

/// What a deploy uses of Azure.
const PROVIDERS: [&str; 4] = [
    "Microsoft.ContainerInstance",
    "Microsoft.ContainerRegistry",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
];
/// The role that may pull images and nothing else.
const PULL: &str = "AcrPull";
/// The smallest registry: one environment's images are few.
const SKU: &str = "Basic";

impl Draft<'_> {
    pub(super) fn things(&self) -> Vec<Thing> {
        let providers = PROVIDERS.map(|namespace| {
            let namespace = namespace.to_owned();
            Thing::Provider(Provider { namespace })
        });
        let own = [
            Thing::ResourceGroup(ResourceGroup {
                name: self.scope.resource_group(),
                location: self.scope.location.clone(),
            }),
            Thing::Registry(Registry {
                name: self.scope.registry(),
                sku: SKU.to_owned(),
                admin: false,
            }),
            Thing::Identity(Identity { name: self.scope.identity() }),
            Thing::RoleAssignment(self.may_pull()),
            Thing::Vault(Vault { name: self.scope.vault(), by_roles: true }),
        ];
        providers.into_iter().chain(own).chain(self.generated_secrets()).collect()
    }

    fn may_pull(&self) -> RoleAssignment {
        let (registry, identity) = (self.scope.registry(), self.scope.identity());
        RoleAssignment {
            name: self.scope.role_assignment(&registry, PULL, &identity),
            role: PULL.to_owned(),
            registry,
            identity,
        }
    }

    fn generated_secrets(&self) -> impl Iterator<Item = Thing> {
        let generated = self.app.secrets.iter().filter(|(_, spec)| spec.generate);
        let names = generated.map(|(name, _)| self.scope.secret(name));
        names.chain([self.scope.origin_secret()]).map(|name| Thing::Secret(Secret { name }))
    }
}
