//! Whoever signed in with Azure's own command-line tool.
//! (<https://learn.microsoft.com/cli/azure/account>)

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
};

use jiff::Timestamp;
use serde_json::Value;
use tokio::process::Command;

use super::{Token, Variables};
use crate::error::{Context, Error, ErrorKind, Result};

/// Where the tool is, if it is on this machine.
pub(super) fn find(variables: Variables<'_>) -> Option<PathBuf> {
    let path = variables("PATH")?;
    env::split_paths(&path).map(|folder| folder.join("az")).find(|tool| tool.is_file())
}

/// A token for an audience.
pub(super) async fn token(tool: &Path, audience: &str) -> Result<Token> {
    let told = ask(tool, &["account", "get-access-token", "--resource", audience]).await?;
    let token = told["accessToken"].as_str().map(str::to_owned);
    let token = token.ok_or_else(|| Error::failed("`az` gave a token that makes no sense"))?;
    // Its other date has no time zone; versions before 2.54 have but that one.
    let ends = told["expires_on"].as_i64().unwrap_or_default();
    let seconds = u64::try_from(ends - Timestamp::now().as_second()).unwrap_or_default();
    Ok(Token::new(token, seconds))
}

/// The subscription that the tool uses.
pub(super) async fn subscription(tool: &Path) -> Result<String> {
    let told = ask(tool, &["account", "show"]).await?;
    told["id"].as_str().map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::Denied, "`az` uses no subscription")
            .hint("az account set --subscription NAME, or set AZURE_SUBSCRIPTION_ID")
    })
}

async fn ask(tool: &Path, arguments: &[&str]) -> Result<Value> {
    let what = || "Azure's tool `az` cannot be asked who you are".to_owned();
    let output = Command::new(tool)
        .args(arguments)
        .args(["--output", "json"])
        .stdin(Stdio::null())
        .output()
        .await
        .context(ErrorKind::Denied, what)?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        let why = told.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed");
        return Err(Error::new(ErrorKind::Denied, what()).cause(why.trim()).hint("az login"));
    }
    serde_json::from_slice(&output.stdout).context(ErrorKind::Failed, what)
}
