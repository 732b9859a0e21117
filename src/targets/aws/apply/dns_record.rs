//! Records in the Cloudflare zone: the origin's name, and what proves to ACM that it is ours. The
//! step of the proof ends when ACM has seen it and the certificate is issued.

use std::time::Duration;

use super::{AwsExecutor, certificate::refused};
use crate::{
    cloudflare::{Alias, Cloudflare, Owner, Record, Zone},
    engine::{StepContext, StepOutput, Verdict, Wait},
    error::{Error, ErrorKind, Result},
    plan::ResourceId,
    targets::aws::{
        certificates::SeenCertificate, failure, observe::dns::is_validation_of, spec::DnsRecord,
    },
};

/// ACM looks at the zone every few minutes, the more seldom the longer it has waited.
const ISSUED: Wait = Wait {
    what: String::new(),
    timeout: Duration::from_secs(20 * 60),
    interval: Duration::from_secs(3),
};

impl AwsExecutor {
    fn cloudflare(&self) -> Result<&Cloudflare> {
        self.cloudflare.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Denied, "CLOUDFLARE_API_TOKEN is not set")
                .cause("the records of the domain are kept in its Cloudflare zone")
                .hint("export a token with the permissions Zone Read and DNS Edit for the zone")
        })
    }

    fn owner(&self) -> Owner {
        Owner::new(&self.scope.app, &self.scope.env)
    }

    /// Its outputs are `arn`, which is the zone's id and the record's, and `name`.
    pub(super) async fn put_dns_record(
        &self,
        record: &DnsRecord,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let alias = match record {
            DnsRecord::Origin { name, balancer } => Alias {
                name: name.clone(),
                target: self.balancer_address(balancer, context).await?,
                shareable: false,
            },
            DnsRecord::Validation { domain } => self.validation_alias(domain, context)?,
        };
        let cloudflare = self.cloudflare()?;
        let zone = cloudflare.zone_of(&alias.name).await?;
        let made = cloudflare.put_alias(&zone, &alias, &self.owner()).await?;
        if let DnsRecord::Validation { domain } = record {
            self.wait_until_issued(domain, context).await?;
        }
        Ok(StepOutput::from([
            ("arn".to_owned(), format!("{}/{}", zone.id, made.id)),
            ("name".to_owned(), made.name),
        ]))
    }

    /// The name that the load balancer has from AWS.
    async fn balancer_address(&self, balancer: &str, context: &StepContext<'_>) -> Result<String> {
        let id = ResourceId::new("load-balancer", balancer);
        if let Some(address) = self.found(&id, "dns", context) {
            return Ok(address);
        }
        let question = self.clients.elb.describe_load_balancers();
        let question = match balancer.starts_with("arn:") {
            true => question.load_balancer_arns(balancer),
            false => question.names(balancer),
        };
        let cannot = || format!("cannot look at the load balancer {balancer}");
        let answer = question.send().await.map_err(|error| failure::failure(cannot(), error))?;
        let found = answer.load_balancers.unwrap_or_default().into_iter().next();
        found
            .and_then(|balancer| balancer.dns_name)
            .ok_or_else(|| Error::failed(cannot()).cause("it has no address"))
    }

    /// The record that ACM wants. Every certificate of an account for one domain has the same, so
    /// it may be there already: then it is as good.
    fn validation_alias(&self, domain: &str, context: &StepContext<'_>) -> Result<Alias> {
        let certificate = ResourceId::new("certificate", domain);
        let part = |name| {
            self.found(&certificate, name, context).ok_or_else(|| {
                Error::failed(format!("ACM has not named the validation record of {domain}"))
            })
        };
        Ok(Alias {
            name: part("validation_name")?,
            target: part("validation_value")?,
            shareable: true,
        })
    }

    async fn wait_until_issued(&self, domain: &str, context: &StepContext<'_>) -> Result<()> {
        let arn = self.arn(&ResourceId::new("certificate", domain), context)?;
        let wait = Wait { what: format!("the certificate of {domain}"), ..ISSUED };
        let look = async || self.certificates().describe(&arn).await;
        wait.until(&*self.clock, context, look, |seen| issued(domain, seen)).await.map_err(
            |error| match error.kind {
                ErrorKind::Failed if error.hints.is_empty() => error.hint(format!(
                    "does the registrar of {domain} name Cloudflare's servers? Run the same \
                     command again to go on waiting"
                )),
                _ => error,
            },
        )
    }

    /// Removes the record, as far as it is ours.
    pub(super) async fn delete_dns_record(
        &self,
        record: &DnsRecord,
        _context: &StepContext<'_>,
    ) -> Result<()> {
        let cloudflare = self.cloudflare()?;
        let name = match record {
            DnsRecord::Origin { name, .. } => name,
            DnsRecord::Validation { domain } => domain,
        };
        let zone = cloudflare.zone_of(name).await?;
        for found in self.own_records(cloudflare, &zone, record).await? {
            cloudflare.remove_record(&zone, &found, &self.owner()).await?;
        }
        Ok(())
    }

    async fn own_records(
        &self,
        cloudflare: &Cloudflare,
        zone: &Zone,
        record: &DnsRecord,
    ) -> Result<Vec<Record>> {
        let mut found = cloudflare.records_of_owner(zone, &self.owner()).await?;
        found.retain(|candidate| match record {
            DnsRecord::Origin { name, .. } => candidate.name.eq_ignore_ascii_case(name),
            DnsRecord::Validation { domain } => is_validation_of(candidate, domain),
        });
        Ok(found)
    }
}

/// Whether ACM has issued it by now.
fn issued(domain: &str, seen: Option<SeenCertificate>) -> Verdict<()> {
    match seen {
        Some(it) if it.is_issued() => Verdict::Met(()),
        Some(it) if it.is_alive() => Verdict::Waiting(match it.requested.and_then(time) {
            Some(time) => format!("{} since {time}", it.status.as_str()),
            None => it.status.as_str().to_owned(),
        }),
        Some(it) => Verdict::Failed(refused(domain, &it)),
        None => Verdict::Failed(Error::failed(format!("the certificate of {domain} is gone"))),
    }
}

fn time(seconds: i64) -> Option<String> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.strftime("%H:%M:%S UTC").to_string())
}
