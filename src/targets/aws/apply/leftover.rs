//! What goes with an environment, or was left behind by an interrupted run: secrets, ledger, bucket,
//! stray tasks and interfaces.

use super::AwsExecutor;
use crate::{
    error::{Error, Result},
    plan::ResourceId,
};

impl AwsExecutor {
    pub(super) async fn delete_secrets(&self) -> Result<()> {
        Err(Error::failed("not there yet"))
    }

    pub(super) async fn delete_ledger(&self) -> Result<()> {
        Err(Error::failed("not there yet"))
    }

    pub(super) async fn delete_bucket(&self, _bucket: &str) -> Result<()> {
        Err(Error::failed("not there yet"))
    }

    pub(super) async fn sweep(&self, _resource: &ResourceId, _arn: &str) -> Result<()> {
        Err(Error::failed("not there yet"))
    }
}
