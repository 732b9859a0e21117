//! The signature of a purge: over host, time, nonce and body, so that it is good for one Edge, for a
//! short time, once.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::{secret::SecretValue, workers::files::hex};

/// The header that carries it.
pub(super) const HEADER: &str = "mizan-signature";
const VERSION: &str = "v1";

/// What is signed beside the body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    /// The host of the public URL, with its port if that has one.
    pub host: &'a str,
    /// Seconds since 1970.
    pub time: i64,
    /// What no other request has.
    pub nonce: &'a str,
}

impl Signed<'_> {
    /// The header's value for this body.
    pub(super) fn header(&self, key: &SecretValue, body: &[u8]) -> String {
        let Self { host, time, nonce } = self;
        let host = host.to_ascii_lowercase();
        let body = hex(&Sha256::digest(body));
        let text = format!("{VERSION}\n{host}\n{time}\n{nonce}\n{body}");
        let signature = hex(&hmac(key.expose().as_bytes(), text.as_bytes()));
        format!("{VERSION},t={time},n={nonce},s={signature}")
    }
}

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    // It takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn the_mac_is_that_of_the_standard() {
        let mac = hex(&hmac(b"Jefe", b"what do ya want for nothing?"));
        assert_eq!(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    fn header(host: &str, time: i64, nonce: &str, key: &str, body: &str) -> String {
        let key = SecretValue::new(key.to_owned());
        Signed { host, time, nonce }.header(&key, body.as_bytes())
    }

    /// What `openssl dgst -sha256 -hmac` makes of the same text.
    #[test]
    fn the_header_is_that_of_the_contract() {
        let header =
            header("Shop.Example.com:8443", 1_700_000_000, "abc", "k", r#"{"invalidate":["*"]}"#);
        let signature = "9d4056115b689ad01b5bf458832d3b07b94c6817d6f08f9cad9fdc17b798a9d8";
        assert_eq!(header, format!("v1,t=1700000000,n=abc,s={signature}"));
    }

    #[test]
    fn whatever_differs_is_signed() {
        let signature = |header: String| header.rsplit_once("s=").unwrap().1.to_owned();
        let first = signature(header("a", 1, "n", "k", "b"));
        for other in [
            header("c", 1, "n", "k", "b"),
            header("a", 2, "n", "k", "b"),
            header("a", 1, "m", "k", "b"),
            header("a", 1, "n", "l", "b"),
            header("a", 1, "n", "k", "c"),
        ] {
            assert_ne!(signature(other), first);
        }
        assert_eq!(signature(header("A", 1, "n", "k", "b")), first, "hosts have no case");
    }
}
