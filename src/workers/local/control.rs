//! The control socket: takes the client's operations and carries them out.

use std::{convert::Infallible, io, path::Path, process::Stdio, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{UnixListener, UnixStream},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    front::Front,
    generations::Generations,
    layout::Layout,
    log_file,
    protocol::{Answer, Reply, Request, Settings, Status, TOOL_VERSION},
};
use crate::error::{Context, Error, ErrorKind, Result};

/// When no connection can be accepted (out of descriptors), trying at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// In this time visitors learn from their answers that their connections end.
const LEAVE: Duration = Duration::from_secs(1);
/// No operation is larger.
const REQUEST_MAX: usize = 64 * 1024;

/// What the operations work on.
pub(super) struct Control {
    pub layout: Layout,
    pub settings: Settings,
    pub generations: Generations,
    pub front: Arc<Front>,
    /// A second handle of the public socket, for the supervisor that replaces this one.
    pub public: std::net::TcpListener,
    pub stop: CancellationToken,
}

impl Control {
    /// Answers clients for as long as it is polled.
    pub(super) async fn serve(self: Arc<Self>, listener: UnixListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(self.clone().attend(stream))),
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    async fn attend(self: Arc<Self>, stream: UnixStream) {
        let service = service_fn(move |request| {
            let control = self.clone();
            async move { Ok::<_, Infallible>(control.answer(request).await) }
        });
        // A client that was interrupted has taken its operation back or will ask again.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(&self, request: hyper::Request<Incoming>) -> Response<Full<Bytes>> {
        let reply: Reply = match read(request).await {
            Ok(request) => self.carry_out(request).await,
            Err(error) => Err(error),
        };
        let bytes = serde_json::to_vec(&reply).unwrap_or_default();
        Response::new(Full::from(bytes))
    }

    async fn carry_out(&self, request: Request) -> Reply {
        let generations = &self.generations;
        match request {
            Request::Status => Ok(Answer::Status { status: self.status() }),
            Request::Prepare { id, source } => {
                generations.prepare(&id, source).await.map(|()| Answer::Done)
            }
            Request::Activate { id } => generations.activate(&id).await.map(|()| Answer::Done),
            Request::Drain { id, timeout } => {
                Ok(Answer::Drained { open: generations.drain(&id, timeout).await })
            }
            Request::Retire { id, drain } => {
                generations.retire(&id, drain).await.map(|open| Answer::Drained { open })
            }
            Request::RecordEverything => {
                generations.hub.record_everything().await.map(|()| Answer::Done)
            }
            Request::Log { of, lines } => self.log(&of, lines),
            Request::Stop => {
                self.stop.cancel();
                Ok(Answer::Done)
            }
            Request::Replace { program, arguments } => {
                self.replace(&program, &arguments)?;
                self.front.leave();
                let stop = self.stop.clone();
                tokio::spawn(async move {
                    sleep(LEAVE).await;
                    stop.cancel();
                });
                Ok(Answer::Done)
            }
        }
    }

    fn status(&self) -> Status {
        Status {
            version: TOOL_VERSION.to_owned(),
            pid: std::process::id(),
            settings: self.settings.clone(),
            active: self.generations.active(),
            hub: self.generations.hub.status(),
            generations: self.generations.status(),
        }
    }

    fn log(&self, of: &str, lines: usize) -> Reply {
        if of.contains(['/', '\0']) {
            return Err(Error::failed(format!("there is no log {of:?}")));
        }
        Ok(Answer::Log { lines: log_file::tail(&self.layout.log(of), lines) })
    }

    /// Starts the next supervisor with the public socket as its standard input: connections wait
    /// in the socket's queue while one goes and the other comes. It waits for our lock.
    fn replace(&self, program: &Path, arguments: &[String]) -> Result<()> {
        let spawn = || -> io::Result<()> {
            let socket = std::os::fd::OwnedFd::from(self.public.try_clone()?);
            tokio::process::Command::new(program)
                .args(arguments)
                .stdin(Stdio::from(socket))
                .stdout(Stdio::null())
                .spawn()?;
            Ok(())
        };
        spawn().context(ErrorKind::Failed, || format!("cannot run {}", program.display()))
    }
}

async fn read(request: hyper::Request<Incoming>) -> Result<Request> {
    let malformed = |cause: String| Error::failed("not an operation").cause(cause);
    let body = Limited::new(request.into_body(), REQUEST_MAX).collect().await;
    let bytes = body.map_err(|error| malformed(error.to_string()))?.to_bytes();
    serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))
}
