//! What must not be seen where only its name belongs: the values of all secrets, to look for them.

use super::{Azure, Call};

/// What tokens and the service principal's own secrets have in them.
const MARK: &str = "canary-azure-";
/// The operation that tells keys because somebody asks for them.
const KEYS: &str = "StorageAccounts_ListKeys";

impl Azure {
    /// The values in the vaults, the keys of the storage accounts, and what every token has in it;
    /// each with what it is.
    pub fn canaries(&self) -> Vec<(String, String)> {
        let state = self.lock();
        let mut all = vec![("a token".to_owned(), MARK.to_owned())];
        for secrets in state.vaults.values() {
            let versions = secrets.live.values().flatten();
            all.extend(versions.map(|it| (format!("secret {}", it.name), it.value.clone())));
        }
        let keys = state.accounts.iter();
        all.extend(keys.map(|(name, it)| (format!("the key of {name}"), it.key().to_owned())));
        all
    }

    /// What ARM has answered, but for the keys of storage accounts.
    pub fn take_answers(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().answers)
    }
}

/// Whether an answer to this call must hold no secret.
pub fn is_plain(call: &Call) -> bool {
    call.operation.id != KEYS
}
