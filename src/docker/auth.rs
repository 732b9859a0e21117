//! The user's credentials for a registry: from `~/.docker/config.json` and credential helpers.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bollard::auth::DockerCredentials;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;

use super::config::{self, AuthEntry, DockerConfig};
use crate::{
    error::{Error, ErrorKind, Result},
    secret::SecretValue,
};

/// Docker Hub's key in `config.json`, older than its host names.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// Docker Hub as image names write it (or leave it out).
const HUB: &str = "docker.io";
/// A helper may ask the system's key ring; it should not wait for a person.
const HELPER_TIMEOUT: Duration = Duration::from_secs(20);
/// The user name that says "the secret is a token", by the helpers' protocol.
const TOKEN_USER: &str = "<token>";

/// What a registry accepts.
#[derive(Debug, Clone)]
pub enum RegistryCredentials {
    /// A user and a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: SecretValue,
    },
    /// An OAuth token.
    Token(SecretValue),
}

impl RegistryCredentials {
    /// The form that the engine takes.
    pub fn to_docker(&self, host: &str) -> DockerCredentials {
        let empty =
            DockerCredentials { serveraddress: Some(config_key(host)), ..Default::default() };
        match self {
            Self::Password { user, password } => DockerCredentials {
                username: Some(user.clone()),
                password: Some(password.expose().to_owned()),
                ..empty
            },
            Self::Token(token) => {
                DockerCredentials { identitytoken: Some(token.expose().to_owned()), ..empty }
            }
        }
    }
}

/// The registry that an image comes from, `docker.io` if its name says none.
pub fn registry_host(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => HUB,
    }
}

/// The key of a registry in `config.json` and for credential helpers.
pub(crate) fn config_key(host: &str) -> String {
    if host == HUB { HUB_KEY.to_owned() } else { host.to_owned() }
}

/// The user's credentials for a registry, or `None` for anonymous access.
pub async fn credentials_for(host: &str) -> Result<Option<RegistryCredentials>> {
    let Some(folder) = config::folder(&|name| std::env::var(name).ok()) else { return Ok(None) };
    let config = config::read(&folder)?;
    if let Some(helper) = helper_for(&config, host)
        && let Some(found) = ask_helper(helper, &config_key(host)).await?
    {
        return Ok(Some(found));
    }
    stored(&config, host)
}

/// A helper of the registry's own wins over the one for all.
fn helper_for<'a>(config: &'a DockerConfig, host: &str) -> Option<&'a str> {
    config
        .cred_helpers
        .iter()
        .find(|(key, _)| same_registry(key, host))
        .map(|(_, helper)| helper)
        .or(config.creds_store.as_ref())
        .map(String::as_str)
}

/// `config.json` has keys with and without scheme and path.
fn same_registry(key: &str, host: &str) -> bool {
    let bare = key.trim_start_matches("https://").trim_start_matches("http://");
    let bare = bare.split('/').next().unwrap_or_default();
    bare == host || (host == HUB && matches!(bare, "index.docker.io" | "registry-1.docker.io"))
}

fn stored(config: &DockerConfig, host: &str) -> Result<Option<RegistryCredentials>> {
    match config.auths.iter().find(|(key, _)| same_registry(key, host)) {
        Some((key, entry)) => decode(entry).ok_or_else(|| {
            Error::new(ErrorKind::Denied, format!("the credentials for {key} cannot be read"))
                .cause("their `auth` in ~/.docker/config.json is not `user:password` in base64")
                .hint(format!("log in again: `docker login {host}`"))
        }),
        None => Ok(None),
    }
}

/// `None` if the entry is malformed, `Some(None)` if it is empty (as helpers leave it behind).
fn decode(entry: &AuthEntry) -> Option<Option<RegistryCredentials>> {
    if let Some(token) = entry.identitytoken.as_ref().filter(|token| !token.is_empty()) {
        return Some(Some(RegistryCredentials::Token(SecretValue::new(token.clone()))));
    }
    if let (Some(user), Some(password)) = (&entry.username, &entry.password) {
        return Some(Some(password_of(user, password)));
    }
    let Some(encoded) = entry.auth.as_ref().filter(|auth| !auth.is_empty()) else {
        return Some(None);
    };
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    // Docker pads some passwords with NUL.
    Some(Some(password_of(user, password.trim_end_matches('\0'))))
}

fn password_of(user: &str, password: &str) -> RegistryCredentials {
    RegistryCredentials::Password {
        user: user.to_owned(),
        password: SecretValue::new(password.to_owned()),
    }
}

