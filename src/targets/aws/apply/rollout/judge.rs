//! What a look at a rollout means: done, not yet, or failed, with the cause. Pure.

use std::time::Duration;

use super::super::super::task::{Ending, SeenTask};
use crate::{
    engine::Verdict,
    error::Error,
    targets::{Health, advice},
};

/// Tasks that may fail to start before that is taken for a failure: a registry or a capacity pool
/// has its hiccups, and ECS tries again.
const START_FAILURES: usize = 2;
/// Service events that a failure shows.
const EVENTS: usize = 3;

/// How the ids of deployments begin.
const DEPLOYMENT: &str = "ecs-svc/";

/// Which of a service's deployments is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Follow {
    /// The one that our call made.
    Deployment(String),
    /// Whichever is the first one, as long as it runs this task definition: going back, where ECS
    /// may be doing the same.
    Revision(String),
}

/// What a rollout is to come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Expected {
    /// The service's name in `mizan.yaml`.
    pub service: String,
    /// Which deployment is followed.
    pub follow: Follow,
    /// How it shows that it is well.
    pub proof: Proof,
}

/// How a service shows that it is well, once ECS says that its tasks run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Proof {
    /// It answers this path through the load balancer, within so much time.
    Answer {
        /// The path.
        path: String,
        /// How long it may take.
        within: Duration,
    },
    /// It does not crash for a while.
    Settled(Duration),
    /// That they run is enough.
    Running,
}

/// A deployment of a service, as ECS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct SeenDeployment {
    /// Its id, which its tasks carry too.
    pub id: String,
    /// It is the one that ECS works towards.
    pub primary: bool,
    /// Its task definition.
    pub task_definition: String,
    /// How far it is.
    pub rollout: Rollout,
    /// Why it is that far.
    pub reason: String,
    /// Tasks that should run.
    pub desired: i32,
    /// Tasks that run.
    pub running: i32,
    /// Tasks that are being started.
    pub pending: i32,
}

impl SeenDeployment {
    /// True if it started the task. AWS writes the deployment's id on it; the emulator writes the
    /// service's name there, so that only the task definition tells its deployments apart.
    fn started(&self, task: &SeenTask) -> bool {
        match task.started_by.starts_with(DEPLOYMENT) {
            true => task.started_by == self.id,
            false => task.task_definition == self.task_definition,
        }
    }
}

/// How far a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Rollout {
    /// On its way.
    InProgress,
    /// Done, as far as ECS is concerned.
    Completed,
    /// Given up.
    Failed,
}

/// What one look at the service showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Look {
    /// All its deployments.
    pub deployments: Vec<SeenDeployment>,
    /// Its tasks that have stopped since the rollout began.
    pub stopped: Vec<SeenTask>,
    /// What ECS said of trouble since the deployment began, newest first.
    pub trouble: Vec<String>,
    /// What the load balancer answered, if it was asked.
    pub health: Option<Health>,
    /// For how long all tasks have been running.
    pub steady_for: Duration,
}

impl Look {
    /// The deployment that is followed, if it is there.
    pub fn followed(&self, follow: &Follow) -> Option<&SeenDeployment> {
        self.deployments.iter().find(|it| match follow {
            Follow::Deployment(id) => &it.id == id,
            Follow::Revision(arn) => it.primary && &it.task_definition == arn,
        })
    }

    /// True if what is followed runs, and nothing else.
    pub fn is_complete(&self, follow: &Follow) -> bool {
        let Some(ours) = self.followed(follow) else { return false };
        ours.primary
            && match follow {
                Follow::Deployment(_) => self.is_rolled_out(ours),
                Follow::Revision(_) => self.is_restored(ours),
            }
    }

    /// ECS is done: all tasks of the deployment run, and none of any other.
    fn is_rolled_out(&self, ours: &SeenDeployment) -> bool {
        ours.rollout == Rollout::Completed
            && ours.running == ours.desired
            && ours.pending == 0
            && self.running(|other| other.id != ours.id) == 0
    }

    /// Enough tasks of the revision run, and none of any other. Those that ran before and were
    /// never stopped will do: whether ECS puts new ones in their place is not waited for.
    fn is_restored(&self, ours: &SeenDeployment) -> bool {
        let same = |it: &SeenDeployment| it.task_definition == ours.task_definition;
        self.running(same) >= ours.desired && self.running(|it| !same(it)) == 0
    }

    /// How many tasks of some deployments run.
    fn running(&self, which: impl Fn(&SeenDeployment) -> bool) -> i32 {
        self.deployments.iter().filter(|it| which(it)).map(|it| it.running).sum()
    }
}

/// Why a rollout failed: the error, and where the log is that tells more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Failure {
    /// What happened.
    pub error: Error,
    /// Whose log belongs to it.
    pub log: LogOf,
}

