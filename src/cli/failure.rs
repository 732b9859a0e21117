//! Why a command failed: an error, or the problems of a file with their places in it.

use crate::{
    config::{ConfigError, Diagnostics},
    error::{Error, ErrorKind},
};

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// An error without a place in a file.
    Error(Box<Error>),
    /// Problems in mizan.yaml or the exported schema.
    Diagnostics(Diagnostics),
}

impl Failure {
    /// The kind, which gives the exit code.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Error(error) => error.kind,
            Self::Diagnostics(_) => ErrorKind::Invalid,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(Box::new(error))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Invalid(diagnostics) => Self::Diagnostics(diagnostics),
            other => Error::from(other).into(),
        }
    }
}
