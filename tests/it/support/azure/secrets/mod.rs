//! The secrets of a key vault: its own API, at its own address, for who has a role in it.

mod gate;
mod serve;
mod vault;

pub use serve::handler;
pub use vault::{Secrets, Version};

use bytes::Bytes;
use hyper::Request;

use super::{Call, State, router, vaults};
use crate::support::server::Answer;

/// The audience of tokens for vaults.
pub const AUDIENCE: &str = "https://vault.azure.net";
/// The role that may do everything with secrets.
pub const OFFICER: &str = "b86a8fe4-44ce-4948-aee5-eccb2c155cd6";

/// Answers a request to a vault; `None` if the path is of something else.
pub fn serve(state: &mut State, request: &Request<Bytes>) -> Option<Answer> {
    let (name, path) = request.uri().path().strip_prefix("/vaults/")?.split_once('/')?;
    Some(ask(state, request, name, &format!("/{path}")).unwrap_or_else(|refusal| refusal))
}

fn ask(
    state: &mut State,
    request: &Request<Bytes>,
    name: &str,
    path: &str,
) -> Result<Answer, Answer> {
    gate::authenticate(state, request)?;
    let found = state.store.all().find(|it| {
        it.kind() == vaults::KIND
            && it.id.to_lowercase().ends_with(&format!("/{}", vaults::key(name)))
    });
    // On Azure its name would not even be known.
    let vault = found.cloned().ok_or_else(|| {
        gate::refusal(404, "VaultNotFound", "There is no vault of this name.", None)
    })?;
    // A version may be left empty.
    let path = path.trim_end_matches('/');
    let call = Call::at(request, name, path).inspect_err(|refusal| state.blame(&refusal.body))?;
    let told = call.problems();
    if !told.is_empty() {
        told.iter().for_each(|problem| state.blame(problem));
        return Err(gate::refusal(400, "BadParameter", &told.join("; "), None));
    }
    gate::authorize(state, &vault, &call)?;
    Ok(router::answer(state, &call))
}
