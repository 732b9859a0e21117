//! Paths: in the container, in URLs, on this machine.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Wrong, string};
use crate::config::{decode::FromNode, diagnostic::Problems, node::Node};

/// An absolute path inside the container, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContainerPath(pub(crate) String);
string_value!(
    ContainerPath,
    "an absolute path",
    {"type": "string", "pattern": "^/."},
    container_path
);

fn container_path(written: &str) -> Result<ContainerPath, Wrong> {
    if !written.starts_with('/') {
        return Err(Wrong::new(format!("{written:?} is no absolute path"))
            .hint("paths inside the container begin with /"));
    }
    if written.split('/').any(|part| part == ".." || part == ".") {
        return Err(Wrong::new(format!("{written:?} has `.` or `..` in it")));
    }
    let path = written.trim_end_matches('/');
    if path.is_empty() {
        return Err(Wrong::new("the root folder cannot be meant here"));
    }
    if written.contains([':', '\0', '\n']) {
        return Err(Wrong::new(format!("{written:?} has a character that no engine takes")));
    }
    Ok(ContainerPath(path.to_owned()))
}

/// The path of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UrlPath(pub(crate) String);
string_value!(
    UrlPath,
    "a URL path such as /healthz",
    {"type": "string", "pattern": "^/"},
    url_path
);

fn url_path(written: &str) -> Result<UrlPath, Wrong> {
    if !written.starts_with('/') || written.starts_with("//") {
        return Err(Wrong::new(format!("{written:?} is no URL path"))
            .hint("it begins with one slash, e.g. /healthz"));
    }
    if let Some(bad) = written.chars().find(|c| !c.is_ascii_graphic() || *c == '#') {
        return Err(Wrong::new(format!("a URL path cannot have {bad:?} in it")));
    }
    Ok(UrlPath(written.to_owned()))
}

/// A folder of URLs: a URL path with a slash at both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UrlPrefix(pub(crate) String);
string_value!(
    UrlPrefix,
    "a URL prefix such as /static/",
    {"type": "string", "pattern": "^/(.*/)?$"},
    url_prefix
);

fn url_prefix(written: &str) -> Result<UrlPrefix, Wrong> {
    let UrlPath(path) = url_path(written)?;
    if !path.ends_with('/') || path == "/" || path.contains('?') {
        return Err(Wrong::new(format!("{written:?} is no URL prefix"))
            .hint("it begins and ends with a slash, e.g. /static/"));
    }
    Ok(UrlPrefix(path))
}

/// A path on this machine, relative to the folder of mizan.yaml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPath(pub(crate) String);
string_value!(HostPath, "a path", {"type": "string", "minLength": 1}, host_path);

fn host_path(written: &str) -> Result<HostPath, Wrong> {
    if written.is_empty() || written.contains('\0') {
        return Err(Wrong::new("the path is empty"));
    }
    Ok(HostPath(written.to_owned()))
}
