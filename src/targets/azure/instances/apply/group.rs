//! Container groups: made, started, stopped and removed.

use std::time::Duration;

use serde_json::Value;

use super::{
    super::{
        group::{Reader, seen},
        seen::{SeenGroup, State},
        spec::{Kind, ServiceSpec},
    },
    InstancesExecutor, left_alone,
    ready::Patient,
};
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, ErrorKind, Result},
    model::ReleaseId,
    plan::ResourceId,
    targets::azure::{
        api::{ApiError, Patience},
        foreign::foreign,
        overrides,
    },
};

/// How long Azure may take to make, start or stop a group.
const CHANGE: Duration = Duration::from_secs(20 * 60);
/// A role takes minutes until it works everywhere: as long the registry may refuse the identity.
const PROPAGATION: Duration = Duration::from_secs(5 * 60);
/// The pause between two attempts to make a group whose image cannot be pulled yet.
const AGAIN: Duration = Duration::from_secs(5);
/// What Azure says when an image cannot be pulled: the role does not work yet, or it is not there.
const NO_IMAGE: [&str; 3] = ["InaccessibleImage", "RegistryErrorResponse", "ImagePullFailed"];

/// How long a change of a group is waited for.
pub(super) fn patience() -> Patience {
    Patience(overrides::patience(CHANGE))
}

impl InstancesExecutor {
    /// There is a group that runs this, and the web service answers.
    pub(super) async fn create_group(
        &self,
        group: &str,
        service: &str,
        release: ReleaseId,
        spec: &ServiceSpec,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let spec = self.resolved(spec, context);
        match self.look_at(group).await? {
            Some(there) if !there.ours => return Err(foreign(&resource(group))),
            // An interrupted run has made it, or the same run whose answer got lost.
            Some(there) if there.is_like(&spec) && there.state == State::Running => {
                context.progress("it is there already");
            }
            Some(_) => {
                context.progress("removing the one that is there");
                self.clients.groups(&self.scope).delete(group, patience()).await?;
                self.make_group(group, service, release, &spec, context).await?;
            }
            None => self.make_group(group, service, release, &spec, context).await?,
        }
        self.come_up(&self.patient(group, service, &spec), context).await
    }

    async fn make_group(
        &self,
        group: &str,
        service: &str,
        release: ReleaseId,
        spec: &ServiceSpec,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let ingredients = self.ingredients(&spec.container, spec.is_web(), context).await?;
        let body = self.rendering(group, release, &ingredients).service(service, spec)?;
        context.progress(format!("making {group}"));
        self.put_group(group, &body, context).await
    }

    /// Makes a group; while its image cannot be pulled, again and again for some minutes.
    pub(super) async fn put_group(
        &self,
        group: &str,
        body: &azure_mgmt_containerinstance::models::ContainerGroup,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let groups = self.clients.groups(&self.scope);
        let deadline = self.clock.now() + overrides::patience(PROPAGATION);
        loop {
            let put = tokio::select! {
                put = groups.put(group, body, patience()) => put,
                () = context.cancel.cancelled() => return Err(cancelled()),
            };
            let refused = match put {
                Ok(_) => return Ok(()),
                Err(ApiError::Refused(refused)) if NO_IMAGE.contains(&refused.code.as_str()) => {
                    refused
                }
                Err(error) => return Err(self.explained(group, error).await),
            };
            if self.clock.now() >= deadline {
                let error = Error::from(ApiError::Refused(refused));
                return Err(error.hint(
                    "the identity of the environment has no role AcrPull on the registry that works",
                ));
            }
            context.progress("the registry does not let the identity in yet: its role is new");
            tokio::select! {
                () = self.clock.sleep(AGAIN.min(overrides::patience(AGAIN))) => {}
                () = context.cancel.cancelled() => return Err(cancelled()),
            }
        }
    }

    /// Azure's error with what the group itself says about it.
    async fn explained(&self, group: &str, error: ApiError) -> Error {
        let error = Error::from(error);
        let found = self.clients.groups(&self.scope).get(group).await.ok().flatten();
        let events = found.map(|found| super::super::group::last_events(&found, 5));
        error.log(events.unwrap_or_default())
    }

