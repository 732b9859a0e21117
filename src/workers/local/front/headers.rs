//! Header hygiene: what belongs to one connection stays there, and what only a proxy may say is
//! said by this one.

use std::net::IpAddr;

use hyper::{
    HeaderMap,
    header::{self, HeaderName, HeaderValue},
    http::uri::Authority,
};

/// Of one connection, not of the message (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What a proxy says about the visitor. From outside it is a lie or another proxy's business.
const SAID_BY_PROXIES: [&str; 5] =
    ["forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"];

/// Removes what concerns only the connection the message came over.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in nominated.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Makes a visitor's headers those of the request that the front sends on.
pub(super) fn for_upstream(headers: &mut HeaderMap, peer: IpAddr, host: &Authority) {
    strip_hop_by_hop(headers);
    // The front has answered it already: hyper sends "100 Continue" when the body is read.
    headers.remove(header::EXPECT);
    let spoofed: Vec<HeaderName> =
        headers.keys().filter(|name| is_said_by_proxies(name.as_str())).cloned().collect();
    for name in spoofed {
        headers.remove(name);
    }
    if let Ok(host) = HeaderValue::from_str(host.as_str()) {
        headers.insert(header::HOST, host.clone());
        headers.insert("x-forwarded-host", host);
    }
    if let Ok(peer) = HeaderValue::from_str(&peer.to_string()) {
        headers.insert("x-forwarded-for", peer);
    }
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
}

/// A server that follows CGI reads `X_Forwarded_For` and `X-Forwarded-For` as one name.
fn is_said_by_proxies(name: &str) -> bool {
    let name = name.replace('_', "-");
    name.starts_with("x-forwarded-") || SAID_BY_PROXIES.contains(&name.as_str())
}

/// Whether the visitor asks for a WebSocket. No other protocol is switched to: `h2c`, say, would
/// be a tunnel past every rule that the Edge has.
pub(super) fn asks_for_websocket(headers: &HeaderMap) -> bool {
    lists(headers, &header::CONNECTION, "upgrade") && lists(headers, &header::UPGRADE, "websocket")
}

/// Says again what [`strip_hop_by_hop`] has removed, for our own connection.
pub(super) fn ask_for_websocket(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn headers(list: &[(&str, &str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn sent_on(list: &[(&str, &str)]) -> HeaderMap {
        let mut headers = headers(list);
        let host = "board.localhost:8000".parse().unwrap();
        for_upstream(&mut headers, Ipv4Addr::LOCALHOST.into(), &host);
        headers
    }

    #[test]
    fn what_proxies_say_is_ours_alone() {
        let sent = sent_on(&[
            ("host", "other"),
            ("forwarded", "for=6.6.6.6"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "7.7.7.7"),
            ("x_forwarded_for", "6.6.6.6"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-prefix", "/admin"),
            ("x-real-ip", "6.6.6.6"),
            ("cf-connecting-ip", "6.6.6.6"),
            ("x-request-id", "kept"),
        ]);
        let expected = headers(&[
            ("host", "board.localhost:8000"),
            ("x-forwarded-host", "board.localhost:8000"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("x-request-id", "kept"),
        ]);
        assert_eq!(sent, expected);
    }

    #[test]
    fn what_belongs_to_the_connection_stays_behind() {
        let mut stripped = headers(&[
            ("connection", "close, X-Secret-Hop"),
            ("connection", "keep-alive"),
            ("x-secret-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("content-type", "text/plain"),
        ]);
        strip_hop_by_hop(&mut stripped);
        assert_eq!(stripped, headers(&[("content-type", "text/plain")]));
    }

    #[test]
    fn a_nominated_forwarding_header_is_still_set_by_us() {
        let sent = sent_on(&[("connection", "x-forwarded-for, host")]);
        assert_eq!(sent["x-forwarded-for"], "127.0.0.1");
        assert_eq!(sent["host"], "board.localhost:8000");
    }

    #[test]
    fn only_websockets_are_switched_to() {
        let asks = |list: &[(&str, &str)]| asks_for_websocket(&headers(list));
        assert!(asks(&[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")]));
        assert!(!asks(&[("connection", "upgrade"), ("upgrade", "h2c")]));
        assert!(!asks(&[("upgrade", "websocket")]));
    }
}
