//! The blobs of a storage account: Azurite, a program of Microsoft's own (`tests/support/azurite`).
//! It ends when its standard input closes, so with this process at the latest.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    thread,
};

/// What it says before its address.
const LISTENS: &str = "successfully listens on ";

/// A running Azurite with one account; its blobs go when it is dropped.
#[derive(Debug)]
pub struct Azurite {
    child: Child,
    stdin: Option<ChildStdin>,
    address: SocketAddr,
}

impl Azurite {
    /// Starts one. The key is in Base64.
    pub fn start(account: &str, key: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/azurite");
        let mut child = Command::new("node")
            .arg("server.mjs")
            .current_dir(folder)
            .env("AZURITE_ACCOUNTS", format!("{account}:{key}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs");
        let stdin = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, address) = line.split_once(LISTENS)?;
            address.trim_start_matches("http://").parse().ok()
        });
        let address = address.expect("Azurite starts; `scripts/tools.sh azurite` installs it");
        // What it writes later must not fill the pipe.
        thread::spawn(move || lines.for_each(drop));
        Self { child, stdin, address }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It has ended by itself if this fails.
        let _ = self.child.wait();
    }
}
