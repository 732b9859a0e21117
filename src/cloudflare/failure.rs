//! Why Cloudflare did not do what it was asked for, in its own words.

use std::fmt::Write;

use serde::Deserialize;

use super::permission::{self, Permission};
use crate::{
    error::{Error, ErrorKind},
    http::{HttpError, StatusCode},
};

/// "Authentication error": the token is not valid here.
const NOT_AUTHENTICATED: u32 = 10000;
/// "Invalid request headers": the token does not even look like one.
const MALFORMED_TOKEN: u32 = 6003;
/// "Invalid access token", "Unauthorized to access requested resource".
const UNAUTHORIZED: u32 = 9109;

/// "No route for that URI", "Could not route to …, perhaps your object identifier is invalid?": an
/// id in the URL is none.
const NO_ROUTE: [u32; 2] = [7000, 7003];

/// One of the reasons that an answer gives.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApiError {
    /// Its number. Those of Workers need more than 16 bits.
    pub code: u32,
    /// In words.
    pub message: String,
    /// What led to it.
    #[serde(default)]
    pub error_chain: Vec<ApiError>,
}

/// Why there is no result.
#[derive(Debug)]
pub enum Failure {
    /// Cloudflare said no.
    Refused {
        /// The status; it may be 200.
        status: StatusCode,
        /// Its reasons; none if the answer was not the API's.
        errors: Vec<ApiError>,
        /// What the token needs for this endpoint.
        needs: &'static [Permission],
    },
    /// The answer says yes, but cannot be read.
    Unreadable(serde_json::Error),
    /// There was no answer.
    Unreached(HttpError),
    /// The request could not be made: the base URL is no URL.
    Malformed(hyper::http::Error),
}

impl Failure {
    /// True if one of the reasons has one of these codes.
    pub fn is_any(&self, codes: &[u32]) -> bool {
        match self {
            Self::Refused { errors, .. } => errors.iter().any(|error| codes.contains(&error.code)),
            _ => false,
        }
    }

    /// True if what was asked for is not there: one of these codes says so, or the status does.
    /// That a URL makes no sense says nothing about what is there.
    pub fn is_absent(&self, codes: &[u32]) -> bool {
        match self {
            Self::Refused { status: StatusCode::NOT_FOUND, errors, .. } if !errors.is_empty() => {
                !self.is_any(&NO_ROUTE)
            }
            _ => self.is_any(codes),
        }
    }

    /// True if the request may have been carried out, although its result is not known.
    pub fn is_doubtful(&self) -> bool {
        match self {
            Self::Refused { status, .. } => status.is_server_error(),
            Self::Unreached(error) => !matches!(error, HttpError::Connect { .. }),
            Self::Unreadable(_) => true,
            Self::Malformed(_) => false,
        }
    }

    /// The error for the reader: `what` says what could not be done.
    pub fn told(&self, what: impl Into<String>) -> Error {
        let error = Error::new(self.kind(), what);
        match self {
            Self::Refused { status, errors, needs } => {
                let error = match errors.is_empty() {
                    true => error.cause(format!("Cloudflare answered {status}")),
                    false => errors.iter().fold(error, |told, one| told.cause(one.in_words())),
                };
                self.advise(*status, needs, error)
            }
            Self::Unreadable(source) => {
                error.cause("Cloudflare's answer cannot be read").because(source)
            }
            Self::Unreached(source) => error.because(source).hint("check the network"),
            Self::Malformed(source) => error.because(source).hint("check CLOUDFLARE_API_BASE_URL"),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { status, .. } if self.is_denied(*status) => ErrorKind::Denied,
            Self::Refused { status, .. } if is_passing(*status) => ErrorKind::Unavailable,
            Self::Unreached(_) => ErrorKind::Unavailable,
            Self::Refused { .. } | Self::Unreadable(_) => ErrorKind::Failed,
            Self::Malformed(_) => ErrorKind::Usage,
        }
    }

    /// True if the token is not good enough.
    pub fn is_refusal_of_token(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if self.is_denied(*status))
    }

    fn is_denied(&self, status: StatusCode) -> bool {
        matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            || self.is_any(&[NOT_AUTHENTICATED, MALFORMED_TOKEN, UNAUTHORIZED])
    }

    fn advise(&self, status: StatusCode, needs: &[Permission], error: Error) -> Error {
        if self.is_denied(status) {
            return error.hint(format!(
                "CLOUDFLARE_API_TOKEN needs {}: https://dash.cloudflare.com/profile/api-tokens",
                match needs.is_empty() {
                    true => "to be a valid token".to_owned(),
                    false => permission::in_words(needs),
                }
            ));
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            return error.hint("Cloudflare allows 1,200 requests in five minutes; try again then");
        }
        error
    }
}

impl ApiError {
    fn in_words(&self) -> String {
        let mut words = format!("{} (code {})", self.message, self.code);
        for cause in &self.error_chain {
            // Writing to a string does not fail.
            let _ = write!(words, ", {}", cause.in_words());
        }
        words
    }
}

/// True for what is over by itself.
pub(super) fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: StatusCode, code: u32) -> Failure {
        let errors = vec![ApiError { code, message: "no".into(), error_chain: Vec::new() }];
        Failure::Refused { status, errors, needs: &[Permission::WorkersScriptsEdit] }
    }

    #[test]
    fn only_what_the_api_looked_for_is_absent() {
        assert!(refused(StatusCode::NOT_FOUND, 10092).is_absent(&[]));
        assert!(refused(StatusCode::BAD_REQUEST, 10007).is_absent(&[10007]));
        assert!(!refused(StatusCode::BAD_REQUEST, 10007).is_absent(&[]));
        assert!(!refused(StatusCode::NOT_FOUND, 7003).is_absent(&[10007]), "no such account");
        let proxy =
            Failure::Refused { status: StatusCode::NOT_FOUND, errors: Vec::new(), needs: &[] };
        assert!(!proxy.is_absent(&[10007]), "not the API's answer");
    }

    #[test]
    fn the_hint_names_what_the_endpoint_needs() {
        let told = refused(StatusCode::FORBIDDEN, 10000).told("cannot upload");
        assert_eq!(told.kind, ErrorKind::Denied);
        assert_eq!(
            told.hints,
            ["CLOUDFLARE_API_TOKEN needs the permission Workers Scripts Edit for the account: \
              https://dash.cloudflare.com/profile/api-tokens"]
        );
    }
}
