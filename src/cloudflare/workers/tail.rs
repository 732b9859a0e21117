//! Tails: the live log of a script, which Cloudflare sends over a WebSocket as long as somebody
//! listens.

use std::fmt;

use cloudflare::framework::endpoint::Method;
use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{NOT_FOUND, TailEvents, assets::secret, script_path};
use crate::{
    cloudflare::{
        Cloudflare, Permission,
        endpoint::{Call, segment},
    },
    error::Result,
    secret::SecretValue,
};

const NEEDS: &[Permission] = &[Permission::WorkersTailRead];

/// A tail that was started.
#[derive(Debug, Clone, Deserialize)]
pub struct Tail {
    /// Its id.
    pub id: String,
    /// Where its events come from (`wss:`). Who has it can read them.
    #[serde(deserialize_with = "secret")]
    pub url: SecretValue,
    /// When Cloudflare ends it.
    pub expires_at: Timestamp,
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tail {}", self.id)
    }
}

impl Cloudflare {
    /// Starts a tail of a script.
    ///
    /// # Errors
    /// There is no such script; or Cloudflare refuses, or cannot be reached.
    pub async fn start_tail(&self, account: &str, script: &str) -> Result<Tail> {
        let call = Call::new(Method::POST, script_path(account, script, "/tails"), NEEDS)
            .json(&json!({"filters": []}));
        self.call(call).await.map_err(|failure| {
            failure.told(format!("cannot start the live log of the Worker {script}"))
        })
    }

    /// Ends a tail. One that has ended is fine.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn stop_tail(&self, account: &str, script: &str, id: &str) -> Result<()> {
        let path = script_path(account, script, &format!("/tails/{}", segment(id)));
        match self.call::<IgnoredAny>(Call::new(Method::DELETE, path, NEEDS)).await {
            Err(failure) if !failure.is_absent(&[NOT_FOUND]) => {
                Err(failure.told(format!("cannot end the live log of the Worker {script}")))
            }
            _ => Ok(()),
        }
    }

    /// Listens to a tail.
    ///
    /// # Errors
    /// Nobody is there, or what is there does not speak the protocol.
    pub async fn tail_events(&self, tail: &Tail) -> Result<TailEvents> {
        TailEvents::connect(self.http(), tail).await
    }
}
