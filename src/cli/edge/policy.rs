//! `mizan edge policy`: what the edge does with each context, in words and as data.

use std::process::ExitCode;

use serde::Serialize;

use super::super::{
    Done,
    args::PolicyArgs,
    output::Output,
    site::{LiveEdge, Site, built_policy},
};
use crate::{
    error::{Error, Result},
    model::App,
    schema::PolicyReport,
    view,
};

/// What `policy` answers.
#[derive(Debug, Serialize)]
struct Shown {
    app: String,
    environment: String,
    /// The release that it is of; absent if it is that of the source.
    release: Option<String>,
    #[serde(flatten)]
    report: PolicyReport,
}

/// Runs the command.
pub(super) async fn run<S: Site>(args: &PolicyArgs, app: &App, output: &Output) -> Done {
    let shown = match args.live {
        true => live(app, S::live_edge(app).await?)?,
        false => built::<S>(app).await?,
    };
    let of = match &shown.release {
        Some(release) => format!("release {release}"),
        None => "the source".to_owned(),
    };
    output.say(&format!("{} in {}, policy of {of}", shown.app, shown.environment));
    output.result(&shown, |mut out| view::write_policy_text(&shown.report, &mut out))?;
    Ok(ExitCode::SUCCESS)
}

/// That of the source, compared with the live one; the live one where the source is not built.
async fn built<S: Site>(app: &App) -> Result<Shown> {
    let edge = S::live_edge(app).await?;
    let Some(policy) = built_policy(app).await? else {
        return live(app, edge);
    };
    let before = edge.as_ref().and_then(|edge| Some((edge.release, edge.policy.as_ref()?)));
    let report = policy.report(app, before);
    let report = report.ok_or_else(|| Error::failed("the policy of the source cannot be read"))?;
    Ok(shown(app, None, report))
}

fn live(app: &App, edge: Option<LiveEdge>) -> Result<Shown> {
    let edge = edge.ok_or_else(|| {
        let message = format!("nobody knows the policy of {} in environment {}", app.name, app.env);
        Error::failed(message)
            .cause("nothing is deployed, and the schema was not taken out of an image yet")
            .hint(format!("mizan deploy -e {}", app.env))
    })?;
    let release = edge.release.to_string();
    let policy = edge.policy.as_ref().ok_or_else(|| unrecorded(&release, app))?;
    let report = PolicyReport::new(policy, None);
    Ok(shown(app, Some(release), report))
}

/// The record is of a version of mizan that did not write the policy down.
pub(super) fn unrecorded(release: &str, app: &App) -> Error {
    Error::failed(format!("the record of {release} does not say what its edge does"))
        .cause("it is of an earlier version of mizan")
        .hint(format!("mizan deploy -e {}: the next release has it", app.env))
}

fn shown(app: &App, release: Option<String>, report: PolicyReport) -> Shown {
    Shown { app: app.name.to_string(), environment: app.env.to_string(), release, report }
}
