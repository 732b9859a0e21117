//! A task of the release that is checked: started, made known to the load balancer, waited for.

use std::{convert::identity, time::Duration};

use super::{
    super::{
        super::{
            task::{Ending, SeenTask},
            task_log::TaskLog,
        },
        AwsExecutor,
        one_task::OneTask,
        pace,
        probe::Probe,
    },
    Candidate,
};
use crate::{
    engine::{StepContext, Verdict, Wait},
    error::{Error, ErrorKind, Result},
    targets::Health,
};

/// Fargate needs a minute or two to place a task and to pull its image.
const STARTS_WITHIN: Duration = Duration::from_secs(600);
/// Tasks that may fail to start: a registry or a capacity pool has its hiccups.
const STARTS: usize = 3;
/// A load balancer has several nodes, and each learns of a new target by itself: one that answers
/// so often in a row is known to all of them.
const IN_A_ROW: usize = 3;
/// How long an app that runs may take to answer, if nothing is said about it.
const ANSWERS_WITHIN: u32 = 60;

impl AwsExecutor {
    /// A task of the release runs, and answers the check's requests.
    pub(super) async fn come_up(
        &self,
        candidate: &Candidate<'_>,
        run: &OneTask<'_>,
        probe: &Probe,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let task = self.start_for_check(candidate, run, context).await?;
        let answered = self.until_answers(candidate, run, &task, probe, context).await;
        match answered {
            Err(error) if error.kind != ErrorKind::Interrupted => {
                let log = TaskLog::new(self.scope.log_group(), candidate.service, task.id());
                Err(error.log(log.tail(&self.clients.logs).await))
            }
            answered => answered,
        }
    }

    /// A task that runs and has an address; one that fails to start is started again.
    async fn start_for_check(
        &self,
        candidate: &Candidate<'_>,
        run: &OneTask<'_>,
        context: &StepContext<'_>,
    ) -> Result<SeenTask> {
        let mut starts = 1;
        loop {
            let task = self.start_task(run, context).await?;
            let wait = Wait {
                what: format!("a task of {} to run", candidate.release),
                timeout: STARTS_WITHIN,
                interval: pace::SHORTEST,
            };
            let begin = self.clock.now();
            let look = async || {
                self.pause(begin).await;
                self.look_at(run, &task).await
            };
            let task = wait.until(self.clock.as_ref(), context, look, running).await?;
            if !task.has_stopped() {
                return Ok(task);
            }
            let passes = task.ending() == Ending::NotStarted && !task.is_hopeless();
            if !passes || starts == STARTS {
                let log = TaskLog::new(self.scope.log_group(), candidate.service, task.id());
                let error = ended(&task, candidate.service);
                return Err(error.log(log.tail(&self.clients.logs).await));
            }
            context.progress(format!("{}: starting another task", task.reason));
            starts += 1;
        }
    }

    /// The load balancer sends the check's requests to the task, and it is healthy.
    async fn until_answers(
        &self,
        candidate: &Candidate<'_>,
        run: &OneTask<'_>,
        task: &SeenTask,
        probe: &Probe,
        context: &StepContext<'_>,
    ) -> Result<()> {
        self.register_candidate(candidate, task).await?;
        let grace = candidate.spec.deployment.grace.unwrap_or(ANSWERS_WITHIN);
        let wait = Wait {
            what: format!("{} to answer the check", candidate.release),
            timeout: Duration::from_secs(grace.into()),
            interval: pace::SHORTEST,
        };
        let mut row = 0;
        let begin = self.clock.now();
        let look = async || {
            // What has begun to answer is asked again at once.
            if row == 0 {
                self.pause(begin).await;
            }
            let (task, health) = tokio::join!(self.look_at(run, task), probe.ask());
            row = if health == Health::Healthy { row + 1 } else { 0 };
            Ok(answering(&task?, candidate.service, &health, row))
        };
        wait.until(self.clock.as_ref(), context, look, identity).await
    }

    /// Looks become rarer with time; the shortest pause lies between any two already.
    async fn pause(&self, begin: Duration) {
        let pause = pace::pause_after(self.clock.now() - begin);
        self.clock.sleep(pause.saturating_sub(pace::SHORTEST)).await;
    }

    async fn look_at(&self, run: &OneTask<'_>, task: &SeenTask) -> Result<SeenTask> {
        let arns = vec![task.arn.clone()];
        let seen = SeenTask::describe(&self.clients.ecs, &run.cluster, arns).await?;
        // What was started just now may not be known everywhere yet.
        Ok(seen.into_iter().next().unwrap_or_else(|| task.clone()))
    }
}

/// Whether a task runs, or never will.
fn running(task: SeenTask) -> Verdict<SeenTask> {
    let runs = task.status == "RUNNING" && task.address.is_some();
    match runs || task.has_stopped() {
        true => Verdict::Met(task),
        false => Verdict::Waiting(format!("it is {}", task.status.to_lowercase())),
    }
}

/// Whether a task that runs answers, after so many good answers in a row.
fn answering(task: &SeenTask, service: &str, health: &Health, row: usize) -> Verdict<()> {
    if task.has_stopped() {
        return Verdict::Failed(ended(task, service));
    }
    match health {
        Health::Healthy if row >= IN_A_ROW => Verdict::Met(()),
        Health::Healthy => Verdict::Waiting("it begins to answer".to_owned()),
        Health::Unhealthy(answer) => Verdict::Waiting(format!("the answer is {answer}")),
        Health::Silent(why) => Verdict::Waiting(why.clone()),
    }
}

/// The error about a task that has ended before it was checked.
fn ended(task: &SeenTask, service: &str) -> Error {
    let what = format!("service {service}");
    match task.ending() {
        Ending::NotStarted => task.not_started(&what),
        Ending::Exited => task.crash(&what),
        Ending::Unhealthy | Ending::Stopped => {
            Error::failed(format!("{what} was stopped before it was checked")).cause(&task.reason)
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::TaskStopCode;

    use super::*;

    fn task(status: &str) -> SeenTask {
        SeenTask { status: status.into(), ..SeenTask::default() }
    }

    #[test]
    fn a_task_runs_once_it_has_an_address() {
        let is_met = |task: SeenTask| matches!(running(task), Verdict::Met(_));
        assert!(!is_met(task("PENDING")) && !is_met(task("RUNNING")));
        let with_address = SeenTask { address: Some("10.0.0.7".into()), ..task("RUNNING") };
        assert!(is_met(with_address) && is_met(task("STOPPED")));
    }

    #[test]
    fn one_good_answer_is_not_enough_and_a_crash_ends_the_wait() {
        let runs = task("RUNNING");
        let verdict = |health: Health, row| answering(&runs, "web", &health, row);
        assert!(matches!(verdict(Health::Healthy, 1), Verdict::Waiting(_)));
        assert_eq!(verdict(Health::Healthy, IN_A_ROW), Verdict::Met(()));
        let answer = Health::Unhealthy("503 Service Unavailable".into());
        let expected = "the answer is 503 Service Unavailable";
        assert_eq!(verdict(answer, 0), Verdict::Waiting(expected.into()));
        let crashed = SeenTask {
            stop_code: Some(TaskStopCode::EssentialContainerExited),
            exit_code: Some(1),
            ..task("STOPPED")
        };
        let Verdict::Failed(error) = answering(&crashed, "web", &Health::Healthy, IN_A_ROW) else {
            panic!("it goes on")
        };
        assert_eq!(error.message, "service web crashed with exit code 1");
    }
}
