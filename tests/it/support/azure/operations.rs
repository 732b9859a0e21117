//! Long-running operations. They go on when somebody looks, so that no test waits for a clock.

use std::collections::BTreeMap;

use serde_json::json;

use super::{State, faults::Fault, removal, reply, storage};
use crate::support::server::Answer;

/// How a fault names a look at an operation: no spec has an operation for that.
pub const LOOK: &str = "look at an operation";

/// How an operation ends.
#[derive(Debug, Clone)]
pub enum Outcome {
    Succeeds,
    /// With this code and message.
    Fails(String, String),
    NeverEnds,
}

/// What happens when an operation ends well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The resource is as it was asked for.
    Made,
    /// It is gone.
    Gone,
}

/// An operation that has begun.
#[derive(Debug)]
pub struct LongRunning {
    resource: String,
    effect: Effect,
    outcome: Outcome,
    /// How often somebody has to look before it ends.
    left: u32,
    /// A later look finds the end again.
    ended: bool,
}

/// All operations, by id.
pub type Operations = BTreeMap<String, LongRunning>;

/// Begins an operation on a resource, which is in `phase` until it ends, and tells the operation's
/// id.
pub fn begin(state: &mut State, resource: &str, effect: Effect, phase: &'static str) -> String {
    let id = state.new_uuid();
    let outcome = state.next_outcome.take().unwrap_or(Outcome::Succeeds);
    let left = state.settings.looks;
    let operation =
        LongRunning { resource: resource.to_owned(), effect, outcome, left, ended: false };
    state.operations.insert(id.clone(), operation);
    if let Some(resource) = state.store.get_mut(resource) {
        resource.operation = Some(id.clone());
        resource.provisioning = phase;
    }
    id
}

/// Somebody looks at a resource: its operation goes on.
pub fn look(state: &mut State, resource: &str) {
    let running = state.store.get(resource).and_then(|resource| resource.operation.clone());
    if let Some(id) = running {
        go_on(state, &id);
    }
}

/// An answer that tells where to look at an operation.
pub fn announce(state: &State, answer: Answer, id: &str, style: Style) -> Answer {
    let (header, place) = match style {
        Style::Status => ("azure-asyncoperation", "operations"),
        Style::Result => ("location", "operationResults"),
    };
    let url = format!(
        "{}/subscriptions/{}/providers/Microsoft.Resources/locations/{}/{place}/{id}?api-version=2021-04-01",
        state.endpoint, state.subscription, state.settings.location,
    );
    let answer = answer.with(header, url);
    answer.with("retry-after", state.settings.retry_after.to_string())
}

/// The two ways of ARM to tell how an operation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `Azure-AsyncOperation`: a status, always with 200.
    Status,
    /// `Location`: 202 until the operation ends.
    Result,
}

/// Answers who follows an announcement; `None` if the path is of no operation.
pub fn serve(state: &mut State, path: &str) -> Option<Answer> {
    let (rest, id) = path.rsplit_once('/')?;
    let style = match rest.rsplit('/').next()? {
        "operations" => Style::Status,
        "operationResults" => Style::Result,
        _ => return None,
    };
    if let Some(Fault::Instead(answer)) = state.next_fault(LOOK) {
        return Some(answer);
    }
    if !state.operations.contains_key(id) {
        return Some(reply::not_found(path));
    }
    go_on(state, id);
    Some(match style {
        Style::Status => status(state, path, id),
        Style::Result => result(state, id),
    })
}

fn status(state: &State, path: &str, id: &str) -> Answer {
    let operation = &state.operations[id];
    let mut body = json!({"id": path, "name": id, "status": "InProgress"});
    match (&operation.outcome, operation.ended) {
        (Outcome::Succeeds, true) => body["status"] = "Succeeded".into(),
        (Outcome::Fails(code, message), true) => {
            body["status"] = "Failed".into();
            body["error"] = json!({"code": code, "message": message});
            body["properties"] = json!({"events": [reply::warning(code, message)]});
        }
        _ => {}
    }
    with_pause(state, reply::answer(200, &body), operation.ended)
}

fn result(state: &State, id: &str) -> Answer {
    let operation = &state.operations[id];
    match (&operation.outcome, operation.ended) {
        // What was made is told where nothing was told at the beginning.
        (Outcome::Succeeds, true) => match state.store.get(&operation.resource) {
            Some(made) if made.kind() == storage::KIND => reply::answer(200, &made.view()),
            _ => reply::empty(204),
        },
        (Outcome::Fails(code, message), true) => reply::refusal(409, code, message),
        _ => announce(state, reply::empty(202), id, Style::Result),
    }
}

fn with_pause(state: &State, answer: Answer, ended: bool) -> Answer {
    match ended {
        true => answer,
        false => answer.with("retry-after", state.settings.retry_after.to_string()),
    }
}

fn go_on(state: &mut State, id: &str) {
    let Some(operation) = state.operations.get_mut(id).filter(|operation| !operation.ended) else {
        return;
    };
    if matches!(operation.outcome, Outcome::NeverEnds) {
        return;
    }
    if operation.left > 0 {
        operation.left -= 1;
        return;
    }
    operation.ended = true;
    let failure = match &operation.outcome {
        Outcome::Fails(code, message) => Some((code.clone(), message.clone())),
        _ => None,
    };
    let (resource, effect) = (operation.resource.clone(), operation.effect);
    if failure.is_none() && effect == Effect::Gone {
        removal::remove(state, &resource);
    } else if let Some(resource) = state.store.get_mut(&resource) {
        resource.operation = None;
        resource.provisioning = if failure.is_some() { "Failed" } else { "Succeeded" };
        resource.failure = failure;
    }
}
