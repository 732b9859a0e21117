//! The endpoints of zones and DNS records. The crate has some of them, but without a record's
//! comment, and it takes no zone that is not active yet; so what is sent and read is ours.

use std::borrow::Cow;

use cloudflare::{
    endpoints::dns::dns::DeleteDnsRecord,
    framework::{
        endpoint::{Method, RequestBody, serialize_query, spec::EndpointSpec},
        response::{ApiResult, ApiSuccess},
    },
};
use serde::{Deserialize, Serialize};

use super::{
    Account, Permission,
    endpoint::{Answered, Endpoint},
};

/// Cloudflare pages long lists. What is asked for here is narrowed to one name or one owner, so
/// that one page of this size is all there is.
const PAGE: u32 = 1000;

/// A zone: a domain whose DNS Cloudflare serves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Zone {
    /// Its id.
    pub id: String,
    /// Its domain.
    pub name: String,
    /// `active` once the domain's registrar names Cloudflare's name servers.
    pub status: String,
    /// The name servers that the registrar has to name.
    #[serde(default)]
    pub name_servers: Vec<String>,
    /// Whose it is.
    pub account: Account,
}

impl ApiResult for Zone {}

/// The zones with this domain that the token can see.
#[derive(Debug, Serialize)]
pub(super) struct ListZones<'a> {
    pub name: &'a str,
}

impl EndpointSpec for ListZones<'_> {
    type JsonResponse = Answered<Vec<Zone>>;
    type ResponseType = ApiSuccess<Answered<Vec<Zone>>>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> String {
        "zones".to_owned()
    }

    fn query(&self) -> Option<String> {
        serialize_query(self)
    }
}

/// A DNS record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Record {
    /// Its id within the zone.
    pub id: String,
    /// Its full name.
    pub name: String,
    /// Its type: `CNAME`, `A`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// What it says. Records with structured data have none.
    #[serde(default)]
    pub content: String,
    /// Cloudflare answers for it with addresses of its own.
    #[serde(default)]
    pub proxied: bool,
    /// What its maker noted.
    #[serde(default)]
    pub comment: Option<String>,
}

impl ApiResult for Record {}

impl Record {
    /// True if no alias can stand beside it under its name.
    pub fn excludes_alias(&self) -> bool {
        matches!(self.kind.as_str(), "A" | "AAAA" | "CNAME" | "NS")
    }
}

/// Which records of a zone.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) enum Filter<'a> {
    /// Those of this name, whatever their type.
    #[serde(rename = "name.exact")]
    Name(&'a str),
    /// Those with this comment.
    #[serde(rename = "comment.exact")]
    Comment(&'a str),
}

/// The records of a zone that the filter lets through.
#[derive(Debug)]
pub(super) struct ListRecords<'a> {
    pub zone: &'a str,
    pub filter: Filter<'a>,
}

impl EndpointSpec for ListRecords<'_> {
    type JsonResponse = Answered<Vec<Record>>;
    type ResponseType = ApiSuccess<Answered<Vec<Record>>>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> String {
        records(self.zone)
    }

    fn query(&self) -> Option<String> {
        let (filter, value) = match self.filter {
            Filter::Name(name) => ("name.exact", name),
            Filter::Comment(comment) => ("comment.exact", comment),
        };
        serialize_query(&[(filter, value), ("per_page", &PAGE.to_string())])
    }
}

/// What a record is made of, or made to.
#[derive(Debug, Serialize)]
pub(super) struct RecordBody<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub name: &'a str,
    pub content: &'a str,
    pub ttl: u32,
    pub proxied: bool,
    pub comment: &'a str,
}

impl RecordBody<'_> {
    fn json(&self) -> Option<RequestBody<'_>> {
        serde_json::to_string(self).ok().map(RequestBody::Json)
    }
}

/// A new record.
#[derive(Debug)]
pub(super) struct CreateRecord<'a> {
    pub zone: &'a str,
    pub record: &'a RecordBody<'a>,
}

impl EndpointSpec for CreateRecord<'_> {
    type JsonResponse = Record;
    type ResponseType = ApiSuccess<Record>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> String {
        records(self.zone)
    }

    fn body(&self) -> Option<RequestBody<'_>> {
        self.record.json()
    }
}

/// A record, written anew as a whole.
#[derive(Debug)]
pub(super) struct UpdateRecord<'a> {
    pub zone: &'a str,
    pub id: &'a str,
    pub record: &'a RecordBody<'a>,
}

impl EndpointSpec for UpdateRecord<'_> {
    type JsonResponse = Record;
    type ResponseType = ApiSuccess<Record>;

    fn method(&self) -> Method {
        Method::PUT
    }

    fn path(&self) -> String {
        format!("{}/{}", records(self.zone), self.id)
    }

    fn body(&self) -> Option<RequestBody<'_>> {
        self.record.json()
    }

    fn content_type(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed("application/json"))
    }
}

fn records(zone: &str) -> String {
    format!("zones/{zone}/dns_records")
}

impl Endpoint for ListZones<'_> {
    fn needs(&self) -> &'static [Permission] {
        &[Permission::ZoneRead]
    }
}

/// Whoever looks at records here is about to change them, so both permissions are told at once.
const RECORDS: &[Permission] = &[Permission::ZoneRead, Permission::DnsEdit];

impl Endpoint for ListRecords<'_> {
    fn needs(&self) -> &'static [Permission] {
        RECORDS
    }
}

impl Endpoint for CreateRecord<'_> {
    fn needs(&self) -> &'static [Permission] {
        RECORDS
    }
}

impl Endpoint for UpdateRecord<'_> {
    fn needs(&self) -> &'static [Permission] {
        RECORDS
    }
}

impl Endpoint for DeleteDnsRecord<'_> {
    fn needs(&self) -> &'static [Permission] {
        RECORDS
    }
}
