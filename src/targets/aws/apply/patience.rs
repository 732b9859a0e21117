//! Calls that are refused for a while after what they need was made: IAM and the service-linked
//! roles reach the other services with a delay.

use std::time::Duration;

use super::AwsExecutor;
use crate::{
    engine::{StepContext, Verdict, Wait},
    error::{Error, Result},
};

/// Roles are known everywhere after some 10 seconds, seldom more than 30.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two calls.
const PAUSE: Duration = Duration::from_secs(2);

impl AwsExecutor {
    /// Calls until it is not refused with one of these words any more; `what` is not there yet.
    pub(super) async fn patiently<T>(
        &self,
        what: &str,
        words: &[&str],
        context: &StepContext<'_>,
        mut call: impl AsyncFnMut() -> Result<T>,
    ) -> Result<T> {
        let wait = Wait {
            what: format!("{what} to be known everywhere"),
            timeout: PATIENCE,
            interval: PAUSE,
        };
        let judge = |answer: Result<T>| match answer {
            Ok(answer) => Verdict::Met(answer),
            Err(error) if passes(&error, words) => Verdict::Waiting(error.to_string()),
            Err(error) => Verdict::Failed(error),
        };
        wait.until(self.clock.as_ref(), context, async || Ok(call().await), judge).await
    }
}

fn passes(error: &Error, words: &[&str]) -> bool {
    error.causes.iter().any(|cause| words.iter().any(|word| cause.contains(word)))
}
