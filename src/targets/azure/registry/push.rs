//! An image goes from the engine into the registry, and is what was pushed.

use bollard::{Docker, auth::DockerCredentials};

use super::Registry;
use crate::{
    engine::StepContext,
    error::{Error, Result},
    images::{self, Pushed, Remote},
};

/// Whoever comes with a refresh token in place of a password.
const USER: &str = "00000000-0000-0000-0000-000000000000";

impl Registry {
    /// What an engine signs in with, for about three hours.
    ///
    /// # Errors
    /// The registry lets the caller not in, or cannot be reached.
    pub async fn credentials(&self) -> Result<DockerCredentials> {
        let token = self.tokens.refresh().await?;
        Ok(DockerCredentials {
            username: Some(USER.to_owned()),
            password: Some(token.expose().to_owned()),
            serveraddress: Some(self.login_server.clone()),
            ..DockerCredentials::default()
        })
    }

    /// An image of the engine is in the registry under this tag; its digest there.
    ///
    /// # Errors
    /// The registry or the engine refuses, the push was cut again and again, or the tag has another
    /// content than what was pushed.
    pub async fn push(
        &self,
        engine: &Docker,
        local: &str,
        repository: &str,
        tag: &str,
        context: &StepContext<'_>,
    ) -> Result<String> {
        let credentials = self.credentials().await?;
        let remote = Remote {
            repository: format!("{}/{repository}", self.login_server),
            tag: tag.to_owned(),
        };
        context.progress(format!("pushing to {repository}:{tag}"));
        let pushed = images::push(engine, local, &remote, credentials, context).await?;
        let digest = self.digest(repository, tag).await?.ok_or_else(|| {
            Error::failed(format!("{repository} does not have {tag}, although it was pushed"))
        })?;
        match pushed {
            // A tag is a hash of the content, so what is there under it will do as well.
            Pushed::TagExists => Ok(digest),
            Pushed::Done { digest: told } if told == digest => Ok(digest),
            Pushed::Done { digest: told } => {
                Err(Error::failed(format!("{repository}:{tag} is not what was pushed"))
                    .cause(format!("the registry has {digest}, the engine pushed {told}")))
            }
        }
    }
}
