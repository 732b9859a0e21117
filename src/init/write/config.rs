//! mizan.yaml.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{quoted, render};
use crate::{
    error::Result,
    init::{
        decide::{Accessory, Cloud, Setup},
        findings::{Findings, Seen},
    },
};

const TEMPLATE: &str = include_str!("../../../templates/init/mizan.yaml.j2");
/// The environment in the cloud.
pub(super) const PRODUCTION: &str = "production";

#[derive(Serialize)]
struct Values {
    app: String,
    protocol: bool,
    services: Vec<Service>,
    env: String,
    secrets: String,
    local: Local,
    cloud: Option<CloudValues>,
}

#[derive(Serialize)]
struct Service {
    name: &'static str,
    fields: String,
    why: String,
}

#[derive(Serialize)]
struct Local {
    env: Vec<String>,
    secrets: Option<String>,
    services: Vec<Service>,
    release: Option<String>,
}

#[derive(Serialize)]
struct CloudValues {
    name: &'static str,
    target: String,
    domain: Option<String>,
    env: String,
    secrets: String,
}

/// The text of mizan.yaml.
pub(super) fn config(findings: &Findings, setup: &Setup) -> Result<String> {
    let values = Values {
        app: setup.app.to_string(),
        protocol: findings.protocol.is_some(),
        services: services(findings, setup),
        env: map(&setup.env),
        secrets: secrets(&setup.secrets),
        local: local(setup),
        cloud: setup.cloud.as_ref().map(|cloud| cloud_values(cloud, setup)),
    };
    render("mizan.yaml", TEMPLATE, values)
}

fn services(findings: &Findings, setup: &Setup) -> Vec<Service> {
    let volumes = map(&setup.volumes.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect());
    let volumes = match volumes.as_str() {
        "" => String::new(),
        volumes => format!(", volumes: {volumes}"),
    };
    let health = &findings.health;
    let web = Service {
        name: "web",
        fields: format!(
            "{{port: {}, health: {}, stop_timeout: 30s{volumes}}}",
            setup.port, health.value
        ),
        why: match health.place {
            Some(_) => String::new(),
            None if health.value == "/" => "health has to answer 2xx".to_owned(),
            None => String::new(),
        },
    };
    let background = |name, seen: &Option<Seen<Vec<String>>>, rest: &str, why: &str| {
        seen.as_ref().map(|seen| Service {
            name,
            fields: format!("{{command: {}{rest}{volumes}}}", quoted(&seen.value.join(" "))),
            why: why.to_owned(),
        })
    };
    let worker = background("worker", &findings.worker, ", stop_timeout: 60s", "");
    let beat = background("beat", &findings.beat, ", singleton: true", "never two at a time");
    [Some(web), worker, beat].into_iter().flatten().collect()
}

fn local(setup: &Setup) -> Local {
    let env = setup.local.env.iter();
    let given: Vec<_> =
        setup.secrets.iter().filter(|(name, _)| setup.is_given_locally(name)).collect();
    let others: Vec<(String, bool)> =
        setup.secrets.iter().filter(|(name, _)| !setup.is_given_locally(name)).cloned().collect();
    Local {
        env: env.map(|(name, value)| format!("{name}: {}", quoted(value))).collect(),
        secrets: (!given.is_empty()).then(|| match others.is_empty() {
            true => "[]".to_owned(),
            false => secrets(&others),
        }),
        services: setup.local.accessories.iter().map(accessory).collect(),
        release: setup.local.accessories.iter().find(|found| found.name == "db").map(wait),
    }
}

fn accessory(accessory: &Accessory) -> Service {
    let env: Vec<String> =
        accessory.env.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let env = match env.is_empty() {
        true => String::new(),
        false => format!(", env: {{{}}}", env.join(", ")),
    };
    let Accessory { name, image, data, .. } = accessory;
    Service {
        name,
        fields: format!("{{image: \"{image}\", volumes: {{{name}: {data}}}{env}}}"),
        why: String::new(),
    }
}

/// The release command behind a wait for the database.
fn wait(database: &Accessory) -> String {
    let Accessory { name, port, .. } = database;
    let connect = format!("import socket; socket.create_connection((\"{name}\", {port}), 2)");
    let script = format!(
        "until python -c '{connect}' 2>/dev/null; do sleep 1; done; exec python manage.py migrate --noinput"
    );
    format!("[sh, -c, {}]", quoted(&script))
}

fn cloud_values(cloud: &Cloud, setup: &Setup) -> CloudValues {
    let target = match cloud {
        Cloud::Aws { region, .. } => format!("{{aws: {{region: {region}}}}}"),
        Cloud::Azure { location, .. } => {
            format!("{{azure: {{location: {location}, service: container-instances}}}}")
        }
        Cloud::Origin { url, .. } => format!("{{origin: {}}}", quoted(url)),
    };
    let secrets = setup.cloud_database.as_ref().map(|database| {
        let more = setup.secrets.iter().cloned().chain([(database.clone(), false)]);
        secrets(&more.collect::<Vec<_>>())
    });
    CloudValues {
        name: PRODUCTION,
        target,
        domain: cloud.domain().map(str::to_owned),
        env: map(&setup.cloud_env),
        secrets: secrets.unwrap_or_default(),
    }
}

/// A map in one line; nothing if it is empty.
fn map(entries: &BTreeMap<String, String>) -> String {
    let entries: Vec<String> =
        entries.iter().map(|(name, value)| format!("{name}: {}", plain_or_quoted(value))).collect();
    match entries.is_empty() {
        true => String::new(),
        false => format!("{{{}}}", entries.join(", ")),
    }
}

/// Paths and dotted names need no quotes.
fn plain_or_quoted(value: &str) -> String {
    let first = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    match first && plain && !["true", "false", "null", "yes", "no"].contains(&value) {
        true => value.to_owned(),
        false => quoted(value),
    }
}

fn secrets(secrets: &[(String, bool)]) -> String {
    let entry = |(name, generate): &(String, bool)| match generate {
        true => format!("{{name: {name}, generate: true}}"),
        false => name.clone(),
    };
    match secrets.is_empty() {
        true => String::new(),
        false => format!("[{}]", secrets.iter().map(entry).collect::<Vec<_>>().join(", ")),
    }
}
