//! A task on Fargate as it was seen: what it is doing, and how and why it ended.

use aws_sdk_ecs::{
    Client,
    types::{Container, Task, TaskStopCode},
};

use super::failure::failure;
use crate::error::{Error, Result};

/// A task, of a service or by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenTask {
    /// Its ARN.
    pub arn: String,
    /// The deployment of a service, or the release step, that started it.
    pub started_by: String,
    /// The task definition it was made from.
    pub task_definition: String,
    /// Where it is: `PENDING`, `RUNNING`, `STOPPED` and the states between them.
    pub status: String,
    /// The kind of its end, once it has stopped.
    pub stop_code: Option<TaskStopCode>,
    /// Why it stopped, in the words of AWS.
    pub reason: String,
    /// Its container's name: the service's in `mizan.yaml`.
    pub container: String,
    /// The address of its network interface, once it has one.
    pub address: Option<String>,
    /// A service started it; else it runs once, by itself.
    pub is_of_service: bool,
    /// When it was made, in seconds of the Unix epoch.
    pub created: Option<i64>,
    /// What its container adds to the reason.
    pub container_reason: String,
    /// The exit code of its container.
    pub exit_code: Option<i32>,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its process ended by itself.
    Exited,
    /// It could not even begin.
    NotStarted,
    /// ECS ended it as it failed the load balancer's checks.
    Unhealthy,
    /// Somebody ended it: ECS to have fewer of them, or a person.
    Stopped,
}

impl SeenTask {
    /// A task as ECS describes it. Ours have one container.
    pub fn of(task: Task) -> Self {
        let address = address(&task).map(str::to_owned);
        let container = task.containers.unwrap_or_default().into_iter().next();
        let container = container.unwrap_or_else(|| Container::builder().build());
        Self {
            arn: task.task_arn.unwrap_or_default(),
            started_by: task.started_by.unwrap_or_default(),
            task_definition: task.task_definition_arn.unwrap_or_default(),
            status: task.last_status.unwrap_or_default(),
            stop_code: task.stop_code,
            reason: task.stopped_reason.unwrap_or_default(),
            container: container.name.unwrap_or_default(),
            address,
            is_of_service: task.group.is_some_and(|group| group.starts_with("service:")),
            created: task.created_at.map(|at| at.secs()),
            container_reason: container.reason.unwrap_or_default(),
            exit_code: container.exit_code,
        }
    }

    /// Tasks by their ARNs.
    ///
    /// # Errors
    /// ECS refuses.
    pub async fn describe(client: &Client, cluster: &str, arns: Vec<String>) -> Result<Vec<Self>> {
        const AT_ONCE: usize = 100;
        let mut found = Vec::with_capacity(arns.len());
        for arns in arns.chunks(AT_ONCE) {
            let describe = client.describe_tasks().cluster(cluster);
            let answer = describe.set_tasks(Some(arns.to_vec())).send().await;
            let answer = answer.map_err(|error| failure("cannot look at the tasks", error))?;
            found.extend(answer.tasks.unwrap_or_default().into_iter().map(Self::of));
        }
        Ok(found)
    }

    /// The family of its task definition.
    pub fn family(&self) -> Option<&str> {
        let (_, name) = self.task_definition.split_once(":task-definition/")?;
        name.rsplit_once(':').map(|(family, _)| family)
    }

    /// The last part of its ARN, by which its log stream is named.
    pub fn id(&self) -> &str {
        id_of(&self.arn)
    }

    /// True once it is over.
    pub fn has_stopped(&self) -> bool {
        self.status == "STOPPED"
    }

    /// How it ended.
    pub fn ending(&self) -> Ending {
        match self.stop_code {
            Some(TaskStopCode::TaskFailedToStart) => Ending::NotStarted,
            Some(TaskStopCode::EssentialContainerExited) => Ending::Exited,
            _ if self.reason.contains("health checks") => Ending::Unhealthy,
            _ => Ending::Stopped,
        }
    }

    /// True if starting it again cannot help: what it needs is not there.
    pub fn is_hopeless(&self) -> bool {
        const HOPELESS: [&str; 6] = [
            "not found",
            "notfound",
            "no such",
            "does not exist",
            "manifest unknown",
            "can't find the specified secret",
        ];
        let said = format!("{} {}", self.reason, self.container_reason).to_lowercase();
        // A role that is new may not pull for a moment; a file that is no program never becomes one.
        let no_program = said.contains("exec: ") && said.contains("permission denied");
        no_program || HOPELESS.iter().any(|text| said.contains(text))
    }

    /// The error about a task that could not begin; `what` is "service web".
    pub fn not_started(&self, what: &str) -> Error {
        let error = self.with_reasons(Error::failed(format!("{what} cannot be started")));
        let said = &self.reason;
        if said.contains("CannotPullContainer") {
            error.hint("do the subnets have a way to the registry, and the image this platform?")
        } else if said.contains("secret") || said.contains("ssm") {
            error.hint(
                "mizan secrets lists the secrets that have a value; mizan doctor checks the roles",
            )
        } else {
            error
        }
    }

    /// The error about a task that ended by itself; `what` is "service web".
    pub fn crash(&self, what: &str) -> Error {
        let error = match self.exit_code {
            Some(0) => Error::failed(format!("{what} ended by itself, with exit code 0")).hint(
                "a service must go on running: one that forks into the background ends at once",
            ),
            Some(code) => Error::failed(format!("{what} crashed with exit code {code}")),
            None => Error::failed(format!("{what} crashed")),
        };
        let error = self.with_reasons(error);
        let out_of_memory = self.container_reason.contains("OutOfMemory");
        match self.exit_code {
            _ if out_of_memory => error.hint("raise services.<name>.memory"),
            Some(127) => error.cause("the command was not found in the image"),
            Some(126) => error.cause("the command cannot be executed"),
            _ => error,
        }
    }

    fn with_reasons(&self, error: Error) -> Error {
        let reasons = [&self.reason, &self.container_reason].into_iter();
        reasons.filter(|reason| !reason.is_empty()).fold(error, Error::cause)
    }
}

/// The address of a task's network interface.
pub fn address(task: &Task) -> Option<&str> {
    let mut details = task.attachments().iter().flat_map(|attachment| attachment.details());
    details.find(|detail| detail.name() == Some("privateIPv4Address"))?.value()
}

/// The last part of a task's ARN.
pub fn id_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
