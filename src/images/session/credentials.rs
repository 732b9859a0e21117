//! Hands the engine the user's credentials for the registries a build pulls from.

use std::collections::HashMap;

use bollard::{
    auth::DockerCredentials,
    moby::filesync::v1::{
        CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse,
        GetTokenAuthorityRequest, GetTokenAuthorityResponse, VerifyTokenAuthorityRequest,
        VerifyTokenAuthorityResponse, auth_server::Auth,
    },
};
use tonic::{Request, Response, Status};

use crate::docker::config_key;

/// The host that the engine names for Docker Hub.
const HUB_HOST: &str = "registry-1.docker.io";

/// Credentials by the registry's key in Docker's configuration.
pub(super) struct Credentials(pub HashMap<String, DockerCredentials>);

impl Credentials {
    /// What a registry gets; empty fields mean anonymous.
    fn of(&self, host: &str) -> CredentialsResponse {
        let host = if host == HUB_HOST { "docker.io" } else { host };
        let found = self.0.get(&config_key(host)).cloned().unwrap_or_default();
        match found.identitytoken {
            Some(secret) => CredentialsResponse { username: String::new(), secret },
            None => CredentialsResponse {
                username: found.username.unwrap_or_default(),
                secret: found.password.unwrap_or_default(),
            },
        }
    }
}

/// Only the first method is offered to the engine; it fetches tokens itself.
#[tonic::async_trait]
impl Auth for Credentials {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        Ok(Response::new(self.of(&request.get_ref().host)))
    }

    async fn fetch_token(
        &self,
        _: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens itself"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("no token authority"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("no token authority"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_is_found_by_the_name_the_engine_gives_it() {
        let password = DockerCredentials {
            username: Some("ann".into()),
            password: Some("pw".into()),
            ..Default::default()
        };
        let token = DockerCredentials { identitytoken: Some("token".into()), ..Default::default() };
        let credentials = Credentials(HashMap::from([
            ("https://index.docker.io/v1/".to_owned(), password),
            ("ghcr.io".to_owned(), token),
        ]));
        let pair = |host: &str| {
            let found = credentials.of(host);
            (found.username, found.secret)
        };
        assert_eq!(pair(HUB_HOST), ("ann".into(), "pw".into()));
        assert_eq!(pair("ghcr.io"), (String::new(), "token".into()));
        assert_eq!(pair("quay.io"), (String::new(), String::new()));
    }
}
