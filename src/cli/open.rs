//! `mizan open`: the site in the person's browser.

use std::process::{Command, ExitCode, Stdio};

use super::{Done, args::GlobalArgs, output::Output, site};
use crate::{
    error::{Context, ErrorKind, Result},
    targets::local::Desired,
};

/// Runs the command. Without a browser, the URL is the answer.
pub async fn run(global: &GlobalArgs, output: &Output) -> Done {
    let (_, site) = site::open(global).await?;
    let desired: Desired = serde_json::from_value(site.live().await?.config)
        .context(ErrorKind::Failed, || "the live release is of another version of mizan".into())?;
    let url = desired.url();
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
