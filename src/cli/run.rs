//! `mizan run`: a command in a new container of the live release.

use std::process::ExitCode;

use super::{
    Done,
    args::{GlobalArgs, RunArgs},
    project::Project,
    site::{Site, on_target},
};
use crate::model::App;

/// Runs the command; its exit code is ours.
pub async fn run(args: &RunArgs, global: &GlobalArgs) -> Done {
    let app = Project::load(global)?.app;
    on_target!(app, S => Box::pin(run_in::<S>(&app, &args.command)).await)
}

async fn run_in<S: Site>(app: &App, command: &[String]) -> Done {
    let site = S::open(app).await?;
    let live = site.live(app).await?;
    Ok(ExitCode::from(site.run_one_off(live, command).await?))
}
