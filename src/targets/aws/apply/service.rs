//! Services: put, restored, deleted. How a rollout is followed is in `rollout`.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_ecs::{
    error::ProvideErrorMetadata,
    operation::create_service::CreateServiceError,
    types::{
        AssignPublicIp, AvailabilityZoneRebalancing, AwsVpcConfiguration, DeploymentCircuitBreaker,
        DeploymentConfiguration, LaunchType, LoadBalancer, NetworkConfiguration, PropagateTags,
        Service, ServiceField, ThresholdConfiguration, ThresholdType,
    },
};

use super::{
    super::{
        failure::{code, failure},
        names::Tags,
        spec::{Deployment, ServiceSpec, TaskSpec, Wiring},
    },
    AwsExecutor,
    revision::hash,
    rollout::{Follow, Proof},
    task_definition::{ecs_tags, from_ecs_tags},
};
use crate::{
    engine::{StepContext, StepOutput, Verdict, Wait},
    error::{Error, Result},
    model::ReleaseId,
    plan::{ResourceId, StepId},
    targets::EnvSpec,
};

/// Failed tasks after which ECS gives a deployment up.
const BREAKS_AFTER: i32 = 3;
/// A service's tasks may take two minutes to stop, and its targets a while to drain before that.
const GONE_WITHIN: Duration = Duration::from_secs(600);
/// Between two looks at a service that is going.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Words of the refusals that pass: what the service needs was made a moment ago.
const NOT_YET: [&str; 4] = [
    "service linked role",
    "unable to assume",
    "does not have an associated load balancer",
    "still Draining",
];

/// A service, resolved: what is to be written.
struct Target<'a> {
    /// Its name in `mizan.yaml`.
    service: &'a str,
    /// The release; unknown only if somebody took the tag away from what is restored.
    release: Option<ReleaseId>,
    spec: &'a ServiceSpec,
    /// The hash of the specification.
    hash: String,
    /// The ARN of its task definition.
    definition: String,
}

impl Target<'_> {
    /// True if an interrupted run has written all of this.
    fn is_written(&self, seen: &Service) -> bool {
        let tags = from_ecs_tags(seen.tags());
        let release = self.release.map(|release| release.to_string());
        tags.get(Tags::RELEASE) == release.as_ref()
            && tags.get(Tags::SPEC) == Some(&self.hash)
            && seen.task_definition() == Some(&self.definition)
            && self.count(seen).is_none_or(|count| seen.desired_count == count)
            && !has_failed(seen)
    }

    /// How many tasks to ask for: where autoscaling decides, only a service without any is
    /// brought to life.
    fn count(&self, seen: &Service) -> Option<i32> {
        let count = i32::try_from(self.spec.count).unwrap_or(i32::MAX);
        (!self.spec.scaled || seen.desired_count == 0).then_some(count)
    }
}

impl AwsExecutor {
    /// The service runs the release, and is well. Its outputs are `arn` and `task_definition`,
    /// and `came_up_after_ms` of the web service.
    pub(super) async fn put_service(
        &self,
        service: &str,
        release: ReleaseId,
        spec: &ServiceSpec,
        task_definition: Option<&str>,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let spec = spec.resolved(&self.scope, &finder(context));
        let definition = async {
            match task_definition {
                Some(given) => Ok(given.to_owned()),
                None => self.service_revision(service, release, &spec, context).await,
            }
        };
        let (definition, seen, past) =
            tokio::try_join!(definition, self.own_service(service), self.past_tasks(service))?;
        let hash = hash(&spec)?;
        let target = Target { service, release: Some(release), spec: &spec, hash, definition };
        let written = match seen {
            None => self.create_service(&target, context).await?,
            // With a task definition that is known already, this is a repair or a rollback: what the
            // tags say is not all that counts.
            Some(seen) if task_definition.is_none() && target.is_written(&seen) => {
                context.progress("going on with the rollout of an interrupted deploy");
                seen
            }
            Some(seen) => self.update_service(&target, &seen, context).await?,
        };
        let follow = Follow::Deployment(primary_id(&written).unwrap_or_default());
        let proof = self.proof(&spec, context)?;
        let up = self.roll_out(service, follow, proof, past, context).await?;
        let arn = written.service_arn.unwrap_or_default();
        Ok(StepOutput::from([
            ("arn".to_owned(), arn),
            ("task_definition".to_owned(), target.definition),
            (super::rollout::CAME_UP_AFTER.to_owned(), up.as_millis().to_string()),
        ]))
    }

