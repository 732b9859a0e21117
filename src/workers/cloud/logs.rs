//! What Edge and Render write, as it happens: Cloudflare keeps nothing that could be asked for.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream::FuturesUnordered};

use super::names::{Kind, Scripts};
use crate::{
    cloudflare::{Cloudflare, Tail, TailEvent, TailEvents},
    error::{Error, ErrorKind, Result},
    targets::{LogLine, LogRequest},
};

/// Hands what the Workers write to `show`, until it answers false or the tails end.
///
/// # Errors
/// Only what happens from now on can be shown: `--follow` was not asked for. Or Cloudflare refuses.
pub async fn follow(
    cloudflare: &Cloudflare,
    account: &str,
    scripts: &Scripts,
    request: &LogRequest,
    show: &mut dyn FnMut(LogLine) -> bool,
) -> Result<()> {
    let kinds = wanted(&request.services);
    if kinds.is_empty() {
        return Ok(());
    }
    if !request.follow {
        return Err(Error::new(
            ErrorKind::Usage,
            "Cloudflare keeps no log of Workers to look back at",
        )
        .hint("mizan logs --follow shows what they write from now on"));
    }
    let mut open = Vec::new();
    for kind in kinds {
        let name = scripts.name(kind);
        let tail = cloudflare.start_tail(account, &name).await?;
        let events = cloudflare.tail_events(&tail).await?;
        open.push((kind, name, tail, events));
    }
    let done = pump(&mut open, show).await;
    for (_, name, Tail { id, .. }, _) in &open {
        // It expires by itself, too.
        let _ = cloudflare.stop_tail(account, name, id).await;
    }
    done
}

type Open = (Kind, String, Tail, TailEvents);

async fn pump(open: &mut [Open], show: &mut dyn FnMut(LogLine) -> bool) -> Result<()> {
    let mut next: FuturesUnordered<_> =
        open.iter_mut().map(|(kind, _, _, events)| following(*kind, events)).collect();
    while let Some((kind, events, event)) = next.next().await {
        let Some(event) = event else { continue };
        for line in lines(kind, &event?) {
            if !show(line) {
                return Ok(());
            }
        }
        next.push(following(kind, events));
    }
    Ok(())
}

async fn following(
    kind: Kind,
    events: &mut TailEvents,
) -> (Kind, &mut TailEvents, Option<Result<TailEvent>>) {
    let event = events.next().await;
    (kind, events, event)
}

/// The Workers that are asked for; all that have something to say if none is named.
fn wanted(named: &BTreeSet<String>) -> Vec<Kind> {
    let all = [Kind::Edge, Kind::Render, Kind::Hub];
    let is_named =
        |kind: &Kind| named.is_empty() && *kind != Kind::Hub || named.contains(kind.as_str());
    all.into_iter().filter(is_named).collect()
}

fn lines(kind: Kind, event: &TailEvent) -> Vec<LogLine> {
    let line = |error: bool, text: String| LogLine { service: kind.to_string(), error, text };
    let mut lines: Vec<LogLine> = event
        .logs
        .iter()
        .map(|(level, text)| line(matches!(level.as_str(), "error" | "warn"), text.clone()))
        .collect();
    lines.extend(event.exceptions.iter().map(|text| line(true, text.clone())));
    let failed = event.outcome != "ok";
    if let Some(request) = &event.request {
        let status =
            request.status.map_or_else(|| event.outcome.clone(), |status| status.to_string());
        lines.push(line(failed, format!("{} {} {status}", request.method, request.url)));
    } else if failed {
        lines.push(line(true, event.outcome.clone()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudflare::TailRequest;

    #[test]
    fn an_event_is_its_logs_its_exceptions_and_its_request() {
        let event = TailEvent {
            timestamp: None,
            outcome: "exception".into(),
            logs: vec![("log".into(), "one".into()), ("error".into(), "two".into())],
            exceptions: vec!["TypeError: three".into()],
            request: Some(TailRequest {
                method: "GET".into(),
                url: "https://board.example.com/".into(),
                status: Some(500),
            }),
        };
        let lines: Vec<_> =
            lines(Kind::Edge, &event).into_iter().map(|line| (line.error, line.text)).collect();
        assert_eq!(
            lines,
            [
                (false, "one".to_owned()),
                (true, "two".to_owned()),
                (true, "TypeError: three".to_owned()),
                (true, "GET https://board.example.com/ 500".to_owned()),
            ]
        );
    }

    #[test]
    fn edge_and_render_are_followed_unless_others_are_named() {
        assert_eq!(wanted(&BTreeSet::new()), [Kind::Edge, Kind::Render]);
        assert_eq!(wanted(&["hub".to_owned()].into()), [Kind::Hub]);
        assert!(wanted(&["web".to_owned()].into()).is_empty());
    }
}
