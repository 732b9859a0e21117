//! The Hub's `workerd`: one per supervisor, started when a generation first needs it.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, header};
use serde_json::json;
use tokio::{sync::OnceCell, time::timeout};

use super::{
    child::{Launch, Probe, SOCKET_FD},
    generations::bind,
    layout::Layout,
    log_file::{self, LogFile},
    orphans::Registry,
    protocol::ProcessStatus,
    unix_http,
    worker::Worker,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    workers::{
        generation::write_modules,
        modules::{HUB, LOCAL_HUB},
    },
};

const START_LIMIT: Duration = Duration::from_secs(20);
const RECORD_LIMIT: Duration = Duration::from_secs(10);
const LOG: &str = "hub";

/// The Hub, running or not yet.
#[derive(Debug)]
pub(super) struct Hub {
    layout: Layout,
    program: Option<PathBuf>,
    registry: Arc<Registry>,
    worker: OnceCell<Worker>,
}

impl Hub {
    pub(super) fn new(layout: Layout, program: Option<PathBuf>, registry: Arc<Registry>) -> Self {
        Self { layout, program, registry, worker: OnceCell::new() }
    }

    /// Starts it if it does not run and waits until it answers.
    pub(super) async fn ensure(&self) -> Result<()> {
        let worker = self.worker.get_or_try_init(|| async { self.start() }).await?;
        worker.ready(START_LIMIT).await.map_err(|error| {
            let log = log_file::tail(&self.layout.log(LOG), 20);
            Error { message: "the hub does not start".into(), ..error }.log(log)
        })
    }

    pub(super) fn status(&self) -> Option<ProcessStatus> {
        self.worker.get().map(Worker::status)
    }

    pub(super) async fn stop(&self) {
        if let Some(worker) = self.worker.get() {
            worker.stop().await;
        }
    }

    /// Tells every Edge that everything may have changed, as after a migration.
    pub(super) async fn record_everything(&self) -> Result<()> {
        if self.program.is_none() {
            return Ok(()); // Without an edge nothing is cached.
        }
        self.ensure().await?;
        let failed = || "the hub does not record that everything has changed".to_owned();
        match timeout(RECORD_LIMIT, self.post_everything()).await {
            Ok(recorded) => recorded.context(ErrorKind::Failed, failed),
            Err(elapsed) => Err(Error::failed(failed()).because(&elapsed)),
        }
    }

    async fn post_everything(&self) -> io::Result<()> {
        // A window of 0 claims nothing: the Hub keeps the longest that an Edge has named.
        let record = json!({"items": [{"context": "*", "params": {}}], "window": 0});
        let request = Request::post("/v1/records")
            .header(header::HOST, "hub")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(Bytes::from(record.to_string())))
            .map_err(io::Error::other)?;
        let answer = unix_http::send(&self.layout.hub_socket(), request).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(io::Error::other(format!("it answered {}", answer.status())))
    }

    fn start(&self) -> Result<Worker> {
        let failed = || "cannot start the hub".to_owned();
        let program = self.program.clone().ok_or_else(|| {
            Error::failed(failed()).cause("this supervisor was set up without workerd")
        })?;
        let code = self.layout.hub_code();
        write_modules(&code, &[HUB, LOCAL_HUB].concat()).context(ErrorKind::Failed, failed)?;
        let socket = self.layout.hub_socket();
        let mut storage = std::ffi::OsString::from("storage=");
        storage.push(self.layout.hub_storage());
        let launch = Launch {
            program,
            arguments: vec![
                "serve".into(),
                "local/hub.capnp".into(),
                "hub".into(),
                "--socket-fd".into(),
                format!("hub={SOCKET_FD}").into(),
                "--directory-path".into(),
                storage,
            ],
            environment: Vec::new(),
            directory: code,
            listener: bind(&socket).context(ErrorKind::Failed, failed)?,
            socket,
            probe: Probe { host: "hub", path: "/v1/log?window=0" },
            log: LogFile::open(&self.layout.log(LOG)).context(ErrorKind::Failed, failed)?,
        };
        Ok(Worker::start(launch, self.registry.clone()))
    }
}
