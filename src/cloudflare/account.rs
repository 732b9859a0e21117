//! Whose token it is: the accounts that it sees, and whether it is valid at all.

use cloudflare::framework::endpoint::Method;
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Cloudflare, Permission,
    endpoint::{Call, segment},
    failure::Failure,
};
use crate::error::Result;

/// "Invalid API Token": it is none of a user. One that an account owns is asked for elsewhere.
const NOT_A_USERS: u32 = 1000;

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

    async fn seen_accounts(&self) -> Result<Vec<Account>, Failure> {
        self.pages(50, |query| {
            let needs = &[Permission::AccountSettingsRead];
            Call::new(Method::GET, "accounts".to_owned(), needs).query(query)
        })
        .await
    }

    /// The state of the token, whether a user or an account owns it.
    ///
    /// # Errors
    /// It is no token; or Cloudflare cannot be reached.
    pub async fn verify_token(&self) -> Result<TokenState> {
        let told = |failure: Failure| failure.told("cannot verify the Cloudflare API token");
        match self.verify("user/tokens/verify".to_owned()).await {
            Ok(state) => Ok(state),
            Err(failure) if failure.is_any(&[NOT_A_USERS]) || failure.is_refusal_of_token() => {
                self.verify_of_account().await.ok_or_else(|| told(failure))
            }
            Err(failure) => Err(told(failure)),
        }
    }

    /// The state of a token that an account owns. Such a token sees that one account.
    async fn verify_of_account(&self) -> Option<TokenState> {
        for account in self.seen_accounts().await.ok()? {
            let path = format!("accounts/{}/tokens/verify", segment(&account.id));
            if let Ok(state) = self.verify(path).await {
                return Some(state);
            }
        }
        None
    }

    async fn verify(&self, path: String) -> Result<TokenState, Failure> {
        self.call(Call::new(Method::GET, path, &[])).await
    }
}
