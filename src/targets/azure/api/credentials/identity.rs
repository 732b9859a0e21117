//! Who a token is of, read from the token itself: Azure gives roles to object ids.
//! (<https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>)

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::Credentials;
use crate::error::{Error, Result};

/// Who we are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// The tenant's id.
    #[serde(rename = "tid")]
    pub tenant: String,
    /// The id that roles are given to.
    #[serde(rename = "oid")]
    pub object: String,
    /// `user` for a person, `app` for everything else.
    #[serde(rename = "idtyp", default)]
    kind: Option<String>,
    /// The scopes that a person lends to a tool; apps have none.
    #[serde(rename = "scp", default)]
    scopes: Option<String>,
}

impl Identity {
    /// As role assignments call its kind.
    pub fn principal_type(&self) -> &'static str {
        match (self.kind.as_deref(), &self.scopes) {
            (Some("user"), _) | (None, Some(_)) => "User",
            _ => "ServicePrincipal",
        }
    }
}

impl Credentials {
    /// Who a token for this audience is of.
    ///
    /// # Errors
    /// There is no token, or it does not say whose it is.
    pub async fn identity(&self, audience: &str) -> Result<Identity> {
        let token = self.token(audience).await?;
        claims(token.expose())
            .ok_or_else(|| Error::failed("Azure's token does not say whose it is"))
    }
}

/// The claims are the middle one of three parts; whoever gets the token checks the third.
fn claims(token: &str) -> Option<Identity> {
    let claims = token.split('.').nth(1)?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&claims).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: &serde_json::Value) -> String {
        format!("e30.{}.signature", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn a_token_says_whose_it_is() {
        let app = claims(&token(&json!({"tid": "t", "oid": "o"}))).expect("claims");
        assert_eq!((app.object.as_str(), app.principal_type()), ("o", "ServicePrincipal"));
        let person = claims(&token(&json!({"tid": "t", "oid": "o", "scp": "user_impersonation"})));
        assert_eq!(person.expect("claims").principal_type(), "User");
        assert_eq!(claims("opaque"), None);
    }
}
