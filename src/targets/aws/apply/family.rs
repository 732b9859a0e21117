//! Families of task definitions.

use super::AwsExecutor;
use crate::error::{Error, Result};

impl AwsExecutor {
    pub(super) async fn delete_family(&self, _family: &str) -> Result<()> {
        Err(Error::failed("not there yet"))
    }
}
