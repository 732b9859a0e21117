//! Which request goes where, and what comes before and after all of them: the token, faults, and
//! the checks against the specs.

use bytes::Bytes;
use hyper::{Request, header};
use serde_json::json;

use super::{
    ARM, Call, Fault, Outcome, State, canaries, container_groups, entra, identities, locations,
    operations, providers, registries, registry::exchange, reply, resource_groups, roles, secrets,
    storage, subscription, vaults,
};
use crate::support::server::Answer;

/// What serves an operation.
pub type Handler = fn(&mut State, &Call) -> Result<Answer, Answer>;

/// Serves one request.
pub fn serve(state: &mut State, request: &Request<Bytes>) -> Answer {
    let target = request.uri().path_and_query().map_or("", |it| it.as_str());
    state.log.push(format!("{} {target}", request.method()));
    if let Some(answer) = entra::serve(state, request) {
        return answer;
    }
    if let Some(answer) = registry_on_paper(state, request) {
        return answer;
    }
    if let Some(answer) = secrets::serve(state, request) {
        return answer;
    }
    arm(state, request).unwrap_or_else(|refusal| refusal)
}

/// A registry that hands out tokens and asks for them, and keeps no images.
fn registry_on_paper(state: &State, request: &Request<Bytes>) -> Option<Answer> {
    let (mut tokens, name) = (state.tokens.lock(), state.login_server());
    if request.uri().path() == "/v2/" {
        let admitted = exchange::admit(&tokens, &name, &request.clone().into_parts().0);
        return Some(admitted.map_or_else(|refusal| refusal, |()| reply::answer(200, &json!({}))));
    }
    exchange::serve(&mut tokens, &name, request)
}

fn arm(state: &mut State, request: &Request<Bytes>) -> Result<Answer, Answer> {
    authenticate(state, request)?;
    if let Some(answer) = operations::serve(state, request.uri().path()) {
        return Ok(answer);
    }
    let call = Call::new(request).inspect_err(|refusal| state.blame(&refusal.body))?;
    let subscription = call.value("subscriptionId");
    if !subscription.is_empty() && subscription != state.subscription {
        let message = format!("The subscription '{subscription}' could not be found.");
        return Err(reply::refusal(404, "SubscriptionNotFound", &message));
    }
    let told = call.problems();
    if !told.is_empty() {
        told.iter().for_each(|problem| state.blame(problem));
        return Err(reply::refusal(400, "InvalidRequestContent", &told.join("; ")));
    }
    let answer = answer(state, &call);
    if canaries::is_plain(&call) {
        state.answers.push(answer.body.clone());
    }
    Ok(answer)
}

/// The answer to a call that is as its spec says; it is checked, too.
pub fn answer(state: &mut State, call: &Call) -> Answer {
    let answer = struck(state, call);
    check(state, call, &answer);
    answer
}

/// The answer, unless a fault strikes.
fn struck(state: &mut State, call: &Call) -> Answer {
    let answer = match state.next_fault(call.operation.id) {
        None => served(state, call),
        Some(Fault::Instead(answer)) => answer,
        Some(Fault::AnswerLost) => {
            served(state, call);
            reply::refusal(500, "InternalServerError", "The server encountered an error.")
        }
        Some(Fault::Fails { code, message }) => {
            state.next_outcome = Some(Outcome::Fails(code.to_owned(), message.to_owned()));
            served(state, call)
        }
        Some(Fault::NeverEnds) => {
            state.next_outcome = Some(Outcome::NeverEnds);
            served(state, call)
        }
    };
    if state.next_outcome.take().is_some() {
        state.blame(&format!("{} began no operation that could fail", call.operation.id));
    }
    answer
}

fn served(state: &mut State, call: &Call) -> Answer {
    handler(call.operation.id)(state, call).unwrap_or_else(|refusal| refusal)
}

fn check(state: &mut State, call: &Call, answer: &Answer) {
    let body = (!answer.body.is_empty())
        .then(|| serde_json::from_str(&answer.body).expect("the stand-in answers with JSON"));
    for problem in call.operation.answer_problems(answer.status, body.as_ref()) {
        state.blame(&problem);
    }
}

