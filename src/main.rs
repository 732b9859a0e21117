//! Runs the command line and exits with its documented code.

use std::process::ExitCode;

fn main() -> ExitCode {
    mizan::cli::main()
}
