//! A secret that is made up by us: created once, its value left alone ever after.

use super::{super::AwsExecutor, told};
use crate::{
    engine::{StepContext, StepOutput, Verdict},
    error::Result,
    plan::ResourceId,
    targets::aws::{
        apply::{ownership::left_alone, wait::PROPAGATION},
        secrets::Removal,
        spec::Secret,
    },
};

impl AwsExecutor {
    pub(super) async fn put_secret(
        &self,
        id: &ResourceId,
        spec: &Secret,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let attempt = async || {
            Ok(match self.secrets().ensure(&spec.name).await? {
                Some(kept) => Verdict::Met(kept),
                None => Verdict::Waiting("one of this name is going away".to_owned()),
            })
        };
        let what = format!("the name of the {id} to be free");
        let kept = self.persist(what, PROPAGATION, context, attempt).await?;
        let mut output = told(kept.arn);
        output.extend(kept.version.map(|version| ("version".to_owned(), version)));
        Ok(output)
    }

    pub(super) async fn delete_secret(
        &self,
        id: &ResourceId,
        spec: &Secret,
        how: Removal,
        context: &StepContext<'_>,
    ) -> Result<()> {
        match self.secrets().find(&spec.name).await? {
            Some(kept) if kept.ours => self.secrets().remove(&spec.name, how).await.map(drop),
            Some(_) => {
                context.progress(left_alone(id));
                Ok(())
            }
            None => Ok(()),
        }
    }
}
