//! Follows a rollout until it is done or has failed: looks at ECS and, through the load balancer,
//! at the service itself. What a look means is decided in `judge`.

mod judge;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_ecs::types::{
    Deployment, DeploymentRolloutState, DesiredStatus, Service, ServiceEvent,
};
use aws_smithy_types::DateTime;

use super::{
    super::{
        desired::Desired,
        failure::{code, failure},
        spec::{Kind, ServiceSpec},
        task::{SeenTask, id_of},
        task_log::TaskLog,
    },
    AwsExecutor, pace,
    probe::Probe,
};
use crate::{
    engine::{StepContext, Verdict, Wait},
    error::{Error, Result},
    plan::StepId,
    targets::settled_after,
};
use judge::{Expected, Failure, LogOf, Look, Rollout, SeenDeployment, judge};
pub(super) use judge::{Follow, Proof};

/// The output of the web service's step with the milliseconds that its answer took.
pub(super) const CAME_UP_AFTER: &str = "came_up_after_ms";
/// All of a rollout: tasks are placed, images pulled, old tasks drained and stopped.
const ROLLOUT_WITHIN: Duration = Duration::from_secs(20 * 60);

/// A service that is not there has no tasks.
const ABSENT: [&str; 2] = ["ClusterNotFoundException", "ServiceNotFoundException"];

impl AwsExecutor {
    /// How a service shows that it is well.
    pub(super) fn proof(&self, spec: &ServiceSpec, context: &StepContext<'_>) -> Result<Proof> {
        let probe = self.desired()?.probe.as_ref();
        Ok(match (&spec.role, probe) {
            (Kind::Web { .. }, Some(probe)) => Proof::Answer {
                path: probe.path.clone(),
                within: Duration::from_secs(probe.timeout),
            },
            _ => Proof::Settled(self.watched_for(context)),
        })
    }

    fn watched_for(&self, context: &StepContext<'_>) -> Duration {
        let web = self.desired.as_ref().and_then(Desired::web);
        let step = web.map(|(name, _)| StepId::new("service", name));
        let millis = step.and_then(|step| context.output(&step, CAME_UP_AFTER)?.parse().ok());
        settled_after(millis.map(Duration::from_millis).unwrap_or_default())
    }

    /// The ARNs of the service's tasks that have stopped already: a crash of yesterday says nothing
    /// about the rollout of today.
    pub(super) async fn past_tasks(&self, service: &str) -> Result<BTreeSet<String>> {
        Ok(self.tasks(service, DesiredStatus::Stopped).await?.into_iter().collect())
    }

    /// Waits until the rollout is done; answers how long the service took to prove that it is
    /// well once its tasks ran. `past` are the tasks that had stopped before it.
    pub(super) async fn roll_out(
        &self,
        service: &str,
        follow: Follow,
        proof: Proof,
        past: BTreeSet<String>,
        context: &StepContext<'_>,
    ) -> Result<Duration> {
        let probe = match &proof {
            Proof::Answer { .. } => Some(self.load_balancer_probe(context).await?),
            Proof::Settled(_) | Proof::Running => None,
        };
        let expected = Expected { service: service.to_owned(), follow, proof };
        let mut watch = Watch::new(self, &expected, probe, past);
        let wait = Wait {
            what: format!("service {service}"),
            timeout: ROLLOUT_WITHIN,
            interval: pace::SHORTEST,
        };
        let mut up = Duration::ZERO;
        let look = async || {
            let look = watch.look().await?;
            up = look.steady_for;
            Ok(match judge(&expected, &look) {
                Ok(verdict) => verdict,
                Err(failed) => Verdict::Failed(self.with_log(service, failed).await),
            })
        };
        wait.until(self.clock.as_ref(), context, look, |verdict| verdict).await?;
        Ok(up)
    }

    /// The error with the last lines of the log that belongs to it.
    async fn with_log(&self, service: &str, failed: Failure) -> Error {
        let Failure { error, log } = failed;
        let task = match log {
            LogOf::Task(task) => Some(task),
            LogOf::Running => {
                let running = self.tasks(service, DesiredStatus::Running).await;
                match running.unwrap_or_default().pop() {
                    None => {
                        self.tasks(service, DesiredStatus::Stopped).await.unwrap_or_default().pop()
                    }
                    running => running,
                }
            }
            LogOf::Nobody => None,
        };
        let Some(task) = task else { return error };
        let log = TaskLog::new(self.scope.log_group(), service, id_of(&task));
        match log.tail(&self.clients.logs).await {
            lines if lines.is_empty() => error.cause("its log is empty"),
            lines => error.log(lines),
        }
    }

    /// The ARNs of the service's tasks that run, or have stopped within the last hour.
    async fn tasks(&self, service: &str, status: DesiredStatus) -> Result<Vec<String>> {
        let list = self
            .clients
            .ecs
            .list_tasks()
            .cluster(self.cluster_of(service))
            .service_name(self.scope.service(service))
            .desired_status(status);
        let mut pages = list.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(arn) = pages.next().await {
            match arn {
                Ok(arn) => found.push(arn),
                Err(error) if ABSENT.contains(&code(&error).unwrap_or_default()) => break,
                Err(error) => {
                    let what = format!("cannot list the tasks of service {service}");
                    return Err(failure(what, error));
                }
            }
        }
        Ok(found)
    }
}

