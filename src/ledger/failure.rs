//! What it means when a store does not do as it is told.

use object_store::Error as StoreError;

use crate::error::{Error, ErrorKind};

/// Codes of S3 that come with the status of a bad request, and mean that it does not know us.
const DENIED: [&str; 4] =
    ["ExpiredToken", "InvalidToken", "RequestExpired", "TokenRefreshRequired"];

/// The error about `file`, with the store's own words as its cause.
pub(super) fn failure(file: &str, error: &StoreError) -> Error {
    let what = format!("the ledger's file {file} could not be accessed");
    if let Some(cause) = denial(&error.to_string()) {
        let error = Error::new(ErrorKind::Denied, what).cause(cause);
        return error.hint("sign in again, then run the same command: it goes on where it stopped");
    }
    let kind = match error {
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            ErrorKind::Denied
        }
        StoreError::AlreadyExists { .. } => ErrorKind::Failed,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, what).because(error)
}

/// Code and message, if the answer is one of [`DENIED`]. The store tells answers as text only.
fn denial(said: &str) -> Option<String> {
    let between = |tag: &str| {
        let (_, rest) = said.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once(&format!("</{tag}>"))?.0)
    };
    let code = between("Code").filter(|code| DENIED.contains(code))?;
    Some(between("Message").map_or_else(|| code.to_owned(), |text| format!("{code}: {text}")))
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
    fn what_else_goes_wrong_may_pass() {
        let said = "500: <Error><Code>InternalError</Code></Error>";
        let error = failure("lock.json", &StoreError::Generic { store: "S3", source: said.into() });
        assert_eq!(error.kind, ErrorKind::Unavailable);
    }
}
