//! `workers.dev`: the account's own subdomain, and whether a Worker answers below it.

use cloudflare::framework::endpoint::Method;
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{NEEDS, NO_SUCH_SCRIPT, NOT_FOUND, script_path};
use crate::{
    cloudflare::{
        Cloudflare,
        endpoint::{Call, segment},
    },
    error::Result,
};

/// Whether a Worker answers at `<script>.<subdomain>.workers.dev`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptSubdomain {
    /// It does.
    pub enabled: bool,
    /// Its versions have URLs of their own there.
    #[serde(default)]
    pub previews_enabled: bool,
}

#[derive(Debug, Deserialize)]
struct Registered {
    #[serde(default)]
    subdomain: Option<String>,
}

impl Cloudflare {
    /// The account's subdomain of `workers.dev`; `None` if it has none yet.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn account_subdomain(&self, account: &str) -> Result<Option<String>> {
        let path = format!("accounts/{}/workers/subdomain", segment(account));
        match self.call::<Registered>(Call::new(Method::GET, path, NEEDS)).await {
            Ok(registered) => Ok(registered.subdomain.filter(|it| !it.is_empty())),
            Err(failure) if failure.is_absent(&[NOT_FOUND]) => Ok(None),
            Err(failure) => {
                Err(failure
                    .told(format!("cannot read the workers.dev subdomain of account {account}")))
            }
        }
    }

    /// Whether a Worker answers below `workers.dev`; `None` if there is no such script.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn script_subdomain(
        &self,
        account: &str,
        script: &str,
    ) -> Result<Option<ScriptSubdomain>> {
        let path = script_path(account, script, "/subdomain");
        match self.call(Call::new(Method::GET, path, NEEDS)).await {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.is_absent(NO_SUCH_SCRIPT) => Ok(None),
            Err(failure) => {
                Err(failure
                    .told(format!("cannot read whether the Worker {script} is on workers.dev")))
            }
        }
    }

    /// Makes a Worker answer below `workers.dev`, or not.
    ///
    /// # Errors
    /// There is no such script; or Cloudflare refuses, or cannot be reached.
    pub async fn set_script_subdomain(
        &self,
        account: &str,
        script: &str,
        subdomain: ScriptSubdomain,
    ) -> Result<()> {
        let path = script_path(account, script, "/subdomain");
        let call = Call::<IgnoredAny>::new(Method::POST, path, NEEDS).json(&subdomain).repeatable();
        match self.call(call).await {
            Ok(_) => Ok(()),
            Err(failure) => {
                Err(failure
                    .told(format!("cannot set whether the Worker {script} is on workers.dev")))
            }
        }
    }
}
