//! An engine that runs nothing: the test says how a container ends and what it wrote.

use std::collections::BTreeMap;

use super::{Condition, Engine, Now, Program, Restart};

/// What a container does, by its name.
#[derive(Debug, Clone)]
struct Script {
    now: Now,
    log: Vec<String>,
}

/// An engine on paper.
#[derive(Debug, Default)]
pub struct Paper {
    groups: BTreeMap<String, Vec<Program>>,
    scripts: BTreeMap<String, Script>,
}

impl Paper {
    /// Containers of this name end with this code after they wrote these lines; the others run and
    /// write nothing.
    pub fn ends(self, container: &str, code: i32, log: &[&str]) -> Self {
        self.script(container, Now::Ended(code), log)
    }

    /// Containers of this name run and write these lines.
    pub fn says(self, container: &str, log: &[&str]) -> Self {
        self.script(container, Now::Running, log)
    }

    fn script(mut self, container: &str, now: Now, log: &[&str]) -> Self {
        let log = log.iter().map(|line| (*line).to_owned()).collect();
        self.scripts.insert(container.to_owned(), Script { now, log });
        self
    }
}

impl Engine for Paper {
    fn start(
        &mut self,
        group: &str,
        programs: &[Program],
        _: &[u16],
        _: Restart,
    ) -> Result<(), String> {
        self.groups.insert(group.to_lowercase(), programs.to_vec());
        Ok(())
    }

    fn condition(&self, group: &str, container: &str) -> Option<Condition> {
        let programs = self.groups.get(&group.to_lowercase())?;
        let program = programs.iter().find(|program| program.name == container)?;
        let script = self.scripts.get(&program.name);
        Some(script.map_or(Now::Running, |script| script.now).into())
    }

    fn logs(&self, group: &str, container: &str, tail: Option<u32>, timestamps: bool) -> String {
        if self.condition(group, container).is_none() {
            return String::new();
        }
        let lines = self.scripts.get(container).map_or(&[][..], |script| &script.log);
        let wanted = tail.and_then(|tail| usize::try_from(tail).ok()).unwrap_or(lines.len());
        let time = if timestamps { "2026-11-29T12:00:00.000000000Z " } else { "" };
        let last = lines.iter().skip(lines.len().saturating_sub(wanted));
        last.map(|line| format!("{time}{line}\n")).collect()
    }

    fn published(&self, _: &str, _: u16) -> Option<u16> {
        None
    }

    fn stop(&mut self, group: &str) {
        self.groups.remove(&group.to_lowercase());
    }
}
