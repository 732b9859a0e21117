//! One run of `workerd`: started with its socket as standard input, its output in a log file.

use std::{
    ffi::OsString,
    io,
    os::fd::AsFd,
    os::unix::net::UnixListener,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode, header};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::{log_file::LogFile, unix_http};

/// The descriptor under which a child finds its socket: standard input. It is the one descriptor
/// that a child inherits without leaking into other children.
pub(super) const SOCKET_FD: u32 = 0;

/// Between SIGTERM, at which `workerd` finishes its requests, and SIGKILL.
const STOP_GRACE: Duration = Duration::from_secs(3);
const PROBE_INTERVAL: Duration = Duration::from_millis(20);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// How a `workerd` is started, each time.
#[derive(Debug)]
pub(super) struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// All it gets: what the tool's own environment holds is none of its business.
    pub environment: Vec<(&'static str, String)>,
    pub directory: PathBuf,
    /// The socket's path, for those who connect.
    pub socket: PathBuf,
    /// The socket, held open across runs so that connections wait instead of failing.
    pub listener: UnixListener,
    /// The request that it answers with 200 once it is ready.
    pub probe: Probe,
    pub log: LogFile,
}

/// A readiness question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe {
    pub host: &'static str,
    pub path: &'static str,
}

impl Launch {
    pub(super) fn spawn(&self) -> io::Result<Child> {
        let socket = self.listener.as_fd().try_clone_to_owned()?;
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.directory)
            .stdin(Stdio::from(socket))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        copy_lines(child.stdout.take(), self.log.clone());
        copy_lines(child.stderr.take(), self.log.clone());
        Ok(child)
    }

    /// Returns when it answers; never if it does not.
    pub(super) async fn until_ready(&self) {
        while !matches!(timeout(PROBE_TIMEOUT, self.probe_once()).await, Ok(Ok(true))) {
            sleep(PROBE_INTERVAL).await;
        }
    }

    async fn probe_once(&self) -> io::Result<bool> {
        let request = Request::get(self.probe.path)
            .header(header::HOST, self.probe.host)
            .body(Full::<Bytes>::default())
            .map_err(io::Error::other)?;
        let answer = unix_http::send(&self.socket, request).await?;
        Ok(answer.status() == StatusCode::OK)
    }
}

fn copy_lines(stream: Option<impl AsyncRead + Unpin + Send + 'static>, log: LogFile) {
    let Some(stream) = stream else { return };
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            log.line(&String::from_utf8_lossy(&line));
        }
    });
}

/// Asks a child to finish, and kills it if it does not.
pub(super) async fn stop(child: &mut Child) -> io::Result<ExitStatus> {
    signal(child, Signal::TERM);
    if let Ok(ended) = timeout(STOP_GRACE, child.wait()).await {
        return ended;
    }
    signal(child, Signal::KILL);
    child.wait().await
}

/// `id` is `None` once the child was reaped, so the signal cannot reach another process.
fn signal(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        // It may have ended by itself; then there is nothing to signal.
        let _ = kill_process_group(pid, signal);
    }
}
