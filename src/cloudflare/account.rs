//! Whose token it is: the accounts that it sees, and whether it is valid at all.

use cloudflare::framework::endpoint::Method;
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Cloudflare, Permission, Zone,
    endpoint::{Call, segment},
    failure::Failure,
    pages::Paging,
};
use crate::error::{Error, Result};

/// "Invalid API Token": it is none of a user. One that an account owns is asked for elsewhere.
const NOT_A_USERS: u32 = 1000;
/// No endpoint has more than 50 accounts or zones in one answer.
const PAGING: Paging = Paging { size: 50, most: 100 };

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    #[serde(default)]
    pub name: String,
}

/// What Cloudflare says about the token that it is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TokenState {
    /// Its id, which is no secret.
    pub id: String,
    /// `active`, `disabled` or `expired`.
    pub status: String,
    /// When it ends to be valid; `None` if it never does.
    #[serde(default)]
    pub expires_on: Option<Timestamp>,
}

impl Cloudflare {
    /// The accounts that the token sees.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        self.seen_accounts()
            .await
            .map_err(|failure| failure.told("cannot list the Cloudflare accounts of the token"))
    }

    /// A token that an account owns may not list accounts; then they are those of the zones.
    async fn seen_accounts(&self) -> Result<Vec<Account>, Failure> {
        let needs = &[Permission::AccountSettingsRead];
        let listed = self
            .pages(PAGING, |query| {
                Call::<Vec<Account>>::new(Method::GET, "accounts".to_owned(), needs).query(query)
            })
            .await;
        match listed {
            Err(failure @ Failure::Refused { .. }) => match self.accounts_of_zones().await {
                Ok(accounts) if !accounts.is_empty() => Ok(accounts),
                _ => Err(failure),
            },
            other => other,
        }
    }

    async fn accounts_of_zones(&self) -> Result<Vec<Account>, Failure> {
        let needs = &[Permission::ZoneRead];
        let zones = self
            .pages(PAGING, |query| {
                Call::<Vec<Zone>>::new(Method::GET, "zones".to_owned(), needs).query(query)
            })
            .await?;
        let mut accounts: Vec<_> = zones.into_iter().map(|zone| zone.account).collect();
        accounts.sort_by(|one, other| one.id.cmp(&other.id));
        accounts.dedup_by(|one, other| one.id == other.id);
        Ok(accounts)
    }

    /// The state of the token, whether a user or an account owns it.
    ///
    /// # Errors
    /// It is no token; or Cloudflare cannot be reached.
    pub async fn verify_token(&self) -> Result<TokenState> {
        match self.verify("user/tokens/verify".to_owned()).await {
            Ok(state) => Ok(state),
            Err(failure) if failure.is_any(&[NOT_A_USERS]) || failure.is_refusal_of_token() => {
                self.verify_of_accounts().await.ok_or_else(|| not_verified(&failure))
            }
            Err(failure) => Err(not_verified(&failure)),
        }
    }

    /// The state of a token that this account owns.
    ///
    /// # Errors
    /// It is none of this account; or Cloudflare cannot be reached.
    pub async fn verify_account_token(&self, account: &str) -> Result<TokenState> {
        self.verify(account_verify(account)).await.map_err(|failure| not_verified(&failure))
    }

    /// The state of a token that an account owns. Such a token sees one account only.
    async fn verify_of_accounts(&self) -> Option<TokenState> {
        for account in self.seen_accounts().await.ok()? {
            if let Ok(state) = self.verify(account_verify(&account.id)).await {
                return Some(state);
            }
        }
        None
    }

    async fn verify(&self, path: String) -> Result<TokenState, Failure> {
        self.call(Call::new(Method::GET, path, &[])).await
    }
}

fn account_verify(account: &str) -> String {
    format!("accounts/{}/tokens/verify", segment(account))
}

fn not_verified(failure: &Failure) -> Error {
    failure.told("cannot verify the Cloudflare API token")
}
