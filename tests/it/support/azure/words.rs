//! Refusals of struck calls, in the words of each service.

use serde_json::json;

use super::reply;
use crate::support::{aws::Fault, server::Answer};

/// Who refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Arm,
    Entra,
    Vault,
    Registry,
    Blobs,
}

impl Service {
    /// Who is asked at this path of the stand-in; `None` for what the engine asks a registry.
    pub fn at(path: &str) -> Option<Self> {
        match path {
            "/oauth2/exchange" => Some(Self::Registry),
            _ if path.starts_with("/v2/") || path.starts_with("/oauth2/") => None,
            _ if path.starts_with("/vaults/") => Some(Self::Vault),
            _ if path.ends_with("/oauth2/v2.0/token") => Some(Self::Entra),
            _ => Some(Self::Arm),
        }
    }

    /// The refusal of a call that went wrong.
    pub fn refuses(self, fault: Fault) -> Answer {
        let (status, code, message) = self.words(fault);
        match self {
            Self::Arm | Self::Vault => reply::refusal(status, code, message),
            Self::Entra => {
                reply::answer(status, &json!({"error": code, "error_description": message}))
            }
            Self::Registry => {
                reply::answer(status, &json!({"errors": [{"code": code, "message": message}]}))
            }
            Self::Blobs => {
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
                );
                let kind = vec![("content-type", "application/xml".to_owned())];
                Answer { status, headers: kind, body }.with("x-ms-error-code", code.to_owned())
            }
        }
        .with("retry-after", "1".to_owned())
    }

    fn words(self, fault: Fault) -> (u16, &'static str, &'static str) {
        match (fault, self) {
            (Fault::Throttled, Self::Blobs) => (503, "ServerBusy", "The server is busy."),
            (Fault::Throttled, Self::Vault) => (429, "Throttled", "Too many requests."),
            (Fault::Throttled, Self::Registry) => (429, "TOOMANYREQUESTS", "too many requests"),
            (Fault::Throttled, _) => (429, "TooManyRequests", "The request was throttled."),
            (Fault::Internal, Self::Entra) => (503, "temporarily_unavailable", "AADSTS90033"),
            (Fault::Internal, Self::Blobs) => {
                (500, "InternalError", "The server encountered an internal error.")
            }
            (Fault::Internal, _) => (500, "InternalServerError", "An error has occurred."),
            (Fault::Expired, Self::Entra) => (
                401,
                "invalid_client",
                "AADSTS7000222: The provided client secret keys are expired.",
            ),
            (Fault::Expired, Self::Vault) => {
                (401, "Unauthorized", "AKV10046: The token is expired.")
            }
            (Fault::Expired, Self::Registry) => (401, "UNAUTHORIZED", "the token is expired"),
            (Fault::Expired, Self::Blobs) => {
                (403, "AuthenticationFailed", "Server failed to authenticate the request.")
            }
            (Fault::Expired, Self::Arm) => (
                401,
                "ExpiredAuthenticationToken",
                "The access token expiry UTC time is earlier than current UTC time.",
            ),
            (_, Self::Entra) => (401, "unauthorized_client", "AADSTS700016: not found."),
            (_, Self::Vault) => (403, "Forbidden", "Caller is not authorized."),
            (_, Self::Registry) => (401, "UNAUTHORIZED", "authentication required"),
            (_, Self::Blobs) => {
                (403, "AuthorizationPermissionMismatch", "This request is not authorized.")
            }
            (_, Self::Arm) => {
                (403, "AuthorizationFailed", "The client does not have authorization.")
            }
        }
    }
}
