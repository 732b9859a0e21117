//! Managed identities: of an app, whose environment says where to ask, or of a machine.
//! (<https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>)

use std::time::Duration;

use bytes::Bytes;

use super::{Token, Variables, entra::granted};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    http::{Http, Request, Timeouts},
    secret::SecretValue,
};

/// Where a machine is asked for its identity, unless the environment says otherwise.
const MACHINE: &str = "http://169.254.169.254";
/// A machine that has an identity answers at once; others not at all.
const PATIENCE: Duration = Duration::from_secs(2);

/// An identity that Azure keeps.
#[derive(Debug, Clone)]
pub(super) struct Managed {
    url: String,
    /// The header that proves that we are here, and its value.
    proof: (&'static str, SecretValue),
    /// Which one, if there are several.
    client: Option<String>,
    is_machine: bool,
}

impl Managed {
    /// The identity of an app.
    pub fn named(variables: Variables<'_>, client: Option<String>) -> Option<Self> {
        let endpoint = variables("IDENTITY_ENDPOINT")?;
        let proof = SecretValue::new(variables("IDENTITY_HEADER")?);
        Some(Self {
            url: format!("{endpoint}?api-version=2019-08-01"),
            proof: ("x-identity-header", proof),
            client,
            is_machine: false,
        })
    }

    /// The identity of the machine.
    pub fn of_the_machine(variables: Variables<'_>, client: Option<String>) -> Self {
        let host = variables("AZURE_POD_IDENTITY_AUTHORITY_HOST");
        let host = host.as_deref().unwrap_or(MACHINE).trim_end_matches('/');
        Self {
            url: format!("{host}/metadata/identity/oauth2/token?api-version=2018-02-01"),
            proof: ("metadata", SecretValue::new("true".to_owned())),
            client,
            is_machine: true,
        }
    }

    pub async fn token(&self, http: &Http, audience: &str) -> Result<Token> {
        let mut url = format!("{}&resource={audience}", self.url);
        if let Some(client) = &self.client {
            url = format!("{url}&client_id={client}");
        }
        let (header, value) = &self.proof;
        let request = Request::get(url).header(*header, value.expose()).body(Bytes::new());
        let request = request.context(ErrorKind::Denied, || {
            "IDENTITY_ENDPOINT and IDENTITY_HEADER make no request".to_owned()
        })?;
        let short = Http::with_timeouts(Timeouts { connect: PATIENCE, read: 5 * PATIENCE })?;
        let http = if self.is_machine { &short } else { http };
        match http.fetch(request).await {
            Ok(answer) => granted(&answer, "Azure gives no token to the managed identity"),
            Err(error) if self.is_machine => Err(missing().because(&error)),
            Err(error) => {
                let message = "the managed identity cannot be asked for a token";
                Err(Error::new(ErrorKind::Unavailable, message).because(&error))
            }
        }
    }
}

/// The machine's identity is the last that is tried.
fn missing() -> Error {
    Error::new(ErrorKind::Denied, "there are no Azure credentials").hint(
        "run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (docs/azure.md)",
    )
}
