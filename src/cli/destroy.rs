//! `mizan destroy`: everything of an environment goes; the data only when asked.

use std::{process::ExitCode, time::Duration};

use serde::Serialize;

use super::{
    Done,
    args::{DestroyArgs, GlobalArgs},
    execute::{execute, with_lock},
    output::Output,
    project::Project,
    site::{Look, Site, Teardown, on_target},
    terminal::Terminal,
};
use crate::{ledger::Guard, model::App};

impl From<&DestroyArgs> for Teardown {
    fn from(args: &DestroyArgs) -> Self {
        Self { data: args.volumes, shared: args.shared }
    }
}

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
    if args.plan {
        let look = site.look_down(args.into()).await?;
        output.plan(&look.plan)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !site.exists().await? {
        // A place for a lock would have to be made, only to be removed.
        let look = site.look_down(args.into()).await?;
        // Unless somebody has begun to deploy meanwhile.
        if !site.exists().await? {
            return Box::pin(demolish(site, look, args, app, terminal, output, None)).await;
        }
    }
    let guard = site.lock("mizan destroy", args.wait.map(Duration::from_secs)).await?;
    with_lock(guard, output, async |guard| {
        let look = site.look_down(args.into()).await?;
        Box::pin(demolish(site, look, args, app, terminal, output, Some(guard))).await
    })
    .await
}

async fn demolish<S: Site>(
    site: S,
    look: Look<S>,
    args: &DestroyArgs,
    app: &App,
    terminal: Terminal,
    output: &Output,
    guard: Option<&Guard>,
) -> Done {
    output.announce(&look.plan)?;
    if !look.plan.is_noop() {
        let what = if args.volumes { "and all its data" } else { "but its data" };
        terminal.confirm(&format!("Destroy {} in {} {what}?", app.name, app.env))?;
    }
    let executor = site.into_executor(look.ground, None);
    let fence = guard.filter(|_| !S::LOCK_GOES_FIRST);
    execute(&look.plan, executor, fence, S::PARALLEL, output).await?;
    let done = Destroyed { destroyed: look.plan.steps.len() };
    output.result(&done, |out| match done.destroyed {
        0 => writeln!(out, "nothing of {} in {} is there to remove", app.name, app.env),
        count => writeln!(out, "{count} removed"),
    })?;
    Ok(ExitCode::SUCCESS)
}
