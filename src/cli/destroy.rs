//! `mizan destroy`: everything of an environment goes; the data only when asked.

use std::{num::NonZeroUsize, process::ExitCode};

use serde::Serialize;

use super::{
    Done,
    args::{DestroyArgs, GlobalArgs},
    execute::execute,
    output::Output,
    project::Project,
    site::{Site, Teardown, on_target},
    terminal::Terminal,
};
use crate::model::App;

/// Steps of a teardown that run at the same time.
const PARALLEL: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// What `destroy` answers.
#[derive(Debug, Serialize)]
struct Destroyed {
    destroyed: usize,
}

/// Runs the command.
pub async fn run(args: &DestroyArgs, global: &GlobalArgs, output: &Output) -> Done {
    let app = Project::load(global)?.app;
    on_target!(app, S => Box::pin(destroy::<S>(args, &app, Terminal::new(global.yes), output)).await)
}

async fn destroy<S: Site>(
    args: &DestroyArgs,
    app: &App,
    terminal: Terminal,
    output: &Output,
) -> Done {
    let mut site = S::open(app).await?;
    let guard = match args.plan || !site.exists() {
        true => None,
        false => Some(site.lock("mizan destroy", None).await?),
    };
    let look = site.look_down(Teardown { data: args.volumes, shared: args.shared }).await?;
    if args.plan {
        output.plan(&look.plan)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !look.plan.is_noop() {
        output.announce(&look.plan)?;
        let what = if args.volumes { "and all its data" } else { "but its data" };
        terminal.confirm(&format!("Destroy {} in {} {what}?", app.name, app.env))?;
    }
    let executor = site.into_executor(look.ground, None);
    execute(&look.plan, executor, PARALLEL, output).await?;
    drop(guard);
    let done = Destroyed { destroyed: look.plan.steps.len() };
    output.result(&done, |out| writeln!(out, "{} removed", done.destroyed))?;
    Ok(ExitCode::SUCCESS)
}
