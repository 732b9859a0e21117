//! `mizan run`: a command in a new container of the live release, attached to the terminal.

use std::io::{IsTerminal, Write, stderr, stdin, stdout};

use bollard::{
    Docker,
    container::{AttachContainerResults, LogOutput},
    models::ContainerCreateBody,
    query_parameters::{
        AttachContainerOptionsBuilder, CreateContainerOptionsBuilder,
        RemoveContainerOptionsBuilder, ResizeContainerTTYOptionsBuilder, StartContainerOptions,
        StopContainerOptionsBuilder, WaitContainerOptions,
    },
};
use futures_util::StreamExt;
use rustix::termios::{self, OptionalActions, Termios};
use tokio::{
    io::{AsyncWriteExt, copy},
    signal::unix::{SignalKind, signal},
};

use crate::error::{Context, Error, ErrorKind, Result};

/// Runs a container that was described by the caller; answers its exit code. The container is
/// removed whatever happens to us but a kill; the next deploy removes what a kill left.
///
/// # Errors
/// The engine refuses the container or stops answering.
pub async fn run(docker: &Docker, name: &str, mut body: ContainerCreateBody) -> Result<u8> {
    let terminal = stdin().is_terminal() && stdout().is_terminal();
    body.tty = Some(terminal);
    body.open_stdin = Some(true);
    body.stdin_once = Some(true);
    body.attach_stdin = Some(true);
    body.attach_stdout = Some(true);
    body.attach_stderr = Some(true);
    let options = CreateContainerOptionsBuilder::default().name(name).build();
    docker
        .create_container(Some(options), body)
        .await
        .context(ErrorKind::Failed, || format!("cannot create {name}"))?;
    let result = attached(docker, name, terminal).await;
    let remove = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    let removed = docker.remove_container(name, Some(remove)).await;
    let code = result?;
    removed.context(ErrorKind::Failed, || format!("cannot remove {name}"))?;
    Ok(code)
}

async fn attached(docker: &Docker, name: &str, terminal: bool) -> Result<u8> {
    let failed = || format!("cannot run {name}");
    let options = AttachContainerOptionsBuilder::default()
        .stdin(true)
        .stdout(true)
        .stderr(true)
        .stream(true)
        .build();
    let AttachContainerResults { mut output, mut input } =
        docker.attach_container(name, Some(options)).await.context(ErrorKind::Failed, failed)?;
    docker.start_container(name, None::<StartContainerOptions>).await.map_err(|error| {
        let error = Error::failed(failed()).because(&error);
        match error.causes.iter().any(|cause| cause.contains("executable file not found")) {
            true => error.hint("the command is not in the image; it is run without a shell"),
            false => error,
        }
    })?;
    let _raw = if terminal { RawMode::enter() } else { None };
    let typing = async {
        let mut keyboard = tokio::io::stdin();
        // The end of our input is the end of its input; the container decides when it is done.
        let _ = copy(&mut keyboard, &mut input).await;
        let _ = input.shutdown().await;
        std::future::pending::<()>().await;
    };
    let printing = async {
        while let Some(Ok(chunk)) = output.next().await {
            print(chunk)?;
        }
        Ok::<(), Error>(())
    };
    let resizing = follow_size(docker, name, terminal);
    tokio::select! {
        printed = printing => printed?,
        () = typing => {}
        () = resizing => {}
        _ = tokio::signal::ctrl_c() => return interrupt(docker, name).await,
    }
    exit_code(docker, name).await
}

/// The command goes with the one who asked for it.
async fn interrupt(docker: &Docker, name: &str) -> Result<u8> {
    let options = StopContainerOptionsBuilder::default().t(10).build();
    docker
        .stop_container(name, Some(options))
        .await
        .context(ErrorKind::Failed, || format!("cannot stop {name}"))?;
    Ok(ErrorKind::Interrupted.exit_code())
}

async fn exit_code(docker: &Docker, name: &str) -> Result<u8> {
    let mut wait = docker.wait_container(name, None::<WaitContainerOptions>);
    match wait.next().await {
        Some(Ok(answer)) => Ok(u8::try_from(answer.status_code).unwrap_or(1)),
        Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => {
            Ok(u8::try_from(code).unwrap_or(1))
        }
        Some(Err(error)) => Err(Error::failed(format!("cannot wait for {name}")).because(&error)),
        None => Err(Error::failed(format!("container {name} is gone"))),
    }
}

fn print(chunk: LogOutput) -> Result<()> {
    let failed = || "cannot write the command's output".to_owned();
    match chunk {
        LogOutput::StdErr { message } => {
            stderr().write_all(&message).context(ErrorKind::Failed, failed)
        }
        LogOutput::StdOut { message }
        | LogOutput::StdIn { message }
        | LogOutput::Console { message } => {
            let mut out = stdout();
            out.write_all(&message).context(ErrorKind::Failed, failed)?;
            out.flush().context(ErrorKind::Failed, failed)
        }
    }
}

/// Gives the container's terminal our size, now and whenever it changes.
async fn follow_size(docker: &Docker, name: &str, terminal: bool) {
    if !terminal {
        return std::future::pending().await;
    }
    let Ok(mut changes) = signal(SignalKind::window_change()) else {
        return std::future::pending().await;
    };
    loop {
        if let Ok(size) = termios::tcgetwinsize(stdout()) {
            let options = ResizeContainerTTYOptionsBuilder::default()
                .h(i32::from(size.ws_row))
                .w(i32::from(size.ws_col))
                .build();
            // A terminal of the wrong size is no reason to end the command.
            let _ = docker.resize_container_tty(name, options).await;
        }
        changes.recv().await;
    }
}

/// The terminal hands every key to the container until this is dropped.
struct RawMode(Termios);

impl RawMode {
    fn enter() -> Option<Self> {
        let before = termios::tcgetattr(stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(stdin(), OptionalActions::Now, &raw).ok()?;
        Some(Self(before))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}
