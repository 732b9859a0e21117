//! `mizan run`: a container like the live web service's, for one command.

use std::process;

use super::{
    super::{observe::ContainerRole, one_off},
    LocalExecutor,
    container::Blueprint,
};
use crate::{
    error::{Error, Result},
    model::ReleaseId,
    plan::Late,
};

impl LocalExecutor {
    /// Runs a command with the image, environment and volumes of the live web service; answers
    /// its exit code.
    ///
    /// # Errors
    /// The engine refuses the container.
    pub async fn run_one_off(&self, release: ReleaseId, command: &[String]) -> Result<u8> {
        let (_, web) = self
            .desired()?
            .web()
            .ok_or_else(|| Error::failed("no service of this app takes traffic"))?;
        let Late::Known(image) = &web.image else {
            return Err(Error::failed("the live release does not tell its image"));
        };
        let mut env = self.env_values(&web.env)?;
        env.push(format!("MIZAN_RELEASE={release}"));
        let blueprint = Blueprint {
            name: format!("{}-run-{}", self.scope.prefix(), process::id()),
            role: ContainerRole::OneOff,
            service: "run".to_owned(),
            release: Some(release),
            spec: String::new(),
            image: image.clone(),
            command: Some(command.to_vec()),
            env,
            cpu: None,
            memory: None,
            volumes: self.volume_names(&web.volumes),
            publish: None,
            restarts: false,
            stop_timeout: web.stop_timeout,
        };
        let body = self.containers().body(&blueprint, None);
        one_off::run(&self.docker, &blueprint.name, body).await
    }
}
