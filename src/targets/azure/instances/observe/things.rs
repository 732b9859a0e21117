//! What outlives releases, as it is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    super::{
        desired::Desired,
        group::{tags_of, text_of},
        seen::SeenThing,
    },
    Read,
};
use crate::{
    error::{Error, Result},
    plan::{ResourceId, Seen},
    targets::azure::{
        Clients,
        api::ApiError,
        names::{Scope, Tags},
        paths::{ROLES, version},
        things::{
            Identity, Provider, Registry, ResourceGroup, RoleAssignment, Secret, Thing, Vault,
        },
    },
};

type Things = BTreeMap<ResourceId, Seen<SeenThing>>;

/// All things, the host of the registry, and what the resource group says of a migration.
pub(super) async fn things(
    read: &Read<'_>,
    desired: Option<&Desired>,
) -> Result<(Things, Option<String>, Option<String>)> {
    let Read { clients, scope, secrets, .. } = read;
    let look = Look { clients, scope };
    let wanted: Vec<Thing> = desired.map(|it| it.things.clone()).unwrap_or_default();
    let (providers, group, registry, identity, vault) = tokio::try_join!(
        look.providers(&wanted),
        look.raw(scope.group_path(&scope.resource_group()), version::RESOURCES),
        look.raw(scope.registry_path(&scope.registry()), version::REGISTRIES),
        look.raw(scope.identity_path(&scope.identity()), version::IDENTITIES),
        look.raw(scope.vault_path(&scope.vault()), version::VAULTS),
    )?;
    let role = look.role(&identity).await?;
    let login_server = registry.present().and_then(|it| it["properties"]["loginServer"].as_str());
    let login_server = login_server.map(str::to_owned);
    let migrated = group.present().and_then(|it| tags_of(it).remove(Tags::MIGRATED));
    let mut things = providers;
    let mut add = |id: ResourceId, seen: Seen<SeenThing>| things.insert(id, seen);
    let name = scope.resource_group();
    add(
        ResourceId::new("resource-group", &name),
        look.seen(group, |found| {
            let location = text_of(&found["location"]).to_owned();
            Thing::ResourceGroup(ResourceGroup { name: name.clone(), location })
        }),
    );
    let name = scope.registry();
    add(
        ResourceId::new("registry", &name),
        look.seen(registry, |found| {
            Thing::Registry(Registry {
                name: name.clone(),
                sku: text_of(&found["sku"]["name"]).to_owned(),
                admin: found["properties"]["adminUserEnabled"] == true,
            })
        }),
    );
    let name = scope.identity();
    add(
        ResourceId::new("identity", &name),
        look.seen(identity, |_| Thing::Identity(Identity { name: name.clone() })),
    );
    let (id, role) = role;
    add(id, role);
    let name = scope.vault();
    add(
        ResourceId::new("vault", &name),
        look.seen(vault, |found| {
            let by_roles = found["properties"]["enableRbacAuthorization"] == true;
            Thing::Vault(Vault { name: name.clone(), by_roles })
        }),
    );
    for (name, ours) in secrets.seen() {
        let id = ResourceId::new("secret", name);
        let thing = Thing::Secret(Secret { name: name.to_owned() });
        add(id.clone(), Seen::Present(SeenThing { thing, id: id.to_string(), ours }));
    }
    Ok((things, login_server, migrated))
}

/// What is in the resource group and not ours, by resource id.
///
/// # Errors
/// Azure cannot be reached or refuses.
pub async fn strangers(clients: &Clients, scope: &Scope) -> Result<BTreeSet<String>> {
    let path = format!("{}/resources", scope.group_path(&scope.resource_group()));
    let found = match clients.arm.list(&path, version::RESOURCES).await {
        Ok(found) => found,
        // What cannot be listed is never deleted as a whole.
        Err(error) if error.is_denied() => {
            return Ok(BTreeSet::from(["what these credentials cannot list".to_owned()]));
        }
        Err(error) => return Err(error.into()),
    };
    let strangers = found.iter().filter(|resource| !scope.owns(&tags_of(resource)));
    Ok(strangers.map(|resource| text_of(&resource["id"]).to_owned()).collect())
}

struct Look<'a> {
    clients: &'a Clients,
    scope: &'a Scope,
}

impl Look<'_> {
    async fn raw(&self, path: String, version: &str) -> Result<Seen<Value>> {
        match self.clients.arm.get(&path, version).await {
            Ok(Some(found)) => Ok(Seen::Present(found)),
            Ok(None) => Ok(Seen::Absent),
            Err(error) if error.is_denied() => Ok(unknown(error)),
            Err(error) => Err(error.into()),
        }
    }

    fn seen(&self, raw: Seen<Value>, thing: impl Fn(&Value) -> Thing) -> Seen<SeenThing> {
        match raw {
            Seen::Absent => Seen::Absent,
            Seen::Unknown(why) => Seen::Unknown(why),
            Seen::Present(found) => Seen::Present(SeenThing {
                thing: thing(&found),
                id: text_of(&found["id"]).to_owned(),
                ours: self.scope.owns(&tags_of(&found)),
            }),
        }
    }

    async fn providers(&self, wanted: &[Thing]) -> Result<Things> {
        let looks = wanted.iter().filter_map(|thing| match thing {
            Thing::Provider(provider) => Some(provider),
            _ => None,
        });
        let looks = looks.map(async |provider: &Provider| {
            let path = self.scope.provider_path(&provider.namespace);
            let seen = match self.raw(path.clone(), version::RESOURCES).await? {
                Seen::Present(found) if found["registrationState"] == "Registered" => {
                    Seen::Present(SeenThing {
                        thing: Thing::Provider(provider.clone()),
                        id: path,
                        ours: true,
                    })
                }
                Seen::Present(_) | Seen::Absent => Seen::Absent,
                Seen::Unknown(why) => Seen::Unknown(why),
            };
            Ok::<_, Error>((Thing::Provider(provider.clone()).id(), seen))
        });
        Ok(futures_util::future::try_join_all(looks).await?.into_iter().collect())
    }

    /// The role of the identity on the registry. It has no tags: its name proves that it is ours.
    async fn role(&self, identity: &Seen<Value>) -> Result<(ResourceId, Seen<SeenThing>)> {
        let scope = self.scope;
        let (registry, own, (role, definition)) = (scope.registry(), scope.identity(), ROLES[0]);
        let name = scope.role_assignment(&registry, role, &own);
        let thing = |identity: String| {
            let (name, registry) = (name.clone(), registry.clone());
            Thing::RoleAssignment(RoleAssignment { name, role: role.into(), registry, identity })
        };
        let id = thing(own.clone()).id();
        let path = scope.role_assignment_path(&scope.registry_path(&registry), &name);
        let seen = match self.raw(path.clone(), version::ROLES).await? {
            Seen::Absent => Seen::Absent,
            Seen::Unknown(why) => Seen::Unknown(why),
            Seen::Present(found) => {
                let properties = &found["properties"];
                let principal = text_of(&properties["principalId"]);
                let is = identity.present().map(|it| text_of(&it["properties"]["principalId"]));
                let is_ours = is == Some(principal)
                    && text_of(&properties["roleDefinitionId"]).ends_with(definition);
                let holder = if is_ours { own } else { principal.to_owned() };
                Seen::Present(SeenThing { thing: thing(holder), id: path, ours: true })
            }
        };
        Ok((id, seen))
    }
}

fn unknown<T>(error: ApiError) -> Seen<T> {
    Seen::Unknown(Error::from(error).to_string())
}
