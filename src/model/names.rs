//! Names that are valid by construction.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("a name cannot be empty")]
    Empty,
    /// Longer than platforms take.
    #[error("a name has at most {max} characters, this one has {len}")]
    TooLong {
        /// The limit.
        max: usize,
        /// Its length.
        len: usize,
    },
    /// A character that DNS labels (RFC 1123) and platforms refuse.
    #[error("a name has lower-case letters, digits and single hyphens only, not {0:?}")]
    Character(char),
    /// It does not begin with a letter or ends with a hyphen.
    #[error("a name begins with a letter and ends with a letter or digit")]
    Edges,
}

/// The rules all names share: a DNS label (RFC 1123) that begins with a letter.
fn check(text: &str, max: usize) -> Result<(), NameError> {
    let (Some(first), Some(last)) = (text.chars().next(), text.chars().last()) else {
        return Err(NameError::Empty);
    };
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if let Some(bad) = text.chars().find(|c| !valid(*c)) {
        return Err(NameError::Character(bad));
    }
    if text.len() > max {
        return Err(NameError::TooLong { max, len: text.len() });
    }
    if text.contains("--") {
        return Err(NameError::Character('-'));
    }
    if !first.is_ascii_lowercase() || last == '-' {
        return Err(NameError::Edges);
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, max $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The longest name, in characters.
            pub const MAX: usize = $max;

            /// Checks the text and makes it a name.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                check(&text, Self::MAX)?;
                Ok(Self(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

name!(
    /// The app's name: part of every resource's name, of host names and of cache keys.
    AppName, max 30
);
name!(
    /// An environment's name.
    EnvName, max 20
);
name!(
    /// A service's name.
    ServiceName, max 20
);

impl EnvName {
    /// The environment `local`, which is there without being named.
    pub fn local() -> Self {
        Self("local".to_owned())
    }
}

/// A release of one environment: a counter that begins at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReleaseId(pub u64);

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl std::str::FromStr for ReleaseId {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('r').unwrap_or(text).parse().map(Self)
    }
}
