//! Waiting for what passes by itself on AWS: things that are still in use, or not known everywhere
//! yet.

use std::{convert::identity, time::Duration};

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::AwsExecutor;
use crate::{
    engine::{StepContext, Verdict, Wait},
    error::Result,
    targets::aws::failure::{code, failure},
};

/// The pause between two attempts.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long a change may take until every part of AWS knows of it.
pub(super) const PROPAGATION: Duration = Duration::from_secs(60);
/// How long network interfaces may take to detach. Amazon's own take minutes.
pub(super) const DETACHING: Duration = Duration::from_secs(600);

impl AwsExecutor {
    /// Repeats `attempt` until it is through, can no longer be, or patience is at its end.
    pub(super) async fn persist<T>(
        &self,
        what: impl Into<String>,
        patience: Duration,
        context: &StepContext<'_>,
        attempt: impl AsyncFnMut() -> Result<Verdict<T>>,
    ) -> Result<T> {
        let wait = Wait { what: what.into(), timeout: patience, interval: INTERVAL };
        wait.until(self.clock.as_ref(), context, attempt, identity).await
    }
}

/// What an answer means to somebody who repeats the call: refusals with a code of `passing` are
/// waited out.
pub(super) fn unless_passing<T, E, R>(
    answer: Result<T, SdkError<E, R>>,
    passing: &[&str],
    what: impl Into<String>,
) -> Result<Verdict<T>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match answer {
        Ok(answer) => Ok(Verdict::Met(answer)),
        Err(error) if says(&error, passing) => Ok(Verdict::Waiting(words(&error))),
        Err(error) => Err(failure(what, error)),
    }
}

/// The answer, or nothing if AWS refused with a code of `absent`.
pub(super) fn unless_absent<T, E, R>(
    answer: Result<T, SdkError<E, R>>,
    absent: &[&str],
    what: impl Into<String>,
) -> Result<Option<T>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if says(&error, absent) => Ok(None),
        Err(error) => Err(failure(what, error)),
    }
}

/// What an answer means to somebody who deletes: it is gone, or in use and asked for again later.
pub(super) fn delete_attempt<T, E, R>(
    answer: Result<T, SdkError<E, R>>,
    absent: &[&str],
    in_use: &[&str],
    what: impl Into<String>,
) -> Result<Verdict<()>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match answer {
        Err(error) if says(&error, in_use) => Ok(Verdict::Waiting(words(&error))),
        answer => unless_absent(answer, absent, what).map(|_| Verdict::Met(())),
    }
}

fn says<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, codes: &[&str]) -> bool {
    code(error).is_some_and(|code| codes.contains(&code))
}

/// AWS's own words.
pub(super) fn words<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    let answer = error.as_service_error();
    let message = answer.and_then(ProvideErrorMetadata::message);
    message.or(code(error)).unwrap_or("no answer").to_owned()
}

/// The first use of a service by an account makes a role for the service, which is not known
/// everywhere at once: "Unable to assume the service linked role". It has no code of its own.
pub(super) fn is_role_missing(message: &str) -> bool {
    message.to_lowercase().replace('-', " ").contains("service linked role")
}

#[cfg(test)]
mod tests {
    use super::is_role_missing;

    #[test]
    fn only_the_missing_role_passes_by_itself() {
        let missing = "Unable to assume the service linked role. Please verify that the ECS \
                       service linked role exists.";
        assert!(is_role_missing(missing));
        assert!(is_role_missing("The service-linked role does not exist"));
        assert!(!is_role_missing("Cluster name is invalid."));
    }
}
