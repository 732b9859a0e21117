//! `mizan doctor`: whether a deploy could go well, and what stands in its way.

use std::{io::Write, process::ExitCode};

use serde::Serialize;

use super::{Done, args::GlobalArgs, output::Output, project::Project, site};
use crate::{
    cloudflare::Cloudflare,
    model::{App, Target},
    targets::{Check, CheckState, aws, local, verdict},
    workers::cloud::{self, Scripts},
};

/// The result of the command.
#[derive(Serialize)]
struct Report {
    checks: Vec<Check>,
}

/// Runs the command.
pub async fn run(global: &GlobalArgs, output: &Output) -> Done {
    let app = Project::load(global)?.app;
    let checks = Box::pin(checks(&app)).await?;
    let worst = verdict(&checks);
    let report = Report { checks };
    output.result(&report, |out| write(&report.checks, out))?;
    Ok(worst.map_or(ExitCode::SUCCESS, |kind| kind.exit_code().into()))
}

async fn checks(app: &App) -> crate::error::Result<Vec<Check>> {
    match &app.target {
        Target::Local { .. } => Ok(local::doctor::checks().await),
        Target::Aws(target) => {
            let cloudflare = Cloudflare::from_environment();
            let aws = Box::pin(aws::doctor::checks(app, target, cloudflare));
            let (mut checks, workers) = tokio::join!(aws, workers(app));
            checks.extend(workers);
            Ok(checks)
        }
        Target::Origin { .. } => Ok(workers(app).await),
        Target::Azure { .. } => Err(site::unsupported(app)),
    }
}

/// What Workers on Cloudflare need, if the edge is on.
async fn workers(app: &App) -> Vec<Check> {
    if app.edge.is_none() {
        return Vec::new();
    }
    let scripts = Scripts { app: app.name.clone(), env: app.env.clone() };
    let cloudflare = Cloudflare::from_environment();
    cloud::doctor::checks(cloudflare, &scripts, app.domain.as_deref()).await
}

fn write(checks: &[Check], out: &mut dyn Write) -> std::io::Result<()> {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    for check in checks {
        let sign = match check.state {
            CheckState::Ok => "ok     ",
            CheckState::Warning => "warning",
            CheckState::Failed => "failed ",
            CheckState::Skipped => "skipped",
        };
        writeln!(out, "{sign}  {:<width$}  {}", check.name, check.what)?;
        if let Some(hint) = &check.hint {
            writeln!(out, "         {:<width$}  hint: {hint}", "")?;
        }
    }
    Ok(())
}
