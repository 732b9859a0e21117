//! The end of the ledger, and of the storage account that all ledgers are in.

use super::{InstancesExecutor, left_alone};
use crate::{
    engine::StepContext,
    error::{Error, Result},
    ledger::LOCK_FILE,
    plan::ResourceId,
    targets::azure::storage::{self, Storage},
};

impl InstancesExecutor {
    /// The ledger goes, the lock's file last.
    pub(super) async fn delete_ledger(&self) -> Result<()> {
        self.ledger.remove_all(Some(LOCK_FILE)).await?;
        self.lock_removed.cancel();
        self.ledger.remove_all(None).await
    }

    /// Others may have put something into it since the plan was made: then it stays.
    pub(super) async fn delete_storage(
        &self,
        account: &str,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let id = ResourceId::new("storage-account", account);
        let Some(storage) = Storage::find(&self.clients, &self.scope).await? else {
            return Ok(());
        };
        if !storage.is_ours {
            context.progress(left_alone(&id));
            return Ok(());
        }
        let users = storage.users(&self.clients).await?;
        if !users.is_empty() {
            let users: Vec<String> = users.into_iter().collect();
            return Err(Error::failed(format!("the {id} is not empty"))
                .cause(format!("{} keep their releases in it", users.join(", ")))
                .hint("destroy them first, or leave the account: it costs next to nothing"));
        }
        storage::delete(&self.clients, &self.scope).await
    }
}
