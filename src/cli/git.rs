//! The commit a release is made from, for the ledger. A checkout without git has none.

use std::{path::Path, process::Command};

use crate::ledger::GitRevision;

/// The revision of the checkout at `root`, if it is a git checkout and git is installed.
pub fn revision(root: &Path) -> Option<GitRevision> {
    let revision = git(root, &["rev-parse", "--verify", "HEAD"])?;
    // Only what lies below the app counts: another folder of a monorepo makes no release dirty.
    let status = git(root, &["status", "--porcelain", "--untracked-files=normal", "--", "."])?;
    Some(GitRevision { revision, dirty: !status.is_empty() })
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
