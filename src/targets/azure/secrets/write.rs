//! Secrets are set, made up and removed. What stands in the way is made or waited for: a vault that
//! is missing, a role that the caller has not, a secret of the name that was deleted.

use std::time::Duration;

use super::{
    Kept, Store, VERSION,
    access::NO_ROLE,
    client::Client,
    value::{generated, new_version, require_storable},
    vault::{self, Removal},
};
use crate::{
    error::{Error, ErrorKind, Result},
    secret::SecretValue,
    targets::azure::api::{ApiError, Looks, Patience},
};

/// How long a secret may take to go or to come back. Azure's own take seconds.
const TRANSITION: Patience = Patience(Duration::from_secs(2 * 60));
/// What Azure says about a secret that was deleted.
const DELETED: &str = "ObjectIsDeletedButRecoverable";
/// What it says while one goes or comes.
const PASSING: [&str; 3] = ["ObjectIsBeingDeleted", "ObjectIsBeingRecovered", "Conflict"];

impl Store {
    /// Sets the value of a variable in `mizan.yaml`.
    ///
    /// # Errors
    /// It cannot be stored, a secret of its name is not ours, or Azure refused it.
    pub async fn set(&mut self, name: &str, value: SecretValue) -> Result<()> {
        require_storable(name, &value)?;
        self.write(&self.scope.secret(name), &value).await.map(drop)
    }

    /// Makes up a value, in place of the one that is there.
    ///
    /// # Errors
    /// As above.
    pub async fn generate(&mut self, name: &str) -> Result<()> {
        self.set(name, generated()).await
    }

    /// Removes the value of a variable, which can be brought back for some days; false if it has
    /// none.
    ///
    /// # Errors
    /// As above.
    pub async fn unset(&mut self, name: &str) -> Result<bool> {
        self.remove(&self.scope.secret(name), Removal::Recoverable).await
    }

    /// The secret of this name in the vault has a value: one is made up unless there is one. Answers
    /// its version.
    ///
    /// # Errors
    /// As above.
    pub async fn ensure(&mut self, secret: &str) -> Result<String> {
        let client = self.client().await?;
        let found = match client.get(secret).await {
            Err(error) if error.is(NO_ROLE) => self.make_way().await?.get(secret).await?,
            found => found?,
        };
        if let Some((found, _)) = found {
            self.require_own(secret, &found.tags)?;
            let kept = Kept::new(&self.scope, &found);
            let version = kept.version.clone();
            self.kept.insert(found.name, kept);
            return Ok(version);
        }
        self.write(secret, &generated()).await
    }

    /// The secret of this name in the vault is gone; false if it was.
    ///
    /// # Errors
    /// It is not ours, or Azure refused it.
    pub async fn remove(&mut self, secret: &str, how: Removal) -> Result<bool> {
        let Some(client) = self.vault.clone() else { return Ok(false) };
        let found = match client.get(secret).await {
            Err(error) => return Err(self.explained(error).await),
            Ok(found) => found,
        };
        let was_there = match found {
            Some((found, _)) => {
                self.require_own(secret, &found.tags)?;
                client.delete(secret).await?
            }
            None => false,
        };
        self.kept.remove(secret);
        if was_there && how == Removal::Final {
            purge(&client, secret).await?;
        }
        Ok(was_there)
    }

    /// All secrets of ours are gone; the vault stays.
    ///
    /// # Errors
    /// As above.
    pub async fn delete_all(&mut self, how: Removal) -> Result<()> {
        for secret in self.names() {
            self.remove(&secret, how).await?;
        }
        Ok(())
    }

    /// What asks the vault, which is made if it is missing.
    async fn client(&mut self) -> Result<Client> {
        if let Some(client) = &self.vault {
            return Ok(client.clone());
        }
        self.make_way().await
    }

    /// The vault is there, and open for the caller.
    async fn make_way(&mut self) -> Result<Client> {
        vault::ensure_vault(&self.clients, &self.scope, self.tell.as_ref()).await?;
        let gone = || Error::failed(format!("the {} was gone at once", vault::id(&self.scope)));
        let client = self.find_vault().await?.ok_or_else(gone)?;
        // It may have come back with what it had.
        let found = client.list().await?;
        self.fill(client.clone(), &found);
        Ok(client)
    }

    /// The secret has this value. Answers its version.
    async fn write(&mut self, secret: &str, value: &SecretValue) -> Result<String> {
        let version = new_version();
        let mut tags = self.scope.tags();
        tags.insert(VERSION.to_owned(), version.clone());
        let mut client = self.client().await?;
        let mut looks = Looks::new(TRANSITION);
        let mut has_role = false;
        loop {
            let written = match self.require_free(&client, secret).await {
                Ok(()) => client.set(secret, value, &tags).await,
                Err(error) => Err(error),
            };
            let error = match written {
                Ok(()) => break,
                // A role that opened the vault once may still be unknown to a part of it.
                Err(error) if error.is(NO_ROLE) && !has_role => {
                    client = self.make_way().await?;
                    has_role = true;
                    error
                }
                Err(error) if error.is(DELETED) => {
                    self.bring_back(&client, secret).await?;
                    error
                }
                Err(error) if PASSING.iter().any(|code| error.is(code)) => error,
                Err(error) if error.is(NO_ROLE) => error,
                Err(error) => return Err(error.into()),
            };
            if !looks.next(None).await {
                let error = Error::from(error);
                return Err(Error { kind: ErrorKind::Unavailable, ..error }
                    .hint("run the same command again in a minute"));
            }
        }
        let kept = Kept { version: version.clone(), ours: true };
        self.kept.insert(secret.to_owned(), kept);
        Ok(version)
    }

    /// Nobody else's secret has this name.
    async fn require_free(&self, client: &Client, secret: &str) -> Result<(), ApiError> {
        if let Some((found, _)) = client.get(secret).await? {
            self.require_own(secret, &found.tags)?;
        }
        Ok(())
    }

    /// A secret that was deleted begins to come back, if it is ours: its name is free in no other
    /// way that leaves its older values alone.
    async fn bring_back(&self, client: &Client, secret: &str) -> Result<()> {
        if let Some(tags) = client.deleted(secret).await? {
            self.require_own(secret, &tags)?;
            match client.recover(secret).await {
                Err(error) if PASSING.iter().any(|code| error.is(code)) => {}
                recovered => drop(recovered?),
            }
        }
        Ok(())
    }
}

/// A secret that was just deleted goes for good, once its deletion is through.
async fn purge(client: &Client, secret: &str) -> Result<()> {
    let mut looks = Looks::new(TRANSITION);
    loop {
        match client.purge(secret).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) if PASSING.iter().any(|code| error.is(code)) => {}
            Err(error) => return Err(error.into()),
        }
        if !looks.next(None).await {
            let message = format!("the deletion of the secret {secret} does not come to its end");
            return Err(Error::new(ErrorKind::Unavailable, message)
                .hint("run the same command again in a minute"));
        }
    }
}
