//! Zones.

use serde_json::{Value, json};

use super::{Answer, State, router::Call};

/// A zone.
#[derive(Debug, Clone)]
pub struct Zone {
    pub id: String,
    pub name: String,
    pub status: String,
}

impl Zone {
    pub fn new(id: &str, name: &str, status: &str) -> Self {
        Self { id: id.to_owned(), name: name.to_owned(), status: status.to_owned() }
    }

    /// As the vendor shows it; a zone that is not active was never activated.
    fn json(&self) -> Value {
        let activated = (self.status == "active").then_some("2026-01-02T00:01:00Z");
        json!({
            "id": self.id, "name": self.name, "status": self.status, "type": "full",
            "paused": false, "development_mode": 0,
            "name_servers": ["bob.ns.cloudflare.com", "lola.ns.cloudflare.com"],
            "original_name_servers": null, "original_registrar": null, "original_dnshost": null,
            "created_on": "2026-01-01T00:00:00Z", "modified_on": "2026-01-02T00:01:00Z",
            "activated_on": activated,
            "account": {"id": "a".repeat(32), "name": "Somebody's account"},
            "owner": {"id": null, "type": "user", "email": null},
            "permissions": ["#dns_records:edit", "#dns_records:read", "#zone:read"],
        })
    }
}

/// All zones.
#[derive(Default)]
pub struct Zones(Vec<Zone>);

impl Zones {
    pub fn add(&mut self, zone: Zone) {
        self.0.push(zone);
    }

    /// The zone of this id, or the vendor's refusal.
    pub fn get(&self, id: &str) -> Result<&Zone, Answer> {
        self.0.iter().find(|zone| zone.id == id).ok_or_else(|| {
            let told = format!(
                "Could not route to /client/v4/zones/{id}, perhaps your object \
                                identifier is invalid?"
            );
            Answer::error(404, 7003, &told)
        })
    }
}

/// `GET zones`
pub fn list(state: &State, call: &Call) -> Result<Answer, Answer> {
    call.allow_parameters(&[
        "name",
        "status",
        "account.id",
        "account.name",
        "page",
        "per_page",
        "order",
        "direction",
        "match",
        "type",
    ])?;
    let fits = |zone: &&Zone| {
        call.parameter("name").is_none_or(|name| zone.name == name)
            && call.parameter("status").is_none_or(|status| zone.status == status)
    };
    Ok(Answer::list(state.zones.0.iter().filter(fits).map(Zone::json).collect()))
}
