//! `mizan rollback`: the image and configuration of an earlier release, as a new release.

use std::{process::ExitCode, time::Duration};

use serde::Serialize;

use super::{
    Done,
    args::{GlobalArgs, RollbackArgs},
    execute::{execute, with_lock},
    output::Output,
    project::Project,
    site::{Look, Site, on_target, public_url},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ledger::{Guard, Ledger, Release},
    model::{App, ReleaseId},
};

/// What `rollback` answers.
#[derive(Debug, Serialize)]
struct RolledBack {
    url: String,
    release: String,
    brings_back: String,
    millis: u64,
}

/// Runs the command.
pub async fn run(args: &RollbackArgs, global: &GlobalArgs, output: &Output) -> Done {
    let app = Project::load(global)?.app;
    on_target!(app, S => Box::pin(roll_back::<S>(args, &app, output)).await)
}

async fn roll_back<S: Site>(args: &RollbackArgs, app: &App, output: &Output) -> Done {
    let mut site = S::open(app).await?;
    if args.plan {
        let (_, look) = look_back(&site, args, app).await?;
        output.plan(&look.plan)?;
        return Ok(ExitCode::SUCCESS);
    }
    let guard = site.lock("mizan rollback", args.wait.map(Duration::from_secs)).await?;
    with_lock(guard, output, async |guard| {
        Box::pin(roll_back_locked(site, args, app, output, guard)).await
    })
    .await
}

/// The release to bring back, and the plan of it.
async fn look_back<S: Site>(
    site: &S,
    args: &RollbackArgs,
    app: &App,
) -> Result<(Release, Look<S>)> {
    let live = site.live(app).await?;
    let target = target(site.ledger(), args, &live).await?;
    let look = site.look_back(app, &target).await?;
    Ok((target, look))
}

async fn roll_back_locked<S: Site>(
    site: S,
    args: &RollbackArgs,
    app: &App,
    output: &Output,
    guard: &Guard,
) -> Done {
    let (target, look) = look_back(&site, args, app).await?;
    if look.plan.is_noop() {
        return Err(Error::failed(format!("{} is what runs already", target.id)).into());
    }
    output.announce(&look.plan)?;
    let url = look.url.clone();
    let release = look.release.or(look.live);
    let executor = site.into_executor(look.ground, None);
    let report = execute(&look.plan, executor, Some(guard), S::PARALLEL, output).await?;
    let done = RolledBack {
        url: public_url(&url, &report.outputs),
        release: release.map(|id| id.to_string()).unwrap_or_default(),
        brings_back: target.id.to_string(),
        millis: report.millis,
    };
    output.say(&format!(
        "{} brings back {} in {:.1} s",
        done.release,
        done.brings_back,
        Duration::from_millis(done.millis).as_secs_f64()
    ));
    output.result(&done, |out| writeln!(out, "{}", done.url))?;
    Ok(ExitCode::SUCCESS)
}

/// The release to bring back: the one that was named, or the one before the live one.
async fn target(ledger: &Ledger, args: &RollbackArgs, live: &Release) -> Result<Release> {
    let named = match &args.release {
        Some(text) => text.parse::<ReleaseId>().map_err(|_| {
            Error::new(ErrorKind::Usage, format!("`{text}` is no release"))
                .hint("releases are called r1, r2, …: see `mizan releases`")
        })?,
        None => {
            let releases = ledger.releases().await?;
            // A second rollback goes on backwards; it does not return to what was just left.
            let source = origin(&releases, live.id);
            let before = releases.iter().find(|release| release.id < source);
            before.map(|release| release.id).ok_or_else(|| {
                Error::failed(format!("there is no release before {source}"))
                    .hint("`mizan releases` lists what there is")
            })?
        }
    };
    ledger.release(named).await
}

/// The release that a rollback, or a rollback to a rollback, had brought back.
fn origin(releases: &[Release], id: ReleaseId) -> ReleaseId {
    let rollback_to = |id| releases.iter().find(|known| known.id == id)?.rollback_to;
    std::iter::successors(Some(id), |id| rollback_to(*id)).last().unwrap_or(id)
}
