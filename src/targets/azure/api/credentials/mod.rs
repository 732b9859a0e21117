//! Who we are on Azure: a service principal with a secret or with another provider's word for it, a
//! managed identity, or whoever signed in with `az`. Tokens are kept until shortly before their end.

mod assertion;
mod az;
mod entra;
mod identity;
mod managed;

use std::{
    collections::BTreeMap,
    env,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

pub use identity::Identity;

use super::Cloud;
use crate::{
    error::{Error, ErrorKind, Result},
    http::Http,
    secret::SecretValue,
};
use assertion::Assertion;
use entra::Principal;
use managed::Managed;

/// A token is not used in its last minutes: what begins now has to end before it does.
const RESERVE: Duration = Duration::from_secs(300);

/// Looks a variable up that is not empty.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The way to tokens.
#[derive(Debug, Clone)]
enum Source {
    /// The secret of a service principal.
    Secret(Principal, SecretValue),
    /// Another identity provider's word for who we are: Kubernetes, GitHub.
    Assertion(Principal, Assertion),
    /// The identity of the machine or app that this runs on.
    Managed(Managed),
    /// Whoever signed in with `az login`; where the tool is.
    Az(PathBuf),
}

/// A token, and how long it may be used.
#[derive(Debug, Clone)]
struct Token {
    value: SecretValue,
    until: Instant,
}

impl Token {
    fn new(value: String, seconds: u64) -> Self {
        let lasts = Duration::from_secs(seconds);
        let until = Instant::now() + lasts.saturating_sub(RESERVE.min(lasts / 2));
        Self { value: SecretValue::new(value), until }
    }
}

/// Credentials. Clones share their tokens.
#[derive(Debug, Clone)]
pub struct Credentials {
    http: Http,
    source: Source,
    /// The subscription that the environment names.
    subscription: Option<String>,
    kept: Arc<Mutex<BTreeMap<String, Token>>>,
}

impl Credentials {
    /// Those that variables name, in the order of Azure's own SDKs: a service principal with a
    /// secret, one with a federated token, GitHub's, a managed identity that the environment names,
    /// `az`, and the machine's identity. Nobody is asked yet.
    ///
    /// # Errors
    /// A variable is missing that another one needs.
    pub fn named(http: &Http, cloud: &Cloud, variables: Variables<'_>) -> Result<Self> {
        Ok(Self {
            http: http.clone(),
            source: source(cloud, variables)?,
            subscription: variables("AZURE_SUBSCRIPTION_ID"),
            kept: Arc::default(),
        })
    }

    /// A token for an audience, e.g. `https://management.azure.com`.
    ///
    /// # Errors
    /// Nobody gives one.
    pub async fn token(&self, audience: &str) -> Result<SecretValue> {
        // Held while one is fetched: whoever asks meanwhile gets the same.
        let mut kept = self.kept.lock().await;
        if let Some(token) = kept.get(audience).filter(|token| token.until > Instant::now()) {
            return Ok(token.value.clone());
        }
        let token = match &self.source {
            Source::Secret(principal, secret) => {
                principal.by_secret(&self.http, secret, audience).await?
            }
            Source::Assertion(principal, assertion) => {
                let assertion = assertion.fetch(&self.http).await?;
                principal.by_assertion(&self.http, &assertion, audience).await?
            }
            Source::Managed(managed) => managed.token(&self.http, audience).await?,
            Source::Az(tool) => az::token(tool, audience).await?,
        };
        let value = token.value.clone();
        kept.insert(audience.to_owned(), token);
        Ok(value)
    }

    /// The next token for an audience is a new one.
    pub async fn forget(&self, audience: &str) {
        self.kept.lock().await.remove(audience);
    }

    /// The subscription: the one that is named, else the one that `az` uses.
    ///
    /// # Errors
    /// Nothing names one.
    pub async fn subscription(&self) -> Result<String> {
        match (&self.subscription, &self.source) {
            (Some(named), _) => Ok(named.clone()),
            (None, Source::Az(tool)) => az::subscription(tool).await,
            (None, _) => Err(Error::new(ErrorKind::Denied, "no Azure subscription is named")
                .hint("set AZURE_SUBSCRIPTION_ID")),
        }
    }

    /// Who we are, in a word, for `mizan doctor`.
    pub fn describe(&self) -> String {
        match &self.source {
            Source::Secret(principal, _) => {
                format!("service principal {} with a secret", principal.client)
            }
            Source::Assertion(principal, assertion) => {
                format!("service principal {} with {}", principal.client, assertion.describe())
            }
            Source::Managed(_) => "a managed identity".to_owned(),
            Source::Az(_) => "whoever signed in with `az login`".to_owned(),
        }
    }
}

fn source(cloud: &Cloud, variables: Variables<'_>) -> Result<Source> {
    let client = variables("AZURE_CLIENT_ID");
    let principal = client
        .clone()
        .zip(variables("AZURE_TENANT_ID"))
        .map(|(client, tenant)| Principal { authority: cloud.authority.clone(), tenant, client });
    let secret = variables("AZURE_CLIENT_SECRET").map(SecretValue::new);
    let assertion = Assertion::named(variables);
    match (principal, secret, assertion) {
        (Some(principal), Some(secret), _) => Ok(Source::Secret(principal, secret)),
        (Some(principal), None, Some(assertion)) => Ok(Source::Assertion(principal, assertion)),
        (None, Some(_), _) => {
            Err(Error::new(ErrorKind::Denied, "the Azure service principal is not complete")
                .cause("AZURE_CLIENT_SECRET is set")
                .hint("set AZURE_CLIENT_ID and AZURE_TENANT_ID, too"))
        }
        _ => Ok(match (Managed::named(variables, client.clone()), az::find(variables)) {
            (Some(managed), _) => Source::Managed(managed),
            (None, Some(tool)) => Source::Az(tool),
            (None, None) => Source::Managed(Managed::of_the_machine(variables, client)),
        }),
    }
}

/// The variables of this process.
pub fn environment(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