async fn ask_helper(helper: &str, key: &str) -> Result<Option<RegistryCredentials>> {
    let program = format!("docker-credential-{helper}");
    let broken = |why: String| {
        Error::new(ErrorKind::Denied, format!("{program} gave no credentials for {key}"))
            .cause(why)
            .hint("it is configured in ~/.docker/config.json; `docker login` uses it too")
    };
    let output = tokio::time::timeout(HELPER_TIMEOUT, run_helper(&program, key))
        .await
        .map_err(|_| broken(format!("no answer within {} s", HELPER_TIMEOUT.as_secs())))?
        .map_err(|error| broken(error.to_string()))?;
    parse_answer(&output).map_err(broken)
}

async fn run_helper(program: &str, key: &str) -> std::io::Result<Output> {
    let mut child = tokio::process::Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(key.as_bytes()).await?;
    }
    child.wait_with_output().await
}

fn parse_answer(output: &Output) -> Result<Option<RegistryCredentials>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    if !output.status.success() {
        // Helpers print their errors to standard output.
        let said = String::from_utf8_lossy(&output.stdout);
        let known = said.contains("credentials not found") || said.contains("no credentials");
        return if known { Ok(None) } else { Err(said.trim().to_owned()) };
    }
    let answer: Answer =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("its answer: {error}"))?;
    Ok(match answer.username.as_str() {
        "" => None,
        TOKEN_USER => Some(RegistryCredentials::Token(SecretValue::new(answer.secret))),
        user => Some(password_of(user, &answer.secret)),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn config(json: &str) -> DockerConfig {
        serde_json::from_str(json).expect("valid configuration")
    }

    fn user_and_password(found: Option<RegistryCredentials>) -> (String, String) {
        match found.expect("credentials") {
            RegistryCredentials::Password { user, password } => {
                (user, password.expose().to_owned())
            }
            RegistryCredentials::Token(_) => panic!("a token"),
        }
    }

    #[test]
    fn an_image_names_its_registry_only_with_a_dot_a_port_or_localhost() {
        for (image, host) in [
            ("python:3.12-slim", "docker.io"),
            ("oven/bun:1", "docker.io"),
            ("ghcr.io/astral-sh/uv:latest", "ghcr.io"),
            ("localhost/x", "localhost"),
            ("registry:5000/team/x", "registry:5000"),
        ] {
            assert_eq!(registry_host(image), host, "{image}");
        }
    }

    #[test]
    fn stored_credentials_are_found_under_every_spelling_of_the_registry() {
        let encoded = STANDARD.encode("ann:p:w");
        for key in ["ghcr.io", "https://ghcr.io", "https://ghcr.io/v2/"] {
            let config = config(&format!(r#"{{"auths":{{"{key}":{{"auth":"{encoded}"}}}}}}"#));
            let found = stored(&config, "ghcr.io").expect("readable");
            assert_eq!(user_and_password(found), ("ann".into(), "p:w".into()), "{key}");
        }
        let hub = config(&format!(r#"{{"auths":{{"{HUB_KEY}":{{"auth":"{encoded}"}}}}}}"#));
        assert!(stored(&hub, HUB).expect("readable").is_some());
        assert!(stored(&hub, "ghcr.io").expect("readable").is_none());
    }

    #[test]
    fn an_empty_entry_means_anonymous_and_a_malformed_one_is_an_error() {
        let empty = config(r#"{"auths":{"ghcr.io":{}}}"#);
        assert!(stored(&empty, "ghcr.io").expect("readable").is_none());
        let broken = config(r#"{"auths":{"ghcr.io":{"auth":"!!"}}}"#);
        assert_eq!(stored(&broken, "ghcr.io").expect_err("no base64").kind, ErrorKind::Denied);
    }

    #[test]
    fn a_registrys_own_helper_wins() {
        let config = config(r#"{"credsStore":"desktop","credHelpers":{"ghcr.io":"gh"}}"#);
        assert_eq!(helper_for(&config, "ghcr.io"), Some("gh"));
        assert_eq!(helper_for(&config, HUB), Some("desktop"));
    }

    #[test]
    fn a_helpers_answers_are_told_apart() {
        let output = |code: i32, stdout: &str| Output {
            status: std::process::ExitStatus::from_raw(code << 8),
            stdout: stdout.into(),
            stderr: Vec::new(),
        };
        let found = parse_answer(&output(0, r#"{"ServerURL":"x","Username":"u","Secret":"s"}"#));
        assert_eq!(user_and_password(found.expect("valid")), ("u".into(), "s".into()));
        let token = parse_answer(&output(0, r#"{"Username":"<token>","Secret":"s"}"#));
        assert!(matches!(token, Ok(Some(RegistryCredentials::Token(_)))));
        let none = parse_answer(&output(1, "credentials not found in native keychain\n"));
        assert!(matches!(none, Ok(None)));
        let locked = parse_answer(&output(1, "the key ring is locked\n"));
        assert_eq!(locked.expect_err("locked"), "the key ring is locked");
    }
}
