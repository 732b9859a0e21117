//! `mizan run`: a group like the live web service's, for one command. It has no terminal and no
//! input: its output is read from its log.

use std::io::{Write, stdout};

use tokio_util::sync::CancellationToken;

use super::{
    super::group::{Once, RUN_SERVICE},
    InstancesExecutor,
    group::patience,
    once::Running,
};
use crate::{
    engine::{Event, Outputs, StepContext, interrupted},
    error::{Context, Error, ErrorKind, Result},
    model::ReleaseId,
    plan::StepId,
};

impl InstancesExecutor {
    /// Runs a command with the image and environment of the live web service; answers its exit code.
    /// Ctrl-C or SIGTERM removes its group.
    ///
    /// # Errors
    /// The group cannot be made, or ends in another way than by itself.
    pub async fn run_one_off(&self, live: ReleaseId, command: &[String]) -> Result<u8> {
        let (_, web) = self
            .desired()?
            .web()
            .ok_or_else(|| Error::failed("no service of this app takes traffic"))?;
        let ignore = |_: Event| {};
        let context = StepContext {
            id: StepId::new("container-group", RUN_SERVICE),
            outputs: Outputs::new(),
            cancel: CancellationToken::new(),
            events: &ignore,
        };
        let name = format!("{RUN_SERVICE}-{:08x}", rand::random::<u32>());
        let group = self.scope.group(live, &name);
        let ingredients = self.ingredients(&web.container, false, &context).await?;
        let once = Once { name: RUN_SERVICE, container: &web.container, command };
        let body = self.rendering(&group, live, &ingredients).once(&once)?;
        let running =
            Running { what: "command", group: &group, container: RUN_SERVICE, timeout: None };
        let work = async {
            self.put_group(&group, &body, &context).await?;
            self.follow(&running, &context, print).await
        };
        let ended = tokio::select! {
            ended = Box::pin(work) => ended.map(|ended| u8::try_from(ended.code).unwrap_or(1)),
            () = interrupted() => Ok(ErrorKind::Interrupted.exit_code()),
        };
        let removed = self.clients.groups(&self.scope).delete(&group, patience()).await;
        match (ended, removed) {
            (Ok(code), Ok(())) => Ok(code),
            (Ok(_), Err(left)) => {
                let mut error = Error::from(left);
                error.left_over.push(format!("container-group {group}"));
                Err(error)
            }
            (Err(error), _) => Err(error),
        }
    }
}

fn print(line: &str) -> Result<()> {
    let failed = || "cannot write the command's output".to_owned();
    let mut out = stdout().lock();
    writeln!(out, "{line}").context(ErrorKind::Failed, failed)?;
    out.flush().context(ErrorKind::Failed, failed)
}
