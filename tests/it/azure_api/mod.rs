//! What is said to Azure: signing in, Resource Manager, the registry and the key vault. Some of it is
//! said to the stand-in, and what that has not to little servers that say one thing each.

mod credentials;
mod doctor;
mod little;
mod operations;
mod push;
mod registry;
mod vault;

use std::collections::BTreeMap;

use mizan::{
    model::{AppName, EnvName},
    targets::azure::{Clients, names::Scope},
};

use crate::support::azure::{Azure, Settings, engine::Paper};

/// Variables of an environment.
type Variables = BTreeMap<&'static str, String>;

/// Clients with the credentials that these variables name; nobody's else are seen.
async fn clients(variables: &Variables) -> Clients {
    Clients::named(&|name| variables.get(name).cloned()).await.unwrap()
}

/// A service principal with a secret that signs in here.
fn principal(endpoint: &str) -> Variables {
    Variables::from([
        ("AZURE_TENANT_ID", "tenant".to_owned()),
        ("AZURE_CLIENT_ID", "client".to_owned()),
        ("AZURE_CLIENT_SECRET", "canary-client-secret".to_owned()),
        ("AZURE_SUBSCRIPTION_ID", "subscription".to_owned()),
        ("AZURE_AUTHORITY_HOST", endpoint.to_owned()),
        ("AZURE_RESOURCE_MANAGER_ENDPOINT", endpoint.to_owned()),
    ])
}

/// The service principal of a stand-in.
fn variables(azure: &Azure) -> Variables {
    azure.environment().into_iter().collect()
}

/// A stand-in whose containers run on paper.
fn start(settings: Settings) -> Azure {
    Azure::start(settings, Paper::default())
}

/// An environment in the subscription of these clients.
fn scope(clients: &Clients) -> Scope {
    Scope {
        subscription: clients.subscription.clone(),
        location: "westeurope".to_owned(),
        app: AppName::new("board").unwrap(),
        env: EnvName::new("production").unwrap(),
    }
}
