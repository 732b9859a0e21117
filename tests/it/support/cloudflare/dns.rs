//! DNS records of zones.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, State, router::Call, schema};

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsRecord {
    pub id: String,
    pub kind: String,
    pub name: String,
    pub content: String,
    pub ttl: u64,
    pub proxied: bool,
    pub comment: Option<String>,
}

impl DnsRecord {
    /// One that a person made, without a comment.
    pub fn foreign(id: &str, kind: &str, name: &str, content: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            content: content.to_owned(),
            ttl: 1,
            proxied: false,
            comment: None,
        }
    }

    fn read(id: &str, body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Self {
            id: id.to_owned(),
            kind: text("type"),
            name: text("name").to_ascii_lowercase(),
            content: text("content").trim_end_matches('.').to_owned(),
            ttl: body["ttl"].as_u64().unwrap_or(1),
            proxied: body["proxied"].as_bool().unwrap_or_default(),
            comment: body["comment"].as_str().map(str::to_owned),
        }
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id, "type": self.kind, "name": self.name, "content": self.content,
            "ttl": self.ttl, "proxied": self.proxied, "comment": self.comment,
            "proxiable": matches!(self.kind.as_str(), "A" | "AAAA" | "CNAME"),
            "tags": [], "settings": {}, "meta": {},
            "created_on": "2026-01-03T00:00:00Z", "modified_on": "2026-01-03T00:00:00Z",
        })
    }

    fn is_address_or_alias(&self) -> bool {
        matches!(self.kind.as_str(), "A" | "AAAA" | "CNAME")
    }
}

/// The records of every zone, by the zone's id.
#[derive(Default)]
pub struct Dns(BTreeMap<String, Vec<DnsRecord>>);

impl Dns {
    pub fn add(&mut self, zone: &str, record: DnsRecord) {
        self.0.entry(zone.to_owned()).or_default().push(record);
    }

    /// The records of all zones, by name.
    pub fn all(&self) -> Vec<DnsRecord> {
        let mut all: Vec<_> = self.0.values().flatten().cloned().collect();
        all.sort_by(|one, other| (&one.name, &one.kind).cmp(&(&other.name, &other.kind)));
        all
    }

    pub fn by_name_mut(&mut self, name: &str) -> Option<&mut DnsRecord> {
        self.0.values_mut().flatten().find(|record| record.name == name)
    }

    fn of(&mut self, zone: &str) -> &mut Vec<DnsRecord> {
        self.0.entry(zone.to_owned()).or_default()
    }
}

/// `GET zones/:zone/dns_records`
pub fn list(state: &mut State, zone: &str, call: &Call) -> Result<Answer, Answer> {
    call.allow_parameters(&[
        "type",
        "name",
        "name.exact",
        "name.contains",
        "name.startswith",
        "name.endswith",
        "content",
        "content.exact",
        "comment",
        "comment.exact",
        "comment.present",
        "comment.absent",
        "comment.startswith",
        "proxied",
        "search",
        "match",
        "page",
        "per_page",
        "order",
        "direction",
    ])?;
    state.zones.get(zone)?;
    let wanted = |name: &str| call.parameter(name).map(str::to_ascii_lowercase);
    let fits = |record: &&DnsRecord| {
        wanted("name.exact").or(wanted("name")).is_none_or(|name| record.name == name)
            && wanted("type").is_none_or(|kind| record.kind.to_ascii_lowercase() == kind)
            && call
                .parameter("comment.exact")
                .is_none_or(|comment| record.comment.as_deref() == Some(comment))
    };
    Ok(Answer::list(state.dns.of(zone).iter().filter(fits).map(DnsRecord::json).collect()))
}

/// `POST zones/:zone/dns_records`
pub fn create(state: &mut State, zone: &str, call: &Call) -> Result<Answer, Answer> {
    let id = state.new_id();
    let record = checked(state, zone, &id, call)?;
    state.dns.add(zone, record.clone());
    Ok(Answer::ok(record.json()))
}

/// `PUT zones/:zone/dns_records/:id`
pub fn update(state: &mut State, zone: &str, id: &str, call: &Call) -> Result<Answer, Answer> {
    let record = checked(state, zone, id, call)?;
    let existing = state.dns.of(zone).iter_mut().find(|other| other.id == id);
    let Some(existing) = existing else { return Err(no_such_record()) };
    *existing = record.clone();
    Ok(Answer::ok(record.json()))
}

/// `DELETE zones/:zone/dns_records/:id`
pub fn delete(state: &mut State, zone: &str, id: &str) -> Result<Answer, Answer> {
    state.zones.get(zone)?;
    let records = state.dns.of(zone);
    let place = records.iter().position(|record| record.id == id).ok_or_else(no_such_record)?;
    records.remove(place);
    Ok(Answer::ok(json!({"id": id})))
}

fn no_such_record() -> Answer {
    Answer::error(404, 81044, "Record does not exist.")
}

/// What a body says, if the zone could have it.
fn checked(state: &mut State, zone: &str, id: &str, call: &Call) -> Result<DnsRecord, Answer> {
    let domain = state.zones.get(zone)?.name.clone();
    let body = call.json()?;
    schema::check("DnsRecord", &body)?;
    let record = DnsRecord::read(id, &body);
    if record.name != domain && !record.name.ends_with(&format!(".{domain}")) {
        // The vendor takes a name outside of the zone as one relative to it.
        return Err(Answer::error(
            400,
            9999,
            "the name is not in the zone: a mistake of the caller",
        ));
    }
    if record.kind == "CNAME" && record.content.eq_ignore_ascii_case(&record.name) {
        return Err(Answer::error(400, 9039, "CNAME content cannot reference itself."));
    }
    clash(state.dns.of(zone), &record).map_or(Ok(record), Err)
}

/// The vendor's refusal of a record beside others.
fn clash(records: &[DnsRecord], new: &DnsRecord) -> Option<Answer> {
    let mut others = records.iter().filter(|record| record.id != new.id && record.name == new.name);
    others.find_map(|other| match (new.kind.as_str(), other.kind.as_str()) {
        (kind, other_kind) if kind == other_kind && other.content == new.content => {
            Some(Answer::error(400, 81058, "An identical record already exists."))
        }
        ("CNAME", _) if other.is_address_or_alias() => Some(Answer::error(
            400,
            81053,
            "An A, AAAA, or CNAME record with that host already exists.",
        )),
        ("A" | "AAAA", "CNAME") => {
            Some(Answer::error(400, 81054, "A CNAME record with that host already exists."))
        }
        (_, "NS") | ("NS", _) if new.kind != other.kind => {
            Some(Answer::error(400, 81056, "NS records with that host already exist."))
        }
        _ => None,
    })
}
