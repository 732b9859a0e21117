//! `mizan logs`: the services' logs, interleaved, each in its own colour.

use std::{collections::BTreeMap, io::Write, process::ExitCode};

use anstream::stdout;
use owo_colors::{AnsiColors, OwoColorize};
use serde_json::json;

use super::{
    Done,
    args::{GlobalArgs, LogsArgs},
    output::Output,
    project::Project,
    site::{Site, on_target, workers_with_logs},
};
use crate::{
    error::{Error, ErrorKind},
    model::App,
    targets::{LogLine, LogRequest},
};

/// Colours that are readable on light and dark terminals.
const COLOURS: [AnsiColors; 6] = [
    AnsiColors::Cyan,
    AnsiColors::Green,
    AnsiColors::Magenta,
    AnsiColors::Yellow,
    AnsiColors::Blue,
    AnsiColors::Red,
];

/// Runs the command; Ctrl-C ends it without fuss.
pub async fn run(args: &LogsArgs, global: &GlobalArgs, output: &Output) -> Done {
    let app = Project::load(global)?.app;
    on_target!(app, S => Box::pin(show::<S>(args, &app, output)).await)
}

async fn show<S: Site>(args: &LogsArgs, app: &App, output: &Output) -> Done {
    let site = S::open(app).await?;
    let services = app.services.keys().map(|name| name.as_str());
    let known: Vec<&str> = services.chain(workers_with_logs(app).iter().copied()).collect();
    if let Some(unknown) = args.services.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Error::new(ErrorKind::Usage, format!("there is no service `{unknown}`"))
            .hint(format!("services: {}", known.join(", ")))
            .into());
    }
    let width = known.iter().map(|name| name.len()).max().unwrap_or(0);
    let colours: BTreeMap<&str, AnsiColors> =
        known.iter().copied().zip(COLOURS.into_iter().cycle()).collect();
    let request = LogRequest {
        services: args.services.iter().cloned().collect(),
        lines: args.lines,
        follow: args.follow,
        timestamps: args.timestamps,
    };
    let json = output.is_json();
    let mut out = stdout();
    let mut show = |line: LogLine| {
        let colour = colours.get(line.service.as_str()).copied().unwrap_or(AnsiColors::White);
        let written = match json {
            true => {
                let line = json!({
                    "service": line.service,
                    "stream": if line.error { "error" } else { "output" },
                    "line": line.text,
                });
                writeln!(out, "{line}")
            }
            false => {
                let name = format!("{:<width$} |", line.service);
                writeln!(out, "{} {}", name.color(colour), line.text)
            }
        };
        written.is_ok()
    };
    tokio::select! {
        done = site.follow_logs(app, &request, &mut show) => done?,
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(ExitCode::SUCCESS)
}
