//! `mizan open`: the site in the person's browser.

use std::process::{Command, ExitCode, Stdio};

use super::{
    Done,
    args::GlobalArgs,
    output::Output,
    project::Project,
    site::{Site, on_target},
};
use crate::{
    error::{Context, ErrorKind, Result},
    model::App,
};

/// Runs the command. Without a browser, the URL is the answer.
pub async fn run(global: &GlobalArgs, output: &Output) -> Done {
    let app = Project::load(global)?.app;
    on_target!(app, S => Box::pin(open::<S>(&app, output)).await)
}

async fn open<S: Site>(app: &App, output: &Output) -> Done {
    let site = S::open(app).await?;
    let url = site.url(&site.live(app).await?).await?;
    if let Err(error) = browse(&url) {
        output.say(&format!("no browser: {error}"));
    }
    output.result(&serde_json::json!({ "url": url }), |out| writeln!(out, "{url}"))?;
    Ok(ExitCode::SUCCESS)
}

/// Hands the URL to the desktop.
fn browse(url: &str) -> Result<()> {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    Command::new(opener)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context(ErrorKind::Failed, || format!("cannot start {opener}"))
        .map(drop)
}
