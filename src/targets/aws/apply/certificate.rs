//! Certificates of ACM: asked for, and given back. A certificate is issued only after the record
//! that ACM names is in the zone, so waiting for that is the record's step.

use std::time::Duration;

use aws_sdk_acm::types::{Tag, ValidationMethod};
use sha2::{Digest, Sha256};

use super::AwsExecutor;
use crate::{
    engine::{StepContext, StepOutput, Verdict, Wait},
    error::{Error, Result},
    targets::aws::{
        certificates::{Certificates, SeenCertificate, ValidationRecord},
        failure,
        spec::Certificate,
    },
};

/// ACM makes the validation record up within seconds.
const RECORD_KNOWN: Wait = Wait {
    what: String::new(),
    timeout: Duration::from_secs(90),
    interval: Duration::from_secs(1),
};
/// A load balancer lets go of a certificate some time after its listener is gone.
const LET_GO: Wait = Wait {
    what: String::new(),
    timeout: Duration::from_secs(180),
    interval: Duration::from_secs(3),
};

impl AwsExecutor {
    pub(super) fn certificates(&self) -> Certificates<'_> {
        Certificates { acm: &self.clients.acm, scope: &self.scope }
    }

    /// Its outputs are `arn`, and `validation_name` and `validation_value`: the record that ACM
    /// wants to see.
    pub(super) async fn put_certificate(
        &self,
        certificate: &Certificate,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let domain = &certificate.domain;
        let arn = match self.certificates().current(domain).await? {
            Some(found) => found.arn,
            None => self.request_certificate(domain).await?,
        };
        let record = self.validation_record(domain, &arn, context).await?;
        Ok(StepOutput::from([
            ("arn".to_owned(), arn),
            ("validation_name".to_owned(), record.name),
            ("validation_value".to_owned(), record.target),
        ]))
    }

    /// Asks for a certificate. Asking twice within an hour gives the same one: a run that was killed
    /// in between, or a cut connection, leaves no second one. If that one was deleted meanwhile,
    /// another token asks for another.
    async fn request_certificate(&self, domain: &str) -> Result<String> {
        let mut last = None;
        for attempt in 0..3 {
            let arn = self.request_with_token(domain, &self.token(domain, attempt)).await?;
            if self.certificates().describe(&arn).await?.is_some_and(|it| it.is_alive()) {
                return Ok(arn);
            }
            last = Some(arn);
        }
        Err(Error::failed(format!("cannot ask for a certificate for {domain}"))
            .cause(format!("ACM answers with {}, which does not live", last.unwrap_or_default())))
    }

    async fn request_with_token(&self, domain: &str, token: &str) -> Result<String> {
        let cannot = || format!("cannot ask for a certificate for {domain}");
        let tags = self.scope.tags().into_iter();
        let tags = tags
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::failed(cannot()).because(&error))?;
        let answer = self
            .clients
            .acm
            .request_certificate()
            .domain_name(domain)
            .validation_method(ValidationMethod::Dns)
            .idempotency_token(token)
            .set_tags(Some(tags))
            .send()
            .await
            .map_err(|error| failure::failure(cannot(), error))?;
        answer
            .certificate_arn
            .ok_or_else(|| Error::failed(cannot()).cause("ACM answered without an ARN"))
    }

    fn token(&self, domain: &str, attempt: u8) -> String {
        let text = format!("{} {domain} {attempt}", self.scope.prefix());
        Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    async fn validation_record(
        &self,
        domain: &str,
        arn: &str,
        context: &StepContext<'_>,
    ) -> Result<ValidationRecord> {
        let wait =
            Wait { what: format!("ACM to name the validation record of {domain}"), ..RECORD_KNOWN };
        let look = async || self.certificates().describe(arn).await;
        wait.until(&*self.clock, context, look, |seen| named(domain, seen)).await
    }

    /// Deletes all that this environment has for the domain.
    pub(super) async fn delete_certificate(
        &self,
        certificate: &Certificate,
        context: &StepContext<'_>,
    ) -> Result<()> {
        for found in self.certificates().of_domain(&certificate.domain).await? {
            let wait = Wait { what: format!("the certificate {} to be free", found.arn), ..LET_GO };
            let attempt = async || self.try_delete_certificate(&found.arn).await;
            let judge = |gone| match gone {
                true => Verdict::Met(()),
                false => Verdict::Waiting("a load balancer still uses it".to_owned()),
            };
            wait.until(&*self.clock, context, attempt, judge).await?;
        }
        Ok(())
    }

    /// False if something still uses it.
    async fn try_delete_certificate(&self, arn: &str) -> Result<bool> {
        let answer = self.clients.acm.delete_certificate().certificate_arn(arn).send().await;
        let Err(error) = answer else { return Ok(true) };
        match failure::code(&error) {
            Some("ResourceNotFoundException") => Ok(true),
            Some("ResourceInUseException") => Ok(false),
            _ => Err(failure::failure(format!("cannot delete the certificate {arn}"), error)),
        }
    }
}

/// Whether ACM has named the record by now.
fn named(domain: &str, seen: Option<SeenCertificate>) -> Verdict<ValidationRecord> {
    match seen {
        // What was asked for a moment ago may not be known everywhere yet.
        None => Verdict::Waiting("ACM does not know the certificate yet".to_owned()),
        Some(SeenCertificate { validation: Some(record), .. }) => Verdict::Met(record),
        Some(it) if !it.is_alive() => Verdict::Failed(refused(domain, &it)),
        Some(it) => Verdict::Waiting(format!("it is {}", it.status.as_str())),
    }
}

/// ACM has said that there will be no certificate.
pub(super) fn refused(domain: &str, seen: &SeenCertificate) -> Error {
    let error = Error::failed(format!("there will be no certificate for {domain}"))
        .cause(format!("ACM says {}", seen.status.as_str()));
    let Some(reason) = &seen.failure else { return error };
    let error = error.cause(reason.as_str());
    match reason.as_str() {
        "CAA_ERROR" => error.hint(format!(
            "a CAA record of {domain} or a domain above it allows other authorities only; \
             allow amazon.com too: 0 issue \"amazon.com\""
        )),
        "ADDITIONAL_VERIFICATION_REQUIRED" | "DOMAIN_NOT_ALLOWED" => {
            error.hint("AWS wants to look at this domain first: https://aws.amazon.com/support")
        }
        "INVALID_PUBLIC_DOMAIN" => error.hint("is the domain spelt right, and is it public?"),
        _ => error,
    }
}
