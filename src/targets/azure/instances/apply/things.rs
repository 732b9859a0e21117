//! What outlives releases: made, changed and removed. What has our name and not our tags is neither
//! changed nor deleted.

use serde_json::{Value, json};

use super::{
    super::{
        group::{tags_of, text_of},
        observe::strangers,
    },
    InstancesExecutor, left_alone,
};
use crate::{
    engine::{StepContext, StepOutput, Verdict, Wait},
    error::{Error, ErrorKind, Result},
    targets::azure::{
        api::{ApiError, Patience},
        foreign::foreign,
        overrides,
        paths::version,
        secrets::{Ensured, Removal, ensure_vault, remove_vault},
        surroundings::ensure_provider,
        things::{Identity, Registry, ResourceGroup, RoleAssignment, Secret, Thing},
    },
};

/// The output of a vault that says whether it had been there before, deleted.
pub(super) const NEW: &str = "new";
/// How long an identity that was made just now may be unknown to those who give roles.
const KNOWN: std::time::Duration = std::time::Duration::from_secs(120);

impl InstancesExecutor {
    /// The thing is like this. Its output is `id`, and of a secret `version`.
    pub(super) async fn put(&self, thing: &Thing, context: &StepContext<'_>) -> Result<StepOutput> {
        let id = match thing {
            Thing::Provider(it) => {
                let tell = |text: &str| context.progress(text);
                ensure_provider(&self.clients, &self.scope, &it.namespace, &tell).await?;
                self.scope.provider_path(&it.namespace)
            }
            Thing::ResourceGroup(it) => self.put_resource_group(it).await?,
            Thing::Registry(it) => self.put_registry(it).await?,
            Thing::Identity(it) => self.put_identity(it).await?,
            Thing::RoleAssignment(it) => self.put_role(it, context).await?,
            Thing::Vault(_) => {
                let tell = |text: &str| context.progress(text);
                let Ensured { id, is_new } =
                    ensure_vault(&self.clients, &self.scope, &tell).await?;
                return Ok(StepOutput::from([
                    ("id".to_owned(), id),
                    (NEW.to_owned(), is_new.to_string()),
                ]));
            }
            Thing::Secret(it) => return self.put_secret(it).await,
        };
        Ok(StepOutput::from([("id".to_owned(), id)]))
    }

    async fn put_secret(&self, secret: &Secret) -> Result<StepOutput> {
        let version = self.secrets.write().await.ensure(&secret.name).await?;
        Ok(StepOutput::from([("version".to_owned(), version)]))
    }

    async fn put_resource_group(&self, group: &ResourceGroup) -> Result<String> {
        let path = self.scope.group_path(&group.name);
        let body = json!({"location": group.location});
        self.put_tagged(&Thing::ResourceGroup(group.clone()), &path, version::RESOURCES, body).await
    }

    async fn put_registry(&self, registry: &Registry) -> Result<String> {
        let path = self.scope.registry_path(&registry.name);
        let body = json!({
            "location": self.scope.location,
            "sku": {"name": registry.sku},
            "properties": {"adminUserEnabled": registry.admin},
        });
        let thing = Thing::Registry(registry.clone());
        self.put_tagged(&thing, &path, version::REGISTRIES, body).await
    }

    async fn put_identity(&self, identity: &Identity) -> Result<String> {
        let path = self.scope.identity_path(&identity.name);
        let body = json!({"location": self.scope.location});
        let thing = Thing::Identity(identity.clone());
        self.put_tagged(&thing, &path, version::IDENTITIES, body).await
    }

    /// Puts what has tags: ours are added to those that somebody else has set.
    async fn put_tagged(
        &self,
        thing: &Thing,
        path: &str,
        version: &str,
        mut body: Value,
    ) -> Result<String> {
        let arm = &self.clients.arm;
        let found = arm.get(path, version).await?;
        let mut tags = found.as_ref().map(tags_of).unwrap_or_default();
        if found.is_some() && !self.scope.owns(&tags) {
            return Err(foreign(&thing.id()));
        }
        tags.extend(self.scope.tags());
        body["tags"] = json!(tags);
        let made = arm.put(path, version, &body, Patience::USUAL).await;
        let made = made.map_err(|error| taken(thing, error))?;
        Ok(text_of(&made["id"]).to_owned())
    }