    async fn create_service(
        &self,
        target: &Target<'_>,
        context: &StepContext<'_>,
    ) -> Result<Service> {
        let spec = target.spec;
        let name = self.scope.service(target.service);
        context.progress(format!("creating {name}"));
        let request = self
            .clients
            .ecs
            .create_service()
            .cluster(self.cluster_of(target.service))
            .service_name(&name)
            .task_definition(&target.definition)
            .desired_count(i32::try_from(spec.count).unwrap_or(i32::MAX))
            .launch_type(LaunchType::Fargate)
            .deployment_configuration(deployment_configuration(&spec.deployment)?)
            .availability_zone_rebalancing(rebalancing(&spec.deployment))
            .network_configuration(self.network(&spec.wiring, context)?)
            .set_load_balancers(self.load_balancers(target.service, spec, context)?)
            .set_health_check_grace_period_seconds(grace(spec))
            .propagate_tags(PropagateTags::TaskDefinition)
            .enable_execute_command(false)
            .set_tags(Some(ecs_tags(&self.service_tags(target))))
            .client_token(one_time_token());
        let create = async || {
            match request.clone().send().await {
                Ok(answer) => Ok(answer.service),
                // A repeated request whose first answer was lost.
                Err(error) if error.as_service_error().is_some_and(is_there_already) => {
                    self.own_service(target.service).await
                }
                Err(error) => Err(failure(format!("cannot create service {name}"), error)),
            }
        };
        self.patiently("what the service needs", &NOT_YET, context, create)
            .await?
            .ok_or_else(|| Error::failed(format!("service {name} is not there after its creation")))
    }

    async fn update_service(
        &self,
        target: &Target<'_>,
        seen: &Service,
        context: &StepContext<'_>,
    ) -> Result<Service> {
        let spec = target.spec;
        context.progress(format!("rolling out {}", short(&target.definition)));
        let balancers = self.load_balancers(target.service, spec, context)?;
        // Naming those that it has would be checked like new ones, and may start a deployment.
        let changed = balancers.as_deref().unwrap_or_default() != seen.load_balancers();
        // Neither what was given up nor another value of a secret starts tasks anew where the update
        // changes nothing else.
        let same = seen.task_definition() == Some(&target.definition);
        let again = same && (has_failed(seen) || self.has_other_secrets(target));
        let answer = self
            .clients
            .ecs
            .update_service()
            .cluster(self.cluster_of(target.service))
            .service(self.scope.service(target.service))
            .task_definition(&target.definition)
            .set_desired_count(target.count(seen))
            .set_force_new_deployment(again.then_some(true))
            .deployment_configuration(deployment_configuration(&spec.deployment)?)
            .availability_zone_rebalancing(rebalancing(&spec.deployment))
            .network_configuration(self.network(&spec.wiring, context)?)
            .set_load_balancers(changed.then(|| balancers.unwrap_or_default()))
            .set_health_check_grace_period_seconds(grace(spec))
            .propagate_tags(PropagateTags::TaskDefinition)
            .enable_execute_command(false)
            .send()
            .await;
        let what = || format!("cannot update service {}", target.service);
        let answer = answer.map_err(|error| failure(what(), error))?;
        let updated = answer.service.ok_or_else(|| Error::failed(what()))?;
        self.tag_service(&updated, target).await?;
        Ok(updated)
    }

