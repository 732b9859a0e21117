//! A run for machines: one JSON object per line (docs/events.md), the result last.

use std::{
    cell::RefCell,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::json;

use super::PlanDocument;
use crate::{
    engine::{Event, EventSink},
    error::Error,
};

/// The version of the stream; it changes when a reader of the old one would be misled.
const VERSION: u32 = 1;

/// A problem as a line.
#[derive(Serialize)]
struct Problem<'a, P> {
    event: &'static str,
    level: &'a str,
    #[serde(flatten)]
    problem: &'a P,
}

/// Writes events as they happen.
pub struct Ndjson<W> {
    out: RefCell<W>,
}

impl<W: Write> Ndjson<W> {
    /// A stream to `out`; its first line says what it is.
    pub fn new(out: W) -> io::Result<Self> {
        let stream = Self { out: RefCell::new(out) };
        stream.line(&json!({"event": "stream", "format": "mizan-events", "version": VERSION}))?;
        Ok(stream)
    }

    /// The plan that is about to be run, or was asked for; also as Markdown, where that was asked for.
    pub fn plan(&self, plan: &PlanDocument, markdown: Option<&str>) -> io::Result<()> {
        self.line(&match markdown {
            Some(markdown) => json!({"event": "plan", "plan": plan, "markdown": markdown}),
            None => json!({"event": "plan", "plan": plan}),
        })
    }

    /// Something at a place in a file that the user wrote: an "error" or a "warning".
    pub fn problem(&self, level: &str, problem: &impl Serialize) -> io::Result<()> {
        self.line(&Problem { event: "problem", level, problem })
    }

    /// What something that is watched is like now.
    pub fn changed(&self, name: &str, value: &impl Serialize) -> io::Result<()> {
        self.line(&json!({"event": name, name: value}))
    }

    /// The last line: what the command has to say, or why it failed, with its exit code.
    pub fn result<T: Serialize>(&self, result: &Result<T, Error>) -> io::Result<()> {
        self.line(&match result {
            Ok(value) => json!({"event": "result", "ok": true, "value": value}),
            Err(error) => {
                let code = error.kind.exit_code();
                json!({"event": "result", "ok": false, "exit_code": code, "error": error})
            }
        })
    }

    fn line(&self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_string(value)?;
        line.push('\n');
        let mut out = self.out.borrow_mut();
        // One write per line, so that a line is never seen half.
        out.write_all(line.as_bytes())?;
        out.flush()
    }
}

