//! The command line: typed arguments to resolved arguments, one file per command.

mod args;
mod check;
mod config;
mod deploy;
mod destroy;
mod doctor;
mod edge;
mod execute;
mod failure;
mod git;
mod init;
mod logs;
mod open;
mod output;
mod project;
mod releases;
mod rollback;
mod run;
mod secrets;
mod site;
mod status;
mod terminal;
mod unlock;
mod watch;

use std::{env, io::Write, process::ExitCode};

use clap::{CommandFactory, Parser, error::ErrorKind as ClapErrorKind};
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

use args::{Cli, Command, GlobalArgs};
use failure::Failure;
use output::Output;

use crate::{
    error::{Context, Error, ErrorKind},
    workers::local::SuperviseOptions,
};

/// What a command answers: the exit code of its success.
type Done = Result<ExitCode, Failure>;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    set_up_colours(&cli.global);
    set_up_log(cli.global.verbose);
    let output = Output::new(&cli.global);
    match run(cli, &output) {
        Ok(code) => code,
        Err(failure) => output.failure(&failure),
    }
}

/// clap's answer to what it cannot parse; help and version are no failures.
fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe is the reader's choice.
    let _ = error.print();
    match error.kind() {
        ClapErrorKind::DisplayHelp | ClapErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ErrorKind::Usage.exit_code().into(),
    }
}

fn set_up_colours(global: &GlobalArgs) {
    if global.no_color {
        anstream::ColorChoice::Never.write_global();
    }
}

/// The tool's own log, apart from the events: `-vv` or `MIZAN_LOG`, to stderr.
fn set_up_log(verbose: u8) {
    let filter =
        env::var("MIZAN_LOG").ok().or_else(|| (verbose >= 2).then(|| "mizan=debug".into()));
    if let Some(filter) = filter {
        tracing_subscriber::registry()
            .with(tracing_subscriber::EnvFilter::new(filter))
            .with(
                tracing_subscriber::fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_filter(tracing_subscriber::filter::filter_fn(is_without_bodies)),
            )
            .init();
    }
}

/// At its finest, the log of a vendor's SDK has whole requests and answers, with secrets in them.
fn is_without_bodies(metadata: &tracing::Metadata<'_>) -> bool {
    let finest = match metadata.target() {
        target if target.starts_with("aws_") => tracing::Level::DEBUG,
        target if target.starts_with("azure_") => tracing::Level::INFO,
        _ => tracing::Level::TRACE,
    };
    *metadata.level() <= finest
}

fn run(cli: Cli, output: &Output) -> Done {
    if let Some(folder) = &cli.global.cwd {
        env::set_current_dir(folder)
            .context(ErrorKind::Usage, || format!("cannot go to {}", folder.display()))?;
    }
    match cli.command {
        Command::Completions { shell } => completions(shell),
        Command::Man => man(),
        Command::Config(command) => config::run(&command, &cli.global, output),
        Command::Supervise(args) => {
            let options = SuperviseOptions { dir: args.dir, inherit_socket: args.inherit_socket };
            crate::workers::local::run(&options)?;
            Ok(ExitCode::SUCCESS)
        }
        command => block_on(dispatch(command, &cli.global, output)),
    }
}

/// One thread runs everything; what blocks has threads of its own.
fn block_on(work: impl Future<Output = Done>) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context(ErrorKind::Failed, || "cannot start".into())?;
    let done = runtime.block_on(work);
    // A read of the keyboard that nobody waits for any more must not hold us.
    runtime.shutdown_background();
    done
}

async fn dispatch(command: Command, global: &GlobalArgs, output: &Output) -> Done {
    match command {
        Command::Init(args) => Box::pin(init::run(&args, global, output)).await,
        Command::Deploy(args) => Box::pin(deploy::run(&args, global, output)).await,
        Command::Status(args) => Box::pin(status::run(&args, global, output)).await,
        Command::Releases => Box::pin(releases::run(global, output)).await,
        Command::Rollback(args) => Box::pin(rollback::run(&args, global, output)).await,
        Command::Logs(args) => Box::pin(logs::run(&args, global, output)).await,
        Command::Run(args) => Box::pin(run::run(&args, global)).await,
        Command::Secrets(command) => Box::pin(secrets::run(&command, global, output)).await,
        Command::Edge(command) => Box::pin(edge::run(&command, global, output)).await,
        Command::Open => Box::pin(open::run(global, output)).await,
        Command::Destroy(args) => Box::pin(destroy::run(&args, global, output)).await,
        Command::Doctor => Box::pin(doctor::run(global, output)).await,
        Command::Check(args) => Box::pin(check::run(&args, global, output)).await,
        Command::Unlock(args) => Box::pin(unlock::run(&args, global, output)).await,
        Command::Completions { .. } | Command::Man | Command::Config(_) | Command::Supervise(_) => {
            Err(Error::failed("this command needs no runtime").into())
        }
    }
}

fn completions(shell: clap_complete::Shell) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mizan", &mut script);
    write_out(&script)
}

fn man() -> Done {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .context(ErrorKind::Failed, || "cannot write the manual page".into())?;
    write_out(&page)
}

/// Writes a result to stdout; a reader that has gone away ends it quietly.
fn write_out(bytes: &[u8]) -> Done {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::failed("cannot write the result").because(&error).into())
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_every_command_prints_with_json_is_documented() {
        let documented = include_str!("../../docs/events.md");
        let (_, results) =
            documented.split_once("## The result of each command").expect("a section");
        for command in commands(&Cli::command(), "") {
            assert!(results.contains(&format!("`{command}`")), "{command}");
        }
    }

    /// The commands that can be typed, as they are typed.
    fn commands(above: &clap::Command, path: &str) -> Vec<String> {
        let below = above.get_subcommands().filter(|command| !command.is_hide_set());
        let named = below.map(|command| (command, format!("{path} {}", command.get_name())));
        let leaves = named.flat_map(|(command, path)| match command.has_subcommands() {
            true => commands(command, path.trim()),
            false => vec![path.trim().to_owned()],
        });
        leaves.collect()
    }
}
