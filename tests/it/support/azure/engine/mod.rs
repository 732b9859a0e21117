//! What runs containers for the stand-in: on paper, or the local Docker engine.

mod docker;
mod paper;

pub use docker::Docker;
pub use paper::Paper;

/// A container as it is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub name: String,
    pub image: String,
    /// Empty for that of the image.
    pub command: Vec<String>,
    /// With the secrets.
    pub environment: Vec<(String, String)>,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Running,
    /// It ended with this code.
    Ended(i32),
}

/// An engine. Groups are told apart by their ids.
pub trait Engine: Send {
    /// Starts the containers of a group, which reach each other at localhost; these ports can be
    /// reached from outside. The error is the reason.
    fn start(&mut self, group: &str, programs: &[Program], ports: &[u16]) -> Result<(), String>;

    /// What a container does; `None` if there is none.
    fn condition(&self, group: &str, container: &str) -> Option<Condition>;

    /// The last lines that a container wrote.
    fn logs(&self, group: &str, container: &str, tail: Option<u32>, timestamps: bool) -> String;

    /// The port of 127.0.0.1 that leads to this port of a group.
    fn published(&self, group: &str, port: u16) -> Option<u16>;

    /// Ends all containers of a group.
    fn remove(&mut self, group: &str);
}
