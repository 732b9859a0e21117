//! `mizan destroy`: everything of an environment goes; the data only when asked.

use std::{num::NonZeroUsize, process::ExitCode};

use serde::Serialize;

use super::{
    Done,
    args::{DestroyArgs, GlobalArgs},
    execute::execute,
    output::Output,
    site,
    terminal::Terminal,
};
use crate::{
    error::{Context, ErrorKind},
    targets::local::diff::{Teardown, plan_teardown},
};

/// Steps of a teardown that run at the same time.
const PARALLEL: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// What `destroy` answers.
#[derive(Debug, Serialize)]
struct Destroyed {
    destroyed: usize,
}

/// Runs the command.
pub async fn run(args: &DestroyArgs, global: &GlobalArgs, output: &Output) -> Done {
    let (project, mut site) = site::open(global).await?;
    let guard = match args.plan || !site.state.root().is_dir() {
        true => None,
        false => Some(site.lock("mizan destroy", None).await?),
    };
    let observed = site.observe(None).await?;
    let teardown = Teardown { volumes: args.volumes };
    let plan = plan_teardown(&site.scope, &observed, teardown)
        .context(ErrorKind::Failed, || "cannot plan".into())?;
    if args.plan {
        output.plan(&plan)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !plan.is_noop() {
        output.announce(&plan)?;
        let what = if args.volumes { "and all its data" } else { "but its data" };
        let question = format!("Destroy {} in {} {what}?", project.app.name, project.app.env);
        Terminal::new(global.yes).confirm(&question)?;
    }
    let executor = site.into_executor(None, None);
    // Without a fence: the last step removes the folder that the lock is in.
    execute(&plan, executor, None, PARALLEL, output).await?;
    drop(guard);
    let done = Destroyed { destroyed: plan.steps.len() };
    output.result(&done, |out| writeln!(out, "{} removed", done.destroyed))?;
    Ok(ExitCode::SUCCESS)
}
