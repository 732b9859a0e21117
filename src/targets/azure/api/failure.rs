//! What Azure says when it does not do what it was asked, read from its JSON.

use serde_json::Value;

use crate::{
    error::{Error, ErrorKind},
    http::StatusCode,
};

/// Why a call came to nothing.
#[derive(Debug)]
pub enum ApiError {
    /// Azure refused, or an operation that it had begun failed.
    Refused(Refusal),
    /// There was no answer, or none that makes sense.
    Failed(Error),
}

/// A refusal in Azure's own words.
/// (<https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors>)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// Azure's code, e.g. `AuthorizationFailed`; empty if the answer has none.
    pub code: String,
    /// Azure's sentences.
    pub message: String,
    /// What was asked for, e.g. `PUT containerGroups/board-r1`.
    pub what: String,
}

/// Codes that mean: later, or slower.
const PASSING: [&str; 7] = [
    "TooManyRequests",
    "SubscriptionRequestsThrottled",
    "ServiceUnavailable",
    "InternalServerError",
    "ServerTimeout",
    "RetryableError",
    // Somebody else makes the same account, for another environment.
    "StorageAccountOperationInProgress",
];

impl Refusal {
    /// Reads a refusal from the body of an answer.
    pub fn read(what: &str, status: StatusCode, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let (code, message) = code_and_message(&body);
        Self { status, code, message, what: what.to_owned() }
    }

    /// What became of an operation, as its status tells it.
    pub fn of_operation(what: &str, status: &Value) -> Self {
        let (code, message) = code_and_message(status);
        let code = match code.as_str() {
            "" => status["status"].as_str().unwrap_or("Failed").to_owned(),
            _ => code,
        };
        Self { status: StatusCode::OK, code, message, what: what.to_owned() }
    }

    /// True if the same request may succeed a moment later.
    pub fn is_passing(&self) -> bool {
        matches!(self.status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
            || PASSING.contains(&self.code.as_str())
    }

    fn kind(&self) -> ErrorKind {
        match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Denied,
            _ if self.is_passing() => ErrorKind::Unavailable,
            _ => ErrorKind::Failed,
        }
    }
}

impl ApiError {
    /// True if Azure refused with this code.
    pub fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == code)
    }

    /// True if Azure answered with this status.
    pub fn has_status(&self, status: StatusCode) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == status)
    }

    /// True if what was asked for is not there, or what it would be in.
    pub fn is_absent(&self) -> bool {
        self.has_status(StatusCode::NOT_FOUND)
    }

    /// True if the caller may not ask.
    pub fn is_denied(&self) -> bool {
        self.has_status(StatusCode::FORBIDDEN) || self.has_status(StatusCode::UNAUTHORIZED)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        let refusal = match error {
            ApiError::Failed(error) => return error,
            ApiError::Refused(refusal) => refusal,
        };
        let verb = if refusal.status == StatusCode::OK { "did not finish" } else { "refused" };
        let error = Self::new(refusal.kind(), format!("Azure {verb} {}", refusal.what));
        let error = match (refusal.code.as_str(), refusal.message.as_str()) {
            ("", _) => error.cause(refusal.status),
            (code, "") => error.cause(code),
            (code, message) => error.cause(format!("{code}: {message}")),
        };
        match refusal.code.as_str() {
            "AuthorizationFailed" => error.hint(
                "`mizan doctor` says which permission is missing; docs/azure.md has the smallest role",
            ),
            "SubscriptionNotFound" | "InvalidSubscriptionId" => {
                error.hint("set AZURE_SUBSCRIPTION_ID to a subscription that these credentials see")
            }
            "RequestDisallowedByPolicy" => {
                error.hint("a policy of the subscription forbids it: ask whoever keeps the policies")
            }
            _ => error,
        }
    }
}

/// Code and message, with those of the details, which say more than the error around them.
fn code_and_message(body: &Value) -> (String, String) {
    let error = match body {
        body if body["error"].is_object() => &body["error"],
        // Registries answer with a list.
        body if body["errors"][0].is_object() => &body["errors"][0],
        body => body,
    };
    // Some sentences are a table of lines.
    let text = |value: &Value| {
        let words = value.as_str().unwrap_or_default().split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    };
    let mut code = text(&error["code"]);
    let mut message = text(&error["message"]);
    // Key Vault says what really was the matter one level further in.
    if let Some(inner) = error["innererror"]["code"].as_str() {
        inner.clone_into(&mut code);
    }
    for detail in error["details"].as_array().into_iter().flatten() {
        let more = text(&detail["message"]);
        if !more.is_empty() && !message.contains(&more) {
            message = format!("{message} {more}").trim().to_owned();
        }
    }
    (code, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(status: u16, body: &Value) -> Refusal {
        let status = StatusCode::from_u16(status).expect("a status");
        Refusal::read("PUT a/b", status, body.to_string().as_bytes())
    }

    #[test]
    fn details_say_more_than_what_is_around_them() {
        let body = json!({"error": {"code": "BadRequest", "message": "No.",
            "details": [{"code": "X", "message": "Too many cores."}]}});
        let error = Error::from(ApiError::Refused(read(400, &body)));
        assert_eq!(error.to_string(), "Azure refused PUT a/b: BadRequest: No. Too many cores.");
    }

    #[test]
    fn a_vault_says_who_is_denied_further_in() {
        let body = json!({"error": {"code": "Forbidden", "message": "Caller is not authorized.",
            "innererror": {"code": "ForbiddenByRbac"}}});
        let error = ApiError::Refused(read(403, &body));
        assert!(error.is("ForbiddenByRbac") && error.is_denied());
        assert_eq!(Error::from(error).kind, ErrorKind::Denied);
    }

    #[test]
    fn what_has_no_body_is_told_by_its_status() {
        let error = Error::from(ApiError::Refused(read(503, &Value::Null)));
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert_eq!(error.to_string(), "Azure refused PUT a/b: 503 Service Unavailable");
    }

    #[test]
    fn an_operation_that_was_canceled_has_no_code_but_its_status() {
        let refusal = Refusal::of_operation("PUT a/b", &json!({"status": "Canceled"}));
        let error = Error::from(ApiError::Refused(refusal));
        assert_eq!(error.to_string(), "Azure did not finish PUT a/b: Canceled");
    }
}
