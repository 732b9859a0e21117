//! The release step as a one-off task.

use super::AwsExecutor;
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    model::ReleaseId,
    targets::aws::spec::ReleaseSpec,
};

impl AwsExecutor {
    pub(super) async fn run_release_step(
        &self,
        _release: ReleaseId,
        _spec: &ReleaseSpec,
        _context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        Err(Error::failed("not there yet"))
    }
}
