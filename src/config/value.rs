//! The small values of mizan.yaml: durations, sizes, ports, paths. Each checks itself, so that
//! what was read is also right.

use std::{borrow::Cow, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    command,
    decode::{FromNode, Spanned, expected, text},
    diagnostic::Problems,
    node::{Kind, Node, Scalar},
};
use crate::model::{AppName, Command, CpuShares, EnvName, Memory, ServiceName};

/// A string value: how its JSON Schema calls and describes it, and how it is read.
macro_rules! string_value {
    ($name:ty, $title:literal, $schema:tt, $parse:expr) => {
        impl FromNode for $name {
            fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
                let written = text(node, $title, problems)?;
                match $parse(written) {
                    Ok(value) => Some(value),
                    Err(Wrong { message, hint }) => {
                        match hint {
                            Some(hint) => problems.hint(node.place(), message, hint),
                            None => problems.add(node.place(), message),
                        }
                        None
                    }
                }
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $title.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

/// Why a text is not the value it should be.
struct Wrong {
    message: String,
    hint: Option<String>,
}

impl Wrong {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

const NAME_PATTERN: &str = "^[a-z]([a-z0-9]|-[a-z0-9])*$";

macro_rules! name_value {
    ($name:ident, $title:literal) => {
        string_value!(
            $name,
            $title,
            {"type": "string", "pattern": NAME_PATTERN, "maxLength": $name::MAX},
            |written: &str| $name::new(written).map_err(|error| Wrong::new(error.to_string()))
        );
    };
}
name_value!(AppName, "an app name");
name_value!(EnvName, "an environment name");
name_value!(ServiceName, "a service name");

/// The name of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VarName(pub(crate) String);
string_value!(
    VarName,
    "a variable name",
    {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
    variable
);

fn variable(written: &str) -> Result<VarName, Wrong> {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if written.is_empty() || !written.chars().all(valid) || written.starts_with(char::is_numeric) {
        let message = format!("{written:?} is no name of an environment variable");
        return Err(Wrong::new(message).hint("use letters, digits and underscores"));
    }
    if written == "PORT" || written.starts_with("MIZAN_") {
        let message = format!("`{written}` is reserved: mizan sets it in every container");
        return Err(Wrong::new(message).hint("choose another name"));
    }
    Ok(VarName(written.to_owned()))
}

/// A time span such as `30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period(pub(crate) Duration);
string_value!(
    Period,
    "a duration such as 30s",
    {"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"},
    period
);

fn period(written: &str) -> Result<Period, Wrong> {
    /// Nothing in a deploy takes longer.
    const MAX: Duration = Duration::from_secs(366 * 24 * 3600);
    let (digits, unit) = number_and_unit(written);
    let milliseconds = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let wrong = || {
        Wrong::new(format!("{written:?} is no duration"))
            .hint("write a whole number and a unit: 500ms, 30s, 10m, 72h or 7d")
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let total = milliseconds.and_then(|unit| number.checked_mul(unit)).ok_or_else(wrong)?;
    let duration = Duration::from_millis(total);
    if duration > MAX {
        return Err(Wrong::new(format!("{written} is longer than a year")));
    }
    Ok(Period(duration))
}

fn number_and_unit(written: &str) -> (&str, &str) {
    let end = written.find(|c: char| !c.is_ascii_digit()).unwrap_or(written.len());
    written.split_at(end)
}

string_value!(
    Memory,
    "a size such as 512MiB",
    {"type": "string", "pattern": "^[0-9]+(MiB|GiB)$"},
    memory
);

fn memory(written: &str) -> Result<Memory, Wrong> {
    /// The least that container engines take.
    const MIN: u64 = 6 << 20;
    /// More than the largest machine on offer has.
    const MAX: u64 = 32 << 40;
    let (digits, unit) = number_and_unit(written);
    let shift = match unit {
        "MiB" => Some(20),
        "GiB" => Some(30),
        _ => None,
    };
    let wrong = || {
        Wrong::new(format!("{written:?} is no size"))
            .hint("write a whole number and a unit: 512MiB or 1GiB")
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let bytes = shift.and_then(|shift| number.checked_mul(1 << shift)).ok_or_else(wrong)?;
    if !(MIN..=MAX).contains(&bytes) {
        return Err(Wrong::new(format!("{written} is not between 6MiB and 32768GiB")));
    }
    Ok(Memory(bytes))
}

impl FromNode for CpuShares {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let cores = match node.scalar() {
            Some(Scalar::Int(number)) => number as f64,
            Some(Scalar::Float(number)) => number,
            _ => {
                let message = format!("expected a number of cores, found {}", node.describe());
                problems.hint(node.place(), message, "write cores without a unit: 0.5");
                return None;
            }
        };
        if !(0.01..=1024.0).contains(&cores) {
            problems.add(node.place(), "cpu is not between 0.01 and 1024 cores");
            return None;
        }
        // In range: at most 1,024,000.
        Some(Self((cores * 1000.0).round() as u32))
    }
}

impl JsonSchema for CpuShares {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "a number of cores".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "minimum": 0.01, "maximum": 1024})
    }
}

/// A whole number between two limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole<const MIN: u32, const MAX: u32>(pub(crate) u32);

/// A TCP port.
pub(crate) type Port = Whole<1, 65535>;

impl<const MIN: u32, const MAX: u32> FromNode for Whole<MIN, MAX> {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(Scalar::Int(number)) = node.scalar() else {
            return expected("a whole number", node, problems);
        };
        match u32::try_from(number) {
            Ok(number) if (MIN..=MAX).contains(&number) => Some(Self(number)),
            _ => {
                problems.add(node.place(), format!("{number} is not between {MIN} and {MAX}"));
                None
            }
        }
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Whole<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("a whole number from {MIN} to {MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": MIN, "maximum": MAX})
    }
}

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
            .hint("write s3://bucket, az://container or file:///folder"));
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

