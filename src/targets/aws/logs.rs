//! The logs of an environment's services, interleaved by time. Each task has a stream of its own,
//! read on from a token: so no line comes twice, and none is left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_ecs::types::DesiredStatus;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::time::sleep;

use super::{
    clients::Clients,
    failure::{code, failure},
    names::Scope,
    task::SeenTask,
    task_log::{Line, TaskLog},
};
use crate::{
    error::{Error, Result},
    targets::{LogLine, LogRequest},
};

/// Between two looks at the streams.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// CloudWatch takes about 25 reads a second from one account: with many tasks, looks are rarer.
const READS_PER_SECOND: u32 = 10;
/// After so many looks, tasks that have started meanwhile are looked for.
const TASKS_EVERY: u32 = 5;
/// Reads at the same time.
const PARALLEL: usize = 4;

/// Hands every line to `show`, until it answers false or there are no more. A task that a later
/// deploy starts joins in.
///
/// # Errors
/// AWS refuses.
pub async fn follow(
    clients: &Clients,
    scope: &Scope,
    cluster: &str,
    request: &LogRequest,
    mut show: impl FnMut(LogLine) -> bool,
) -> Result<()> {
    let tasks = Tasks { clients, scope, cluster, request };
    let mut followed = Followed::default();
    followed.take(tasks.seen().await?, &scope.log_group());
    let mut batch = followed.read(clients, Some(request.lines)).await?;
    let mut looks: u32 = 0;
    loop {
        for line in in_order(batch) {
            if !show(shown(line, request.timestamps)) {
                return Ok(());
            }
        }
        if !request.follow {
            return Ok(());
        }
        sleep(followed.pause()).await;
        looks += 1;
        if looks.is_multiple_of(TASKS_EVERY) {
            followed.take(tasks.seen().await?, &scope.log_group());
        }
        batch = followed.read(clients, None).await?;
    }
}

/// Where the lines come from.
struct Tasks<'a> {
    clients: &'a Clients,
    scope: &'a Scope,
    cluster: &'a str,
    request: &'a LogRequest,
}

impl Tasks<'_> {
    /// The tasks whose logs are asked for: those that run, and those that ended within an hour.
    async fn seen(&self) -> Result<Vec<SeenTask>> {
        let (running, stopped) =
            tokio::try_join!(self.list(DesiredStatus::Running), self.list(DesiredStatus::Stopped))?;
        let arns = running.into_iter().chain(stopped).collect();
        let tasks = SeenTask::describe(&self.clients.ecs, self.cluster, arns).await?;
        Ok(tasks.into_iter().filter(|task| self.is_wanted(task)).collect())
    }

    async fn list(&self, status: DesiredStatus) -> Result<Vec<String>> {
        let list = self.clients.ecs.list_tasks().cluster(self.cluster).desired_status(status);
        let mut pages = list.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(arn) = pages.next().await {
            match arn {
                Ok(arn) => found.push(arn),
                Err(error) if code(&error) == Some("ClusterNotFoundException") => break,
                Err(error) => return Err(failure("cannot list the tasks", error)),
            }
        }
        Ok(found)
    }

    /// A task of a service of this environment: the cluster may have others.
    fn is_wanted(&self, task: &SeenTask) -> bool {
        let service = &task.container;
        let ours = task.family() == Some(self.scope.service(service).as_str());
        let asked = self.request.services.is_empty() || self.request.services.contains(service);
        ours && asked && task.is_of_service
    }
}

/// The streams that are read, by the ARNs of their tasks.
#[derive(Default)]
struct Followed {
    logs: BTreeMap<String, TaskLog>,
    /// Those whose task has ended: they are read for one more round, as lines may come late.
    ending: BTreeSet<String>,
    /// Those that were read to their end.
    done: BTreeSet<String>,
    /// When the newest task was made that was there at the first look, in seconds.
    since: Option<i64>,
}

impl Followed {
    /// Takes in the tasks as they are now.
    fn take(&mut self, tasks: Vec<SeenTask>, group: &str) {
        let running: BTreeSet<_> =
            tasks.iter().filter(|it| !it.has_stopped()).map(|it| it.arn.clone()).collect();
        let over: Vec<_> =
            self.logs.keys().filter(|arn| !running.contains(*arn)).cloned().collect();
        for arn in over {
            if !self.ending.insert(arn.clone()) {
                self.logs.remove(&arn);
                self.done.insert(arn);
            }
        }
        let newest = tasks.iter().filter_map(|task| task.created).max();
        let since = *self.since.get_or_insert(newest.unwrap_or_default());
        for task in choose(tasks, since) {
            if !self.done.contains(&task.arn) {
                let log = || TaskLog::new(group.to_owned(), &task.container, task.id());
                self.logs.entry(task.arn.clone()).or_insert_with(log);
            }
        }
    }

