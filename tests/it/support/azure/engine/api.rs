//! The API of the local Docker engine, as far as the stand-in needs it. Values of apps go this way:
//! arguments and environments of commands can be read by others.

use std::{
    env,
    io::{Read, Write},
    os::unix::net::UnixStream,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE};
use serde_json::{Value, json};

use super::Login;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    /// Null if it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The answer if it says that all is well, else what it says.
    pub fn success(self) -> Result<Self, String> {
        if self.status < 400 {
            return Ok(self);
        }
        let told = self.json();
        Err(told["message"].as_str().unwrap_or("the engine does not say why").to_owned())
    }
}

/// Asks the engine. HTTP/1.0 needs no decoding: the end of the connection is the end of the body.
pub fn ask(method: &str, path: &str, headers: &[(&str, String)], body: &Value) -> Answer {
    let socket = env::var("DOCKER_HOST").unwrap_or_default();
    let socket = socket.strip_prefix("unix://").unwrap_or("/var/run/docker.sock");
    let mut stream = UnixStream::connect(socket).expect("the Docker engine runs");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut head = format!("{method} {path} HTTP/1.0\r\ncontent-length: {}\r\n", body.len());
    if !body.is_empty() {
        head += "content-type: application/json\r\n";
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    write!(stream, "{head}\r\n{body}").expect("the request is taken");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    Answer { status: status.expect("an answer has a status"), body: answer.split_off(end + 4) }
}

/// Fetches an image. The error is the engine's reason.
pub fn pull(image: &str, login: &Login) -> Result<(), String> {
    let (name, tag) = split(image);
    let credentials = json!({"username": login.user, "password": login.password,
                             "serveraddress": login.server});
    let header = ("x-registry-auth", BASE64_URL_SAFE.encode(credentials.to_string()));
    let query = serde_urlencoded::to_string([("fromImage", name), ("tag", tag)]).expect("a query");
    let answer =
        ask("POST", &format!("/images/create?{query}"), &[header], &Value::Null).success()?;
    // It says that all is well before it knows.
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let told = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    match told.filter_map(|it| it["error"].as_str().map(str::to_owned)).next() {
        Some(reason) => Err(reason),
        None => Ok(()),
    }
}

/// Forgets the names that images have in a registry; an image goes with its last name.
pub fn forget_images(registry: &str) {
    let prefix = format!("{registry}/");
    let images = ask("GET", "/images/json?digests=1", &[], &Value::Null).json();
    let names = images.as_array().into_iter().flatten().flat_map(|image| {
        ["RepoTags", "RepoDigests"].into_iter().flat_map(|it| image[it].as_array()).flatten()
    });
    for name in names.filter_map(Value::as_str).filter(|name| name.starts_with(&prefix)) {
        // One that somebody else removes is gone as well.
        ask("DELETE", &format!("/images/{name}"), &[], &Value::Null);
    }
}

/// The name of an image, and its tag or digest.
fn split(image: &str) -> (&str, &str) {
    if let Some(digested) = image.split_once('@') {
        return digested;
    }
    let in_name = image.rfind('/').unwrap_or_default();
    match image.rfind(':').filter(|at| *at > in_name) {
        Some(at) => (&image[..at], &image[at + 1..]),
        None => (image, "latest"),
    }
}

/// What a container wrote, of the frames that the engine puts it in.
pub fn unframed(mut frames: &[u8]) -> String {
    let mut text = Vec::new();
    while let Some((head, rest)) = frames.split_at_checked(8) {
        let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
        text.extend_from_slice(&rest[..length]);
        frames = &rest[length..];
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_tags_digests_or_nothing() {
        assert_eq!(split("127.0.0.1:5000/app:1"), ("127.0.0.1:5000/app", "1"));
        assert_eq!(split("127.0.0.1:5000/app"), ("127.0.0.1:5000/app", "latest"));
        assert_eq!(split("r/app@sha256:00"), ("r/app", "sha256:00"));
    }

    #[test]
    fn frames_are_taken_off() {
        let frames = [&[1, 0, 0, 0, 0, 0, 0, 3][..], b"one", &[2, 0, 0, 0, 0, 0, 0, 2], b"\n2"];
        assert_eq!(unframed(&frames.concat()), "one\n2");
    }
}
