//! The environment's container registry, asked by its own API: which images it has, and who may push
//! and delete them. (<https://distribution.github.io/distribution/spec/api/>)

mod push;
mod tokens;

use std::net::IpAddr;

use bytes::Bytes;

use super::{
    Clients,
    api::{ApiError, Attempts},
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    http::{Method, Request, Response, StatusCode, header},
};
use tokens::Tokens;

/// What a tag may stand for; a registry that is not told takes an old form for the wish.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
                         application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";
/// Where a registry tells the digest of what it was asked for.
const DIGEST: &str = "docker-content-digest";

/// A registry. Clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct Registry {
    clients: Clients,
    login_server: String,
    base: String,
    tokens: Tokens,
}

impl Registry {
    /// The registry of this login server, e.g. `mizanboard.azurecr.io`. It is not asked yet.
    pub fn new(clients: &Clients, login_server: &str) -> Self {
        let base = base(login_server);
        Self {
            clients: clients.clone(),
            login_server: login_server.to_owned(),
            tokens: Tokens::new(clients, login_server, &base),
            base,
        }
    }

    /// The digest that a tag has in a repository, if it is there.
    ///
    /// # Errors
    /// The registry refused, or could not be reached.
    pub async fn digest(&self, repository: &str, tag: &str) -> Result<Option<String>> {
        let scope = format!("repository:{repository}:pull");
        let answer = match self.ask(Method::HEAD, repository, tag, &scope).await {
            Err(error) if error.is_absent() => return Ok(None),
            answer => answer?,
        };
        let digest = answer.headers().get(DIGEST).and_then(|digest| digest.to_str().ok());
        let digest = digest.map(str::to_owned).ok_or_else(|| {
            Error::failed(format!("the registry does not tell the digest of {repository}:{tag}"))
        });
        digest.map(Some)
    }

    /// An image is gone, with all tags that it has; it may be gone already.
    ///
    /// # Errors
    /// As above.
    pub async fn delete(&self, repository: &str, digest: &str) -> Result<()> {
        let scope = format!("repository:{repository}:delete");
        match self.ask(Method::DELETE, repository, digest, &scope).await {
            Err(error) if error.is_absent() => Ok(()),
            answer => Ok(answer.map(drop)?),
        }
    }

    /// Asks about a manifest, with a token for this scope; with a new one if it is refused.
    async fn ask(
        &self,
        method: Method,
        repository: &str,
        reference: &str,
        scope: &str,
    ) -> Result<Response<Bytes>, ApiError> {
        let what = format!("{method} {repository}@{reference}");
        let url = format!("{}/v2/{repository}/manifests/{reference}", self.base);
        let mut attempts = Attempts::new(&what);
        let mut may_have_ended = true;
        loop {
            let token = self.tokens.access(scope).await?;
            let request = Request::builder()
                .method(method.clone())
                .uri(&url)
                .header(header::ACCEPT, MANIFESTS)
                .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()))
                .body(Bytes::new())
                .context(ErrorKind::Failed, || format!("{what} makes no request"))?;
            match attempts.judge(self.clients.http.fetch(request).await).await {
                None => {}
                Some(Err(error))
                    if error.has_status(StatusCode::UNAUTHORIZED) && may_have_ended =>
                {
                    may_have_ended = false;
                    self.tokens.forget().await;
                }
                Some(outcome) => return outcome,
            }
        }
    }
}

/// Plain HTTP is for this machine alone: the rule that Docker has, too.
fn base(login_server: &str) -> String {
    let host = login_server.rsplit_once(':').map_or(login_server, |(host, _)| host);
    let is_here = host == "localhost" || host.parse().is_ok_and(|it: IpAddr| it.is_loopback());
    format!("{}://{login_server}", if is_here { "http" } else { "https" })
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        assert_eq!(base("mizanboard.azurecr.io"), "https://mizanboard.azurecr.io");
        assert_eq!(base("10.0.0.1:5000"), "https://10.0.0.1:5000");
        assert_eq!(base("localhost.example:5000"), "https://localhost.example:5000");
        assert_eq!(base("127.0.0.1:5000"), "http://127.0.0.1:5000");
        assert_eq!(base("localhost:5000"), "http://localhost:5000");
    }
}
