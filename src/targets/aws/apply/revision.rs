//! Revisions of task definitions: one per release and specification. Each call makes a new one, so
//! what an interrupted deploy has registered is looked for first.

use std::env;

use aws_sdk_ecs::{
    Client,
    config::retry::RetryConfig,
    types::{TaskDefinitionField, TaskDefinitionStatus},
};

use super::{
    super::{
        failure::failure,
        names::Tags,
        overrides,
        spec::{ServiceSpec, TaskSpec},
    },
    AwsExecutor,
    one_task::{ATTEMPTS, PAUSE, in_doubt},
    task_definition::{Surroundings, definition, from_ecs_tags, plain_values},
};
use crate::{
    engine::StepContext,
    error::{Error, ErrorKind, Result},
    model::ReleaseId,
    plan,
};

/// Words of the refusals that pass: IAM tells a new role to the other services with a delay.
const ROLE_NOT_YET: [&str; 3] = ["Role is not valid", "unable to assume the role", "PassRole"];

impl AwsExecutor {
    /// The ARN of the revision of a service.
    pub(super) async fn service_revision(
        &self,
        service: &str,
        release: ReleaseId,
        spec: &ServiceSpec,
        context: &StepContext<'_>,
    ) -> Result<String> {
        let _turn = match spec.is_web() {
            true => Some(self.registering.lock().await),
            false => None,
        };
        self.revision(service, release, &spec.task, context).await
    }

    /// The ARN of the revision with this resolved specification, for this release.
    pub(super) async fn revision(
        &self,
        service: &str,
        release: ReleaseId,
        spec: &TaskSpec,
        context: &StepContext<'_>,
    ) -> Result<String> {
        let (digest, secrets) =
            tokio::try_join!(self.image_digest(&spec.image, context), self.secret_refs(spec))?;
        let (registry, repository) = (overrides::registry(&self.scope), self.scope.repository());
        let around = Surroundings {
            scope: &self.scope,
            service,
            release,
            image: format!("{registry}/{repository}@{digest}"),
            secrets: &secrets,
            env: plain_values(&spec.env, |name| env::var(name).ok())?,
            hash: hash(spec)?,
        };
        match self.registered(&around).await? {
            Some(arn) => Ok(arn),
            None => self.register(spec, &around, context).await,
        }
    }

    /// The newest revision, if it is of this very release and specification.
    async fn registered(&self, around: &Surroundings<'_>) -> Result<Option<String>> {
        let family = self.scope.service(around.service);
        let answer = self
            .clients
            .ecs
            .describe_task_definition()
            .task_definition(&family)
            .include(TaskDefinitionField::Tags)
            .send()
            .await;
        let found = match answer {
            Ok(found) => found,
            Err(error) if error.as_service_error().is_some_and(|it| it.is_client_exception()) => {
                return Ok(None);
            }
            Err(error) => return Err(failure(format!("cannot look for {family}"), error)),
        };
        let tags = from_ecs_tags(found.tags());
        let wanted = around.tags();
        let Some(definition) = found.task_definition else { return Ok(None) };
        let active = definition.status == Some(TaskDefinitionStatus::Active);
        let same = [Tags::APP, Tags::ENV, Tags::RELEASE, Tags::SPEC]
            .iter()
            .all(|key| tags.get(*key) == wanted.get(*key));
        Ok(definition.task_definition_arn.filter(|_| active && same))
    }

    /// The SDK must not repeat the call: each makes a revision, so that whoever does not know
    /// whether one went through looks for it first.
    async fn register(
        &self,
        spec: &TaskSpec,
        around: &Surroundings<'_>,
        context: &StepContext<'_>,
    ) -> Result<String> {
        let what = format!("cannot register the task definition of {}", around.service);
        let request = definition(spec, around)?;
        let config = self.clients.ecs.config().to_builder();
        let once = Client::from_conf(config.retry_config(RetryConfig::disabled()).build());
        let mut attempt = 1;
        loop {
            let register = async || {
                let answer = request.clone().send_with(&once).await;
                answer.map_err(|error| in_doubt(what.clone(), error))
            };
            match self.patiently("its role", &ROLE_NOT_YET, context, register).await {
                Ok(made) => {
                    let arn = made.task_definition.and_then(|made| made.task_definition_arn);
                    return arn.ok_or_else(|| Error::failed(what).cause("it has no ARN"));
                }
                Err(error) if error.kind != ErrorKind::Unavailable || attempt == ATTEMPTS => {
                    return Err(error);
                }
                Err(error) => {
                    context.progress(format!("{error}: looking whether it was registered"));
                }
            }
            self.clock.sleep(PAUSE).await;
            if let Some(arn) = self.registered(around).await? {
                return Ok(arn);
            }
            attempt += 1;
        }
    }
}

/// The hash by which a specification is known again.
pub(super) fn hash(spec: &impl serde::Serialize) -> Result<String> {
    plan::hash(spec).map_err(|error| Error::failed("cannot describe a service").because(&error))
}
