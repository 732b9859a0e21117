//! The check of a new release at its own host name, before visitors are sent there.

use super::InstancesExecutor;
use crate::{
    check::{Gate, Passage},
    engine::StepContext,
    error::{Error, Result},
    http::header::HeaderName,
    targets::ORIGIN_SECRET_HEADER,
};

impl InstancesExecutor {
    /// The release keeps the rules of the protocol.
    pub(super) async fn check_release(
        &self,
        gate: &Gate,
        group: &str,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let schema = self.artifacts_of_image(context).await?.schema;
        let schema = schema.ok_or_else(|| Error::failed("the image exports no schema"))?;
        let desired = self.desired()?;
        let secret = self.origin_secret_value().await?;
        let word = Some((HeaderName::from_static(ORIGIN_SECRET_HEADER), secret));
        let passage = Passage { connect: None, word };
        let origin = desired.origin(group);
        gate.pass(&origin, &desired.plane.public_url, passage, &schema, context).await
    }
}
