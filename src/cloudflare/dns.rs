//! DNS records of an environment: put, found, removed, and only ever its own.

use cloudflare::endpoints::dns::dns::DeleteDnsRecord;

use super::{
    Cloudflare, Owner, Record, Zone,
    endpoint::Answered,
    endpoints::{CreateRecord, Filter, ListRecords, ListZones, RecordBody, UpdateRecord},
    failure::Failure,
};
use crate::error::{Error, ErrorKind, Result};

/// Seconds that resolvers keep an answer: the least that every plan of Cloudflare allows.
const TTL: u32 = 60;
/// "An A, AAAA, or CNAME record with that host already exists", and its relatives: somebody was
/// faster, or our own request came through although its answer did not.
const ALREADY_THERE: [u32; 5] = [81053, 81054, 81056, 81057, 81058];
/// "Record does not exist".
const NO_SUCH_RECORD: u32 = 81044;
/// Looks at a name that somebody else is changing at the same time.
const LOOKS: usize = 3;

/// A CNAME record, not proxied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// Its full name.
    pub name: String,
    /// What it points to.
    pub target: String,
    /// A record that says the same is as good, whoever made it.
    pub shareable: bool,
}

/// What is to be done so that an alias is there.
#[derive(Debug, PartialEq, Eq)]
enum Decision<'a> {
    Keep(&'a Record),
    Create,
    Update(&'a Record),
    Foreign(&'a Record),
}

impl Alias {
    /// True if the record says what the alias says.
    pub fn is(&self, record: &Record) -> bool {
        record.kind == "CNAME" && same(&record.content, &self.target) && !record.proxied
    }

    fn decide<'a>(&self, found: &'a [Record], owner: &Owner) -> Decision<'a> {
        let found: Vec<_> = found.iter().filter(|record| record.excludes_alias()).collect();
        if let Some(foreign) = found.iter().find(|record| !owner.owns(record)) {
            return match self.shareable && self.is(foreign) {
                true => Decision::Keep(foreign),
                false => Decision::Foreign(foreign),
            };
        }
        match found.first() {
            None => Decision::Create,
            Some(record) if self.is(record) => Decision::Keep(record),
            Some(record) => Decision::Update(record),
        }
    }
}

impl Cloudflare {
    /// The zone that a name is in: the longest one that the token can see.
    ///
    /// # Errors
    /// There is none, or its domain is not served by Cloudflare yet.
    pub async fn zone_of(&self, name: &str) -> Result<Zone> {
        let cannot = || format!("cannot find the Cloudflare zone of {name}");
        for domain in domains(name) {
            let Answered(zones) = self
                .send(&ListZones { name: domain })
                .await
                .map_err(|failure| failure.told(cannot()))?;
            match zones.as_slice() {
                [] => {}
                [zone] if zone.status == "active" => return Ok(zone.clone()),
                [zone] => return Err(inactive(zone)),
                several => return only_active(several).ok_or_else(|| ambiguous(domain)),
            }
        }
        Err(Error::new(ErrorKind::Denied, cannot())
            .cause("the token of CLOUDFLARE_API_TOKEN sees no zone for it")
            .hint(
                "add the domain to Cloudflare, or give the token the permission Zone Read for it",
            ))
    }

