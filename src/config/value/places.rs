//! Where things are: hosts, clouds, platforms, images.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Wrong, string};
use crate::config::{decode::FromNode, diagnostic::Problems, node::Node};

/// A host name such as `board.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostName(pub(crate) String);
string_value!(
    HostName,
    "a host name such as board.example.com",
    {"type": "string", "format": "hostname"},
    host_name
);

fn host_name(written: &str) -> Result<HostName, Wrong> {
    if written.contains("://") || written.contains(['/', ':']) {
        return Err(Wrong::new(format!("{written:?} is no host name"))
            .hint("write the name alone, without https://, port and path"));
    }
    if !is_host(written) || !written.contains('.') {
        return Err(Wrong::new(format!("{written:?} is no host name"))
            .hint("a host name has lower-case letters, digits and hyphens between its dots"));
    }
    Ok(HostName(written.to_owned()))
}

/// The rules of RFC 1123, lower case only.
fn is_host(text: &str) -> bool {
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(valid)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// The base URL of an origin: scheme, host and port alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OriginUrl(pub(crate) String);
string_value!(
    OriginUrl,
    "a URL such as https://app.example.net",
    {"type": "string", "format": "uri", "pattern": "^https?://[^/@?#]+/?$"},
    origin_url
);

fn origin_url(written: &str) -> Result<OriginUrl, Wrong> {
    let wrong = || {
        Wrong::new(format!("{written:?} is no origin"))
            .hint("write scheme, host and port alone: https://app.example.net")
    };
    let rest = written
        .strip_prefix("https://")
        .or_else(|| written.strip_prefix("http://"))
        .ok_or_else(wrong)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if !is_host(host) || !port_fits {
        return Err(wrong());
    }
    Ok(OriginUrl(written.trim_end_matches('/').to_owned()))
}

/// Where the ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerUrl(pub(crate) String);
string_value!(
    LedgerUrl,
    "a URL such as s3://bucket/prefix",
    {"type": "string", "pattern": "^(s3|az|file)://."},
    ledger_url
);

fn ledger_url(written: &str) -> Result<LedgerUrl, Wrong> {
    let known = ["s3://", "az://", "file:///"];
    let rest = known.iter().find_map(|scheme| written.strip_prefix(scheme));
    if rest.is_none_or(|rest| rest.is_empty() || rest.contains(char::is_whitespace)) {
        return Err(Wrong::new(format!("{written:?} is no place for the ledger"))
            .hint("write s3://bucket, az://account/container or file:///folder"));
    }
    Ok(LedgerUrl(written.to_owned()))
}

/// The region of a cloud, checked for its form alone: clouds add regions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region(pub(crate) String);
string_value!(
    Region,
    "a region",
    {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
    region
);

fn region(written: &str) -> Result<Region, Wrong> {
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !written.split('-').all(|part| !part.is_empty() && part.chars().all(valid)) {
        return Err(Wrong::new(format!("{written:?} is no region"))
            .hint("write it as the cloud does, e.g. eu-west-1 or westeurope"));
    }
    Ok(Region(written.to_owned()))
}

/// A platform such as `linux/amd64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Platform(pub(crate) String);
string_value!(
    Platform,
    "a platform such as linux/amd64",
    {"type": "string", "pattern": "^linux/[a-z0-9]+(/v[0-9]+)?$"},
    platform
);

fn platform(written: &str) -> Result<Platform, Wrong> {
    let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    let parts: Vec<&str> = written.split('/').collect();
    if !matches!(parts.as_slice(), ["linux", rest @ ..]
        if matches!(rest.len(), 1 | 2) && rest.iter().all(|part| word(part)))
    {
        return Err(Wrong::new(format!("{written:?} is no platform"))
            .hint("write linux/amd64 or linux/arm64"));
    }
    Ok(Platform(written.to_owned()))
}

/// The reference of an image such as `postgres:16`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageRef(pub(crate) String);
string_value!(
    ImageRef,
    "an image such as postgres:16",
    {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._:/@-]*$"},
    image_ref
);

fn image_ref(written: &str) -> Result<ImageRef, Wrong> {
    let valid = |c: char| c.is_ascii_alphanumeric() || "._:/@-".contains(c);
    let begins = written.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins || !written.chars().all(valid) {
        return Err(Wrong::new(format!("{written:?} is no image"))
            .hint("write a name and a tag or digest, e.g. postgres:16"));
    }
    Ok(ImageRef(written.to_owned()))
}
