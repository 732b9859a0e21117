//! Which engine to talk to, decided as the docker command decides it: `DOCKER_HOST`, else the
//! current context, else the usual sockets.

use std::path::{Path, PathBuf};

use super::config;
use crate::error::{Error, ErrorKind, Result};

/// The files that prove who we are to an engine over TLS, and who it is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsFolder(pub PathBuf);

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// A socket in the file system.
    Unix(PathBuf),
    /// Plain TCP, `host:port`.
    Tcp(String),
    /// TCP with TLS, `host:port`.
    Tls(String, TlsFolder),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) | Self::Tls(address, _) => write!(f, "tcp://{address}"),
        }
    }
}

/// Chooses the endpoint from environment variables and the files in `~/.docker`.
///
/// `exists` tells whether a default socket is there; the first that is wins, and if none is, the
/// first of the list is the one whose absence is reported.
pub(super) fn choose(
    var: &dyn Fn(&str) -> Option<String>,
    exists: &dyn Fn(&Path) -> bool,
) -> Result<Endpoint> {
    let var = |name: &str| var(name).filter(|value| !value.is_empty());
    let folder = config::folder(&var);
    if let Some(host) = var("DOCKER_HOST") {
        return parse(&host, tls_folder(&var, folder.as_deref()));
    }
    if let Some(folder) = folder.as_deref() {
        let name = match var("DOCKER_CONTEXT") {
            Some(name) => Some(name),
            None => config::read(folder)?.current_context,
        };
        if let Some(name) = name.filter(|name| !name.is_empty() && name != "default") {
            let context = config::read_context(folder, &name)?;
            return parse(&context.host, context.tls.map(TlsFolder));
        }
    }
    let sockets = default_sockets(&var);
    let found = sockets.iter().find(|path| exists(path)).or(sockets.first());
    Ok(Endpoint::Unix(found.cloned().unwrap_or_default()))
}

fn default_sockets(var: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
    sockets.extend(var("HOME").map(|home| Path::new(&home).join(".docker/run/docker.sock")));
    sockets.extend(var("XDG_RUNTIME_DIR").map(|dir| Path::new(&dir).join("docker.sock")));
    sockets
}

/// TLS is asked for by `DOCKER_TLS_VERIFY` (the docker command) or `DOCKER_CERT_PATH` (its
/// libraries); either way the engine is verified.
fn tls_folder(
    var: &dyn Fn(&str) -> Option<String>,
    docker_folder: Option<&Path>,
) -> Option<TlsFolder> {
    let certificates = var("DOCKER_CERT_PATH").map(PathBuf::from);
    match var("DOCKER_TLS_VERIFY") {
        None => certificates.map(TlsFolder),
        Some(_) => certificates.or_else(|| docker_folder.map(Path::to_owned)).map(TlsFolder),
    }
}

fn parse(host: &str, tls: Option<TlsFolder>) -> Result<Endpoint> {
    let (scheme, rest) = host.split_once("://").unwrap_or(("unix", host));
    let tcp = |default_port: u16| {
        let address = rest.trim_end_matches('/');
        let has_port =
            address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if has_port { address.to_owned() } else { format!("{address}:{default_port}") }
    };
    match (scheme, tls) {
        ("unix", _) => Ok(Endpoint::Unix(PathBuf::from(rest))),
        ("http", _) | ("tcp", None) => Ok(Endpoint::Tcp(tcp(2375))),
        ("tcp" | "https", Some(tls)) => Ok(Endpoint::Tls(tcp(2376), tls)),
        ("ssh", _) => Err(unsupported(host)
            .cause("mizan does not speak to Docker over ssh")
            .hint("forward its socket: `ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST`, then DOCKER_HOST=unix:///tmp/docker.sock")
            .hint("or go back to the engine of this machine: `docker context use default`")),
        _ => Err(unsupported(host).hint("DOCKER_HOST takes unix:///path and tcp://host:port")),
    }
}

fn unsupported(host: &str) -> Error {
    Error::new(ErrorKind::Unavailable, format!("the Docker engine at {host} cannot be used"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(vars: &[(&str, &str)], sockets: &[&str]) -> Result<Endpoint> {
        let var = |name: &str| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        choose(&var, &|path| sockets.iter().any(|socket| Path::new(socket) == path))
    }

    #[test]
    fn docker_host_wins() {
        let unix = chosen(&[("DOCKER_HOST", "unix:///x.sock"), ("DOCKER_CONTEXT", "no")], &[]);
        assert_eq!(unix, Ok(Endpoint::Unix("/x.sock".into())));
        let tcp = chosen(&[("DOCKER_HOST", "tcp://127.0.0.1:2375")], &[]);
        assert_eq!(tcp, Ok(Endpoint::Tcp("127.0.0.1:2375".into())));
        assert_eq!(
            chosen(&[("DOCKER_HOST", "tcp://engine")], &[]),
            Ok(Endpoint::Tcp("engine:2375".into()))
        );
    }

    #[test]
    fn tls_takes_its_certificates_from_their_path_or_the_docker_folder() {
        let tls = [("DOCKER_HOST", "tcp://engine"), ("DOCKER_TLS_VERIFY", "1")];
        let with_path = [tls[0], tls[1], ("DOCKER_CERT_PATH", "/certs")];
        let with_home = [tls[0], tls[1], ("HOME", "/home/a")];
        assert_eq!(
            chosen(&with_path, &[]),
            Ok(Endpoint::Tls("engine:2376".into(), TlsFolder("/certs".into())))
        );
        assert_eq!(
            chosen(&with_home, &[]),
            Ok(Endpoint::Tls("engine:2376".into(), TlsFolder("/home/a/.docker".into())))
        );
    }

    #[test]
    fn without_a_host_the_first_usual_socket_is_taken() {
        let home = [("HOME", "/nowhere"), ("XDG_RUNTIME_DIR", "/run/user/1000")];
        let rootless = chosen(&home, &["/run/user/1000/docker.sock"]);
        assert_eq!(rootless, Ok(Endpoint::Unix("/run/user/1000/docker.sock".into())));
        let desktop = chosen(&home, &["/nowhere/.docker/run/docker.sock"]);
        assert_eq!(desktop, Ok(Endpoint::Unix("/nowhere/.docker/run/docker.sock".into())));
        let none = chosen(&home, &[]);
        assert_eq!(none, Ok(Endpoint::Unix("/var/run/docker.sock".into())));
    }

    #[test]
    fn the_current_context_is_honoured_and_ssh_is_refused_with_a_way_out() {
        let folder = tempfile::tempdir().expect("temporary folder");
        std::fs::write(folder.path().join("config.json"), r#"{"currentContext":"remote"}"#)
            .expect("write");
        let config = folder.path().display().to_string();
        let vars = [("DOCKER_CONFIG", config.as_str())];
        let missing = chosen(&vars, &[]).expect_err("the context has no file");
        assert!(missing.message.contains("remote"), "{missing}");

        let ssh = chosen(&[("DOCKER_HOST", "ssh://me@server")], &[]).expect_err("ssh");
        assert_eq!(ssh.kind, ErrorKind::Unavailable);
        assert!(ssh.hints[0].contains("ssh -nNT -L"), "{:?}", ssh.hints);
    }
}
