//! Secrets of a script: their names can be read, their values only be written. A change makes a new
//! version of the script, which answers at once.

use cloudflare::framework::endpoint::Method;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{NEEDS, NO_SUCH_SCRIPT, script_path};
use crate::{
    cloudflare::{
        Cloudflare,
        endpoint::{Call, segment},
    },
    error::Result,
    secret::SecretValue,
};

/// "Binding not found".
const NO_SUCH_BINDING: u32 = 10056;

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

impl Cloudflare {
    /// The names of a script's secrets; none if there is no such script.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn secrets(&self, account: &str, script: &str) -> Result<Vec<String>> {
        let path = script_path(account, script, "/secrets");
        match self.call::<Vec<Named>>(Call::new(Method::GET, path, NEEDS)).await {
            Ok(secrets) => Ok(secrets.into_iter().map(|secret| secret.name).collect()),
            Err(failure) if failure.is_absent(NO_SUCH_SCRIPT) => Ok(Vec::new()),
            Err(failure) => {
                Err(failure.told(format!("cannot list the secrets of the Worker {script}")))
            }
        }
    }

    /// Sets a secret.
    ///
    /// # Errors
    /// There is no such script; or Cloudflare refuses, or cannot be reached.
    pub async fn put_secret(
        &self,
        account: &str,
        script: &str,
        name: &str,
        value: &SecretValue,
    ) -> Result<()> {
        let call =
            Call::<IgnoredAny>::new(Method::PUT, script_path(account, script, "/secrets"), NEEDS)
                .json(&json!({"name": name, "text": value.expose(), "type": "secret_text"}));
        match self.call(call).await {
            Ok(_) => Ok(()),
            Err(failure) => {
                Err(failure.told(format!("cannot set the secret {name} of the Worker {script}")))
            }
        }
    }

    /// Removes a secret; false if it was not there.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn delete_secret(&self, account: &str, script: &str, name: &str) -> Result<bool> {
        let path = script_path(account, script, &format!("/secrets/{}", segment(name)));
        let call = Call::<IgnoredAny>::new(Method::DELETE, path, NEEDS)
            // Otherwise a name is not decoded there.
            .query(&[("url_encoded", Some("true"))]);
        match self.call(call).await {
            Ok(_) => Ok(true),
            Err(failure)
                if failure.is_absent(NO_SUCH_SCRIPT) || failure.is_any(&[NO_SUCH_BINDING]) =>
            {
                Ok(false)
            }
            Err(failure) => {
                Err(failure.told(format!("cannot remove the secret {name} of the Worker {script}")))
            }
        }
    }
}
