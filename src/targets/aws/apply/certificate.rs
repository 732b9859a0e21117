//! Certificates of ACM.

use super::AwsExecutor;
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    targets::aws::spec::Certificate,
};

impl AwsExecutor {
    /// Its output is `arn`.
    pub(super) async fn put_certificate(
        &self,
        _certificate: &Certificate,
        _context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        Err(Error::failed("not there yet"))
    }

    pub(super) async fn delete_certificate(
        &self,
        _certificate: &Certificate,
        _context: &StepContext<'_>,
    ) -> Result<()> {
        Err(Error::failed("not there yet"))
    }
}
