//! What outlives releases: network and volumes.

use bollard::{
    models::{NetworkCreateRequest, VolumeCreateRequest},
    query_parameters::RemoveVolumeOptions,
};

use super::{
    super::observe::{is_conflict, is_own, networks, require_own_checkout},
    LocalExecutor,
};
use crate::{
    docker::is_missing,
    engine::StepOutput,
    error::{Context, Error, ErrorKind, Result},
};

impl LocalExecutor {
    pub(super) async fn create_network(&self, network: &str) -> Result<StepOutput> {
        if !networks(&self.docker, &self.scope, network).await?.is_empty() {
            return self.one_network(network).await;
        }
        let request = NetworkCreateRequest {
            name: network.to_owned(),
            labels: Some(self.scope.labels()),
            ..NetworkCreateRequest::default()
        };
        match self.docker.create_network(request).await {
            Ok(_) => self.one_network(network).await,
            Err(error) if is_conflict(&error) => Ok(StepOutput::new()),
            Err(error) => {
                Err(Error::failed(format!("cannot create network {network}")).because(&error))
            }
        }
    }

    async fn one_network(&self, network: &str) -> Result<StepOutput> {
        self.containers().one_network(network).await?;
        Ok(StepOutput::new())
    }

    /// Creating a volume that exists answers with the one that exists; its labels tell whose it is.
    pub(super) async fn create_volume(&self, volume: &str) -> Result<StepOutput> {
        let request = VolumeCreateRequest {
            name: Some(volume.to_owned()),
            labels: Some(self.scope.labels()),
            ..VolumeCreateRequest::default()
        };
        let created = self
            .docker
            .create_volume(request)
            .await
            .context(ErrorKind::Failed, || format!("cannot create volume {volume}"))?;
        require_own_checkout(&self.scope, &created.labels, &format!("volume {volume}"))?;
        Ok(StepOutput::new())
    }

    pub(super) async fn remove_network(&self, network: &str) -> Result<StepOutput> {
        for id in networks(&self.docker, &self.scope, network).await? {
            match self.docker.remove_network(&id).await {
                Ok(()) => {}
                Err(error) if is_missing(&error) => {}
                Err(error) => {
                    return Err(Error::failed(format!("cannot remove network {network}"))
                        .because(&error)
                        .hint("a container that is not ours may be connected to it"));
                }
            }
        }
        Ok(StepOutput::new())
    }

    pub(super) async fn remove_volume(&self, volume: &str) -> Result<StepOutput> {
        match self.docker.inspect_volume(volume).await {
            // A foreign one is left alone.
            Ok(seen) if !is_own(&self.scope, &seen.labels) => return Ok(StepOutput::new()),
            Ok(_) => {}
            Err(error) if is_missing(&error) => return Ok(StepOutput::new()),
            Err(error) => {
                return Err(
                    Error::failed(format!("cannot inspect volume {volume}")).because(&error)
                );
            }
        }
        match self.docker.remove_volume(volume, None::<RemoveVolumeOptions>).await {
            Ok(()) => Ok(StepOutput::new()),
            Err(error) if is_missing(&error) => Ok(StepOutput::new()),
            Err(error) => {
                Err(Error::failed(format!("cannot remove volume {volume}")).because(&error))
            }
        }
    }
}