    /// The identity has the role; one that was made a moment ago is not known everywhere yet.
    async fn put_role(&self, role: &RoleAssignment, context: &StepContext<'_>) -> Result<String> {
        let on = self.scope.registry_path(&role.registry);
        let path = self.scope.role_assignment_path(&on, &role.name);
        let principal = self.principal(&role.identity).await?;
        let body = json!({"properties": {
            "roleDefinitionId": self.scope.role_id(&role.role),
            "principalId": principal,
            "principalType": "ServicePrincipal",
        }});
        let arm = &self.clients.arm;
        let wait = Wait {
            what: format!("Azure to know the identity {}", role.identity),
            timeout: overrides::patience(KNOWN),
            interval: std::time::Duration::from_secs(2),
        };
        let put = async || match arm.put(&path, version::ROLES, &body, Patience::USUAL).await {
            Ok(_) => Ok(Verdict::Met(())),
            // The same, by another name: whoever gave it may take it away.
            Err(error) if error.is("RoleAssignmentExists") => Ok(Verdict::Met(())),
            Err(error) if error.is("PrincipalNotFound") => {
                Ok(Verdict::Waiting("it is not known yet".to_owned()))
            }
            // It was given to an identity that is gone.
            Err(error) if error.is("RoleAssignmentUpdateNotPermitted") => {
                arm.delete(&path, version::ROLES, Patience::USUAL).await?;
                Ok(Verdict::Waiting("the role of an earlier one is removed".to_owned()))
            }
            Err(error) => Err(may_not_assign(role, error)),
        };
        wait.until(self.clock.as_ref(), context, put, std::convert::identity).await?;
        Ok(path)
    }

    /// The object id of an identity of ours.
    async fn principal(&self, identity: &str) -> Result<String> {
        let path = self.scope.identity_path(identity);
        let found = self.clients.arm.get(&path, version::IDENTITIES).await?;
        let found =
            found.ok_or_else(|| Error::failed(format!("there is no identity {identity}")))?;
        Ok(text_of(&found["properties"]["principalId"]).to_owned())
    }

    /// The thing is gone. A vault or a secret may be brought back if it was there before.
    pub(super) async fn delete(
        &self,
        thing: &Thing,
        how: Removal,
        context: &StepContext<'_>,
    ) -> Result<()> {
        match thing {
            // The whole subscription may use it.
            Thing::Provider(_) => Ok(()),
            Thing::ResourceGroup(it) => self.delete_resource_group(it, context).await,
            Thing::Registry(it) => {
                let path = self.scope.registry_path(&it.name);
                self.delete_tagged(thing, &path, version::REGISTRIES, context).await
            }
            Thing::Identity(it) => {
                let path = self.scope.identity_path(&it.name);
                self.delete_tagged(thing, &path, version::IDENTITIES, context).await
            }
            // Its name proves that it is ours.
            Thing::RoleAssignment(it) => {
                let on = self.scope.registry_path(&it.registry);
                let path = self.scope.role_assignment_path(&on, &it.name);
                Ok(self.clients.arm.delete(&path, version::ROLES, Patience::USUAL).await?)
            }
            Thing::Vault(_) => {
                let told = remove_vault(&self.clients, &self.scope, how).await?;
                told.into_iter().for_each(|text| context.warn(text));
                Ok(())
            }
            Thing::Secret(it) => self.secrets.write().await.remove(&it.name, how).await.map(drop),
        }
    }

    async fn delete_tagged(
        &self,
        thing: &Thing,
        path: &str,
        version: &str,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let arm = &self.clients.arm;
        let Some(found) = arm.get(path, version).await? else { return Ok(()) };
        if !self.scope.owns(&tags_of(&found)) {
            context.progress(left_alone(&thing.id()));
            return Ok(());
        }
        Ok(arm.delete(path, version, Patience::USUAL).await?)
    }

    /// A resource group takes everything in it along, so it goes only when nothing of anybody else
    /// is there.
    async fn delete_resource_group(
        &self,
        group: &ResourceGroup,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let strangers = strangers(&self.clients, &self.scope).await?;
        if !strangers.is_empty() {
            let strangers: Vec<String> = strangers.into_iter().collect();
            context.warn(format!(
                "the resource group {} is kept: {} is not ours",
                group.name,
                strangers.join(", ")
            ));
            return Ok(());
        }
        let path = self.scope.group_path(&group.name);
        let thing = Thing::ResourceGroup(group.clone());
        self.delete_tagged(&thing, &path, version::RESOURCES, context).await
    }
}

/// Names of registries are the whole world's.
fn taken(thing: &Thing, error: ApiError) -> Error {
    let is_taken = error.is("AlreadyInUse") || error.is("NameAlreadyExists");
    let error = Error::from(error);
    match is_taken {
        true => error.hint(format!(
            "somebody else in the world has the name of the {}: choose another name for the app or \
             the environment",
            thing.id()
        )),
        false => error,
    }
}

fn may_not_assign(role: &RoleAssignment, error: ApiError) -> Error {
    let is_denied = error.is_denied();
    let error = Error::from(error);
    match is_denied && error.kind == ErrorKind::Denied {
        true => error.hint(format!(
            "whoever deploys needs Microsoft.Authorization/roleAssignments/write to give {} to {} \
             (docs/azure.md)",
            role.role, role.identity
        )),
        false => error,
    }
}
