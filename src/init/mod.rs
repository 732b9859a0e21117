//! `mizan init`: from the files of a Django + React repository to a mizan.yaml, a Dockerfile and
//! what belongs beside them.
//!
//! [`Tree`] lists the files, [`detect`] reads facts off them (no code of the project is ever run),
//! [`decide`] turns facts and answers into a [`Setup`], [`drafts`] renders that as files, and
//! [`put`] writes those that are not there yet. [`generate`] makes the
//! Dockerfile alone, for an app that is built without one.

mod advice;
mod decide;
mod detect;
mod findings;
mod generate;
mod python;
mod tree;
mod write;

pub use decide::{Answers, Cloud, Setup, decide};
pub use detect::{Hints, Stop, detect};
pub use findings::{
    Bundler, Database, Findings, Frontend, Interface, JsManager, Manager, Note, Packages, Place,
    Seen, Server, Variable,
};
pub use generate::{Generated, generate};
pub use tree::Tree;
pub use write::{Draft, Placed, Status, dockerfile, dockerignore, drafts, put};
