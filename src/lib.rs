//! Mizan Deploy: from `mizan.yaml` to a running, edge-cached, server-rendered site.
//!
//! The crate tells one story, module by module:
//!
//! `mizan.yaml` + exported schema → [`model::App`] → *desired* → compared with *observed* →
//! [`plan::Plan`] → [`engine`] events → report. `mizan deploy --plan` walks the same road and
//! stops one step earlier; nothing below `cli` knows whether it is a rehearsal.
//!
//! Dependencies point one way: `model` ← `plan` ← `engine` ← `cli`; `view` reads plans and events.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod check;
pub mod cli;
pub mod cloudflare;
pub mod config;
pub mod docker;
pub mod engine;
pub mod error;
pub mod http;
pub mod images;
pub mod init;
pub mod ledger;
pub mod model;
pub mod plan;
pub mod schema;
mod scratch;
pub mod secret;
pub mod targets;
pub mod view;
pub mod workers;
