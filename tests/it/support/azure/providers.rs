//! Resource providers: nothing of one can be made before it is registered.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Call, State, reply};
use crate::support::server::Answer;

/// How often somebody has to look before a registration is through; no entry is not registered.
pub type Registrations = BTreeMap<String, u32>;

/// Those that every subscription has.
pub fn initial() -> Registrations {
    ["Microsoft.Resources", "Microsoft.Authorization"].map(|it| (it.to_owned(), 0)).into()
}

/// Those that can be registered.
const KNOWN: [&str; 7] = [
    "Microsoft.Authorization",
    "Microsoft.ContainerInstance",
    "Microsoft.ContainerRegistry",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.Resources",
    "Microsoft.Storage",
];

pub fn list(state: &mut State, _: &Call) -> Result<Answer, Answer> {
    let known = KNOWN.iter().map(|name| view(state, name)).collect();
    Ok(reply::list(known))
}

pub fn get(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let name = known(call)?;
    if let Some(left) = state.registrations.get_mut(name) {
        *left = left.saturating_sub(1);
    }
    Ok(reply::answer(200, &view(state, name)))
}

pub fn register(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let name = known(call)?;
    let looks = state.settings.looks + 1;
    state.registrations.entry(name.to_owned()).or_insert(looks);
    Ok(reply::answer(200, &view(state, name)))
}

/// Refuses what belongs to a provider that is not registered.
pub fn expect(state: &State, name: &str) -> Result<(), Answer> {
    if state.registrations.get(name) == Some(&0) {
        return Ok(());
    }
    let message = format!("The subscription is not registered to use namespace '{name}'.");
    Err(reply::refusal(409, "MissingSubscriptionRegistration", &message))
}

fn known(call: &Call) -> Result<&'static str, Answer> {
    let asked = call.value("resourceProviderNamespace");
    let known = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(asked));
    known.ok_or_else(|| {
        let message = format!("The resource namespace '{asked}' is invalid.");
        reply::refusal(404, "InvalidResourceNamespace", &message)
    })
}

fn view(state: &State, name: &str) -> Value {
    let registration = match state.registrations.get(name) {
        None => "NotRegistered",
        Some(0) => "Registered",
        Some(_) => "Registering",
    };
    json!({
        "id": format!("/subscriptions/{}/providers/{name}", state.subscription),
        "namespace": name,
        "registrationState": registration,
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": [],
    })
}
