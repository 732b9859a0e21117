//! Records in the Cloudflare zone.

use super::AwsExecutor;
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    targets::aws::spec::DnsRecord,
};

impl AwsExecutor {
    /// Its output is `arn`: the record's id.
    pub(super) async fn put_dns_record(
        &self,
        _record: &DnsRecord,
        _context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        Err(Error::failed("not there yet"))
    }

    pub(super) async fn delete_dns_record(
        &self,
        _record: &DnsRecord,
        _context: &StepContext<'_>,
    ) -> Result<()> {
        Err(Error::failed("not there yet"))
    }
}