    fn pause(&self) -> Duration {
        let streams = u32::try_from(self.logs.len()).unwrap_or(u32::MAX);
        LOOK_EVERY.max(Duration::from_secs(1).saturating_mul(streams) / READS_PER_SECOND)
    }

    /// What came since the last look; at the first, no more than the last lines of each stream.
    async fn read(&mut self, clients: &Clients, last: Option<u32>) -> Result<Vec<(String, Line)>> {
        let reads = self.logs.values_mut().map(|log| async move {
            let lines = match last {
                Some(lines) => log.open_at_end(&clients.logs, lines).await?,
                None => log.next(&clients.logs).await?,
            };
            let of_service = lines.into_iter().map(|line| (log.service.clone(), line));
            Ok::<Vec<_>, Error>(of_service.collect())
        });
        let batches: Vec<_> = stream::iter(reads).buffered(PARALLEL).try_collect().await?;
        Ok(batches.into_iter().flatten().collect())
    }
}

/// All tasks that run, those that came and went since the beginning and, of a service that has
/// none that runs, the one that was made last: it tells why.
fn choose(tasks: Vec<SeenTask>, since: i64) -> Vec<SeenTask> {
    let running = tasks.iter().filter(|task| !task.has_stopped());
    let alive: BTreeSet<_> = running.map(|task| task.container.clone()).collect();
    let mut last: BTreeMap<String, SeenTask> = BTreeMap::new();
    let mut chosen = Vec::new();
    for task in tasks {
        if !task.has_stopped() || task.created > Some(since) {
            chosen.push(task);
        } else if !alive.contains(&task.container) {
            let known = last.get(&task.container);
            if known.is_none_or(|known| known.created < task.created) {
                last.insert(task.container.clone(), task);
            }
        }
    }
    chosen.extend(last.into_values());
    chosen
}

/// The lines of all streams by time; those of one stream stay in their order.
fn in_order(mut lines: Vec<(String, Line)>) -> Vec<(String, Line)> {
    lines.sort_by_key(|(_, line)| line.at);
    lines
}

fn shown((service, line): (String, Line), timestamps: bool) -> LogLine {
    let text = match Timestamp::from_millisecond(line.at) {
        Ok(at) if timestamps => format!("{at} {}", line.text),
        _ => line.text,
    };
    LogLine { service, error: false, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(service: &str, id: &str, created: i64, running: bool) -> SeenTask {
        SeenTask {
            arn: format!("arn:aws:ecs:eu-west-1:123456789012:task/mizan-board-production/{id}"),
            container: service.to_owned(),
            created: Some(created),
            status: if running { "RUNNING" } else { "STOPPED" }.to_owned(),
            ..SeenTask::default()
        }
    }

    fn ids(followed: &Followed) -> Vec<&str> {
        followed.logs.keys().map(|arn| super::super::task::id_of(arn)).collect()
    }

    #[test]
    fn of_a_service_that_does_not_run_the_last_task_tells_why() {
        let mut followed = Followed::default();
        let tasks = vec![
            task("web", "w1", 10, false),
            task("web", "w2", 20, true),
            task("worker", "k1", 10, false),
            task("worker", "k2", 20, false),
        ];
        followed.take(tasks, "/mizan/board/production");
        assert_eq!(ids(&followed), ["k2", "w2"]);
    }

    #[test]
    fn a_task_that_ends_is_read_once_more_and_one_that_came_and_went_from_its_beginning() {
        let mut followed = Followed::default();
        let group = "/mizan/board/production";
        followed.take(vec![task("web", "w1", 10, true)], group);
        let later = vec![
            task("web", "w1", 10, false),
            task("web", "w2", 20, false),
            task("web", "w3", 30, true),
        ];
        followed.take(later.clone(), group);
        assert_eq!(ids(&followed), ["w1", "w2", "w3"]);
        followed.take(later.clone(), group);
        assert_eq!(ids(&followed), ["w2", "w3"]);
        followed.take(later, group);
        assert_eq!(ids(&followed), ["w3"]);
    }

    #[test]
    fn lines_are_interleaved_by_time_and_keep_their_order_within_a_stream() {
        let line = |service: &str, at, text: &str| {
            (service.to_owned(), Line { at, text: text.to_owned() })
        };
        let lines = vec![
            line("web", 10, "a"),
            line("web", 30, "b"),
            line("web", 30, "c"),
            line("worker", 20, "d"),
            line("worker", 30, "e"),
        ];
        let texts: String = in_order(lines).into_iter().map(|(_, line)| line.text).collect();
        assert_eq!(texts, "adbce");
    }

    #[test]
    fn the_time_stands_before_the_line_if_it_is_asked_for() {
        let line = || ("web".to_owned(), Line { at: 1_700_000_000_123, text: "hello".into() });
        assert_eq!(shown(line(), false).text, "hello");
        assert_eq!(shown(line(), true).text, "2023-11-14T22:13:20.123Z hello");
    }
}
