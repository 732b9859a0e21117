//! Connects to the engine, or says in the vendor's words why that is not possible and what to do.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{API_DEFAULT_VERSION, Docker};

use super::endpoint::{self, Endpoint, TlsFolder};
use crate::error::{Error, ErrorKind, Result};

/// A living engine answers a ping in milliseconds; one that hangs should not hold up a plan.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Bounds the time to the first byte of any answer. Stopping a container answers only when it has
/// stopped, so this is longer than any stop timeout.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Connects to the engine that the docker command would use, and checks that it answers.
pub async fn connect() -> Result<Docker> {
    let endpoint = endpoint::choose(&|name| std::env::var(name).ok(), &|path| path.exists())?;
    reach(&endpoint, PING_TIMEOUT).await.map_err(|error| unreachable(&endpoint, &error))
}

async fn reach(endpoint: &Endpoint, timeout: Duration) -> Result<Docker, bollard::errors::Error> {
    let docker = open(endpoint)?;
    let ping = tokio::time::timeout(timeout, docker.negotiate_version()).await;
    ping.map_err(|_| bollard::errors::Error::RequestTimeoutError)?
}

fn open(endpoint: &Endpoint) -> Result<Docker, bollard::errors::Error> {
    let seconds = REQUEST_TIMEOUT.as_secs();
    match endpoint {
        Endpoint::Unix(path) => {
            Docker::connect_with_unix(&path.to_string_lossy(), seconds, API_DEFAULT_VERSION)
        }
        Endpoint::Tcp(address) => Docker::connect_with_http(address, seconds, API_DEFAULT_VERSION),
        Endpoint::Tls(address, TlsFolder(folder)) => Docker::connect_with_ssl(
            address,
            &folder.join("key.pem"),
            &folder.join("cert.pem"),
            &folder.join("ca.pem"),
            seconds,
            API_DEFAULT_VERSION,
        ),
    }
}

fn unreachable(endpoint: &Endpoint, error: &bollard::errors::Error) -> Error {
    let message = format!("the Docker engine at {endpoint} cannot be reached");
    let told = Error::new(ErrorKind::Unavailable, message).because(error);
    match (endpoint, io_kind(error)) {
        (Endpoint::Unix(_), Some(io::ErrorKind::PermissionDenied)) => Error {
            kind: ErrorKind::Denied,
            ..told.hint("add yourself to the group that owns the socket: `sudo usermod -aG docker $USER`, then log in again")
        },
        (Endpoint::Unix(_), Some(io::ErrorKind::NotFound)) if !has_docker_command() => {
            told.hint("install Docker: https://docs.docker.com/get-started/get-docker/")
        }
        (Endpoint::Unix(_), _) => told.hint(
            "start it: `sudo systemctl start docker`, or open Docker Desktop",
        ),
        (Endpoint::Tcp(_) | Endpoint::Tls(..), _) => {
            told.hint("check DOCKER_HOST, or `docker context ls`, and that the engine runs there")
        }
    }
}

/// The kind of the I/O error at the bottom of the chain, if there is one.
fn io_kind(error: &bollard::errors::Error) -> Option<io::ErrorKind> {
    match error {
        bollard::errors::Error::SocketNotFoundError(_) => return Some(io::ErrorKind::NotFound),
        bollard::errors::Error::IOError { err } => return Some(err.kind()),
        _ => {}
    }
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut kind = None;
    while let Some(source) = next {
        kind = source.downcast_ref::<io::Error>().map(io::Error::kind).or(kind);
        next = source.source();
    }
    kind
}

fn has_docker_command() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir: PathBuf| dir.join("docker")).any(|file| is_file(&file))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_nobody_listens_on_is_unavailable_and_says_how_to_start_the_engine() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("docker.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bind"));
        let endpoint = Endpoint::Unix(path);

        let error = reach(&endpoint, PING_TIMEOUT).await.expect_err("nobody listens");
        let told = unreachable(&endpoint, &error);

        assert_eq!(told.kind, ErrorKind::Unavailable);
        assert!(told.causes.iter().any(|cause| cause.contains("refused")), "{:?}", told.causes);
        assert!(told.hints.iter().any(|hint| hint.contains("systemctl start docker")));
    }

    #[tokio::test]
    async fn a_missing_socket_is_named() {
        let endpoint = Endpoint::Unix("/nonexistent/docker.sock".into());
        let error = reach(&endpoint, PING_TIMEOUT).await.expect_err("no socket");
        assert_eq!(io_kind(&error), Some(io::ErrorKind::NotFound));
        assert!(unreachable(&endpoint, &error).message.contains("/nonexistent/docker.sock"));
    }

    #[tokio::test]
    async fn an_engine_that_never_answers_is_given_up() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("docker.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&path).expect("bind");
        let short = Duration::from_millis(20);

        let error = reach(&Endpoint::Unix(path), short).await.expect_err("no answer");

        assert!(matches!(error, bollard::errors::Error::RequestTimeoutError), "{error}");
    }

    #[test]
    fn a_socket_of_another_user_is_denied_with_the_way_in() {
        let error = bollard::errors::Error::IOError {
            err: io::Error::from(io::ErrorKind::PermissionDenied),
        };
        let told = unreachable(&Endpoint::Unix("/var/run/docker.sock".into()), &error);
        assert_eq!(told.kind, ErrorKind::Denied);
        assert!(told.hints[0].contains("usermod -aG docker"), "{:?}", told.hints);
    }
}
