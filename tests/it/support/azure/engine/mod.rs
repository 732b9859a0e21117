//! What runs containers for the stand-in: on paper, or the local Docker engine.

mod api;
mod docker;
mod paper;

pub use api::forget_images;
pub use docker::Docker;
pub use paper::Paper;

/// A container as it is to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    pub name: String,
    pub image: String,
    /// Who may fetch the image, if it is not there.
    pub login: Option<Login>,
    /// In place of all that the image would run; empty for that.
    pub command: Vec<String>,
    /// With the secrets.
    pub environment: Vec<(String, String)>,
}

/// What opens a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub server: String,
    pub user: String,
    pub password: String,
}

/// When a container that ended is started again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Restart {
    #[default]
    Always,
    OnFailure,
    Never,
}

/// What a container does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub now: Now,
    /// How often it was started again.
    pub restarts: u32,
    /// The code that it ended with before it was started again.
    pub last: Option<i32>,
    /// Why it could not be started.
    pub reason: Option<String>,
}

/// What it does right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Now {
    Running,
    /// It waits until it is started again, or cannot be started.
    Waiting,
    /// It ended with this code.
    Ended(i32),
}

impl From<Now> for Condition {
    fn from(now: Now) -> Self {
        Self { now, restarts: 0, last: None, reason: None }
    }
}

/// An engine. Groups are told apart by their ids.
pub trait Engine: Send {
    /// Starts the containers of a group, which reach each other at localhost; these ports can be
    /// reached from outside. The error is why an image cannot be had.
    fn start(
        &mut self,
        group: &str,
        programs: &[Program],
        ports: &[u16],
        restart: Restart,
    ) -> Result<(), String>;

    /// What a container does; `None` if there is none.
    fn condition(&self, group: &str, container: &str) -> Option<Condition>;

    /// The last lines that a container wrote.
    fn logs(&self, group: &str, container: &str, tail: Option<u32>, timestamps: bool) -> String;

    /// The port of 127.0.0.1 that leads to this port of a group.
    fn published(&self, group: &str, port: u16) -> Option<u16>;

    /// Ends all containers of a group, after it gave them time to end by themselves.
    fn stop(&mut self, group: &str);
}
