//! `mizan status`: what runs, where, and whether it is healthy; once, or as it changes.

use std::{cell::RefCell, io::Write, process::ExitCode, time::Duration};

use super::{
    Done,
    args::{GlobalArgs, StatusArgs},
    output::Output,
    project::Project,
    site::{Site, Status, on_target},
    watch::{Seen, watch},
};
use crate::{
    engine::interrupted,
    error::{Error, ErrorKind, Result},
    model::{App, Target},
    view,
};

/// Runs the command.
pub async fn run(args: &StatusArgs, global: &GlobalArgs, output: &Output) -> Done {
    let app = Project::load(global)?.app;
    match args.watch {
        None => on_target!(app, S => Box::pin(show::<S>(&app, output)).await),
        Some(seconds) => {
            let every =
                seconds.map_or_else(|| interval(&app.target), |it| Duration::from_secs(it.into()));
            on_target!(app, S => Box::pin(follow::<S>(&app, every, output)).await)
        }
    }
}

/// Every look at a cloud is a few calls, of which an account has so many a second.
fn interval(target: &Target) -> Duration {
    Duration::from_secs(if matches!(target, Target::Local { .. }) { 2 } else { 10 })
}

/// Opened anew, so that it sees what others have done to the environment since.
async fn look<S: Site>(app: &App) -> Result<Status> {
    S::open(app).await?.status(app).await
}

async fn show<S: Site>(app: &App, output: &Output) -> Done {
    let status = look::<S>(app).await?;
    output.result(&status, |out| write(&status, out))?;
    Ok(ExitCode::SUCCESS)
}

/// Shows what changes until somebody ends it, which is no failure.
async fn follow<S: Site>(app: &App, every: Duration, output: &Output) -> Done {
    let screen = output.screen();
    let last = RefCell::new(None);
    let tell = |seen: &Seen<Status>| {
        let told = match &screen {
            Some(screen) => draw(seen, every, screen),
            None => add(seen, last.borrow().is_some(), output),
        };
        last.replace(Some(seen.value.clone()));
        told
    };
    let ended = tokio::select! {
        // A signal is heard before the first look begins.
        biased;
        () = interrupted() => Ok(()),
        () = output.reader_gone() => Ok(()),
        ended = watch(every, async || look::<S>(app).await, tell) => ended,
    };
    if let Some(screen) = &screen {
        screen.leave();
    }
    ended?;
    match last.into_inner() {
        Some(status) => output.end(&status)?,
        None => {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted at the first look").into());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Draws what was seen over what was seen before.
fn draw(seen: &Seen<Status>, every: Duration, screen: &view::Screen) -> Result<bool> {
    let mut text = Vec::new();
    let written = write(&seen.value, &mut text).and_then(|()| match &seen.trouble {
        Some(error) => view::write_error(error, &mut text),
        None => Ok(()),
    });
    written
        .and_then(|()| writeln!(text, "every {} s, until Ctrl-C", every.as_secs()))
        .map_err(|error| Error::failed("cannot write the status").because(&error))?;
    screen.show(&String::from_utf8_lossy(&text));
    Ok(true)
}

/// Adds what was seen to what was told before.
fn add(seen: &Seen<Status>, goes_on: bool, output: &Output) -> Result<bool> {
    if let Some(error) = &seen.trouble {
        output.trouble(error);
        return Ok(true);
    }
    output.changed("status", &seen.value, |out| {
        if goes_on {
            writeln!(out)?;
        }
        write(&seen.value, out)
    })
}

fn write(status: &Status, out: &mut dyn Write) -> std::io::Result<()> {
    let release = status.release.as_deref().unwrap_or("no release");
    writeln!(out, "{} in {}: {release}", status.app, status.environment)?;
    if let Some(url) = &status.url {
        writeln!(out, "  {url}  ({})", status.front)?;
    }
    let width = status.services.iter().map(|row| row.service.len()).max().unwrap_or(0);
    for row in &status.services {
        writeln!(out, "  {:<width$}  {}  {}", row.service, row.state, row.container)?;
    }
    Ok(())
}
