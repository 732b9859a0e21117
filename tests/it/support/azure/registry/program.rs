//! The process of a registry, with its images in a folder that goes with it.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, ChildStdin, Command, Stdio},
    thread,
};

use tempfile::TempDir;

use super::layers::Layers;

/// Ends the registry when standard input closes.
const SCRIPT: &str =
    "docker-registry serve \"$0\" 2>&1 & registry=$!; cat >/dev/null; kill $registry; wait";
/// What it says before its address.
const LISTENS: &str = "listening on ";

/// A running process.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    address: SocketAddr,
    layers: Layers,
    _folder: TempDir,
}

impl Program {
    /// Starts it on a free port of 127.0.0.1.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("config.yml");
        let images = folder.path().join("images");
        let text = format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
             http: {{addr: \"127.0.0.1:0\", relativeurls: true}}\n",
            images.display()
        );
        fs::write(&config, text).expect("a file");
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT])
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let stdin = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once(LISTENS)?;
            rest.split('"').next()?.parse().ok()
        });
        let address =
            address.expect("docker-registry starts; `scripts/tools.sh registry` installs it");
        // What it writes later must not fill the pipe.
        thread::spawn(move || lines.for_each(drop));
        Self { child, stdin, address, layers: Layers::of(&images), _folder: folder }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its layers.
    pub fn layers(&self) -> &Layers {
        &self.layers
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It has ended by itself if this fails.
        let _ = self.child.wait();
        self.layers.keep();
    }
}