    /// True if the tasks that run were started with other values of secrets.
    fn has_other_secrets(&self, target: &Target<'_>) -> bool {
        let seen = self.observed.services.get(target.service).and_then(|seen| seen.present());
        seen.is_some_and(|seen| secrets(&seen.spec.task) != secrets(&target.spec.task))
    }

    async fn tag_service(&self, seen: &Service, target: &Target<'_>) -> Result<()> {
        let arn = seen.service_arn().unwrap_or_default();
        let tags = ecs_tags(&self.service_tags(target));
        let tagged = self.clients.ecs.tag_resource().resource_arn(arn).set_tags(Some(tags));
        let tagged = tagged.send().await;
        tagged.map_err(|error| failure(format!("cannot tag service {}", target.service), error))?;
        Ok(())
    }

    fn service_tags(&self, target: &Target<'_>) -> BTreeMap<String, String> {
        let mut tags = self.scope.tags();
        tags.insert(Tags::SERVICE.to_owned(), target.service.to_owned());
        if let Some(release) = target.release {
            tags.insert(Tags::RELEASE.to_owned(), release.to_string());
        }
        tags.insert(Tags::SPEC.to_owned(), target.hash.clone());
        tags
    }

    /// The service is as it was before the deploy. ECS may have gone back by itself already, or be
    /// about to: naming the revision says where to, whatever it is doing.
    pub(super) async fn restore_service(
        &self,
        service: &str,
        spec: &ServiceSpec,
        release: Option<ReleaseId>,
        task_definition: &str,
        desired: u32,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let Some(seen) = self.own_service(service).await? else {
            return Err(Error::failed(format!("service {service} is gone"))
                .hint("somebody deleted it during the deploy; run `mizan deploy` again"));
        };
        self.require_ours(service, &seen)?;
        let before = ServiceSpec { count: desired, ..spec.clone() };
        let target = Target {
            service,
            release,
            spec: &before,
            hash: hash(spec)?,
            definition: task_definition.to_owned(),
        };
        let past = self.past_tasks(service).await?;
        self.update_service(&target, &seen, context).await?;
        let follow = Follow::Revision(task_definition.to_owned());
        self.roll_out(service, follow, Proof::Running, past, context).await?;
        Ok(StepOutput::new())
    }

    /// What runs now was written by us: a revision of our own family.
    fn require_ours(&self, service: &str, seen: &Service) -> Result<()> {
        let runs = seen.task_definition().unwrap_or_default();
        let family = format!(":task-definition/{}:", self.scope.service(service));
        match runs.contains(&family) {
            true => Ok(()),
            false => Err(Error::failed(format!("service {service} is not as we left it"))
                .cause(format!("it runs {runs}, which is none of ours"))
                .hint("somebody changed it during the deploy; it is left as it is")),
        }
    }

    /// Nothing of the service runs any more, but it is still there.
    pub(super) async fn stop_service(
        &self,
        service: &str,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let Some(seen) = self.own_service(service).await? else { return Ok(()) };
        if seen.desired_count != 0 {
            let update = self.clients.ecs.update_service().cluster(self.cluster_of(service));
            let update = update.service(self.scope.service(service)).desired_count(0);
            let stopped = update.send().await;
            stopped.map_err(|error| failure(format!("cannot stop service {service}"), error))?;
        }
        let stopped = |seen: &Service| seen.running_count == 0 && seen.pending_count == 0;
        self.wait_until_quiet(service, stopped, context).await
    }

    /// The service is gone, with its tasks. A foreign one is left alone.
    pub(super) async fn delete_service(
        &self,
        service: &str,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let Some(seen) = self.find_service(service).await? else { return Ok(()) };
        if !self.scope.owns(&from_ecs_tags(seen.tags())) {
            return Ok(());
        }
        let name = self.scope.service(service);
        if seen.status() != Some(DRAINING) {
            let delete = self.clients.ecs.delete_service().cluster(self.cluster_of(service));
            // By force means that its tasks are stopped too, in the same orderly way.
            match delete.service(&name).force(true).send().await {
                Ok(_) => {}
                Err(error) if code(&error) == Some("ServiceNotFoundException") => return Ok(()),
                Err(error) => return Err(failure(format!("cannot delete service {name}"), error)),
            }
        }
        self.wait_until_quiet(service, |_| false, context).await
    }

