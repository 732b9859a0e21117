//! `mizan releases`: what can be rolled back to.

use std::{io::Write, process::ExitCode};

use serde::Serialize;

use super::{
    Done,
    args::GlobalArgs,
    output::Output,
    project::Project,
    site::{Site, on_target},
};
use crate::{ledger::Release, model::App};

/// One row.
#[derive(Debug, Serialize)]
struct Row {
    release: String,
    live: bool,
    created: String,
    commit: Option<String>,
    image: String,
    rollback_to: Option<String>,
}

/// Runs the command.
pub async fn run(global: &GlobalArgs, output: &Output) -> Done {
    let app = Project::load(global)?.app;
    on_target!(app, S => Box::pin(list::<S>(&app, output)).await)
}

async fn list<S: Site>(app: &App, output: &Output) -> Done {
    let site = S::open(app).await?;
    let live = site.ledger().current().await?.map(|release| release.id);
    // On AWS the ledger's bucket comes with the first deploy of an account.
    let releases = match site.exists().await? {
        true => site.ledger().releases().await?,
        false => Vec::new(),
    };
    let rows: Vec<Row> =
        releases.iter().map(|release| row(release, live == Some(release.id))).collect();
    if rows.is_empty() {
        output.say("Nothing is deployed.");
    }
    output.result(&rows, |out| table(&rows, out))?;
    Ok(ExitCode::SUCCESS)
}

fn row(release: &Release, live: bool) -> Row {
    let commit = release.git.as_ref().map(|git| {
        let short: String = git.revision.chars().take(10).collect();
        if git.dirty { format!("{short}+changes") } else { short }
    });
    Row {
        release: release.id.to_string(),
        live,
        created: release.created.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        commit,
        image: release.image.reference.clone(),
        rollback_to: release.rollback_to.map(|id| id.to_string()),
    }
}

fn table(rows: &[Row], out: &mut dyn Write) -> std::io::Result<()> {
    for row in rows {
        let mark = if row.live { "*" } else { " " };
        let commit = row.commit.as_deref().unwrap_or("-");
        write!(out, "{mark} {:<5} {}  {commit:<19} {}", row.release, row.created, row.image)?;
        match &row.rollback_to {
            Some(to) => writeln!(out, "  (rollback to {to})")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}
