//! What goes with a resource: what is below it, and what lives outside of ARM.

use super::{State, container_groups, registries, storage, vaults};

/// Removes a resource and all that is below it.
pub fn remove(state: &mut State, id: &str) {
    for gone in state.store.remove(id) {
        match gone.kind() {
            container_groups::KIND => container_groups::forget(state, &gone.id),
            vaults::KIND => vaults::keep_deleted(state, &gone),
            vaults::DELETED => vaults::forget(state, &gone),
            registries::KIND => registries::forget(state, &gone),
            storage::KIND => storage::forget(state, &gone),
            _ => {}
        }
    }
}
