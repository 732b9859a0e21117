//! Amounts: time, memory, cores, whole numbers.

use std::{borrow::Cow, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Wrong, string};
use crate::{
    config::{
        decode::{FromNode, expected},
        diagnostic::Problems,
        node::{Node, Scalar},
    },
    model::{CpuShares, Memory},
};

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
        let number = match node.scalar() {
            Some(Scalar::Int(number)) => number,
            Some(Scalar::Text(text)) if text.parse::<u32>().is_ok() => {
                let message = format!("expected a whole number, found {}", node.describe());
                problems.hint(node.place(), message, format!("write it without quotes: {text}"));
                return None;
            }
            _ => return expected("a whole number", node, problems),
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

/// The version of the file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version;

impl FromNode for Version {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.scalar() {
            Some(Scalar::Int(1)) => return Some(Self),
            Some(Scalar::Int(number)) => {
                let message = format!("version {number} of mizan.yaml is not known");
                problems.hint(node.place(), message, "this mizan reads version 1");
            }
            _ => {
                let message = format!("expected the number 1, found {}", node.describe());
                problems.add(node.place(), message);
            }
        }
        None
    }
}

impl JsonSchema for Version {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "the version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "const": 1})
    }
}
