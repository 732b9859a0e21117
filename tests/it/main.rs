//! Integration tests.

#![allow(clippy::unwrap_used)] // A test that cannot go on has failed.

mod aws;
mod aws_api;
mod aws_permissions;
mod aws_plans;
mod aws_things;
mod azure;
mod azure_api;
mod azure_attack;
mod azure_ledger;
mod azure_permissions;
mod azure_plans;
mod certificates;
mod check;
mod cli;
mod cloudflare;
mod cloudflare_workers;
mod conformance;
mod edge_commands;
mod edge_model;
mod edges;
mod hostile;
mod images;
mod init;
mod invalid;
mod plans;
mod status_watch;
mod support;
mod workers;
