//! Where Workers are asked, and how patiently. Nobody needs the variables outside of tests.

use std::{env, time::Duration};

/// A URL that is asked in place of every Worker, with the `Host` of the right one.
const WORKERS: &str = "MIZAN_CLOUDFLARE_WORKERS";

/// The base URL to send a request for a host to.
pub fn base(host: &str) -> String {
    match env::var(WORKERS) {
        Ok(base) => base.trim_end_matches('/').to_owned(),
        Err(_) => format!("https://{host}"),
    }
}

/// Seconds until a version that does not answer as it should is given up.
const PATIENCE: &str = "MIZAN_CLOUDFLARE_PATIENCE";
/// A name of a version is known everywhere within seconds; the app answers within its own time.
const USUAL: Duration = Duration::from_secs(30);

/// How long a version that does not answer is asked again.
pub(super) fn patience() -> Duration {
    let set = env::var(PATIENCE).ok().and_then(|seconds| seconds.parse().ok());
    set.map_or(USUAL, Duration::from_secs)
}
