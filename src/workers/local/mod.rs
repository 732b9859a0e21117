//! The local data plane: a supervisor process that holds the public socket, and its client.
//!
//! The supervisor outlives the command that started it. It owns
//!
//! - the **front**, a reverse proxy on `127.0.0.1:PORT`, the only thing a browser reaches;
//! - the **hub**, one `workerd` with the invalidation log on disk;
//! - one `workerd` per **generation** (a release's Edge and Render), or for an app without an
//!   edge just the address of its container.
//!
//! Every `workerd` listens on a Unix socket in the supervisor's folder that it gets as its
//! standard input: no page in a browser can reach Hub or Edge past the front, no port is taken,
//! nothing leaks into other children, and connections wait in the socket's queue while a crashed
//! `workerd` is started again.
//!
//! What is live is written to disk before it is switched, so a supervisor that was killed comes
//! back with it.

mod child;
mod client;
mod control;
mod daemon;
mod front;
mod generations;
mod hub;
mod layout;
mod log_file;
mod orphans;
mod protocol;
mod unix_http;
mod worker;

pub use client::Control;
pub use daemon::{SuperviseOptions, run};
pub use protocol::{
    GenerationState, GenerationStatus, ProcessStatus, Settings, Source, Status, TOOL_VERSION,
};
