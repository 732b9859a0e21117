//! Whose a DNS record is. Cloudflare keeps a comment with each record, and ours says which
//! environment made it; a record without it is somebody else's and never changed.

use super::Record;
use crate::model::{AppName, EnvName};

/// The comment of the records of one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// The owner of the records of this environment.
    pub fn new(app: &AppName, env: &EnvName) -> Self {
        Self(format!("mizan:{app}:{env}"))
    }

    /// The comment itself.
    pub fn comment(&self) -> &str {
        &self.0
    }

    /// True if the record is of this environment.
    pub fn owns(&self, record: &Record) -> bool {
        record.comment.as_deref() == Some(&self.0)
    }
}
