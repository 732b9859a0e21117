//! Azurite, Microsoft's own emulator of Azure Storage, one for all tests of this process.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
    thread,
};

/// The storage account that it has.
pub const ACCOUNT: &str = "ledgers1";
/// Its key.
pub const KEY: &str = "Y2FuYXJ5LWF6dXJlLXN0b3JhZ2Uta2V5LTdiMDE=";

/// A running emulator; it ends when this process does.
struct Azurite {
    url: String,
    _child: Child,
    _stdin: ChildStdin,
}

/// The address of the account's blobs.
pub fn endpoint() -> String {
    static AZURITE: OnceLock<Azurite> = OnceLock::new();
    format!("{}/{ACCOUNT}/", AZURITE.get_or_init(start).url)
}

fn start() -> Azurite {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/azurite");
    assert!(folder.join("node_modules").is_dir(), "run scripts/tools.sh azurite");
    let mut child = Command::new("node")
        .arg("server.mjs")
        .current_dir(folder)
        .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node");
    let stdin = child.stdin.take().expect("a pipe");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut said = String::new();
    let url = loop {
        let begin = said.len();
        assert_ne!(stdout.read_line(&mut said).expect("a line"), 0, "it did not start: {said}");
        if let Some((_, url)) = said[begin..].split_once("listens on ") {
            break url.trim().to_owned();
        }
    };
    // What it writes later must not fill the pipe.
    thread::spawn(move || stdout.read_to_end(&mut Vec::new()));
    Azurite { url, _child: child, _stdin: stdin }
}
