//! Where emulators are reached: what `AWS_ENDPOINT_URL` cannot say. Nobody needs these variables
//! outside of tests; `docs/aws.md` lists them.

use std::env;

use super::names::Scope;

/// The host of the image registry, e.g. `127.0.0.1:4566`.
const REGISTRY: &str = "MIZAN_AWS_REGISTRY";
/// A URL that is asked in place of every load balancer, with the `Host` of the right one.
const LOAD_BALANCER: &str = "MIZAN_AWS_LOAD_BALANCER";

/// The host that images are pushed to and pulled from.
pub fn registry(scope: &Scope) -> String {
    env::var(REGISTRY).unwrap_or_else(|_| scope.registry())
}

/// The URL that stands for every load balancer, if there is one.
pub fn load_balancer() -> Option<String> {
    env::var(LOAD_BALANCER).ok()
}
