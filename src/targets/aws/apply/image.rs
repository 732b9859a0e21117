//! The image in the repository, and what Edge and Render need of it on this machine.

use super::AwsExecutor;
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    plan::Late,
};

impl AwsExecutor {
    /// Its output is `digest`.
    pub(super) async fn push_image(
        &self,
        _image: &Late<String>,
        _context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        Err(Error::failed("not there yet"))
    }

    pub(super) async fn take_artifacts(&self, _context: &StepContext<'_>) -> Result<StepOutput> {
        Err(Error::failed("not there yet"))
    }
}