impl<W: Write> EventSink for Ndjson<W> {
    fn emit(&self, event: Event) {
        // A reader that went away must not stop a deploy; the result line reports it.
        let _ = self.line(&event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Outcome, error::ErrorKind, view::sample};

    fn told(tell: impl FnOnce(&Ndjson<&mut Vec<u8>>)) -> String {
        let mut out = Vec::new();
        let stream = Ndjson::new(&mut out).expect("written");
        tell(&stream);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_event_is_a_line() {
        let text = told(|stream| {
            let kept = |event: &Event| !matches!(event, Event::StepLog { line, .. } if !line.ends_with(" 1"));
            sample::failing_run().into_iter().filter(kept).for_each(|event| stream.emit(event));
            stream.emit(Event::Finished(Outcome::Clean));
        });
        insta::assert_snapshot!(text, @r#"
        {"event":"stream","format":"mizan-events","version":1}
        {"event":"started","steps":4}
        {"event":"step_started","step":"image/board","resource":{"kind":"image","name":"board"},"change":{"action":"create","fields":[{"field":"tag","before":"unset","after":{"known":"board:3f9a"}}]}}
        {"event":"step_progress","step":"image/board","message":"[3/7] RUN npm ci"}
        {"event":"step_log","step":"image/board","stream":"output","line":"build line 1"}
        {"event":"step_finished","step":"image/board","millis":4210}
        {"event":"step_started","step":"service/web","resource":{"kind":"service","name":"web"},"change":{"action":"update","fields":[{"field":"image","before":{"known":"board:77c1"},"after":{"after":"image/board"}},{"field":"cpu","before":{"known":"0.5"},"after":{"known":"1"}},{"field":"env.LOG_LEVEL","before":"unset","after":{"known":"debug"}},{"field":"env.DEBUG","before":{"known":""},"after":"unset"},{"field":"env.API_BASE","before":"masked","after":"masked"}]}}
        {"event":"step_started","step":"service/worker","resource":{"kind":"service","name":"worker"},"change":{"action":"create","fields":[{"field":"image","before":"unset","after":{"after":"image/board"}},{"field":"secret.SECRET_KEY","before":"unset","after":"masked"}]}}
        {"event":"step_started","step":"container/beat","resource":{"kind":"container","name":"beat"},"change":{"action":"replace","why":"a container cannot change its volumes","fields":[{"field":"volumes.data","before":{"known":"/data"},"after":{"known":"/app/data"}}]}}
        {"event":"step_progress","step":"service/web","message":"waiting for /healthz: 502"}
        {"event":"step_log","step":"service/web","stream":"output","line":"\u001b[31mweb line 1"}
        {"event":"step_finished","step":"container/beat","millis":80}
        {"event":"step_failed","step":"service/web","millis":60012,"error":{"kind":"failed","message":"service web did not become healthy","causes":["waited 60 s for /healthz","/healthz answers 502\nand nothing else"],"hints":["look at the log: mizan logs web"]}}
        {"event":"step_failed","step":"service/worker","millis":60020,"error":{"kind":"interrupted","message":"interrupted"}}
        {"event":"warning","message":"the engine answers slowly"}
        {"event":"undo_started","step":"service/worker"}
        {"event":"undo_finished","step":"service/worker"}
        {"event":"undo_started","step":"service/web"}
        {"event":"undo_failed","step":"service/web","error":{"kind":"failed","message":"container board-web-2 could not be removed","causes":["in use"]}}
        {"event":"undo_skipped","step":"image/board","why":"it stays in the engine's store"}
        {"event":"finished","outcome":"stuck","failed":"service/web","error":{"kind":"failed","message":"service web did not become healthy","causes":["waited 60 s for /healthz","/healthz answers 502\nand nothing else"],"hints":["look at the log: mizan logs web"]},"residue":[{"kind":"service","name":"web"}],"committed":false}
        {"event":"finished","outcome":"clean"}
        "#);
    }

    #[test]
    fn events_are_read_back_as_they_were_written() {
        let events: Vec<Event> = sample::failing_run();
        let text = told(|stream| events.iter().cloned().for_each(|event| stream.emit(event)));
        let read: Vec<Event> = text
            .lines()
            .skip(1)
            .map(|line| serde_json::from_str(line).expect("an event"))
            .collect();
        assert_eq!(read, events);
    }

    #[test]
    fn every_event_is_documented() {
        let documented = include_str!("../../docs/events.md");
        let runs = [sample::failing_run(), sample::interrupted_run()];
        for event in runs.concat() {
            let event = serde_json::to_value(event).expect("JSON");
            let name = event["event"].as_str().expect("a name");
            assert!(documented.contains(&format!("| `{name}` |")), "{name}");
        }
    }

    #[test]
    fn a_plan_also_comes_as_it_is_shown_where_that_was_asked_for() {
        let plan = PlanDocument::from(&sample::plan());
        let text = told(|stream| {
            stream.plan(&plan, None).expect("written");
            stream.plan(&plan, Some("**Plan**")).expect("written");
        });
        let plans: Vec<serde_json::Value> =
            text.lines().skip(1).map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(plans[0].get("markdown"), None);
        assert_eq!(plans[1]["markdown"], "**Plan**");
        assert_eq!(plans[0]["plan"], plans[1]["plan"]);
    }

    #[test]
    fn the_result_is_last_and_says_the_exit_code() {
        let text = told(|stream| {
            stream.result(&Ok(json!({"url": "http://board.localhost:8080"}))).expect("written");
            let error = Error::new(ErrorKind::Locked, "board is locked");
            stream.result::<()>(&Err(error)).expect("written");
        });
        insta::assert_snapshot!(text, @r#"
        {"event":"stream","format":"mizan-events","version":1}
        {"event":"result","ok":true,"value":{"url":"http://board.localhost:8080"}}
        {"event":"result","ok":false,"exit_code":75,"error":{"kind":"locked","message":"board is locked"}}
        "#);
    }
}
