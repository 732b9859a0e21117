//! What `mizan init` found and wrote, for a person.

use std::io::{self, Write};

use owo_colors::OwoColorize;

use super::{
    clean::clean,
    style::{BAD, CARE, GOOD, NAME, QUIET, STRONG},
};
use crate::init::{
    Bundler, Findings, Interface, JsManager, Manager, Note, Place, Placed, Seen, Status,
};

/// Writes what was found, each fact with its place.
pub fn write_findings_text(findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    let rows = rows(findings);
    let name_width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let value_width = rows.iter().map(|row| row.value.chars().count()).max().unwrap_or(0).min(48);
    writeln!(out, "{}", "Found".style(STRONG))?;
    for Row { name, value, place, why } in rows {
        let place = place.map(|place| format!("{} ", clean(&place))).unwrap_or_default();
        let why = format!("{place}({})", clean(&why));
        let value = format!("{:<value_width$}", clean(&value));
        writeln!(out, "  {name:<name_width$}  {}  {}", value.style(NAME), why.style(QUIET))?;
    }
    writeln!(out)
}

/// Writes what became of the files, with the differences of those that are others.
pub fn write_placed_text(placed: &[Placed], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", "Files".style(STRONG))?;
    for file in placed {
        let (mark, style, told) = match file.status {
            Status::Created => ("+", GOOD, "written"),
            Status::Unchanged => ("=", QUIET, "is there already, just so"),
            Status::Differs { .. } => ("!", CARE, "is there already, and stays as it is"),
        };
        writeln!(out, "  {} {} {told}", mark.style(style), file.path.style(STRONG))?;
    }
    for file in placed {
        if let Status::Differs { diff } = &file.status {
            writeln!(out)?;
            write_diff(diff, out)?;
        }
    }
    writeln!(out)
}

fn write_diff(diff: &str, out: &mut dyn Write) -> io::Result<()> {
    for line in diff.lines() {
        let style = match line.as_bytes() {
            [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => STRONG,
            [b'+', ..] => GOOD,
            [b'-', ..] => BAD,
            [b'@', ..] => NAME,
            _ => QUIET,
        };
        writeln!(out, "{}", clean(line).style(style))?;
    }
    Ok(())
}

/// Writes what a person should know or mend.
pub fn write_notes_text(notes: &[Note], out: &mut dyn Write) -> io::Result<()> {
    for note in notes {
        let place = note.place.as_ref().map(|place| format!("{}: ", clean(&place.to_string())));
        let text = clean(&note.text);
        writeln!(out, "{} {}{text}", "note:".style(CARE), place.unwrap_or_default())?;
    }
    match notes.is_empty() {
        true => Ok(()),
        false => writeln!(out),
    }
}

/// A line of what was found.
struct Row {
    name: &'static str,
    value: String,
    place: Option<String>,
    why: String,
}

fn row<T>(name: &'static str, value: impl Into<String>, seen: &Seen<T>) -> Row {
    let place = seen.place.as_ref().map(Place::to_string);
    Row { name, value: value.into(), place, why: seen.why.clone() }
}

fn rows(findings: &Findings) -> Vec<Row> {
    let folder =
        |folder: &str| if folder.is_empty() { ".".to_owned() } else { format!("{folder}/") };
    let plain = |name, seen: &Option<Seen<String>>| {
        seen.as_ref().map(|seen| row(name, seen.value.clone(), seen))
    };
    let command = |name, seen: &Option<Seen<Vec<String>>>| {
        seen.as_ref().map(|seen| row(name, seen.value.join(" "), seen))
    };
    let flag = |name, seen: &Option<Seen<bool>>| seen.as_ref().map(|seen| row(name, "yes", seen));
    let frontend = findings.frontend.as_ref();
    let rows = [
        Some(row("Django project", folder(&findings.project.value), &findings.project)),
        Some(row("settings", findings.settings.value.clone(), &findings.settings)),
        Some(row("interface", interface(&findings.interface.value), &findings.interface)),
        findings.server.as_ref().map(|seen| row("server", seen.value.package(), seen)),
        Some(row("Python", findings.python.value.clone(), &findings.python)),
        Some(row("packages", manager(findings.packages.manager.value), &findings.packages.manager)),
        frontend.map(|found| {
            let value = format!(
                "{} in {}",
                bundler(found.bundler, found.react),
                folder(&found.folder.value)
            );
            row("frontend", value, &found.folder)
        }),
        frontend.map(|found| row("its packages", js_manager(found.manager.value), &found.manager)),
        frontend.map(|found| row("its output", folder(&found.output.value), &found.output)),
        findings.database.as_ref().map(|seen| row("database", database(seen), seen)),
        plain("static files", &findings.static_root),
        plain("uploads", &findings.media_root),
        flag("whitenoise", &findings.whitenoise),
        flag("channels", &findings.channels),
        command("worker", &findings.worker),
        command("beat", &findings.beat),
        Some(row("health path", findings.health.value.clone(), &findings.health)),
        flag("Mizan protocol", &findings.protocol),
        findings.port.as_ref().map(|seen| row("port", seen.value.to_string(), seen)),
    ];
    rows.into_iter().flatten().collect()
}

fn interface(interface: &Interface) -> String {
    match interface {
        Interface::Asgi(app) => format!("ASGI {app}"),
        Interface::Wsgi(app) => format!("WSGI {app}"),
    }
}

/// The reason says which; the value says what kind.
fn database(seen: &Seen<crate::init::Database>) -> &'static str {
    match (&seen.value.sqlite, &seen.value.url, &seen.value.server) {
        (Some(_), None, _) => "SQLite",
        (Some(_), Some(_), _) => "a URL, or SQLite",
        (None, Some(_), _) => "a URL",
        (None, None, _) => "a server",
    }
}

fn manager(manager: Manager) -> &'static str {
    match manager {
        Manager::Pip => "pip",
        Manager::Uv => "uv",
        Manager::UvWorkspace => "uv (workspace)",
        Manager::Poetry => "poetry",
        Manager::Pipenv => "pipenv",
        Manager::Pyproject => "pyproject.toml",
    }
}

fn js_manager(manager: JsManager) -> &'static str {
    match manager {
        JsManager::Npm => "npm",
        JsManager::Pnpm => "pnpm",
        JsManager::Yarn => "yarn",
        JsManager::YarnBerry => "yarn (berry)",
        JsManager::Bun => "bun",
    }
}

fn bundler(bundler: Bundler, react: bool) -> String {
    let name = match bundler {
        Bundler::Vite => "Vite",
        Bundler::ReactScripts => "Create React App",
        Bundler::Other => "a build",
    };
    if react { format!("React, {name}") } else { name.to_owned() }
}
