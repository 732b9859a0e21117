//! What it means when a store does not do as it is told.

use object_store::Error as StoreError;

use crate::{
    error::{Error, ErrorKind},
    http::StatusCode,
};

/// Codes of S3 that come with the status of a bad request, and mean that it does not know us.
const DENIED: [&str; 4] =
    ["ExpiredToken", "InvalidToken", "RequestExpired", "TokenRefreshRequired"];

/// Codes of Azure's storage that mean that it does not let us in.
const REFUSED: [&str; 4] = [
    "AuthenticationFailed",
    "AuthorizationFailure",
    "AuthorizationPermissionMismatch",
    "KeyBasedAuthenticationNotPermitted",
];

/// What to do about refusals of Azure's storage, by their codes.
const HINTS: [(&str, &str); 4] = [
    (
        "AuthenticationFailed",
        "the key of the storage account was renewed, or this machine's clock is more than 15 minutes \
         wrong",
    ),
    (
        "KeyBasedAuthenticationNotPermitted",
        "allow access by key on the storage account (`allowSharedKeyAccess`), or keep the ledger in \
         another one",
    ),
    (
        "AuthorizationFailure",
        "the storage account's firewall lets this machine not in: add its address to the networks \
         that are allowed",
    ),
    (
        "ContainerNotFound",
        "`az storage container create` makes it: mizan makes none in an account that is not its own",
    ),
];

/// The error about `file`, with the store's own words as its cause.
pub(super) fn failure(file: &str, error: &StoreError) -> Error {
    let what = format!("the ledger's file {file} could not be accessed");
    let said = error.to_string();
    if part(&said, "Code").is_some_and(|code| DENIED.contains(&code)) {
        let error = Error::new(ErrorKind::Denied, what).cause(in_short(&said));
        return error.hint("sign in again, then run the same command: it goes on where it stopped");
    }
    let kind = match error {
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            ErrorKind::Denied
        }
        // A refused listing is one of its own.
        _ if part(&said, "Code").is_some_and(|code| REFUSED.contains(&code)) => ErrorKind::Denied,
        StoreError::AlreadyExists { .. } => ErrorKind::Failed,
        _ => ErrorKind::Unavailable,
    };
    match hint(&said) {
        Some(hint) => Error::new(kind, what).cause(in_short(&said)).hint(hint),
        None => Error::new(kind, what).because(error),
    }
}

/// The error of an answer that says no, with what it says as its cause.
pub(super) fn refusal(what: String, status: StatusCode, said: &str) -> Error {
    let kind = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Denied,
        _ => ErrorKind::Unavailable,
    };
    let error = Error::new(kind, what);
    let error = match part(said, "Code") {
        Some(_) => error.cause(in_short(said)),
        None => error.cause(status),
    };
    match hint(said) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// What stands in an element of an answer. Stores tell answers as text only.
pub(super) fn part<'a>(said: &'a str, tag: &str) -> Option<&'a str> {
    let (_, rest) = said.split_once(&format!("<{tag}>"))?;
    Some(rest.split_once(&format!("</{tag}>"))?.0)
}

fn hint(said: &str) -> Option<&'static str> {
    let code = part(said, "Code")?;
    HINTS.iter().find(|(known, _)| *known == code).map(|(_, hint)| *hint)
}

/// Code and message of an answer. Azure ends the message with numbers for its support, on lines of
/// their own.
fn in_short(said: &str) -> String {
    let code = part(said, "Code").unwrap_or_default();
    match part(said, "Message").and_then(|text| text.lines().next()) {
        Some(text) => format!("{code}: {}", text.trim()),
        None => code.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_that_have_expired_are_told_as_such() {
        let said = "400 Bad Request: <Error><Code>ExpiredToken</Code><Message>It is expired\
                    </Message></Error>";
        let error = failure("lock.json", &StoreError::Generic { store: "S3", source: said.into() });
        assert_eq!(error.kind, ErrorKind::Denied);
        assert_eq!(error.causes, ["ExpiredToken: It is expired"]);
    }

    #[test]
    fn a_listing_that_azure_refuses_is_told_as_such() {
        let said = "403: <Error><Code>AuthenticationFailed</Code><Message>No.</Message></Error>";
        let error = StoreError::Generic { store: "Azure", source: said.into() };
        let error = failure("releases", &error);
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.hints.iter().any(|hint| hint.contains("renewed")), "{error:?}");
    }

    #[test]
    fn what_else_goes_wrong_may_pass() {
        let said = "500: <Error><Code>InternalError</Code></Error>";
        let error = failure("lock.json", &StoreError::Generic { store: "S3", source: said.into() });
        assert_eq!(error.kind, ErrorKind::Unavailable);
    }

    #[test]
    fn a_refusal_of_azure_says_what_to_do() {
        let said = "403 Forbidden: <Error><Code>AuthenticationFailed</Code><Message>Server failed to \
                    authenticate the request.\nRequestId:1c9a\nTime:2026-05-01T12:00:00Z</Message>\
                    </Error>";
        let error = StoreError::PermissionDenied { path: "lock.json".into(), source: said.into() };
        let error = failure("lock.json", &error);
        assert_eq!(error.kind, ErrorKind::Denied);
        assert_eq!(
            error.causes,
            ["AuthenticationFailed: Server failed to authenticate the request."]
        );
        assert!(error.hints[0].contains("clock"), "{:?}", error.hints);
    }

    #[test]
    fn an_answer_that_says_no_is_told_with_its_code_or_its_status() {
        let of = |status, said| refusal("it cannot be made".into(), status, said);
        let denied = of(StatusCode::FORBIDDEN, "<Code>KeyBasedAuthenticationNotPermitted</Code>");
        assert_eq!(denied.kind, ErrorKind::Denied);
        assert_eq!(denied.causes, ["KeyBasedAuthenticationNotPermitted"]);
        assert_eq!(denied.hints.len(), 1);
        let lost = of(StatusCode::BAD_GATEWAY, "<html>");
        assert_eq!(
            (lost.kind, lost.causes),
            (ErrorKind::Unavailable, vec!["502 Bad Gateway".into()])
        );
    }
}