    /// Waits until the service is gone, or as quiet as it should be.
    async fn wait_until_quiet(
        &self,
        service: &str,
        is_quiet: impl Fn(&Service) -> bool,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let wait = Wait {
            what: format!("the tasks of service {service} to stop"),
            timeout: GONE_WITHIN,
            interval: LOOK_EVERY,
        };
        let look = async || self.find_service(service).await;
        let judge = |seen: Option<Service>| match seen {
            Some(seen) if !is_quiet(&seen) => {
                Verdict::Waiting(format!("{} are left", seen.running_count))
            }
            _ => Verdict::Met(()),
        };
        wait.until(self.clock.as_ref(), context, look, judge).await
    }

    /// The service, if it is there and ours.
    ///
    /// # Errors
    /// One of its name is somebody else's.
    async fn own_service(&self, service: &str) -> Result<Option<Service>> {
        let Some(seen) = self.find_service(service).await? else { return Ok(None) };
        if !self.scope.owns(&from_ecs_tags(seen.tags())) {
            let name = self.scope.service(service);
            return Err(Error::failed(format!("service {name} exists already and is not ours"))
                .hint("it has no tags of mizan: delete it, or choose another name for the app"));
        }
        Ok((seen.status() != Some(DRAINING)).then_some(seen))
    }

    /// The service, if it is there: one whose deletion is complete is not.
    pub(super) async fn find_service(&self, service: &str) -> Result<Option<Service>> {
        let name = self.scope.service(service);
        let answer = self
            .clients
            .ecs
            .describe_services()
            .cluster(self.cluster_of(service))
            .services(&name)
            .include(ServiceField::Tags)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let found = answer.services.unwrap_or_default().into_iter().next();
                Ok(found.filter(|it| it.status() != Some(INACTIVE)))
            }
            Err(error) if code(&error) == Some("ClusterNotFoundException") => Ok(None),
            Err(error) => Err(failure(format!("cannot look at service {name}"), error)),
        }
    }

    /// The cluster that a service is in: of one that is there, wherever that is.
    pub(super) fn cluster_of(&self, service: &str) -> String {
        let seen = self.observed.services.get(service).and_then(|seen| seen.present());
        let seen = seen.and_then(|seen| cluster_in(&seen.arn));
        let current = self.observed.current.as_ref().map(|current| &current.desired);
        let desired = self.desired.as_ref().or(current).map(|desired| desired.cluster.clone());
        seen.map(str::to_owned).or(desired).unwrap_or_else(|| self.scope.cluster())
    }

    pub(super) fn network(
        &self,
        wiring: &Wiring,
        context: &StepContext<'_>,
    ) -> Result<NetworkConfiguration> {
        let groups =
            wiring.groups.iter().map(|group| self.reference("security-group", group, context));
        let vpc = AwsVpcConfiguration::builder()
            .set_subnets(Some(wiring.subnets.iter().cloned().collect()))
            .set_security_groups(Some(groups.collect::<Result<_>>()?))
            .assign_public_ip(match wiring.public_ip {
                true => AssignPublicIp::Enabled,
                false => AssignPublicIp::Disabled,
            })
            .build()
            .map_err(|error| Error::failed("the network is incomplete").because(&error))?;
        Ok(NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
    }

    fn load_balancers(
        &self,
        service: &str,
        spec: &ServiceSpec,
        context: &StepContext<'_>,
    ) -> Result<Option<Vec<LoadBalancer>>> {
        let (Some(group), Some(port)) = (&spec.wiring.target_group, spec.task.port) else {
            return Ok(None);
        };
        let balancer = LoadBalancer::builder()
            .target_group_arn(self.reference("target-group", group, context)?)
            .container_name(service)
            .container_port(port.into());
        Ok(Some(vec![balancer.build()]))
    }

    /// The ARN or id of a thing of ours, by its name; one that was given is its own.
    fn reference(
        &self,
        kind: &'static str,
        name: &str,
        context: &StepContext<'_>,
    ) -> Result<String> {
        match name.starts_with("arn:") || name.starts_with("sg-") {
            true => Ok(name.to_owned()),
            false => self.arn(&ResourceId::new(kind, name), context),
        }
    }
}