fn authenticate(state: &State, request: &Request<Bytes>) -> Result<(), Answer> {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let Some(token) = given.and_then(|given| given.strip_prefix("Bearer ")) else {
        let message = "Authentication failed. The 'Authorization' header is missing.";
        return Err(reply::refusal(401, "AuthenticationFailed", message));
    };
    match state.tokens.lock().audience(token) {
        Some(ARM) => Ok(()),
        Some(audience) => {
            let message = format!("The access token is for the wrong audience '{audience}'.");
            Err(reply::refusal(401, "InvalidAuthenticationTokenAudience", &message))
        }
        None => {
            Err(reply::refusal(401, "InvalidAuthenticationToken", "The access token is invalid."))
        }
    }
}

/// What serves the operation of this id.
pub fn handler(operation: &str) -> Handler {
    if let Some(handler) = secrets::handler(operation) {
        return handler;
    }
    match operation {
        "Permissions_ListForResourceGroup" | "Permissions_ListForSubscription" => {
            subscription::permissions
        }
        "Providers_Get" => providers::get,
        "Providers_List" => providers::list,
        "Providers_Register" => providers::register,
        "ResourceGroups_CheckExistence" => resource_groups::check,
        "ResourceGroups_CreateOrUpdate" => resource_groups::put,
        "ResourceGroups_Delete" => resource_groups::delete,
        "ResourceGroups_Get" => resource_groups::get,
        "ResourceGroups_List" => resource_groups::list,
        "Resources_ListByResourceGroup" => resource_groups::resources,
        "Registries_CheckNameAvailability" => registries::check_name,
        "Registries_Create" => registries::put,
        "Registries_Delete" => registries::delete,
        "Registries_Get" => registries::get,
        "Registries_ListByResourceGroup" => registries::list,
        "UserAssignedIdentities_CreateOrUpdate" => identities::put,
        "UserAssignedIdentities_Delete" => identities::delete,
        "UserAssignedIdentities_Get" => identities::get,
        "UserAssignedIdentities_ListByResourceGroup" => identities::list,
        "RoleAssignments_Create" => roles::put,
        "RoleAssignments_Delete" => roles::delete,
        "RoleAssignments_Get" => roles::get,
        "RoleAssignments_ListForScope" => roles::list,
        "ContainerGroups_CreateOrUpdate" => container_groups::put,
        "ContainerGroups_Delete" => container_groups::delete,
        "ContainerGroups_Get" => container_groups::get,
        "ContainerGroups_List" => container_groups::list_all,
        "ContainerGroups_ListByResourceGroup" => container_groups::list,
        "ContainerGroups_Restart" => container_groups::restart,
        "ContainerGroups_Start" => container_groups::start,
        "ContainerGroups_Stop" => container_groups::stop,
        "Containers_ListLogs" => container_groups::logs,
        "Location_ListCapabilities" => locations::capabilities,
        "Location_ListUsage" => locations::usages,
        "StorageAccounts_CheckNameAvailability" => storage::check_name,
        "StorageAccounts_Create" => storage::put,
        "StorageAccounts_Delete" => storage::delete,
        "StorageAccounts_GetProperties" => storage::get,
        "StorageAccounts_ListByResourceGroup" => storage::list,
        "StorageAccounts_ListKeys" => storage::keys,
        "Subscriptions_Get" => subscription::get,
        "Vaults_CheckNameAvailability" => vaults::check_name,
        "Vaults_CreateOrUpdate" => vaults::put,
        "Vaults_Delete" => vaults::delete,
        "Vaults_Get" => vaults::get,
        "Vaults_GetDeleted" => vaults::get_deleted,
        "Vaults_ListByResourceGroup" => vaults::list,
        "Vaults_ListDeleted" => vaults::list_deleted,
        "Vaults_PurgeDeleted" => vaults::purge,
        other => unreachable!("{other} is not among the operations that are served"),
    }
}
