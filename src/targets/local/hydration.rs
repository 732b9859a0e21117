//! Pages that a browser would render otherwise than Render did: React throws away what it was sent.
//! Render looks at each page that somebody asks for (`templates/render/unsteady.js`) and names such
//! pages in the log of its release; `mizan doctor` tells them again.

use std::collections::BTreeSet;

use super::{Scope, StateDir};
use crate::{error::Result, model::App, targets::Check, workers::local::Control};

const NAME: &str = "hydration";
/// How Render begins a line about a page, and what it says of one that would differ.
const BEGIN: &str = "mizan: the page ";
const SUSPECT: &str = " may not hydrate: ";

/// What the log of the live release says.
pub async fn check(app: &App) -> Check {
    if app.edge.is_none() || app.render.is_none() {
        return Check::skipped(NAME, "no page is rendered at the edge");
    }
    match live_log(app).await {
        Ok(Some((release, lines))) => judge(&release, &lines),
        Ok(None) => Check::skipped(NAME, "nothing is live: pages are looked at when asked for"),
        Err(error) => Check::skipped(NAME, error.to_string()),
    }
}

/// The same where Render does not look.
pub fn elsewhere(app: &App) -> Check {
    match (&app.edge, &app.render) {
        (Some(_), Some(_)) => {
            Check::skipped(NAME, "pages are looked at on the target `local` alone").hint(
                "deploy there, ask for the pages, and run `mizan doctor` for that environment",
            )
        }
        _ => Check::skipped(NAME, "no page is rendered at the edge"),
    }
}

/// The live release, and the end of its log. Nothing is created.
async fn live_log(app: &App) -> Result<Option<(String, Vec<String>)>> {
    let state = StateDir::new(&Scope::new(&app.name, &app.env, &app.root))?;
    if !state.supervisor().is_dir() {
        return Ok(None);
    }
    let control = Control::at(state.supervisor())?;
    let active = control.status().await?.and_then(|status| status.active);
    let Some(release) = active else { return Ok(None) };
    let lines = control.log(&format!("generation-{release}"), usize::MAX).await?;
    Ok(Some((release, lines)))
}

fn judge(release: &str, lines: &[String]) -> Check {
    let suspect = |line: &String| {
        let (_, page) = line.split_once(BEGIN)?;
        page.contains(SUSPECT).then(|| format!("the page {page}"))
    };
    // Whoever starts the Workers again finds the same pages once more.
    let pages: BTreeSet<String> = lines.iter().filter_map(suspect).collect();
    if pages.is_empty() {
        let what =
            format!("the log of {release} names no page; only those asked for are looked at");
        return Check::ok(NAME, what);
    }
    let pages: Vec<String> = pages.into_iter().collect();
    Check::warning(NAME, format!("in the log of {release}: {}", pages.join("; ")))
        .hint("render the same from the same data, or only in the browser: docs/render-bundle.md")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::CheckState;

    fn judged(lines: &[&str]) -> Check {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        judge("r3", &lines)
    }

    #[test]
    fn a_page_that_would_differ_is_a_warning_and_told_once() {
        let line = "2026-11-29T10:00:00Z mizan: the page Post (/posts/5/) may not hydrate: what it \
                    shows depends on the clock (Date)";
        let check = judged(&["2026-11-29T09:00:00Z started", line, line]);
        assert_eq!(check.state, CheckState::Warning);
        assert_eq!(
            check.what,
            "in the log of r3: the page Post (/posts/5/) may not hydrate: what it shows depends on \
             the clock (Date)"
        );
    }

    #[test]
    fn a_log_that_names_none_is_no_warning() {
        let check = judged(&["started", "mizan: the page Post threw"]);
        assert_eq!(check.state, CheckState::Ok);
    }

    /// What is searched for is what Render writes.
    #[test]
    fn the_words_are_those_of_render() {
        let script =
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/render/unsteady.js"));
        assert!(script.contains(&format!("`{BEGIN}$")) && script.contains(SUSPECT));
    }
}
