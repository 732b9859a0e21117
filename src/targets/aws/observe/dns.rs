//! Looks at certificates, and at the records in the Cloudflare zone.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use crate::{
    cloudflare::{Alias, Cloudflare, Owner, Record, Zone},
    error::Result,
    plan::{ResourceId, Seen},
    targets::aws::{
        certificates::{Certificates, SeenCertificate, ValidationRecord},
        names::Scope,
        seen::SeenThing,
        spec::{Certificate, DnsRecord, Thing},
    },
};

/// What was found, by kind and name.
pub type Found = BTreeMap<ResourceId, Seen<SeenThing>>;

/// The certificates for these domains. One that failed or expired counts as absent: another must
/// be asked for. Those of others are no clash.
pub async fn observe_certificates(
    acm: &aws_sdk_acm::Client,
    scope: &Scope,
    domains: &BTreeSet<String>,
) -> Found {
    let certificates = Certificates { acm, scope };
    let looks = domains.iter().map(async |domain| {
        let thing = Thing::Certificate(Certificate { domain: domain.clone() });
        let seen = match certificates.current(domain).await {
            Ok(Some(certificate)) => Seen::Present(seen_certificate(thing.clone(), certificate)),
            Ok(None) => Seen::Absent,
            Err(error) => Seen::Unknown(error.to_string()),
        };
        (thing.id(), seen)
    });
    join_all(looks).await.into_iter().collect()
}

fn seen_certificate(thing: Thing, certificate: SeenCertificate) -> SeenThing {
    let mut attributes =
        BTreeMap::from([("status".to_owned(), certificate.status.as_str().to_owned())]);
    if let Some(ValidationRecord { name, target }) = certificate.validation {
        attributes.insert("validation_name".to_owned(), name);
        attributes.insert("validation_value".to_owned(), target);
    }
    SeenThing { thing, arn: certificate.arn, ours: true, attributes }
}

/// What is looked for in the zones.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The desired records, and those of the inventory.
    pub records: &'a [DnsRecord],
    /// The certificates, as [`observe_certificates`] found them.
    pub certificates: &'a Found,
    /// The names of load balancers by their addresses.
    pub balancers: &'a BTreeMap<String, String>,
}

/// The wanted records, and what else this environment has in their zones.
pub async fn observe_records(
    cloudflare: Option<&Cloudflare>,
    scope: &Scope,
    wanted: Wanted<'_>,
) -> Found {
    let Some(cloudflare) = cloudflare else {
        let unknown = || Seen::Unknown("CLOUDFLARE_API_TOKEN is not set".to_owned());
        let ids = wanted.records.iter().map(|record| Thing::DnsRecord(record.clone()).id());
        return ids.map(|id| (id, unknown())).collect();
    };
    let look = Look { cloudflare, owner: Owner::new(&scope.app, &scope.env), wanted };
    let zones = look.zones().await;
    let looks = wanted.records.iter().map(async |record| {
        let seen = look.record(record, &zones).await.unwrap_or_else(Seen::Unknown);
        (Thing::DnsRecord(record.clone()).id(), seen)
    });
    let mut found: Found = join_all(looks).await.into_iter().collect();
    for (id, seen) in look.others(&zones).await {
        found.entry(id).or_insert(seen);
    }
    found
}

/// The zone of each name, or why it is not known.
type Zones = BTreeMap<String, Result<Zone, String>>;

struct Look<'a> {
    cloudflare: &'a Cloudflare,
    owner: Owner,
    wanted: Wanted<'a>,
}

