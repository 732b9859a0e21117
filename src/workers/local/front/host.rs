//! The Host check: which names a visitor may use.
//!
//! A page of a foreign site can make a browser send requests to 127.0.0.1 under its own name (DNS
//! rebinding). Answering only to names that are ours takes that away.

use std::collections::BTreeSet;

use hyper::{Request, header, http::uri::Authority};

/// Always ours: they cannot point anywhere else.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The host names that are answered.
#[derive(Debug, Clone)]
pub(super) struct AllowedHosts(BTreeSet<String>);

/// Why a request's host is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// None, several, or one that is no host name: 400 (RFC 9112, 3.2).
    Malformed,
    /// Somebody else's: 421 (RFC 9110, 15.5.20).
    Foreign,
}

impl AllowedHosts {
    pub(super) fn new(names: &[String]) -> Self {
        let names = names.iter().map(|name| name.to_ascii_lowercase());
        Self(LOOPBACK.map(str::to_owned).into_iter().chain(names).collect())
    }

    /// The host that the request is for, with its port, if it is one of ours.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<Authority, Refused> {
        let authority = authority(request).ok_or(Refused::Malformed)?;
        let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
        if self.0.contains(&name) { Ok(authority) } else { Err(Refused::Foreign) }
    }
}

/// A request target with an authority wins over the Host header (RFC 9112, 3.2.2), but exactly one
/// header has to be there.
fn authority<B>(request: &Request<B>) -> Option<Authority> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (headers.next(), headers.next()) else { return None };
    let from_header: Authority = host.to_str().ok()?.parse().ok()?;
    let authority = request.uri().authority().cloned().unwrap_or(from_header);
    let is_plain = !authority.as_str().contains('@') && has_valid_port(&authority);
    is_plain.then_some(authority)
}

/// `localhost:` and `localhost:x` parse as authorities, but they name no port.
fn has_valid_port(authority: &Authority) -> bool {
    authority.as_str() == authority.host() || authority.port_u16().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, hosts: &[&str]) -> Result<String, Refused> {
        let mut request = Request::get(uri);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let allowed = AllowedHosts::new(&["Board.localhost".into(), "board.example".into()]);
        allowed.check(&request.body(()).unwrap()).map(|authority| authority.to_string())
    }

    #[test]
    fn our_names_are_answered_in_any_spelling() {
        for host in [
            "board.localhost:8000",
            "BOARD.localhost",
            "board.localhost.:80",
            "board.example",
            "localhost:1",
            "127.0.0.1:8000",
            "[::1]:8000",
        ] {
            assert_eq!(check("/", &[host]).as_deref(), Ok(host));
        }
    }

    #[test]
    fn foreign_names_are_refused() {
        for host in [
            "evil.example",
            "board.localhost.evil.example",
            "xboard.localhost",
            "169.254.1.1",
            "[::2]",
        ] {
            assert_eq!(check("/", &[host]), Err(Refused::Foreign), "{host}");
        }
    }

    #[test]
    fn a_host_must_be_one_and_be_one() {
        for hosts in [
            &[][..],
            &["localhost", "localhost"],
            &["localhost", "evil.example"],
            &["evil@localhost"],
            &["localhost:"],
            &["localhost:x"],
            &["localhost:99999"],
            &["local host"],
            &[""],
        ] {
            assert_eq!(check("/", hosts), Err(Refused::Malformed), "{hosts:?}");
        }
    }

    #[test]
    fn a_target_with_an_authority_decides() {
        assert_eq!(check("http://evil.example/", &["localhost"]), Err(Refused::Foreign));
        assert_eq!(check("http://localhost/", &["evil.example"]).as_deref(), Ok("localhost"));
    }
}
