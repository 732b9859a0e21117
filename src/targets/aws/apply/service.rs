//! Services: put, restored, deleted.

use super::AwsExecutor;
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    model::ReleaseId,
    targets::aws::spec::ServiceSpec,
};

impl AwsExecutor {
    /// Its outputs are `arn` and `task_definition`.
    pub(super) async fn put_service(
        &self,
        _service: &str,
        _release: ReleaseId,
        _spec: &ServiceSpec,
        _task_definition: Option<&str>,
        _context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        Err(Error::failed("not there yet"))
    }

    pub(super) async fn restore_service(
        &self,
        _service: &str,
        _spec: &ServiceSpec,
        _release: Option<ReleaseId>,
        _task_definition: &str,
        _desired: u32,
        _context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        Err(Error::failed("not there yet"))
    }

    pub(super) async fn stop_service(
        &self,
        _service: &str,
        _context: &StepContext<'_>,
    ) -> Result<()> {
        Err(Error::failed("not there yet"))
    }

    pub(super) async fn delete_service(
        &self,
        _service: &str,
        _context: &StepContext<'_>,
    ) -> Result<()> {
        Err(Error::failed("not there yet"))
    }
}