/// The status of a service whose tasks are stopping for good.
const DRAINING: &str = "DRAINING";
/// The status of a service that is gone, but still remembered.
const INACTIVE: &str = "INACTIVE";

fn deployment_configuration(spec: &Deployment) -> Result<DeploymentConfiguration> {
    let percent = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let threshold =
        ThresholdConfiguration::builder().r#type(ThresholdType::Count).value(BREAKS_AFTER);
    let invalid = |error| Error::failed("the deployment is incomplete").because(&error);
    let breaker = DeploymentCircuitBreaker::builder()
        .enable(spec.circuit_breaker)
        .rollback(spec.circuit_breaker)
        .threshold_configuration(threshold.build().map_err(invalid)?);
    Ok(DeploymentConfiguration::builder()
        .minimum_healthy_percent(percent(spec.min_healthy))
        .maximum_percent(percent(spec.max))
        .deployment_circuit_breaker(breaker.build())
        .build())
}

/// ECS can move tasks between zones only where there may be one more than wanted for a while.
fn rebalancing(spec: &Deployment) -> AvailabilityZoneRebalancing {
    match spec.max > 100 {
        true => AvailabilityZoneRebalancing::Enabled,
        false => AvailabilityZoneRebalancing::Disabled,
    }
}

/// Only a service behind a load balancer has a grace period.
fn grace(spec: &ServiceSpec) -> Option<i32> {
    spec.wiring.target_group.as_ref()?;
    spec.deployment.grace.and_then(|seconds| i32::try_from(seconds).ok())
}

/// The secrets among the variables, with their versions.
fn secrets(task: &TaskSpec) -> BTreeMap<&str, Option<&str>> {
    let secrets = task.env.iter().filter_map(|(name, value)| match value {
        EnvSpec::Secret { fingerprint } => Some((name.as_str(), fingerprint.as_deref())),
        EnvSpec::Literal(_) | EnvSpec::Caller { .. } | EnvSpec::Late { .. } => None,
    });
    secrets.collect()
}

fn primary_id(service: &Service) -> Option<String> {
    let mut deployments = service.deployments().iter();
    deployments.find(|it| it.status() == Some("PRIMARY"))?.id.clone()
}

/// True if ECS gave the deployment up that it worked towards last.
fn has_failed(service: &Service) -> bool {
    use aws_sdk_ecs::types::DeploymentRolloutState::Failed;
    let mut primary = service.deployments().iter().filter(|it| it.status() == Some("PRIMARY"));
    primary.any(|it| it.rollout_state() == Some(&Failed))
}

fn is_there_already(error: &CreateServiceError) -> bool {
    error.message().is_some_and(|message| message.contains("not idempotent"))
}

/// Tells the repetitions of one request from a new one. It is made up each time, since ECS would
/// answer a token that it remembers with a service that was deleted meanwhile.
pub(super) fn one_time_token() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// `arn:aws:ecs:<region>:<account>:service/<cluster>/<service>`.
fn cluster_in(arn: &str) -> Option<&str> {
    arn.split_once(":service/")?.1.split_once('/').map(|(cluster, _)| cluster)
}

/// `family:revision`, as people know it.
fn short(definition: &str) -> &str {
    definition.rsplit('/').next().unwrap_or(definition)
}

/// Looks up the outputs of the steps before.
pub(super) fn finder(context: &StepContext<'_>) -> impl Fn(&StepId, &str) -> Option<String> {
    |step, output| context.output(step, output).map(str::to_owned)
}