impl Look<'_> {
    async fn zones(&self) -> Zones {
        let names: BTreeSet<_> = self.wanted.records.iter().map(host).collect();
        let looks = names.into_iter().map(async |name| {
            let zone = self.cloudflare.zone_of(name).await.map_err(|error| error.to_string());
            (name.to_owned(), zone)
        });
        join_all(looks).await.into_iter().collect()
    }

    async fn record(&self, record: &DnsRecord, zones: &Zones) -> Result<Seen<SeenThing>, String> {
        let zone = match zones.get(host(record)) {
            Some(Ok(zone)) => zone,
            Some(Err(error)) => return Err(error.clone()),
            None => return Ok(Seen::Absent),
        };
        let seen = match record {
            DnsRecord::Origin { name, .. } => self.origin(name, zone).await,
            DnsRecord::Validation { domain } => self.validation(domain, zone).await,
        };
        let seen = seen.map_err(|error| error.to_string())?;
        Ok(seen.map_or(Seen::Absent, Seen::Present))
    }

    async fn origin(&self, name: &str, zone: &Zone) -> Result<Option<SeenThing>> {
        let records = self.cloudflare.records_of_name(zone, name).await?;
        let mut clashing = records.iter().filter(|record| record.excludes_alias());
        let foreign = clashing.clone().find(|record| !self.owner.owns(record));
        Ok(foreign.or_else(|| clashing.next()).map(|record| self.seen_origin(record, zone)))
    }

    fn seen_origin(&self, record: &Record, zone: &Zone) -> SeenThing {
        let target = record.content.trim_end_matches('.').to_ascii_lowercase();
        let balancer = match self.wanted.balancers.get(&target) {
            Some(name) if record.proxied => format!("{name}, proxied by Cloudflare"),
            Some(name) => name.clone(),
            None => target.clone(),
        };
        let origin = DnsRecord::Origin { name: record.name.clone(), balancer };
        self.seen(Thing::DnsRecord(origin), record, zone)
    }

    fn seen(&self, thing: Thing, record: &Record, zone: &Zone) -> SeenThing {
        SeenThing {
            thing,
            arn: format!("{}/{}", zone.id, record.id),
            ours: self.owner.owns(record),
            attributes: BTreeMap::from([("target".to_owned(), record.content.clone())]),
        }
    }

    /// The proof for ACM is there when its certificate is issued and the record stands: before
    /// that, its step has still something to do.
    async fn validation(&self, domain: &str, zone: &Zone) -> Result<Option<SeenThing>> {
        let Some(alias) = self.issued(domain) else {
            return Ok(None);
        };
        let records = self.cloudflare.records_of_name(zone, &alias.name).await?;
        let thing = Thing::DnsRecord(DnsRecord::Validation { domain: domain.to_owned() });
        let same = records.iter().find(|record| alias.is(record));
        // One that says the same is as good as ours, and stays when ours would go.
        let same =
            same.map(|record| SeenThing { ours: true, ..self.seen(thing.clone(), record, zone) });
        let foreign = records.iter().find(|it| it.excludes_alias() && !self.owner.owns(it));
        Ok(same.or_else(|| foreign.map(|record| self.seen(thing, record, zone))))
    }

    fn issued(&self, domain: &str) -> Option<Alias> {
        let id = ResourceId::new("certificate", domain);
        let certificate = self.wanted.certificates.get(&id)?.present()?;
        let attribute = |name: &str| certificate.attributes.get(name).cloned();
        (attribute("status")? == "ISSUED").then_some(())?;
        Some(Alias {
            name: attribute("validation_name")?,
            target: attribute("validation_value")?,
            shareable: true,
        })
    }

    /// Records of this environment that nobody wants any more: of a domain that it had before.
    async fn others(&self, zones: &Zones) -> Found {
        let zones: BTreeMap<_, _> =
            zones.values().flatten().map(|zone| (zone.id.as_str(), zone)).collect();
        let lists = zones.into_values().map(async |zone| {
            let records = self.cloudflare.records_of_owner(zone, &self.owner).await;
            (zone, records.unwrap_or_default())
        });
        let lists = join_all(lists).await;
        let records = lists
            .iter()
            .flat_map(|(zone, records)| records.iter().map(|record| self.other(record, zone)));
        records.map(|seen| (seen.thing.id(), Seen::Present(seen))).collect()
    }

    fn other(&self, record: &Record, zone: &Zone) -> SeenThing {
        match validated_domain(record) {
            None => self.seen_origin(record, zone),
            Some(domain) => {
                let proof = DnsRecord::Validation { domain: domain.to_owned() };
                self.seen(Thing::DnsRecord(proof), record, zone)
            }
        }
    }
}

/// The name whose zone a record is in.
fn host(record: &DnsRecord) -> &str {
    match record {
        DnsRecord::Origin { name, .. } => name,
        DnsRecord::Validation { domain } => domain,
    }
}

/// True for a record that proves to ACM that a domain is ours.
pub fn is_validation_of(record: &Record, domain: &str) -> bool {
    validated_domain(record).is_some_and(|it| it.eq_ignore_ascii_case(domain))
}

/// ACM's records have one label before the domain, which begins with an underscore; no host name
/// has one.
fn validated_domain(record: &Record) -> Option<&str> {
    let (label, domain) = record.name.split_once('.')?;
    (record.kind == "CNAME" && label.starts_with('_')).then_some(domain)
}
