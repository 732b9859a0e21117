//! Workers before an app that runs elsewhere, seen from outside: drift, secrets, and what another
//! tool would have uploaded.

mod drift;
mod interrupted;
mod purge;
mod secrets;
mod wrangler;

use crate::conformance::{App, Behind, Platform};

/// An account with version 1 in it.
#[track_caller]
fn deployed(platform: &Behind, version: &str) {
    platform.write(&App::version(version));
    platform.deploy().expect(0);
    assert_eq!(platform.serving().as_deref(), Ok(version));
}
