//! The result of a full run as a table for people: `docs/conformance/`.

use std::{env, fs, path::Path};

use super::Platform;

/// True if every step is to be struck at every point.
pub fn is_full() -> bool {
    env::var("MIZAN_CONFORMANCE").is_ok_and(|mode| mode == "full")
}

/// True if every step is to be struck: in a full run at every point, with `MIZAN_CONFORMANCE=steps` at
/// one of them in turn.
pub fn is_every_step() -> bool {
    is_full() || env::var("MIZAN_CONFORMANCE").is_ok_and(|mode| mode == "steps")
}

/// What a table is about, unless it says otherwise.
const STEP: &str = "step";

/// Collects what a fault at each step led to.
pub struct Table {
    file: String,
    title: String,
    /// What was struck, and how that was chosen.
    column: &'static str,
    notes: Vec<String>,
    rows: Vec<[String; 3]>,
}

impl Table {
    /// An empty table of one scenario.
    pub fn new<P: Platform>(scenario: &str) -> Self {
        let title = format!("{}: {scenario}", P::NAME);
        let file = format!("{}-{}.md", P::NAME, scenario.replace(' ', "-"));
        Self { file, title, column: STEP, notes: Vec::new(), rows: Vec::new() }
    }

    /// Not steps were struck, but these.
    pub fn about(self, column: &'static str) -> Self {
        Self { column, ..self }
    }

    /// Says something above the table.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// The name of its file, without a suffix.
    pub fn name(&self) -> &str {
        self.file.trim_end_matches(".md")
    }

    /// What was seen after a fault; steps that name a release are written without its number.
    pub fn add(&mut self, fault: &str, step: &str, seen: &str) {
        let release = regex::Regex::new(r"/r\d+$").expect("an expression");
        let step = release.replace(step, "/rN").into_owned();
        let step = step.replace(&test_name(&step), "app");
        self.rows.push([step, fault.to_owned(), seen.to_owned()]);
    }

    /// Writes the table, if everything that it is about was struck.
    pub fn write(&self) {
        let is_of_steps = self.column == STEP;
        if !(is_full() || is_of_steps && is_every_step()) {
            return;
        }
        let in_turn = (!is_full()).then_some("Each step was struck at one of its points in turn.");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance");
        let notes = in_turn.into_iter().chain(self.notes.iter().map(String::as_str));
        let notes: String = notes.map(|note| format!("{note}\n\n")).collect();
        let head = format!(
            "# {}\n\nMade by `make conformance`; do not edit.\n\n{notes}| {} | fault | seen |\n|---|---|---|\n",
            self.title, self.column
        );
        let rows = self
            .rows
            .iter()
            .map(|[step, fault, seen]| format!("| `{step}` | {fault} | {seen} |\n"));
        fs::create_dir_all(&folder).expect("the folder of the tables");
        fs::write(folder.join(&self.file), head + &rows.collect::<String>()).expect("the table");
    }
}

/// The sandbox's name for the app within a step's id, which is another one in every run.
fn test_name(step: &str) -> String {
    let name = regex::Regex::new(r"test-\d+-\d+").expect("an expression");
    name.find(step).map_or_else(|| "app".to_owned(), |found| found.as_str().to_owned())
}