/// Looks at one service again and again, and remembers what does not change.
struct Watch<'a> {
    executor: &'a AwsExecutor,
    expected: &'a Expected,
    probe: Option<Probe>,
    begin: Duration,
    /// Tasks that had stopped before the rollout began.
    past: BTreeSet<String>,
    /// Tasks that have stopped for good.
    stopped: BTreeMap<String, SeenTask>,
    /// Since when all tasks of the deployment run.
    steady_since: Option<Duration>,
}

impl<'a> Watch<'a> {
    fn new(
        executor: &'a AwsExecutor,
        expected: &'a Expected,
        probe: Option<Probe>,
        past: BTreeSet<String>,
    ) -> Self {
        Self {
            executor,
            expected,
            probe,
            begin: executor.clock.now(),
            past,
            stopped: BTreeMap::new(),
            steady_since: None,
        }
    }

    async fn look(&mut self) -> Result<Look> {
        let clock = &self.executor.clock;
        let pause = pace::pause_after(clock.now() - self.begin);
        // The shortest one lies between any two looks already.
        clock.sleep(pause.saturating_sub(pace::SHORTEST)).await;
        let service = &self.expected.service;
        let (seen, stopped) = tokio::try_join!(
            self.executor.find_service(service),
            self.executor.tasks(service, DesiredStatus::Stopped)
        )?;
        let seen = seen.ok_or_else(|| {
            Error::failed(format!("service {service} is gone"))
                .hint("somebody deleted it during the deploy; run `mizan deploy` again")
        })?;
        let mut look = look_at(&seen, &self.expected.follow);
        look.stopped = self.ends_of(stopped).await?;
        self.measure(&mut look).await;
        Ok(look)
    }

    /// How the tasks ended; each is asked about until it is over.
    async fn ends_of(&mut self, arns: Vec<String>) -> Result<Vec<SeenTask>> {
        let cluster = self.executor.cluster_of(&self.expected.service);
        let known = |arn: &String| self.past.contains(arn) || self.stopped.contains_key(arn);
        let news = arns.into_iter().filter(|arn| !known(arn)).collect();
        let described = SeenTask::describe(&self.executor.clients.ecs, &cluster, news).await?;
        let (over, ending): (Vec<_>, Vec<_>) =
            described.into_iter().partition(SeenTask::has_stopped);
        self.stopped.extend(over.into_iter().map(|task| (task.arn.clone(), task)));
        let ending = ending.into_iter().filter(|task| task.stop_code.is_some());
        Ok(self.stopped.values().cloned().chain(ending).collect())
    }

    /// For how long it has been complete, and what it answers if it is.
    async fn measure(&mut self, look: &mut Look) {
        if !look.is_complete(&self.expected.follow) {
            self.steady_since = None;
            return;
        }
        let now = self.executor.clock.now();
        let since = *self.steady_since.get_or_insert(now);
        if let Some(probe) = &self.probe {
            look.health = Some(probe.ask().await);
        }
        look.steady_for = self.executor.clock.now() - since;
    }
}

/// What ECS says of a service.
fn look_at(service: &Service, follow: &Follow) -> Look {
    let mut look = Look {
        deployments: service.deployments().iter().map(seen_deployment).collect(),
        stopped: Vec::new(),
        trouble: Vec::new(),
        health: None,
        steady_for: Duration::ZERO,
    };
    let ours = look.followed(follow).map(|it| it.id.clone());
    let mut deployments = service.deployments().iter();
    let begin = deployments.find(|it| it.id == ours).and_then(|it| it.created_at);
    look.trouble = trouble(service.events(), begin);
    look
}

fn seen_deployment(deployment: &Deployment) -> SeenDeployment {
    SeenDeployment {
        id: deployment.id.clone().unwrap_or_default(),
        primary: deployment.status() == Some("PRIMARY"),
        task_definition: deployment.task_definition.clone().unwrap_or_default(),
        rollout: match deployment.rollout_state {
            Some(DeploymentRolloutState::Completed) => Rollout::Completed,
            Some(DeploymentRolloutState::Failed) => Rollout::Failed,
            _ => Rollout::InProgress,
        },
        reason: deployment.rollout_state_reason.clone().unwrap_or_default(),
        desired: deployment.desired_count,
        running: deployment.running_count,
        pending: deployment.pending_count,
    }
}

/// The events since `begin` that tell of trouble, newest first.
fn trouble(events: &[ServiceEvent], begin: Option<DateTime>) -> Vec<String> {
    const WORDS: [&str; 5] = ["unable", "fail", "unhealthy", "error", "not "];
    let since = events.iter().filter(|event| event.created_at >= begin);
    let said = since.filter_map(|event| event.message.clone());
    said.filter(|text| WORDS.iter().any(|word| text.contains(word))).collect()
}
