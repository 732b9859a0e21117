//! Who wants or holds a lock, as the others are told.

use std::fmt;

use jiff::Timestamp;
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};
use serde::{Deserialize, Serialize};

use crate::ledger::document::Format;

/// Who wants the lock, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// `user@host`.
    pub holder: String,
    /// The process.
    pub pid: u32,
    /// What it runs, e.g. `mizan deploy`.
    pub command: String,
    /// When it asked.
    pub since: Timestamp,
}

impl Claim {
    /// The claim of this process.
    pub fn of_this_process(command: impl Into<String>, since: Timestamp) -> Self {
        let user = std::env::var("USER").unwrap_or_else(|_| {
            // No login shell, no USER: services and containers.
            format!("uid {}", rustix::process::getuid().as_raw())
        });
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let pid = std::process::id();
        Self { holder: format!("{user}@{host}"), pid, command: command.into(), since }
    }

    /// True if a process of its number runs on this machine, where the claim must be from.
    pub(in crate::ledger) fn is_alive(&self) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        // A process of another user is alive too, it only may not be signalled.
        pid.is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM)))
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { holder, pid, command, since } = self;
        write!(f, "{holder} runs `{command}` since {since} (process {pid})")
    }
}

/// Who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Who, and what for.
    #[serde(flatten)]
    pub claim: Claim,
    /// Its fencing number.
    pub fencing: u64,
}

impl Format for Holder {
    const NAME: &'static str = "mizan-lock";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_claims_under_its_own_number() {
        let claim = Claim::of_this_process("mizan deploy", Timestamp::UNIX_EPOCH);
        assert_eq!(claim.pid, std::process::id());
        assert!(claim.holder.contains('@'), "{}", claim.holder);
    }
}