    /// A stopped group runs again as it was, once what must not run beside it has stopped.
    pub(super) async fn start_group(
        &self,
        group: &str,
        instead_of: Option<&str>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        if let Some(other) = instead_of {
            self.stop_group(other, 0, context).await?;
        }
        let Some(there) = self.look_at(group).await? else {
            return Err(Error::failed(format!("the {} is gone", resource(group))));
        };
        if !there.ours {
            return Err(foreign(&resource(group)));
        }
        if there.state != State::Running {
            context.progress(format!("starting {group}"));
            let started = self.clients.groups(&self.scope).start(group, patience()).await;
            if let Err(error) = started {
                return Err(self.explained(group, error).await);
            }
        }
        let (Some(service), Some(spec)) = (&there.service, &there.spec) else { return Ok(()) };
        self.come_up(&self.patient(group, service, spec), context).await.map(drop)
    }

    /// Nothing of a group runs any more.
    pub(super) async fn stop_group(
        &self,
        group: &str,
        drain: u64,
        context: &StepContext<'_>,
    ) -> Result<()> {
        if !self.is_to_go(group, drain, context).await? {
            return Ok(());
        }
        let groups = self.clients.groups(&self.scope);
        groups.stop(group, patience()).await?;
        Ok(())
    }

    /// A group is gone, and its host name with it.
    pub(super) async fn delete_group(
        &self,
        group: &str,
        drain: u64,
        context: &StepContext<'_>,
    ) -> Result<()> {
        if self.is_to_go(group, drain, context).await? {
            self.clients.groups(&self.scope).delete(group, patience()).await?;
        }
        Ok(())
    }

    /// True if there is one that is ours, once its requests have had time to end.
    async fn is_to_go(&self, group: &str, drain: u64, context: &StepContext<'_>) -> Result<bool> {
        let Some(there) = self.look_at(group).await? else { return Ok(false) };
        if !there.ours {
            context.progress(left_alone(&resource(group)));
            return Ok(false);
        }
        if drain > 0 && there.state == State::Running {
            context.progress(format!("its requests have {drain} s to end"));
            tokio::select! {
                () = self.clock.sleep(Duration::from_secs(drain)) => {}
                () = context.cancel.cancelled() => {}
            }
        }
        Ok(true)
    }

    pub(super) async fn look_at(&self, group: &str) -> Result<Option<SeenGroup>> {
        let found = self.clients.groups(&self.scope).get(group).await?;
        let Some(found) = found else { return Ok(None) };
        Ok(Some(self.read_group(&found).await?))
    }

    async fn read_group(&self, group: &Value) -> Result<SeenGroup> {
        let server = self.login_server().await.ok();
        let known = self.known();
        let reader = Reader {
            scope: &self.scope,
            login_server: server,
            tags: &known.tags,
            callers: &known.callers,
            fingerprint: &crate::targets::fingerprint,
            is_local: overrides::groups().is_some(),
        };
        Ok(seen(&reader, group))
    }

    fn known(&self) -> super::super::observe::Known {
        let current = self.observed.current.as_ref();
        let releases = current.into_iter().chain(&self.returning);
        super::super::observe::Known::of(self.desired.as_ref(), releases)
    }

    /// What is waited for when a service starts.
    fn patient(&self, group: &str, service: &str, spec: &ServiceSpec) -> Patient {
        let web = match &spec.role {
            Kind::Web { health, health_timeout, .. } => {
                Some((health.clone(), Duration::from_secs(*health_timeout)))
            }
            Kind::Worker | Kind::Singleton => None,
        };
        Patient { group: group.to_owned(), service: service.to_owned(), web }
    }
}

pub(super) fn resource(group: &str) -> ResourceId {
    ResourceId::new("container-group", group)
}

pub(super) fn cancelled() -> Error {
    Error::new(ErrorKind::Interrupted, "cancelled")
}
