//! How often the ledger asks its store again.

use std::time::Duration;

use object_store::{BackoffConfig, RetryConfig};

/// Few and short: who waits for the ledger is a person, and a lease does not wait.
pub(super) fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() },
        max_retries: 4,
        retry_timeout: Duration::from_secs(20),
    }
}
