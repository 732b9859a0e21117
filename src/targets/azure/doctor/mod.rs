//! What has to be there for a deploy to Azure: credentials, subscription, providers, permissions, room
//! in the location, vault, ledger. Everything is asked at once, and nothing is changed.

mod kept;
mod location;
mod permissions;

use futures_util::future::{join, join_all, join5};
use serde_json::Value;

use super::{Clients, instances::validate, names::Scope, paths::version};
use crate::{
    error::{Error, ErrorKind, Result},
    model::App,
    targets::{Check, local},
};

/// What a deploy uses of Azure.
const PROVIDERS: [&str; 5] = [
    "Microsoft.ContainerInstance",
    "Microsoft.ContainerRegistry",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.Storage",
];

/// All checks of an environment that runs in this location.
pub async fn checks(app: &App, location: &str) -> Vec<Check> {
    let (engine, cloud) = join(local::doctor::engine(), Box::pin(cloud(app, location))).await;
    [vec![engine], cloud].concat()
}

async fn cloud(app: &App, location: &str) -> Vec<Check> {
    match Clients::new().await {
        Ok(clients) => asked(app, location, &clients).await,
        Err(error) => vec![Check::error("credentials", &error)],
    }
}

/// The checks of whoever these clients are of.
pub async fn asked(app: &App, location: &str, clients: &Clients) -> Vec<Check> {
    let scope = Scope {
        subscription: clients.subscription.clone(),
        location: location.to_owned(),
        app: app.name.clone(),
        env: app.env.clone(),
    };
    let who = credentials(clients).await;
    // Without a token, everything else would say the same once more.
    if who.kind.is_some() {
        return vec![who];
    }
    let subscription = subscription(clients, &scope).await;
    if subscription.kind.is_some() {
        return vec![who, subscription];
    }
    let checks = join5(
        providers(clients, &scope),
        permissions::checks(clients, &scope),
        location::checks(clients, &scope, app),
        kept::vault(clients, &scope),
        kept::ledger(clients, &scope, app),
    );
    let (providers, permissions, location, vault, ledger) = Box::pin(checks).await;
    let mut checks = vec![who, subscription, providers];
    checks.extend(permissions);
    checks.extend(config(app));
    checks.extend(location);
    checks.extend([vault, ledger]);
    checks
}

async fn credentials(clients: &Clients) -> Check {
    const NAME: &str = "credentials";
    let who = clients.credentials.describe();
    match clients.credentials.identity(clients.cloud.management()).await {
        Ok(identity) => {
            let (object, tenant) = (identity.object, identity.tenant);
            Check::ok(NAME, format!("{who}: object {object} in tenant {tenant}"))
        }
        Err(error) => Check::error(NAME, &error),
    }
}

async fn subscription(clients: &Clients, scope: &Scope) -> Check {
    const NAME: &str = "subscription";
    let id = &scope.subscription;
    match clients.arm.get(&scope.subscription_path(), version::SUBSCRIPTIONS).await {
        Ok(Some(found)) => {
            let name = found["displayName"].as_str().unwrap_or(id);
            match found["state"].as_str() {
                None | Some("Enabled") => Check::ok(NAME, format!("{name} ({id})")),
                Some(state) => {
                    let what = format!("{name} ({id}) is {state}");
                    Check::failed(NAME, ErrorKind::Denied, what)
                        .hint("https://portal.azure.com: look at the subscription and its bills")
                }
            }
        }
        Ok(None) => {
            let what = format!("{id} is not there, or these credentials do not see it");
            Check::failed(NAME, ErrorKind::Denied, what).hint("check AZURE_SUBSCRIPTION_ID")
        }
        // The permissions say more about it.
        Err(error) if error.is_denied() => Check::skipped(NAME, Error::from(error).to_string()),
        Err(error) => Check::error(NAME, &error.into()),
    }
}

/// Providers that are not registered are no obstacle: a deploy registers them.
async fn providers(clients: &Clients, scope: &Scope) -> Check {
    const NAME: &str = "providers";
    let states = PROVIDERS.map(|namespace| state(clients, scope, namespace));
    let states: Result<Vec<_>> = join_all(states).await.into_iter().collect();
    match states {
        Ok(states) => {
            let missing: Vec<&str> = states.into_iter().flatten().collect();
            match missing.is_empty() {
                true => Check::ok(NAME, "all are registered"),
                false => Check::ok(NAME, format!("a deploy will register {}", missing.join(", "))),
            }
        }
        Err(error) => Check::error(NAME, &error),
    }
}

/// The provider, if it is not registered.
async fn state(
    clients: &Clients,
    scope: &Scope,
    namespace: &'static str,
) -> Result<Option<&'static str>> {
    let path = scope.provider_path(namespace);
    let found: Option<Value> = clients.arm.get(&path, version::RESOURCES).await?;
    let is_registered = found.is_some_and(|it| it["registrationState"] == "Registered");
    Ok((!is_registered).then_some(namespace))
}

/// What of `mizan.yaml` Azure cannot do.
fn config(app: &App) -> Vec<Check> {
    told("mizan.yaml", validate::app(app))
}

fn told(name: &'static str, findings: Vec<crate::config::Finding>) -> Vec<Check> {
    let told = findings.into_iter().map(|finding| {
        let what = format!("{}: {}", finding.path, finding.message);
        Check::failed(name, ErrorKind::Invalid, what).hint(finding.hint)
    });
    told.collect()
}
