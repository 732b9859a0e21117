//! The check of a new release before visitors are sent there. ECS gives a service's new tasks
//! requests as soon as they are healthy, so one task is started for nobody but the check, in a target
//! group of its own, and reached by a rule of the load balancer that only the check meets.

mod candidate;
mod end;

use std::path::PathBuf;

use super::{
    super::{desired::CHECK_HEADER, spec::ServiceSpec},
    AwsExecutor,
    one_task::OneTask,
    probe::Way,
    service::finder,
};
use crate::{
    check::{Gate, Passage},
    engine::StepContext,
    error::{Error, ErrorKind, Result},
    http::header::HeaderName,
    model::ReleaseId,
    plan::Late,
    secret::SecretValue,
};

/// The release that is checked.
struct Candidate<'a> {
    /// The web service's name in `mizan.yaml`.
    service: &'a str,
    release: ReleaseId,
    /// Resolved.
    spec: &'a ServiceSpec,
    /// The ARN of the target group of checks.
    group: &'a str,
}

impl AwsExecutor {
    /// The release keeps the rules of the protocol, as far as that is asked for.
    pub(super) async fn check_release(
        &self,
        gate: &Gate,
        service: &str,
        release: ReleaseId,
        spec: &ServiceSpec,
        task_definition: Option<&str>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let spec = spec.resolved(&self.scope, &finder(context));
        let group = self.arn(&self.check_group(), context)?;
        let candidate = Candidate { service, release, spec: &spec, group: &group };
        match Box::pin(self.ask(gate, &candidate, task_definition, context)).await {
            Ok(()) => {}
            Err(error) if error.kind == ErrorKind::Interrupted => return Err(error),
            Err(error) => gate.refuse(error, context)?,
        }
        self.end_checks(context).await
    }

    async fn ask(
        &self,
        gate: &Gate,
        candidate: &Candidate<'_>,
        task_definition: Option<&str>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let Candidate { service, release, spec, group } = candidate;
        let definition = async {
            match task_definition {
                Some(given) => Ok(given.to_owned()),
                None => self.service_revision(service, *release, spec, context).await,
            }
        };
        // A target of an interrupted check has an address that is somebody else's by now.
        let secret = self.scope.origin_secret();
        let (definition, way, word, ()) = tokio::try_join!(
            definition,
            self.way(context),
            self.secret_value(&secret),
            self.empty_check_group(group)
        )?;
        let run = OneTask {
            what: "the task of the check",
            cluster: self.cluster(),
            family: self.scope.service(service),
            definition,
            wiring: &spec.wiring,
            started_by: self.scope.check_task(),
            command: None,
        };
        let probe = self.probe(&way, Some((CHECK_HEADER.to_owned(), word.clone())))?;
        let (schema, ()) = tokio::try_join!(
            self.exported_schema(context),
            self.come_up(candidate, &run, &probe, context)
        )?;
        let Late::Known(public_url) = self.desired()?.resolved(&finder(context)).url else {
            return Err(Error::failed("nobody knows the public URL yet"));
        };
        gate.pass(&way.address(), &public_url, passage(&way, word), &schema, context).await
    }

    async fn exported_schema(&self, context: &StepContext<'_>) -> Result<PathBuf> {
        let schema = self.artifacts_of_image(context).await?.schema;
        schema.ok_or_else(|| Error::failed("the image exports no schema"))
    }
}

/// The check's requests say the secret in a header of their own, and not in the Edge's: where the
/// rule of checks does not hold yet, nobody answers them, and never the release that is live.
fn passage(way: &Way, word: SecretValue) -> Passage {
    Passage {
        connect: Some(way.connect.clone()),
        word: Some((HeaderName::from_static(CHECK_HEADER), word)),
    }
}