/// Whose log belongs to a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum LogOf {
    /// That of this task, by its ARN.
    Task(String),
    /// That of any task that runs.
    Running,
    /// Nobody's: nothing has run.
    Nobody,
}

/// What a look means. `Ok` is what the wait goes by; `Err` is a failure whose log is still to be
/// fetched.
pub(in super::super) fn judge(expected: &Expected, look: &Look) -> Result<Verdict<()>, Failure> {
    let service = &expected.service;
    let Some(ours) = look.followed(&expected.follow) else {
        return match expected.follow {
            Follow::Deployment(_) => Err(gone(service, look)),
            Follow::Revision(_) => Ok(Verdict::Waiting("ECS has not begun yet".to_owned())),
        };
    };
    if let Some(failure) = crashed(service, ours, look) {
        return Err(failure);
    }
    if ours.rollout == Rollout::Failed {
        let error = Error::failed(format!("ECS gave up the deployment of service {service}"));
        return Err(told(error.cause(&ours.reason), look));
    }
    if !ours.primary {
        return Err(gone(service, look));
    }
    if !look.is_complete(&expected.follow) {
        return Ok(Verdict::Waiting(progress(ours, look)));
    }
    proven(expected, look)
}

fn proven(expected: &Expected, look: &Look) -> Result<Verdict<()>, Failure> {
    match (&expected.proof, &look.health) {
        (Proof::Running, _) | (Proof::Answer { .. }, Some(Health::Healthy)) => Ok(Verdict::Met(())),
        (Proof::Settled(after), _) if look.steady_for >= *after => Ok(Verdict::Met(())),
        (Proof::Settled(_), _) => Ok(Verdict::Waiting("watching that it does not crash".into())),
        (Proof::Answer { path, within }, health) => {
            let said = match health {
                Some(Health::Unhealthy(said) | Health::Silent(said)) => said.as_str(),
                Some(Health::Healthy) | None => "not asked yet",
            };
            if look.steady_for < *within {
                return Ok(Verdict::Waiting(format!("{path} answers {said}")));
            }
            let seconds = within.as_secs();
            let service = &expected.service;
            let error = Error::failed(format!(
                "service {service} did not become healthy within {seconds} s"
            ));
            let error = error.cause(format!("GET {path} through the load balancer: {said}"));
            Err(told(error.hint(advice(said)), look))
        }
    }
}

/// "2 of 3 tasks run, 1 of the release before".
fn progress(ours: &SeenDeployment, look: &Look) -> String {
    let others = look.deployments.iter().filter(|it| it.id != ours.id);
    let old = others.map(|it| it.running).sum::<i32>();
    let mut text = format!("{} of {} tasks run", ours.running, ours.desired);
    if old > 0 {
        text.push_str(&format!(", {old} of the release before"));
    }
    if let Some(trouble) = look.trouble.first() {
        text.push_str(&format!("; {trouble}"));
    }
    text
}

/// ECS works towards another deployment than ours: it has gone back, or somebody else deployed.
fn gone(service: &str, look: &Look) -> Failure {
    let error = Error::failed(format!("the deployment of service {service} was given up"));
    let now = look.deployments.iter().find(|it| it.primary);
    let error = match now {
        Some(now) if now.reason.is_empty() => {
            error.cause(format!("ECS goes back to {}", now.task_definition))
        }
        Some(now) => error.cause(&now.reason),
        None => error,
    };
    told(error, look)
}

/// A task of the deployment that ended by itself, or that could not even begin.
fn crashed(service: &str, ours: &SeenDeployment, look: &Look) -> Option<Failure> {
    let of_ours: Vec<_> = look.stopped.iter().filter(|task| ours.started(task)).collect();
    let exited = of_ours.iter().find(|it| it.ending() == Ending::Exited);
    if let Some(task) = exited {
        return Some(blamed(task, task.crash(&format!("service {service}")), look));
    }
    let unhealthy = of_ours.iter().find(|it| it.ending() == Ending::Unhealthy);
    if let Some(task) = unhealthy {
        let error = Error::failed(format!("service {service} fails the load balancer's checks"));
        return Some(blamed(task, error.cause(&task.reason).hint(advice("")), look));
    }
    let unstarted: Vec<_> = of_ours.iter().filter(|it| it.ending() == Ending::NotStarted).collect();
    let last = unstarted.last()?;
    let hopeless = unstarted.len() >= START_FAILURES || unstarted.iter().any(|it| it.is_hopeless());
    let error = last.not_started(&format!("service {service}"));
    hopeless.then(|| Failure { log: LogOf::Nobody, ..told(error, look) })
}

fn blamed(task: &SeenTask, error: Error, look: &Look) -> Failure {
    Failure { log: LogOf::Task(task.arn.clone()), ..told(error, look) }
}

/// With what ECS itself said.
fn told(error: Error, look: &Look) -> Failure {
    let events = look.trouble.iter().take(EVENTS);
    Failure { error: events.fold(error, Error::cause), log: LogOf::Running }
}
