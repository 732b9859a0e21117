//! `mizan status`: what runs, where, and whether it is healthy.

use std::{io::Write, process::ExitCode};

use super::{
    Done,
    args::GlobalArgs,
    output::Output,
    project::Project,
    site::{Site, Status, on_target},
};
use crate::model::App;

/// Runs the command.
pub async fn run(global: &GlobalArgs, output: &Output) -> Done {
    let app = Project::load(global)?.app;
    on_target!(app, S => Box::pin(show::<S>(&app, output)).await)
}

async fn show<S: Site>(app: &App, output: &Output) -> Done {
    let status = S::open(app).await?.status(app).await?;
    output.result(&status, |out| write(&status, out))?;
    Ok(ExitCode::SUCCESS)
}

fn write(status: &Status, out: &mut dyn Write) -> std::io::Result<()> {
    let release = status.release.as_deref().unwrap_or("no release");
    writeln!(out, "{} in {}: {release}", status.app, status.environment)?;
    if let Some(url) = &status.url {
        writeln!(out, "  {url}  ({})", status.front)?;
    }
    let width = status.services.iter().map(|row| row.service.len()).max().unwrap_or(0);
    for row in &status.services {
        writeln!(out, "  {:<width$}  {}  {}", row.service, row.state, row.container)?;
    }
    Ok(())
}
