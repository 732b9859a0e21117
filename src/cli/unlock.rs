//! `mizan unlock`: who holds the deploy lock. On this machine the lock goes with its holder, so
//! there is never a stale one to break.

use std::process::ExitCode;

use super::{Done, args::GlobalArgs, output::Output, project::Project, site::local_scope};
use crate::{
    error::{Error, ErrorKind},
    ledger::LocalLock,
    targets::local::StateDir,
};

/// Runs the command.
pub fn run(global: &GlobalArgs, output: &Output) -> Done {
    let project = Project::load(global)?;
    let scope = local_scope(&project.app)?;
    let what = format!("{} in environment {}", scope.app, scope.env);
    let lock = LocalLock::new(StateDir::new(&scope)?.lock(), what.clone());
    match lock.holder()? {
        None => {
            let free = serde_json::json!({ "locked": false });
            output.result(&free, |out| writeln!(out, "{what} is not locked"))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(holder) => {
            let claim = &holder.claim;
            Err(Error::new(ErrorKind::Locked, format!("{what} is locked by {}", claim.command))
                .cause(format!("{}, pid {}, since {}", claim.holder, claim.pid, claim.since))
                .hint(format!("end that process (kill {}): its lock goes with it", claim.pid))
                .into())
        }
    }
}
