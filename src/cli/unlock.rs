//! `mizan unlock`: who holds the deploy lock, and, where a lock can outlive its holder, taking it
//! away. On this machine it goes with its holder, so there is never a stale one to break.

use std::process::ExitCode;

use jiff::Timestamp;

use super::{
    Done,
    args::{GlobalArgs, UnlockArgs},
    output::Output,
    project::Project,
    site::{Site, on_target},
};
use crate::{
    error::{Error, ErrorKind},
    ledger::{Claim, Holder, Lock},
    model::App,
};

/// Runs the command.
pub async fn run(args: &UnlockArgs, global: &GlobalArgs, output: &Output) -> Done {
    let app = Project::load(global)?.app;
    on_target!(app, S => unlock::<S>(args, &app, output).await)
}

async fn unlock<S: Site>(args: &UnlockArgs, app: &App, output: &Output) -> Done {
    let what = format!("{} in environment {}", app.name, app.env);
    let lock = S::lock_of(app).await?;
    let Some(holder) = lock.holder().await? else {
        let free = serde_json::json!({ "locked": false });
        output.result(&free, |out| writeln!(out, "{what} is not locked"))?;
        return Ok(ExitCode::SUCCESS);
    };
    if !args.force {
        return Err(held(&what, &holder, &lock).into());
    }
    let claim = Claim::of_this_process("mizan unlock", Timestamp::now());
    let former = lock.force_release(claim).await?;
    let taken = serde_json::json!({ "locked": false, "taken_from": former.map(|it| it.claim) });
    output.result(&taken, |out| {
        writeln!(out, "{what} is unlocked; whoever held the lock stops at its next step")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn held(what: &str, holder: &Holder, lock: &Lock) -> Error {
    let Claim { holder: who, pid, command, since } = &holder.claim;
    let error = Error::new(ErrorKind::Locked, format!("{what} is locked by {command}"))
        .cause(format!("{who}, pid {pid}, since {since}"));
    match lock {
        Lock::Local(_) => {
            error.hint(format!("end that process (kill {pid}): its lock goes with it"))
        }
        Lock::Lease(_) => error
            .hint("its lock falls free a minute after it has ended, however it ends")
            .hint("mizan unlock --force takes the lock away: it stops at its next step, and takes nothing back"),
    }
}
