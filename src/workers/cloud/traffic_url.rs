//! Where Workers are asked. Nobody needs the variable outside of tests.

use std::env;

/// A URL that is asked in place of every Worker, with the `Host` of the right one.
const WORKERS: &str = "MIZAN_CLOUDFLARE_WORKERS";

/// The base URL to send a request for a host to.
pub(super) fn base(host: &str) -> String {
    match env::var(WORKERS) {
        Ok(base) => base.trim_end_matches('/').to_owned(),
        Err(_) => format!("https://{host}"),
    }
}
