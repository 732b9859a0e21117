//! Releases in the ledger: recorded, taken back, forgotten.

use super::AwsExecutor;
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    model::ReleaseId,
};

impl AwsExecutor {
    pub(super) async fn record_release(
        &self,
        _release: ReleaseId,
        _rollback_to: Option<ReleaseId>,
        _context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        Err(Error::failed("not there yet"))
    }

    pub(super) async fn unrecord_release(
        &self,
        _release: ReleaseId,
        _before: Option<ReleaseId>,
    ) -> Result<StepOutput> {
        Err(Error::failed("not there yet"))
    }

    pub(super) async fn forget_release(
        &self,
        _release: ReleaseId,
        _context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        Err(Error::failed("not there yet"))
    }
}
