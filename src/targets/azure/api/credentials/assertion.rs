//! Another identity provider's word for who we are: a file that Kubernetes keeps fresh, or a token
//! that GitHub gives to a job.
//! (<https://learn.microsoft.com/entra/workload-id/workload-identity-federation>)

use std::path::PathBuf;

use bytes::Bytes;
use serde_json::Value;

use super::Variables;
use crate::{
    error::{Context, Error, ErrorKind, Result},
    http::{Http, Request, header},
    secret::SecretValue,
};

/// For whom the word is given.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// Where the word comes from.
#[derive(Debug, Clone)]
pub(super) enum Assertion {
    /// A file, which changes.
    File(PathBuf),
    /// GitHub, which gives one at an address to whoever has the job's token.
    GitHub {
        /// The address.
        url: String,
        /// The job's token.
        token: SecretValue,
    },
}

impl Assertion {
    /// What the environment names.
    pub fn named(variables: Variables<'_>) -> Option<Self> {
        if let Some(file) = variables("AZURE_FEDERATED_TOKEN_FILE") {
            return Some(Self::File(file.into()));
        }
        let url = variables("ACTIONS_ID_TOKEN_REQUEST_URL")?;
        let token = SecretValue::new(variables("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?);
        Some(Self::GitHub { url, token })
    }

    pub fn describe(&self) -> &'static str {
        match self {
            Self::File(_) => "a federated token",
            Self::GitHub { .. } => "GitHub's word for this job",
        }
    }

    pub async fn fetch(&self, http: &Http) -> Result<SecretValue> {
        match self {
            Self::File(path) => {
                let read = tokio::fs::read_to_string(path).await;
                let read = read.context(ErrorKind::Denied, || {
                    format!("AZURE_FEDERATED_TOKEN_FILE ({}) cannot be read", path.display())
                })?;
                // Files end with a new line, tokens do not.
                Ok(SecretValue::new(read.trim().to_owned()))
            }
            Self::GitHub { url, token } => github(http, url, token).await,
        }
    }
}

/// (<https://docs.github.com/actions/reference/security/oidc>)
async fn github(http: &Http, url: &str, token: &SecretValue) -> Result<SecretValue> {
    let refused = || "GitHub gives no word for this job".to_owned();
    let and = if url.contains('?') { '&' } else { '?' };
    let request = Request::get(format!("{url}{and}audience={AUDIENCE}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()))
        .body(Bytes::new())
        .context(ErrorKind::Denied, refused)?;
    let answer = http.fetch(request).await.context(ErrorKind::Unavailable, refused)?;
    let told: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let word = told["value"].as_str().map(|word| SecretValue::new(word.to_owned()));
    word.ok_or_else(|| {
        Error::new(ErrorKind::Denied, refused())
            .cause(answer.status())
            .hint("give the job `permissions: {id-token: write}`")
    })
}
