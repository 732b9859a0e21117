//! Where stand-ins are reached: what Azure itself cannot say. Nobody needs these variables outside of
//! tests; `docs/azure.md` lists them.

use std::{env, time::Duration};

use sha2::{Digest, Sha256};

/// The port at which container groups are reached, each at a loopback address of its own.
const GROUPS: &str = "MIZAN_AZURE_GROUPS";

/// The longest that anything is waited for, in seconds.
const PATIENCE: &str = "MIZAN_AZURE_PATIENCE";

/// How long something is waited for.
pub fn patience(usual: Duration) -> Duration {
    let most = env::var(PATIENCE).ok().and_then(|seconds| seconds.parse().ok());
    most.map_or(usual, |most| usual.min(Duration::from_secs(most)))
}

/// The port of container groups that run on this machine, if they do.
pub fn groups() -> Option<u16> {
    env::var(GROUPS).ok()?.parse().ok()
}

/// Where the group of this host name is reached then.
pub fn local_origin(host: &str, port: u16) -> String {
    let digest = Sha256::digest(host.as_bytes());
    let (a, b, c) = (digest[0] % 254 + 1, digest[1], digest[2] % 254 + 1);
    format!("http://127.{a}.{b}.{c}:{port}")
}
