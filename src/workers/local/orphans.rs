//! Remembers which processes are ours, so that a supervisor can end what a killed one left.
//!
//! A process id alone names nobody: ids are used again. A process is ours if it has the recorded
//! id and the recorded start, in the recorded run of the machine.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

use crate::{error::Result, workers::files};

/// How long a process may take to end when asked, before it is killed.
const PATIENCE: Duration = Duration::from_secs(3);

/// A process, told apart from every other one that had or will have its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    pid: i32,
    /// When it was started, in the words of the system.
    start: String,
}

impl Identity {
    /// The process that has this id now, unless it has ended.
    fn of(pid: i32) -> Option<Self> {
        start_of(pid).ok().flatten().map(|start| Self { pid, start })
    }

    fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Children lead process groups of their own, so this reaches what they started, too.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.is_alive()) {
            // It may end between the check and the signal; then there is nothing to signal.
            let _ = kill_process_group(pid, signal);
        }
    }

    fn end(&self) {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        while self.is_alive() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        self.signal(Signal::KILL);
        while self.is_alive() && Instant::now() < deadline + PATIENCE {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Field 22 of `/proc/PID/stat` counts clock ticks since boot, so the boot is part of the answer.
/// A zombie has ended: only its parent can still tell.
#[cfg(target_os = "linux")]
fn start_of(pid: i32) -> io::Result<Option<String>> {
    let stat = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        stat => stat?,
    };
    // The program's name, in parentheses, may hold anything; fields are counted after it.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after_name.split_whitespace();
    if matches!(fields.next(), None | Some("Z" | "X")) {
        return Ok(None);
    }
    let ticks = fields.nth(18).unwrap_or_default();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(Some(format!("{} {ticks}", boot.trim())))
}

/// Elsewhere `ps` knows the start, to the second.
#[cfg(not(target_os = "linux"))]
fn start_of(pid: i32) -> io::Result<Option<String>> {
    let output = std::process::Command::new("ps")
        .env("LC_ALL", "C")
        .args(["-o", "stat=,lstart=", "-p", &pid.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(text.split_once(' ').filter(|(stat, _)| !stat.starts_with('Z')).map(|(_, s)| s.into()))
}

/// The file that lists our children.
#[derive(Debug)]
pub(super) struct Registry {
    path: PathBuf,
    children: Mutex<Vec<Identity>>,
}

impl Registry {
    /// Ends what an earlier supervisor left running and begins an empty list. It takes seconds if
    /// a process does not end when asked.
    pub(super) fn take_over(path: &Path) -> Result<Self> {
        let left: Vec<Identity> = files::read_json(path).ok().flatten().unwrap_or_default();
        for orphan in &left {
            orphan.end();
        }
        files::write_json(path, &Vec::<Identity>::new())?;
        Ok(Self { path: path.to_owned(), children: Mutex::default() })
    }

    /// Remembers a child that was just started.
    pub(super) fn add(&self, pid: u32) -> Result<()> {
        let identity = i32::try_from(pid).ok().and_then(Identity::of);
        self.change(|children| children.extend(identity))
    }

    /// Forgets a child that has ended.
    pub(super) fn remove(&self, pid: u32) -> Result<()> {
        self.change(|children| children.retain(|child| u32::try_from(child.pid) != Ok(pid)))
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Identity>)) -> Result<()> {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut children);
        files::write_json(&self.path, &*children)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::CommandExt,
        process::{Child, Command},
    };

    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("600").process_group(0).spawn().unwrap()
    }

    #[test]
    fn what_was_left_running_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("children.json");
        let mut child = sleeper();
        Registry::take_over(&path).unwrap().add(child.id()).unwrap();
        Registry::take_over(&path).unwrap();
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_process_that_only_has_the_id_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("children.json");
        let mut child = sleeper();
        let stranger = Identity { pid: child.id().cast_signed(), start: "another one".into() };
        files::write_json(&path, &[stranger]).unwrap();
        Registry::take_over(&path).unwrap();
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
