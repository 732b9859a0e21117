//! The client of a supervisor: starts it, replaces it, asks it.

use std::{
    env, fs,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::{
    generations::State,
    layout::Layout,
    log_file,
    orphans::Registry,
    protocol::{Answer, Reply, Request, Settings, Source, Status, TOOL_VERSION},
    unix_http,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    workers::files,
};

/// Above standard input, output and error: what the tool's caller has left open.
const FIRST_OF_CALLER: i32 = 3;
/// How long a supervisor may take to start or to be replaced.
const START_LIMIT: Duration = Duration::from_secs(60);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(50);

/// What a supervisor needs of the environment; it holds nothing of the user's secrets.
const ENVIRONMENT: [&str; 5] = ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL"];

/// Talks to the supervisor of one folder.
#[derive(Debug, Clone)]
pub struct Control {
    layout: Layout,
    program: PathBuf,
}

impl Control {
    /// The supervisor of this folder, which need not run. The folder keeps its state, so it must
    /// outlive a reboot; its path must be short (see [`Layout::open`]).
    pub fn at(dir: &Path) -> Result<Self> {
        let program = env::current_exe()
            .context(ErrorKind::Failed, || "cannot find the program that runs".to_owned())?;
        Ok(Self { layout: Layout::open(dir)?, program })
    }

    /// Uses another program for the supervisor than the one that runs.
    #[must_use]
    pub fn with_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Makes a supervisor of this version with these settings run. One that is different is
    /// replaced; if it has the same port, no connection is refused meanwhile.
    pub async fn ensure_running(&self, settings: &Settings) -> Result<Status> {
        let deadline = Instant::now() + START_LIMIT;
        let mut replaced = None;
        while Instant::now() < deadline {
            match self.ask_in_time(&Request::Status).await {
                Ok(Ok(Answer::Status { status })) if is_current(&status, settings) => {
                    return Ok(status);
                }
                Ok(Ok(Answer::Status { status })) if replaced != Some(status.pid) => {
                    replaced = Some(status.pid);
                    self.replace(&status, settings).await?;
                }
                // It is on its way, or on its way out.
                Ok(_) => sleep(POLL).await,
                // One of a version with other words for things.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => self.stop().await?,
                Err(_) => self.start(settings).await?,
            }
        }
        Err(Error::failed(format!("the supervisor in {} does not answer", self.dir().display()))
            .log(log_file::tail(&self.layout.log("supervisor"), 20)))
    }

    /// What runs; `None` if no supervisor does.
    pub async fn status(&self) -> Result<Option<Status>> {
        match self.ask_in_time(&Request::Status).await {
            Ok(Ok(Answer::Status { status })) => Ok(Some(status)),
            Ok(reply) => reply.and_then(unexpected),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    /// The generation that a supervisor which is started makes live again.
    pub fn remembered(&self) -> Result<Option<String>> {
        Ok(State::read(&self.layout)?.active)
    }

    /// Starts a generation beside the live one and waits until it answers.
    pub async fn prepare(&self, id: &str, source: Source) -> Result<()> {
        self.ask(&Request::Prepare { id: id.to_owned(), source }).await.map(drop)
    }

    /// Sends all new requests to a prepared generation.
    pub async fn activate(&self, id: &str) -> Result<()> {
        self.ask(&Request::Activate { id: id.to_owned() }).await.map(drop)
    }

    /// Waits until no request is under way at a generation that is not live any more, or the time
    /// has passed; how many requests and WebSockets are open then. WebSockets are not waited for:
    /// they last as long as their visitors stay.
    pub async fn drain(&self, id: &str, timeout: Duration) -> Result<usize> {
        self.count(&Request::Drain { id: id.to_owned(), timeout }).await
    }

    /// Ends a generation once nothing is open there, or the time has passed; how many requests and
    /// WebSockets were cut off.
    ///
    /// For WebSockets to end with the app's own close frame (1012, say), stop the container
    /// between [`Control::drain`] and this: what the app sends when it stops is passed on.
    /// Otherwise their connections just end, and a browser reports 1006.
    pub async fn retire(&self, id: &str, drain: Duration) -> Result<usize> {
        self.count(&Request::Retire { id: id.to_owned(), drain }).await
    }

    /// Tells every Edge that everything may have changed, as after a migration.
    pub async fn record_everything(&self) -> Result<()> {
        self.ask(&Request::RecordEverything).await.map(drop)
    }

    /// The last lines of a log: `supervisor`, `hub` or `generation-<id>`.
    pub async fn log(&self, of: &str, lines: usize) -> Result<Vec<String>> {
        match self.ask(&Request::Log { of: of.to_owned(), lines }).await? {
            Answer::Log { lines } => Ok(lines),
            other => unexpected(other),
        }
    }

    /// Ends the supervisor and everything it runs, and waits until it has ended; also what one that
    /// was killed has left running. What was live is live again when it is started again.
    pub async fn stop(&self) -> Result<()> {
        use io::ErrorKind::{InvalidData, TimedOut};
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            match self.ask_in_time(&Request::Stop).await {
                // One of another version has understood more than we do; one that is busy ending says nothing.
                Err(error) if matches!(error.kind(), InvalidData | TimedOut) => {}
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(self.unreachable(&error)),
                Ok(reply) => reply.map(drop)?,
            }
            // One that does not answer but has the lock is on its way, or on its way out: it is asked again.
            if self.end_orphans().await? {
                return Ok(());
            }
            sleep(POLL).await;
        }
        Err(Error::failed(format!("the supervisor in {} does not end", self.dir().display())))
    }

    /// Ends what a supervisor that was killed has left running; `false` while one has the lock.
    async fn end_orphans(&self) -> Result<bool> {
        let layout = self.layout.clone();
        let ending = tokio::task::spawn_blocking(move || {
            match File::create(layout.lock()).map(|lock| (lock.try_lock().is_ok(), lock)) {
                Ok((true, _held)) => Registry::take_over(&layout.children()).map(|_| true),
                Ok((false, _)) => Ok(false),
                // Another run has taken the folder away, and with it what ran there.
                Err(error) => Ok(error.kind() == io::ErrorKind::NotFound),
            }
        });
        let failed = || "cannot end what a supervisor left running".to_owned();
        ending.await.context(ErrorKind::Failed, failed)?
    }

    fn dir(&self) -> &Path {
        self.layout.dir()
    }

    fn arguments(&self) -> Vec<String> {
        vec!["__supervise".into(), "--dir".into(), self.dir().display().to_string()]
    }

    async fn start(&self, settings: &Settings) -> Result<()> {
        files::write_json(&self.layout.settings(), settings)?;
        let failed = || format!("cannot start the supervisor in {}", self.dir().display());
        let mut child = self.spawn().context(ErrorKind::Failed, failed)?;
        let word = first_line(&mut child).await;
        match serde_json::from_str::<Result<()>>(&word) {
            Ok(Err(error)) if error.kind == ErrorKind::Locked => {
                // Another run of the tool was faster; its supervisor is about to answer.
                sleep(POLL).await;
                Ok(())
            }
            Ok(started) => started,
            Err(_) => {
                let log = fs::read_to_string(self.layout.stderr()).unwrap_or_default();
                let cause = explain_silence(&mut child).await;
                Err(Error::failed(failed()).cause(cause).log(log.lines().map(str::to_owned)))
            }
        }
    }

    fn spawn(&self) -> io::Result<Child> {
        // A supervisor outlives whoever deploys: a lock that they hold by `flock` would never end.
        close_fds::set_fds_cloexec(FIRST_OF_CALLER, &[]);
        Command::new(&self.program)
            .args(self.arguments())
            .env_clear()
            .envs(ENVIRONMENT.iter().filter_map(|name| Some((name, env::var_os(name)?))))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(self.layout.stderr())?)
            .spawn()
    }

    async fn replace(&self, found: &Status, settings: &Settings) -> Result<()> {
        if found.settings.port != settings.port {
            return self.stop().await;
        }
        files::write_json(&self.layout.settings(), settings)?;
        let mut arguments = self.arguments();
        arguments.push("--inherit-socket".into());
        let request = Request::Replace { program: self.program.clone(), arguments };
        match self.ask(&request).await {
            Ok(_) => Ok(()),
            // A supervisor that does not know the operation can still be stopped.
            Err(_) => self.stop().await,
        }
    }

    async fn count(&self, request: &Request) -> Result<usize> {
        match self.ask(request).await? {
            Answer::Drained { open } => Ok(open),
            other => unexpected(other),
        }
    }

    async fn ask(&self, request: &Request) -> Result<Answer> {
        self.try_ask(request).await.map_err(|error| self.unreachable(&error))?
    }

    /// For what is answered at once: no answer means that it hangs.
    async fn ask_in_time(&self, request: &Request) -> io::Result<Reply> {
        timeout(ANSWER_LIMIT, self.try_ask(request))
            .await
            .unwrap_or_else(|elapsed| Err(elapsed.into()))
    }

    async fn try_ask(&self, request: &Request) -> io::Result<Reply> {
        let body = serde_json::to_vec(request)?;
        let request = hyper::Request::post("/")
            .header(hyper::header::HOST, "supervisor")
            .body(Full::from(Bytes::from(body)))
            .map_err(io::Error::other)?;
        let answer = unix_http::send(&self.layout.control_socket(), request).await?;
        Ok(serde_json::from_slice(answer.body())?)
    }

    fn unreachable(&self, error: &io::Error) -> Error {
        let message = format!("cannot reach the supervisor in {}", self.dir().display());
        Error::new(ErrorKind::Unavailable, message).because(error)
    }
}

/// What a supervisor says about its start.
async fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        // Whatever goes wrong, the line is not there, and that is what counts.
        let _ = timeout(START_LIMIT, BufReader::new(out).read_line(&mut line)).await;
    }
    line
}

async fn explain_silence(child: &mut Child) -> String {
    match timeout(POLL, child.wait()).await {
        Ok(Ok(status)) => format!("it ended without a word: {status}"),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it does not say whether it has started".to_owned(),
    }
}

fn is_current(status: &Status, settings: &Settings) -> bool {
    status.version == TOOL_VERSION && status.settings == *settings
}

/// No socket, one that nobody listens on any more, or one whose owner ended while we asked.
fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotFound, UnexpectedEof};
    matches!(
        error.kind(),
        NotFound | ConnectionRefused | ConnectionReset | BrokenPipe | UnexpectedEof
    )
}

fn unexpected<T>(answer: Answer) -> Result<T> {
    Err(Error::failed("the supervisor gave an answer of another kind").cause(format!("{answer:?}")))
}
