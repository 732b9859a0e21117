//! `mizan config`: the resolved configuration, and the JSON Schema of the file.

use std::process::ExitCode;

use super::{
    Done,
    args::{ConfigCommand, GlobalArgs},
    output::Output,
    project::Project,
    write_out,
};
use crate::config;

/// Runs the command.
pub fn run(command: &ConfigCommand, global: &GlobalArgs, output: &Output) -> Done {
    match command {
        ConfigCommand::Schema => write_out(config::json_schema_text().as_bytes()),
        ConfigCommand::Show => {
            let project = Project::load(global)?;
            let yaml = config::show(&project.app)?;
            output.result(&config::resolved(&project.app), |out| write!(out, "{yaml}"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
