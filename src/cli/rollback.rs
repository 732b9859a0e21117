//! `mizan rollback`: the image and configuration of an earlier release, as a new release.

use std::{num::NonZeroUsize, process::ExitCode, time::Duration};

use serde::Serialize;

use super::{
    Done,
    args::{GlobalArgs, RollbackArgs},
    execute::execute,
    output::Output,
    site::{self, Site},
};
use crate::{
    engine::Fence,
    error::{Context, Error, ErrorKind, Result},
    images,
    ledger::Release,
    model::ReleaseId,
    targets::{
        EnvSpec,
        local::{Desired, diff},
    },
};

/// Steps of a rollback that run at the same time.
const PARALLEL: NonZeroUsize = NonZeroUsize::new(4).unwrap();

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
    let (_, mut site) = site::open(global).await?;
    let guard = match args.plan {
        true => None,
        false => Some(site.lock("mizan rollback", None).await?),
    };
    let live = site.live().await?;
    let target = target(&site, args, &live).await?;
    let desired = desired(&site, &target).await?;
    let mut observed = site.observe(None).await?;
    observed.image_exists = true;
    observed.artifacts_cached = true;
    let plan = diff::plan(&desired, &observed, diff::Purpose::Rollback(target.id))
        .context(ErrorKind::Failed, || "cannot plan".into())?;
    if args.plan {
        output.plan(&plan)?;
        return Ok(ExitCode::SUCCESS);
    }
    let url = desired.url();
    if plan.is_noop() {
        return Err(Error::failed(format!("{} is what runs already", target.id)).into());
    }
    output.announce(&plan)?;
    let release = observed.next_release();
    let executor = site.into_executor(Some(desired), None);
    let fence = guard.as_ref().map(|guard| guard as &dyn Fence);
    let report = execute(&plan, executor, fence, PARALLEL, output).await?;
    if let Some(guard) = guard {
        guard.release().await?;
    }
    let done = RolledBack {
        url,
        release: release.to_string(),
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
async fn target(site: &Site, args: &RollbackArgs, live: &Release) -> Result<Release> {
    let named = match &args.release {
        Some(text) => text.parse::<ReleaseId>().map_err(|_| {
            Error::new(ErrorKind::Usage, format!("`{text}` is no release"))
                .hint("releases are called r1, r2, …: see `mizan releases`")
        })?,
        None => {
            let releases = site.ledger.releases().await?;
            // A second rollback goes on backwards; it does not return to what was just left.
            let source = origin(&releases, live.id);
            let before = releases.iter().find(|release| release.id < source);
            before.map(|release| release.id).ok_or_else(|| {
                Error::failed(format!("there is no release before {source}"))
                    .hint("`mizan releases` lists what there is")
            })?
        }
    };
    site.ledger.release(named).await
}

/// The release that a rollback, or a rollback to a rollback, had brought back.
fn origin(releases: &[Release], id: ReleaseId) -> ReleaseId {
    let rollback_to = |id| releases.iter().find(|known| known.id == id)?.rollback_to;
    std::iter::successors(Some(id), |id| rollback_to(*id)).last().unwrap_or(id)
}

/// What that release was, with the values that secrets and variables have now.
async fn desired(site: &Site, target: &Release) -> Result<Desired> {
    let mut desired: Desired = serde_json::from_value(target.config.clone())
        .context(ErrorKind::Failed, || {
            format!("the record of {} is of another version of mizan", target.id)
        })?;
    if images::id_of(&site.docker, &target.image.reference).await?.is_none() {
        return Err(Error::failed(format!("the image of {} is gone", target.id))
            .cause(format!("{} is not on the engine", target.image.reference))
            .hint("check the revision out and run `mizan deploy`"));
    }
    for spec in desired.services.values_mut() {
        for (name, value) in &mut spec.env {
            refresh(site, name, value)?;
        }
    }
    Ok(desired)
}

/// Values are not in the record; what they are now is compared with what runs.
fn refresh(site: &Site, name: &str, value: &mut EnvSpec) -> Result<()> {
    match value {
        EnvSpec::Literal(_) | EnvSpec::Late { .. } => {}
        EnvSpec::Secret { fingerprint } => *fingerprint = site.secrets.fingerprint(name),
        EnvSpec::Caller { from, fingerprint } => {
            let current = std::env::var(&*from).map_err(|_| {
                Error::new(ErrorKind::Invalid, format!("env {name}: {from} is not set"))
                    .hint(format!("export {from}=… and run the command again"))
            })?;
            *fingerprint = site.secrets.fingerprint_of(&current);
        }
    }
    Ok(())
}
