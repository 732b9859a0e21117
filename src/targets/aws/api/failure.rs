//! What AWS says when it does not do what it was asked, read from its XML or JSON.

use serde::Deserialize;

use crate::{
    error::{Error, ErrorKind},
    http::StatusCode,
    targets::aws::failure::is_denied,
};

/// Why a call came to nothing.
#[derive(Debug)]
pub enum ApiError {
    /// AWS refused.
    Refused(Refusal),
    /// There was no answer, or none that makes sense.
    Failed(Error),
}

/// A refusal in Amazon's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// Amazon's code, e.g. `InvalidGroup.Duplicate`; empty if the answer has no body.
    pub code: String,
    /// Amazon's sentence.
    pub message: String,
    /// What was asked for, e.g. `ec2 CreateSecurityGroup`.
    pub what: String,
}

/// Codes that mean: later, or slower.
const THROTTLED: [&str; 10] = [
    "InternalError",
    "OperationAborted",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "Unavailable",
];

impl Refusal {
    pub(super) fn read(what: &str, status: StatusCode, body: &[u8]) -> Self {
        let (code, message) = code_and_message(body);
        Self { status, code, message, what: what.to_owned() }
    }

    /// True if the same request may succeed a moment later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.status.as_u16(), 429 | 500 | 502 | 503 | 504)
            || THROTTLED.contains(&self.code.as_str())
    }

    fn kind(&self) -> ErrorKind {
        if self.is_passing() {
            return ErrorKind::Unavailable;
        }
        match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Denied,
            _ if is_denied(&self.code) => ErrorKind::Denied,
            _ => ErrorKind::Failed,
        }
    }
}

impl ApiError {
    /// True if AWS refused with this code.
    pub fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == code)
    }

    /// True if AWS answered with this status.
    pub fn has_status(&self, status: StatusCode) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == status)
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        let refusal = match error {
            ApiError::Failed(error) => return error,
            ApiError::Refused(refusal) => refusal,
        };
        let error = Self::new(refusal.kind(), format!("AWS refused {}", refusal.what));
        let error = match (refusal.code.as_str(), refusal.message.as_str()) {
            ("", _) => error.cause(refusal.status),
            (code, "") => error.cause(code),
            (code, message) => error.cause(format!("{code}: {message}")),
        };
        match refusal.code.as_str() {
            "RequestTimeTooSkewed" | "RequestExpired" => {
                error.hint("set this machine's clock: it differs from Amazon's by minutes")
            }
            "ExpiredToken" => error.hint("the AWS credentials have expired: sign in again"),
            _ => error,
        }
    }
}

/// A refusal as S3 writes it, or wrapped as EC2 does.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Body {
    code: String,
    message: String,
    errors: Option<Errors>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Errors {
    error: Box<Body>,
}

/// A refusal as services write it that speak JSON; the code may have a namespace before it.
#[derive(Deserialize)]
struct JsonBody {
    #[serde(rename = "__type")]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

fn code_and_message(body: &[u8]) -> (String, String) {
    if let Ok(JsonBody { code, message }) = serde_json::from_slice(body) {
        let code = code.rsplit('#').next().unwrap_or_default();
        return (code.to_owned(), message);
    }
    // A body that is no XML, such as a proxy's, has neither.
    let body: Body = std::str::from_utf8(body)
        .ok()
        .and_then(|text| quick_xml::de::from_str(text).ok())
        .unwrap_or_default();
    match body.errors {
        Some(Errors { error }) => (error.code, error.message),
        None => (body.code, body.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EC2: &str = "<?xml version=\"1.0\"?><Response><Errors><Error>\
        <Code>InvalidGroup.Duplicate</Code><Message>The group &apos;x&apos; exists</Message>\
        </Error></Errors><RequestID>1</RequestID></Response>";
    const S3: &str = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";

    fn refusal(status: u16, body: &str) -> Refusal {
        Refusal::read("ec2 Try", StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn a_refusal_in_json_is_read_without_its_namespace() {
        let body = r#"{"__type":"com.amazon#AccessDeniedException","Message":"not you"}"#;
        let refusal = refusal(400, body);
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            ("AccessDeniedException", "not you")
        );
    }

    #[test]
    fn both_ways_to_wrap_an_error_are_read() {
        let refused = refusal(400, EC2);
        assert_eq!(refused.code, "InvalidGroup.Duplicate");
        assert_eq!(refused.message, "The group 'x' exists");
        assert!(ApiError::Refused(refused).is("InvalidGroup.Duplicate"));
        assert_eq!(refusal(403, S3).code, "AccessDenied");
    }

    #[test]
    fn the_kind_follows_from_status_and_code() {
        let kind = |status, body| Error::from(ApiError::Refused(refusal(status, body))).kind;
        assert_eq!(kind(403, S3), ErrorKind::Denied);
        assert_eq!(kind(400, EC2), ErrorKind::Failed);
        assert_eq!(kind(503, "<html>busy</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(400, "<E><Code>Throttling</Code></E>"), ErrorKind::Unavailable);
        let denied = "<E><Code>UnauthorizedOperation</Code></E>";
        assert_eq!(kind(400, denied), ErrorKind::Denied);
        assert_eq!(kind(400, "<E><Code>ExpiredToken</Code></E>"), ErrorKind::Denied);
    }

    #[test]
    fn an_answer_without_a_body_is_told_by_its_status() {
        let error = Error::from(ApiError::Refused(refusal(404, "")));
        assert_eq!(error.to_string(), "AWS refused ec2 Try: 404 Not Found");
    }
}
