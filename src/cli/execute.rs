//! Runs a plan: signals in, events out, the outcome as success or error.

use std::num::NonZeroUsize;

use tokio_util::sync::CancellationToken;

use super::{Done, output::Output};
use crate::{
    engine::{self, Executor, Fence, Options, Report, SystemClock, interrupted},
    error::Result,
    ledger::Guard,
    plan::Plan,
};

/// Does what needs the lock, and gives the lock back however it ends.
pub async fn with_lock(
    guard: Guard,
    output: &Output,
    work: impl AsyncFnOnce(&Guard) -> Done,
) -> Done {
    let done = work(&guard).await;
    if let Err(error) = guard.release().await {
        // What was to be done is done or not, whatever becomes of the lock: it runs out by itself.
        output.say(&format!("the lock was not given back: {error}"));
    }
    done
}

/// Runs a plan to its end, as long as the lock, if one is held, is ours. The first Ctrl-C or SIGTERM unwinds, the
/// second aborts.
///
/// # Errors
/// A step failed or the run was interrupted; the error says what is left over.
pub async fn execute<O, E: Executor<O>>(
    plan: &Plan<O>,
    executor: E,
    guard: Option<&Guard>,
    parallel: NonZeroUsize,
    output: &Output,
) -> Result<Report> {
    let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
    let options = Options {
        parallel,
        stop: stop.clone(),
        abort: abort.clone(),
        fence: guard.map(|guard| guard as &dyn Fence),
        clock: &SystemClock::default(),
    };
    let interrupts = async {
        for token in [stop, abort] {
            interrupted().await;
            token.cancel();
        }
        std::future::pending::<()>().await;
    };
    let report = output
        .show(async |sink| {
            tokio::select! {
                // A signal is heard before the first step begins: what it began would stay.
                biased;
                () = interrupts => unreachable!("the interrupts never end"),
                report = Box::pin(with_faults(plan, executor, sink, &options)) => report,
            }
        })
        .await;
    match report.outcome.error() {
        None => Ok(report),
        Some(error) => Err(error),
    }
}

/// Builds for development can be made to fail at any step: `MIZAN_FAULT=kill:after:service/web`.
async fn with_faults<O, E: Executor<O>>(
    plan: &Plan<O>,
    executor: E,
    sink: &dyn engine::EventSink,
    options: &Options<'_>,
) -> Report {
    #[cfg(debug_assertions)]
    if let Ok(text) = std::env::var("MIZAN_FAULT") {
        let faults = text.split(',').filter_map(|fault| fault.parse().ok()).collect();
        return engine::run(plan, &engine::Faulty::new(executor, faults), sink, options).await;
    }
    engine::run(plan, &executor, sink, options).await
}

#[cfg(test)]
mod tests {
    use std::process::ExitCode;

    use clap::Parser;
    use jiff::Timestamp;

    use super::*;
    use crate::{
        cli::args::Cli,
        error::{Error, ErrorKind},
        ledger::{Claim, Ledger, LocalLock, Lock},
    };

    fn quiet() -> Output {
        Output::new(&Cli::parse_from(["mizan", "--quiet", "status"]).global)
    }

    fn claim() -> Claim {
        Claim::of_this_process("mizan deploy", Timestamp::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn work_that_fails_gives_the_lock_back() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::Local(LocalLock::new(folder.path(), "board"));
        let guard = lock.acquire(claim(), None).await.unwrap();
        let done = with_lock(guard, &quiet(), async |_| Err(Error::failed("no").into())).await;
        assert_eq!(done.unwrap_err().kind(), ErrorKind::Failed);
        assert_eq!(lock.holder().await, Ok(None));
    }

    /// A folder takes the file of a lease and never replaces it, as a bucket does that is no longer
    /// reached.
    #[tokio::test]
    async fn what_was_done_is_done_although_the_lock_cannot_be_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::Lease(Ledger::local(folder.path()).unwrap().lease("board"));
        let guard = lock.acquire(claim(), None).await.unwrap();
        let done = with_lock(guard, &quiet(), async |_| Ok(ExitCode::SUCCESS)).await;
        assert_eq!(done.unwrap(), ExitCode::SUCCESS);
        assert!(lock.holder().await.unwrap().is_some(), "it falls free by itself");
    }
}
