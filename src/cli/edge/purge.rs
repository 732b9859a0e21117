//! `mizan edge purge`: tells the edge that something has changed past the call path.

use std::process::ExitCode;

use serde::Serialize;

use super::{
    super::{
        Done,
        args::{GlobalArgs, PurgeArgs},
        output::Output,
        site::{LiveEdge, Site},
        terminal::Terminal,
    },
    policy::unrecorded,
};
use crate::{
    error::{Error, ErrorKind, Result},
    http::Http,
    model::{App, Target},
    secret::SecretValue,
    workers::purge::{self, Invalidation, PURGE_KEY, Purged, Selection},
};

/// What `purge` answers.
#[derive(Debug, Serialize)]
struct Answer {
    url: String,
    invalidate: Vec<Invalidation>,
    #[serde(flatten)]
    purged: Purged,
}

/// Runs the command.
pub(super) async fn run<S: Site>(
    args: &PurgeArgs,
    app: &App,
    global: &GlobalArgs,
    output: &Output,
) -> Done {
    let selection = selection(args)?;
    let edge = S::live_edge(app).await?.ok_or_else(|| {
        let message = format!("no edge of {} is deployed to environment {}", app.name, app.env);
        Error::failed(message).hint(format!("mizan deploy -e {}", app.env))
    })?;
    let item = checked(&selection, &edge, app, output)?;
    let key = key::<S>(app).await?;
    if selection == Selection::All {
        let question = format!("Purge everything that the edge at {} has cached?", edge.url);
        Terminal::new(global.yes).confirm(&question)?;
    }
    let items = vec![item];
    let purged = purge::send(&Http::new()?, &edge.url, &key, &items).await?;
    let answer = Answer { url: edge.url, invalidate: items, purged };
    output.result(&answer, |out| {
        let what = answer.purged.recorded.iter().map(ToString::to_string).collect::<Vec<_>>();
        writeln!(out, "purged {} at {}", what.join("; "), answer.url)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn selection(args: &PurgeArgs) -> Result<Selection> {
    match (&args.context, args.all) {
        (Some(name), _) => {
            Ok(Selection::Context { name: name.clone(), params: args.param.clone() })
        }
        (None, true) => Ok(Selection::All),
        (None, false) => Err(Error::new(ErrorKind::Usage, "nothing to purge is named")
            .hint("--context NAME, or --all")),
    }
}

/// What the Edge is told. To purge everything, nobody has to know what there is.
fn checked(
    selection: &Selection,
    edge: &LiveEdge,
    app: &App,
    output: &Output,
) -> Result<Invalidation> {
    if *selection == Selection::All {
        return selection.invalidation(&Default::default());
    }
    let policy = edge.policy.as_ref();
    let policy = policy.ok_or_else(|| unrecorded(&edge.release.to_string(), app))?;
    let item = selection.invalidation(policy)?;
    if let Some(remark) = selection.remark(policy) {
        output.say(&remark);
    }
    Ok(item)
}

async fn key<S: Site>(app: &App) -> Result<SecretValue> {
    if !app.secrets.contains_key(PURGE_KEY) {
        return Err(Error::failed(format!("{} has no key for purges", app.name))
            .hint(format!("add to mizan.yaml: secrets: [{{name: {PURGE_KEY}, generate: true}}]"))
            .hint(format!("then `mizan deploy -e {}` brings it to the edge", app.env)));
    }
    let keys = S::purge_key(app).await?;
    keys.as_ref().and_then(purge::signing_key).ok_or_else(|| no_value(app))
}

fn no_value(app: &App) -> Error {
    let error = Error::failed(format!("the secret {PURGE_KEY} has no value"));
    match app.target {
        Target::Origin { .. } => error
            .cause("an app that runs elsewhere has its secrets elsewhere")
            .hint(format!("export {PURGE_KEY}=… with the value that it was deployed with")),
        _ => error.hint(format!("mizan secrets set {PURGE_KEY} -e {}", app.env)),
    }
}
