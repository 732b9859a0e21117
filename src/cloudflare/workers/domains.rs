//! Custom domains: hosts that a Worker answers. Cloudflare makes the DNS record and the certificate
//! with it, and removes them with it.
//!
//! The API takes `override_existing_dns_record`, `override_existing_origin` and `override_scope`,
//! by which it takes a host away from DNS records and from other Workers (wrangler sends them where
//! nobody can be asked). They are never sent here.

use cloudflare::framework::endpoint::Method;
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{
    cloudflare::{
        Cloudflare, Permission,
        endpoint::{Call, segment},
        failure::Failure,
    },
    error::{Error, Result},
};

/// Another Worker has the host.
const TAKEN_BY_WORKER: u32 = 100_116;
/// "Custom domain not found."
const NO_SUCH_DOMAIN: u32 = 100_114;
/// "Hostname already has externally managed DNS records".
const TAKEN_BY_RECORDS: u32 = 100_117;

const NEEDS: &[Permission] =
    &[Permission::WorkersScriptsEdit, Permission::WorkersRoutesEdit, Permission::ZoneRead];

/// A custom domain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Domain {
    /// Its id.
    pub id: String,
    /// The host.
    pub hostname: String,
    /// The Worker that answers.
    pub service: String,
    /// The zone of the host.
    pub zone_id: String,
    /// The domain of the zone.
    #[serde(default)]
    pub zone_name: String,
    /// The Worker's environment; always `production` by now, or empty.
    #[serde(default)]
    pub environment: String,
}

#[derive(Debug, Serialize)]
struct Body<'a> {
    hostname: &'a str,
    service: &'a str,
    zone_id: &'a str,
}

impl Cloudflare {
    /// The custom domains of an account; of a host or a Worker, if named.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn domains(
        &self,
        account: &str,
        hostname: Option<&str>,
        service: Option<&str>,
    ) -> Result<Vec<Domain>> {
        let call = Call::<Vec<Domain>>::new(Method::GET, path(account), NEEDS)
            .query(&[("hostname", hostname), ("service", service)]);
        let mut domains = self.call(call).await.map_err(|failure| {
            failure.told(format!("cannot list the domains of the Workers of account {account}"))
        })?;
        domains.retain(|domain| {
            hostname.is_none_or(|it| domain.hostname.eq_ignore_ascii_case(it))
                && service.is_none_or(|it| domain.service == it)
        });
        Ok(domains)
    }

    /// Makes a Worker answer a host. DNS records of the host and other Workers that have it stay as
    /// they are: then this fails. A domain that is there already is as good.
    ///
    /// # Errors
    /// The host has DNS records or another Worker; or Cloudflare refuses, or cannot be reached.
    pub async fn put_domain(
        &self,
        account: &str,
        zone_id: &str,
        hostname: &str,
        service: &str,
    ) -> Result<Domain> {
        match self.domains(account, Some(hostname), None).await?.pop() {
            Some(domain) if domain.service == service => return Ok(domain),
            Some(domain) => {
                let cause = format!("the Worker {} has it", domain.service);
                return Err(taken_by_worker(Error::failed(cannot(hostname, service)).cause(cause)));
            }
            None => {}
        }
        let body = Body { hostname, service, zone_id };
        let call = Call::new(Method::PUT, path(account), NEEDS).json(&body);
        self.call(call).await.map_err(|failure| told(&failure, hostname, service))
    }

    /// Takes a host from its Worker, with the DNS record that Cloudflare made; false if it was not
    /// there.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn delete_domain(&self, account: &str, id: &str) -> Result<bool> {
        let path = format!("{}/{}", path(account), segment(id));
        match self.call::<IgnoredAny>(Call::new(Method::DELETE, path, NEEDS)).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.is_absent(&[NO_SUCH_DOMAIN]) => Ok(false),
            Err(failure) => Err(failure.told(format!("cannot remove the Worker domain {id}"))),
        }
    }
}

fn path(account: &str) -> String {
    format!("accounts/{}/workers/domains", segment(account))
}

fn cannot(hostname: &str, service: &str) -> String {
    format!("cannot make the Worker {service} answer {hostname}")
}

fn told(failure: &Failure, hostname: &str, service: &str) -> Error {
    let error = failure.told(cannot(hostname, service));
    if failure.is_any(&[TAKEN_BY_RECORDS]) {
        return error.hint(format!(
            "remove the A, AAAA and CNAME records of {hostname}, or choose another host: records \
             that mizan did not make stay as they are"
        ));
    }
    if failure.is_any(&[TAKEN_BY_WORKER]) { taken_by_worker(error) } else { error }
}

fn taken_by_worker(error: Error) -> Error {
    error.hint("remove the domain from that Worker, or choose another host")
}
