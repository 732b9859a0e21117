//! What AWS answers when it refuses, as our errors: the action, the resource, AWS's own words.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{
    error::{Error, ErrorKind},
    plan::ResourceId,
};

/// Codes that mean that the credentials are missing, wrong, expired or not enough.
const DENIED: [&str; 12] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
];

/// The error of a call: `what` says what could not be done, e.g. "cannot create the cluster x".
pub fn failure<E, R>(what: impl Into<String>, error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match &error {
        SdkError::ServiceError(answer) => {
            let answer = answer.err();
            let code = answer.code().unwrap_or("unknown error");
            refused(what, code, answer.message().unwrap_or_default())
        }
        _ => Error::new(ErrorKind::Unavailable, what)
            .cause(chain(&error))
            .hint("check the network, and AWS_ENDPOINT_URL if it is set"),
    }
}

/// An error and what it came of, each once, in the words that are meant for people.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    for error in std::iter::successors(Some(error), |error| error.source()) {
        let text = error.to_string();
        if !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
    }
    said.join(": ")
}

/// True if a code means that we may not, or are not who we say.
pub fn is_denied(code: &str) -> bool {
    DENIED.contains(&code)
}

/// The error of a call that AWS refused with a code and a message.
pub fn refused(what: impl Into<String>, code: &str, message: &str) -> Error {
    let denied = is_denied(code);
    let kind = if denied { ErrorKind::Denied } else { ErrorKind::Failed };
    let error = Error::new(kind, what).cause(format!("{code}: {message}"));
    match code {
        "ExpiredToken" | "ExpiredTokenException" => {
            error.hint("sign in again, then run the same command: it goes on where it stopped")
        }
        _ if denied => error.hint("mizan doctor names the permissions that are missing"),
        _ => error,
    }
}

/// The error that names a thing which has our name but not our tags.
pub fn foreign(id: &ResourceId) -> Error {
    Error::failed(format!("there is a {id} that was not made for this app and environment"))
        .hint("mizan never changes it: rename or remove it, or choose another name for the app")
}

/// The code of an answer that AWS refused with, if it came that far.
pub fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error()?.code()
}
