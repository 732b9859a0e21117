//! The logs of an environment's services, interleaved by time. Azure hands out a container's whole
//! log each time, so what was shown already is left out by where the last look ended.
//! (<https://learn.microsoft.com/rest/api/container-instances/containers/list-logs>)

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::time::sleep;

use super::group::{SIDECAR, containers_of, tags_of, text_of};
use crate::{
    error::{Error, Result},
    targets::{
        LogLine, LogRequest,
        azure::{
            Clients,
            names::{Scope, Tags},
        },
    },
};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After so many looks, groups that have started meanwhile are looked for.
const GROUPS_EVERY: u32 = 5;
/// Reads at the same time.
const PARALLEL: usize = 4;

/// A line, and when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The time as Azure writes it: two of them compare as texts.
    pub at: String,
    /// The line, without its end.
    pub text: String,
}

/// Where in a log the last look has ended.
#[derive(Debug, Clone, Default)]
pub struct Cursor {
    last: Option<String>,
}

impl Cursor {
    /// The lines of a log that the last look has not seen.
    pub fn take(&mut self, content: &str) -> Vec<Line> {
        let lines: Vec<&str> = content.lines().collect();
        let seen = match &self.last {
            None => 0,
            Some(last) => match lines.iter().rposition(|line| line == last) {
                Some(at) => at + 1,
                // A log that has grown too long loses its beginning.
                None => lines.partition_point(|line| time_of(line) <= time_of(last)),
            },
        };
        if let Some(last) = lines.last() {
            self.last = Some((*last).to_owned());
        }
        lines[seen..].iter().map(|line| read(line)).collect()
    }
}

/// The time before a line; the beginning of a line without one.
fn time_of(line: &str) -> &str {
    line.split(' ').next().unwrap_or(line)
}

fn read(line: &str) -> Line {
    let is_time = |text: &str| text.len() >= 20 && text.as_bytes()[10] == b'T';
    match line.split_once(' ') {
        Some((at, text)) if is_time(at) => Line { at: at.to_owned(), text: text.to_owned() },
        // An empty line has nothing after its time.
        _ if is_time(line) => Line { at: line.to_owned(), text: String::new() },
        _ => Line { at: String::new(), text: line.to_owned() },
    }
}

/// A container whose log is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    group: String,
    container: String,
}

/// Hands every line to `show`, until it answers false or there are no more. A group that a later
/// deploy starts joins in.
///
/// # Errors
/// Azure refuses.
pub async fn follow(
    clients: &Clients,
    scope: &Scope,
    request: &LogRequest,
    show: &mut dyn FnMut(LogLine) -> bool,
) -> Result<()> {
    let mut followed = Followed { clients, scope, request, sources: BTreeMap::new() };
    followed.find().await?;
    let mut looks: u32 = 0;
    loop {
        let tail = (looks == 0).then_some(request.lines);
        for (service, line) in followed.next(tail).await? {
            let text = match request.timestamps && !line.at.is_empty() {
                true => format!("{} {}", line.at, line.text),
                false => line.text,
            };
            if !show(LogLine { service, error: false, text }) {
                return Ok(());
            }
        }
        if !request.follow {
            return Ok(());
        }
        sleep(LOOK_EVERY).await;
        looks += 1;
        if looks.is_multiple_of(GROUPS_EVERY) {
            followed.find().await?;
        }
    }
}

/// The logs that are read, and where each has been read to.
struct Followed<'a> {
    clients: &'a Clients,
    scope: &'a Scope,
    request: &'a LogRequest,
    sources: BTreeMap<Source, (String, Cursor)>,
}

impl Followed<'_> {
    /// Takes in the containers as they are now: those of groups that run, and, of a service that
    /// has none, those of the group that was made last.
    async fn find(&mut self) -> Result<()> {
        let (clients, scope, request) = (self.clients, self.scope, self.request);
        let listed = clients.groups(scope).list().await?;
        let mut known = std::mem::take(&mut self.sources);
        for group in listed.iter().filter(|group| is_wanted(scope, request, group)) {
            let service = tags_of(group).remove(Tags::SERVICE).unwrap_or_default();
            let containers = containers_of(group).into_iter();
            let names = containers.map(|it| text_of(&it["name"]).to_owned());
            for container in names.filter(|name| name != SIDECAR) {
                let source = Source { group: text_of(&group["name"]).to_owned(), container };
                let cursor = known.remove(&source).unwrap_or_default().1;
                self.sources.insert(source, (service.clone(), cursor));
            }
        }
        Ok(())
    }

    /// What came since the last look, by time; at the first, no more than the last lines of each.
    async fn next(&mut self, tail: Option<u32>) -> Result<Vec<(String, Line)>> {
        let groups = self.clients.groups(self.scope);
        let reads = self.sources.iter_mut().map(|(source, (service, cursor))| {
            let groups = groups.clone();
            async move {
                let content = groups.logs(&source.group, &source.container, tail).await?;
                let lines = cursor.take(content.as_deref().unwrap_or_default()).into_iter();
                let named: Vec<_> = lines.map(|line| (service.clone(), line)).collect();
                Ok::<_, Error>(named)
            }
        });
        let batches: Vec<_> = stream::iter(reads).buffered(PARALLEL).try_collect().await?;
        let mut lines: Vec<(String, Line)> = batches.into_iter().flatten().collect();
        // Those of one container stay in their order.
        lines.sort_by(|(_, one), (_, other)| one.at.cmp(&other.at));
        Ok(lines)
    }
}

/// A group of a service of ours that somebody asked for.
fn is_wanted(scope: &Scope, request: &LogRequest, group: &Value) -> bool {
    let (tags, asked) = (tags_of(group), &request.services);
    let service = tags.get(Tags::SERVICE);
    scope.owns(&tags) && service.is_some_and(|service| asked.is_empty() || asked.contains(service))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(cursor: &mut Cursor, content: &str) -> String {
        cursor.take(content).into_iter().map(|line| line.text).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn a_line_is_shown_once_although_the_whole_log_comes_each_time() {
        let mut cursor = Cursor::default();
        let one = "2026-11-29T12:00:00.000000001Z a\n";
        let two = format!("{one}2026-11-29T12:00:00.000000002Z a\n");
        assert_eq!(texts(&mut cursor, one), "a");
        assert_eq!(texts(&mut cursor, &two), "a");
        assert_eq!(texts(&mut cursor, &two), "");
    }

    #[test]
    fn a_log_that_lost_its_beginning_goes_on_by_time() {
        let mut cursor = Cursor::default();
        assert_eq!(texts(&mut cursor, "2026-11-29T12:00:01Z a\n"), "a");
        let later = "2026-11-29T12:00:02Z b\n2026-11-29T12:00:03Z c\n";
        assert_eq!(texts(&mut cursor, later), "b|c");
    }

    #[test]
    fn empty_lines_and_lines_without_a_time_are_lines() {
        let mut cursor = Cursor::default();
        assert_eq!(texts(&mut cursor, "2026-11-29T12:00:00Z\nplain text\n"), "|plain text");
    }
}