    /// The records of this name, whatever their type and whoever's they are.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn records_of_name(&self, zone: &Zone, name: &str) -> Result<Vec<Record>> {
        self.list(zone, Filter::Name(name)).await
    }

    /// All records of an environment in this zone.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn records_of_owner(&self, zone: &Zone, owner: &Owner) -> Result<Vec<Record>> {
        self.list(zone, Filter::Comment(owner.comment())).await
    }

    async fn list(&self, zone: &Zone, filter: Filter<'_>) -> Result<Vec<Record>> {
        let listed = self.send(&ListRecords { zone: &zone.id, filter }).await;
        let Answered(records) = listed
            .map_err(|failure| failure.told(format!("cannot list the records of {}", zone.name)))?;
        Ok(records)
    }

    /// Makes the alias be there, and returns its record.
    ///
    /// # Errors
    /// A record of this name is not ours; or Cloudflare refuses, or cannot be reached.
    pub async fn put_alias(&self, zone: &Zone, alias: &Alias, owner: &Owner) -> Result<Record> {
        let record = RecordBody {
            kind: "CNAME",
            name: &alias.name,
            content: &alias.target,
            ttl: TTL,
            proxied: false,
            comment: owner.comment(),
        };
        let mut looks = 0;
        loop {
            looks += 1;
            let found = self.records_of_name(zone, &alias.name).await?;
            let done = match alias.decide(&found, owner) {
                Decision::Keep(record) => return Ok(record.clone()),
                Decision::Foreign(record) => return Err(foreign(record, zone)),
                Decision::Create => {
                    self.send(&CreateRecord { zone: &zone.id, record: &record }).await
                }
                Decision::Update(before) => {
                    let update = UpdateRecord { zone: &zone.id, id: &before.id, record: &record };
                    self.send(&update).await
                }
            };
            match done {
                Ok(record) => return Ok(record),
                Err(failure) if looks < LOOKS && may_be_there(&failure) => {}
                Err(failure) => {
                    return Err(failure.told(format!("cannot set the DNS record {}", alias.name)));
                }
            }
        }
    }

    /// Removes a record, unless it is somebody else's by now. One that is gone is fine.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn remove_record(&self, zone: &Zone, record: &Record, owner: &Owner) -> Result<()> {
        let now = self.records_of_name(zone, &record.name).await?;
        if !now.iter().any(|other| other.id == record.id && owner.owns(other)) {
            return Ok(());
        }
        let delete = DeleteDnsRecord { zone_identifier: &zone.id, identifier: &record.id };
        match self.send(&delete).await {
            Err(failure) if !failure.is_any(&[NO_SUCH_RECORD]) => {
                Err(failure.told(format!("cannot remove the DNS record {}", record.name)))
            }
            _ => Ok(()),
        }
    }
}

/// The domains that could be the zone of a name, the longest first. A single label is none.
fn domains(name: &str) -> impl Iterator<Item = &str> {
    let name = name.trim_end_matches('.');
    std::iter::successors(Some(name), |domain| domain.split_once('.').map(|(_, rest)| rest))
        .filter(|domain| domain.contains('.'))
}

/// Names are equal with and without a dot at the end, in upper and lower case.
fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
}

fn may_be_there(failure: &Failure) -> bool {
    failure.is_any(&ALREADY_THERE) || failure.is_any(&[NO_SUCH_RECORD]) || failure.is_doubtful()
}

fn only_active(zones: &[Zone]) -> Option<Zone> {
    let mut active = zones.iter().filter(|zone| zone.status == "active");
    active.next().filter(|_| active.next().is_none()).cloned()
}

fn ambiguous(domain: &str) -> Error {
    Error::failed(format!("the token sees several Cloudflare zones {domain}"))
        .hint("use a token of the one account that serves the domain")
}

fn inactive(zone: &Zone) -> Error {
    Error::failed(format!("the Cloudflare zone {} is {}, not active", zone.name, zone.status))
        .cause("nobody asks Cloudflare for this domain yet")
        .hint(format!("name these servers at the registrar: {}", zone.name_servers.join(", ")))
}

fn foreign(record: &Record, zone: &Zone) -> Error {
    let Record { kind, name, content, comment, .. } = record;
    Error::failed(format!("the DNS record {kind} {name} exists and is not ours"))
        .cause(format!(
            "in the zone {} it says {content}, with {}",
            zone.name,
            match comment.as_deref().filter(|comment| !comment.is_empty()) {
                Some(comment) => format!("the comment {comment:?}"),
                None => "no comment".to_owned(),
            }
        ))
        .hint("remove it, or choose another name: a record that mizan did not make stays as it is")
}
