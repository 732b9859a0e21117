//! `mizan doctor`: whether a deploy could go well, and what stands in its way.

use std::{io::Write, process::ExitCode};

use serde::Serialize;

use super::{Done, args::GlobalArgs, output::Output, project::Project, site};
use crate::{
    cloudflare::Cloudflare,
    model::{App, AzureService, Target},
    targets::{Check, CheckState, aws, azure, local, origin, verdict},
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
        Target::Local { .. } => Ok(local::doctor::checks(app).await),
        Target::Aws(target) => {
            let cloudflare = Cloudflare::from_environment();
            let aws = Box::pin(aws::doctor::checks(app, target, cloudflare));
            let (mut checks, workers) = tokio::join!(aws, workers(app));
            checks.extend(workers);
            checks.push(local::hydration::elsewhere(app));
            Ok(checks)
        }
        Target::Origin { url } => {
            let (mut checks, workers) = tokio::join!(before_origin(app, url), workers(app));
            checks.extend(workers);
            checks.push(local::hydration::elsewhere(app));
            Ok(checks)
        }
        Target::Azure { location, service: AzureService::ContainerInstances } => {
            let azure = Box::pin(azure::doctor::checks(app, location));
            let (mut checks, workers) = tokio::join!(azure, workers(app));
            checks.extend(workers);
            checks.push(local::hydration::elsewhere(app));
            Ok(checks)
        }
        Target::Azure { service: AzureService::ContainerApps, .. } => Err(site::unsupported(app)),
    }
}

/// What a deploy before an origin needs beside Cloudflare: the schema, if it is known already, an
/// engine, and the app.
async fn before_origin(app: &App, url: &str) -> Vec<Check> {
    const NAME: &str = "schema";
    let policy = site::built_policy(app).await;
    let schema = match &policy {
        Ok(Some(policy)) => Check::ok(NAME, format!("version {}", policy.summary["schema"])),
        Ok(None) => Check::skipped(NAME, "it is in an image that is not built yet"),
        Err(error) => Check::error(NAME, error),
    };
    let known = policy.ok().flatten();
    let health = known.as_ref().and_then(|policy| policy.data["health"].as_str());
    let mut checks = vec![schema];
    checks.extend(origin::doctor::checks(app, url, health).await);
    checks
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
