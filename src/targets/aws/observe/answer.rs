//! How a question to AWS ends: with an answer, with a refusal that the plan can live with, or with
//! a failure of the whole command.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::super::{
    api::ApiError,
    failure::{code, failure},
};
use crate::{
    error::{Error, Result},
    plan::Seen,
};

/// Codes that mean that the caller is known and may not ask this.
const FORBIDDEN: [&str; 4] =
    ["AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"];

/// Why something was not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// The caller may not; the text says what exactly.
    Forbidden(String),
    /// Anything else.
    Failed(Error),
}

impl From<Error> for Unread {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What was read.
pub(super) type Read<T> = std::result::Result<T, Unread>;

/// The answer to a question; `what` says what could not be read ("cannot read the cluster x").
pub(super) fn answer<T, E, R>(what: &str, result: Result<T, SdkError<E, R>>) -> Read<T>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    result.map_err(|error| match code(&error) {
        Some(code) if FORBIDDEN.contains(&code) => {
            let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
            Unread::Forbidden(message.unwrap_or(code).to_owned())
        }
        _ => Unread::Failed(failure(what, error)),
    })
}

/// The answer to a question about something that may not be there: these codes say that it is not.
pub(super) fn unless_missing<T, E, R>(
    what: &str,
    missing: &[&str],
    result: Result<T, SdkError<E, R>>,
) -> Read<Option<T>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match result {
        Err(error) if code(&error).is_some_and(|code| missing.contains(&code)) => Ok(None),
        result => answer(what, result).map(Some),
    }
}

/// The answer of an API that is asked without the SDK.
pub(super) fn api_answer<T>(result: Result<T, ApiError>) -> Read<T> {
    result.map_err(|error| match &error {
        ApiError::Refused(refusal) if FORBIDDEN.contains(&refusal.code.as_str()) => {
            Unread::Forbidden(refusal.message.clone())
        }
        _ => Unread::Failed(error.into()),
    })
}

/// What was seen of one thing.
pub(super) fn seen<T>(read: Read<Option<T>>) -> Result<Seen<T>> {
    match read {
        Ok(Some(thing)) => Ok(Seen::Present(thing)),
        Ok(None) => Ok(Seen::Absent),
        Err(Unread::Forbidden(why)) => Ok(Seen::Unknown(why)),
        Err(Unread::Failed(error)) => Err(error),
    }
}

/// What was read, or the default if the caller may not ask: for what only tells more about things
/// whose own reading says that it was forbidden.
pub(super) fn or_default<T: Default>(read: Read<T>) -> Result<T> {
    match read {
        Ok(value) => Ok(value),
        Err(Unread::Forbidden(_)) => Ok(T::default()),
        Err(Unread::Failed(error)) => Err(error),
    }
}

/// Tags, of any API.
pub(super) fn tags<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<String, String>
where
    K: Into<Option<String>>,
    V: Into<Option<String>>,
{
    let pairs = pairs.into_iter();
    pairs.filter_map(|(key, value)| Some((key.into()?, value.into().unwrap_or_default()))).collect()
}
