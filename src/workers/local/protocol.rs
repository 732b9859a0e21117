//! What the client and the supervisor say to each other: JSON over HTTP on a Unix socket.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The version both sides must share; a supervisor of another one is replaced.
pub const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// How a supervisor is set up. A change makes the client replace it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The public port on 127.0.0.1.
    pub port: u16,
    /// The host names that visitors may use besides `localhost`, `127.0.0.1` and `::1`:
    /// `<app>.localhost`, and the configured domain.
    pub hosts: Vec<String>,
    /// The program for Edge and Hub; absent where the edge is off.
    pub workerd: Option<PathBuf>,
}

/// What a generation is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// Edge and Render from a folder that [`generation::write`](crate::workers::generation::write)
    /// made.
    Workers {
        /// The folder, absolute.
        dir: PathBuf,
    },
    /// No edge: requests go straight to the container.
    Direct {
        /// Its base URL, e.g. `http://127.0.0.1:49153`.
        origin: String,
    },
}

/// What the supervisor is asked to do. Every operation may be asked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub(super) enum Request {
    Status,
    Prepare { id: String, source: Source },
    Activate { id: String },
    Drain { id: String, timeout: Duration },
    Retire { id: String, drain: Duration },
    RecordEverything,
    Log { of: String, lines: usize },
    Stop,
    Replace { program: PathBuf, arguments: Vec<String> },
}

/// What the supervisor answers.
pub(super) type Reply = Result<Answer, Error>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(super) enum Answer {
    Done,
    Status {
        status: Status,
    },
    /// How many requests and WebSockets were still open.
    Drained {
        open: usize,
    },
    Log {
        lines: Vec<String>,
    },
}

/// The supervisor and everything it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The version of the tool that it belongs to.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// How it is set up.
    pub settings: Settings,
    /// The generation that takes the traffic.
    pub active: Option<String>,
    /// The Hub, once a generation has needed it.
    pub hub: Option<ProcessStatus>,
    /// All prepared generations, by id.
    pub generations: Vec<GenerationStatus>,
}

/// One prepared generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationStatus {
    /// The id it was prepared under.
    pub id: String,
    /// What it is made of.
    pub source: Source,
    /// Its process; none if it is direct.
    pub process: Option<ProcessStatus>,
    /// Requests and WebSockets under way.
    pub open: usize,
}

/// One `workerd`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// Its process id, while there is one.
    pub pid: Option<u32>,
    /// Whether it answers.
    pub state: GenerationState,
    /// How often it had to be started again.
    pub restarts: u32,
}

/// Whether something answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GenerationState {
    /// Started, and it does not answer yet.
    Starting,
    /// It answers.
    Ready,
    /// It answered once, ended, and is started again.
    Down,
    /// It has ended before it ever answered; it is tried again, but a release like this is broken.
    Failed,
}
