//! What everything else of an environment is in, made on the way to it: the registration of a
//! resource provider, and the resource group.

use serde_json::{Value, json};

use super::{
    Clients,
    api::{Looks, Patience},
    names::Scope,
    paths::version,
};
use crate::{
    error::{Error, ErrorKind, Result},
    plan::ResourceId,
};

/// Tells where a longer piece of work is, in one line.
pub type Tell<'a> = &'a dyn Fn(&str);

/// The subscription is registered with a resource provider, e.g. `Microsoft.KeyVault`.
///
/// # Errors
/// Azure refused it, or it takes too long.
pub async fn ensure_provider(
    clients: &Clients,
    scope: &Scope,
    namespace: &str,
    tell: Tell<'_>,
) -> Result<()> {
    let path = scope.provider_path(namespace);
    let mut looks = Looks::new(Patience::USUAL);
    let mut asked = false;
    loop {
        let found = clients.arm.get(&path, version::RESOURCES).await?.unwrap_or_default();
        let state = found["registrationState"].as_str().unwrap_or("NotRegistered");
        match (state, asked) {
            ("Registered", _) => return Ok(()),
            ("Registering", _) | (_, true) => {}
            _ => {
                tell(&format!("registering the subscription with {namespace}"));
                let register = format!("{path}/register");
                clients.arm.post(&register, version::RESOURCES, None, Patience::USUAL).await?;
                asked = true;
                continue;
            }
        }
        if !looks.next(None).await {
            let message = format!("the subscription is not registered with {namespace} yet");
            return Err(Error::new(ErrorKind::Unavailable, message)
                .cause(format!("Azure says {state}"))
                .hint("run the command again: it goes on from what is there then"));
        }
    }
}

/// The environment's resource group is there, and ours. One that is just going away is waited for.
///
/// # Errors
/// It is not ours, Azure refused it, or it takes too long.
pub async fn ensure_group(clients: &Clients, scope: &Scope, tell: Tell<'_>) -> Result<()> {
    let name = scope.resource_group();
    let path = scope.group_path(&name);
    let mut looks = Looks::new(Patience::USUAL);
    while let Some(found) = clients.arm.get(&path, version::RESOURCES).await? {
        scope.require_own(&ResourceId::new("resource-group", &name), &found)?;
        if !is_going(&found) {
            return Ok(());
        }
        tell(&format!("waiting until the resource group {name} of before is gone"));
        if !looks.next(None).await {
            let message = format!("the resource group {name} is still being deleted");
            return Err(Error::new(ErrorKind::Unavailable, message)
                .hint("run the command again when it is gone"));
        }
    }
    let body = json!({"location": scope.location, "tags": scope.tags()});
    clients.arm.put(&path, version::RESOURCES, &body, Patience::USUAL).await?;
    Ok(())
}

fn is_going(resource: &Value) -> bool {
    resource["properties"]["provisioningState"] == "Deleting"
}