/// Any text that is not empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Word(pub(crate) String);
string_value!(Word, "a text", {"type": "string", "minLength": 1}, word);

fn word(written: &str) -> Result<Word, Wrong> {
    if written.is_empty() {
        return Err(Wrong::new("the text is empty"));
    }
    Ok(Word(written.to_owned()))
}

/// A scalar that becomes text as it is written: `1.10` stays `1.10`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Literal(pub(crate) String);

impl FromNode for Literal {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { text, .. } if !node.is_null() => literal(text, node, problems),
            _ => expected("a text, a number or a boolean", node, problems),
        }
    }
}

fn literal(text: &str, node: &Node, problems: &mut Problems) -> Option<Literal> {
    if text.contains('\0') {
        problems.add(node.place(), "the value has a NUL character in it");
        return None;
    }
    // Expansion would be silent, and differ between the callers' machines.
    if text.contains("${") {
        let hint = "write {from: NAME} to take it from the caller's environment";
        problems.hint(node.place(), "`${...}` is not expanded", hint);
        return None;
    }
    Some(Literal(text.to_owned()))
}

impl JsonSchema for Literal {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "a text, number or boolean".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

impl FromNode for Command {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::List(_) = node.kind {
            return words(node, problems);
        }
        let written = text(node, "a command (a string or a list of words)", problems)?;
        match command::split(written) {
            Ok(words) => Some(Self(words)),
            Err(error) => {
                problems.hint(node.place(), error.to_string(), error.hint());
                None
            }
        }
    }
}

fn words(node: &Node, problems: &mut Problems) -> Option<Command> {
    let words = Vec::<Spanned<Argument>>::from_node(node, problems)?;
    if words.first().is_none_or(|first| first.value.0.is_empty()) {
        problems.add(node.place(), "the command is empty");
        return None;
    }
    Some(Command(words.into_iter().map(|word| word.value.0).collect()))
}

/// One word of a command that is written as a list.
struct Argument(String);

impl FromNode for Argument {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { text, .. } if !node.is_null() => Some(Self(text.clone())),
            _ => expected("a word", node, problems),
        }
    }
}

impl JsonSchema for Command {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "a command".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "array"],
            "minLength": 1,
            "minItems": 1,
            "items": {"type": ["string", "number", "boolean"]}
        })
    }
}
