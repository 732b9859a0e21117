//! The logs of an environment's containers, interleaved as they come.

use std::collections::BTreeSet;
use std::time::Duration;

use bollard::{Docker, container::LogOutput, query_parameters::LogsOptionsBuilder};
use futures_util::{StreamExt, stream::BoxStream, stream::SelectAll};
use tokio::time::interval;

use super::{
    apply::into_bytes,
    names::Scope,
    observe::{ContainerRole, SeenContainer, containers},
};
use crate::{
    error::Result,
    targets::{LogLine, LogRequest},
};

/// How often new containers are looked for while following.
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Lines = BoxStream<'static, LogLine>;

/// Hands every line to `show`, until it answers false or there are no more. A container
/// that a later deploy starts joins in.
///
/// # Errors
/// The engine does not answer.
pub async fn follow(
    docker: &Docker,
    scope: &Scope,
    request: &LogRequest,
    show: &mut dyn FnMut(LogLine) -> bool,
) -> Result<()> {
    let mut known = BTreeSet::new();
    let mut streams: SelectAll<Lines> = SelectAll::new();
    let mut lines = request.lines;
    let mut look = interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = look.tick(), if request.follow || known.is_empty() => {
                for seen in containers(docker, scope).await? {
                    if wanted(request, &seen) && known.insert(seen.name.clone()) {
                        streams.push(open(docker, &seen, request, lines));
                    }
                }
                // What starts from now on is shown from its beginning.
                lines = u32::MAX;
                if known.is_empty() && !request.follow {
                    return Ok(());
                }
            }
            line = streams.next(), if !streams.is_empty() => match line {
                Some(line) => {
                    if !show(line) {
                        return Ok(());
                    }
                }
                None if request.follow => {}
                // The last container has no more lines, and nobody waits for new ones.
                None => return Ok(()),
            },
            else => return Ok(()),
        }
    }
}

fn wanted(request: &LogRequest, seen: &SeenContainer) -> bool {
    let service = matches!(seen.role, ContainerRole::Service | ContainerRole::Accessory);
    service && (request.services.is_empty() || request.services.contains(&seen.service))
}

fn open(docker: &Docker, seen: &SeenContainer, request: &LogRequest, lines: u32) -> Lines {
    let tail = if lines == u32::MAX { "all".to_owned() } else { lines.to_string() };
    let options = LogsOptionsBuilder::default()
        .stdout(true)
        .stderr(true)
        .follow(request.follow && seen.running)
        .timestamps(request.timestamps)
        .tail(&tail)
        .build();
    let service = seen.service.clone();
    let chunks = docker.logs(&seen.name, Some(options));
    let mut splitter = Splitter::default();
    // A chunk may hold several lines or part of one; the end of the stream ends the last.
    let pieces = chunks
        .map(|chunk| chunk.ok())
        .chain(futures_util::stream::once(async { None }))
        .map(move |chunk| splitter.take(&service, chunk))
        .flat_map(futures_util::stream::iter);
    pieces.boxed()
}

/// Makes lines of chunks, for the output and the error output apart.
#[derive(Default)]
struct Splitter {
    output: String,
    error: String,
}

impl Splitter {
    fn take(&mut self, service: &str, chunk: Option<LogOutput>) -> Vec<LogLine> {
        let line = |text: &str, error| LogLine {
            service: service.to_owned(),
            error,
            text: text.trim_end_matches(['\r', '\n']).to_owned(),
        };
        let Some(chunk) = chunk else {
            let rest = [
                (std::mem::take(&mut self.output), false),
                (std::mem::take(&mut self.error), true),
            ];
            let rest = rest.into_iter().filter(|(text, _)| !text.is_empty());
            return rest.map(|(text, error)| line(&text, error)).collect();
        };
        let error = matches!(chunk, LogOutput::StdErr { .. });
        let pending = if error { &mut self.error } else { &mut self.output };
        pending.push_str(&String::from_utf8_lossy(&into_bytes(chunk)));
        let mut lines = Vec::new();
        while let Some(end) = pending.find('\n') {
            let whole: String = pending.drain(..=end).collect();
            lines.push(line(&whole, error));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(text: &str) -> Option<LogOutput> {
        Some(LogOutput::StdOut { message: text.to_owned().into() })
    }

    #[test]
    fn lines_are_put_together_from_chunks() {
        let mut splitter = Splitter::default();
        assert!(splitter.take("web", chunk("hel")).is_empty());
        let lines = splitter.take("web", chunk("lo\nworld\nlast"));
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["hello", "world"]);
        assert_eq!(splitter.take("web", None)[0].text, "last");
    }
}
