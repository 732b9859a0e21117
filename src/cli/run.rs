//! `mizan run`: a command in a new container of the live release.

use std::process::ExitCode;

use super::{
    Done,
    args::{GlobalArgs, RunArgs},
    site,
};
use crate::{
    error::{Context, ErrorKind},
    targets::local::Desired,
};

/// Runs the command; its exit code is ours.
pub async fn run(args: &RunArgs, global: &GlobalArgs) -> Done {
    let (_, site) = site::open(global).await?;
    let live = site.live().await?;
    let desired: Desired = serde_json::from_value(live.config)
        .context(ErrorKind::Failed, || "the live release is of another version of mizan".into())?;
    let executor = site.into_executor(Some(desired), None);
    let code = executor.run_one_off(live.id, &args.command).await?;
    Ok(ExitCode::from(code))
}
