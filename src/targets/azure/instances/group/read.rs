//! Container groups as Azure tells them, in the terms of what they should be. Secure values never
//! come back: which versions of secrets a group was given, its tag says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    GroupTags, SIDECAR, Values,
    render::{HOSTS, RELEASE, Rendering, names},
};
use crate::{
    model::ReleaseId,
    plan::Late,
    secret::SecretValue,
    targets::{
        EnvSpec,
        azure::{
            foreign::tags as tags_of,
            instances::{
                seen::{SeenGroup, State},
                spec::{Container, Kind, ServiceSpec, Sidecar, Size},
            },
            names::{Scope, Tags},
        },
    },
};

/// What is needed to understand groups.
pub struct Reader<'a> {
    /// Whose they are.
    pub scope: &'a Scope,
    /// The host of the registry, if there is one.
    pub login_server: Option<&'a str>,
    /// The tags of images, by digest, as far as records know them.
    pub tags: &'a BTreeMap<String, String>,
    /// The variables of the caller that services are known to take, by the names that they have in
    /// the service: where they come from.
    pub callers: &'a BTreeMap<String, String>,
    /// The fingerprint of a value.
    pub fingerprint: &'a dyn Fn(&str) -> String,
    /// A stand-in runs them.
    pub is_local: bool,
}

/// A group, as it is.
pub fn seen(reader: &Reader<'_>, group: &Value) -> SeenGroup {
    let tags = tags_of(group);
    let tag = |name: &str| tags.get(name).cloned();
    SeenGroup {
        id: text(&group["id"]).to_owned(),
        ours: reader.scope.owns(&tags),
        service: tag(Tags::SERVICE),
        release: tag(Tags::RELEASE).and_then(|release| release.parse::<ReleaseId>().ok()),
        spec: reader.spec(group, &tags),
        secrets: tag(Tags::SECRETS),
        state: state(group),
    }
}

/// The last events of a group and its containers, one in a line: why it is as it is.
pub fn last_events(group: &Value, count: usize) -> Vec<String> {
    let own = events(&group["properties"]["instanceView"]);
    let inner = containers(group).into_iter().flat_map(|container| {
        let name = text(&container["name"]).to_owned();
        let events = events(&container["properties"]["instanceView"]).into_iter();
        events.map(move |event| format!("{name}: {event}"))
    });
    let all: Vec<String> = own.into_iter().chain(inner).collect();
    all[all.len().saturating_sub(count)..].to_vec()
}

fn events(view: &Value) -> Vec<String> {
    let events = view["events"].as_array().into_iter().flatten();
    events.map(|event| format!("{}: {}", text(&event["name"]), text(&event["message"]))).collect()
}

/// What a group does. One whose containers are to run and ended is started again by Azure, so only
/// what could not start, or ended for good, has failed.
fn state(group: &Value) -> State {
    let properties = &group["properties"];
    let provisioning = text(&properties["provisioningState"]);
    let overall = text(&properties["instanceView"]["state"]);
    match (provisioning, overall) {
        // What was to run once has ended.
        (_, "Stopped" | "Succeeded") | ("Stopped", _) => State::Stopped,
        ("Failed" | "Canceled", _) | (_, "Failed") => {
            let why = last_events(group, 1).pop();
            State::Failed(why.unwrap_or_else(|| format!("{provisioning} {overall}")))
        }
        _ => State::Running,
    }
}

impl Reader<'_> {
    fn spec(&self, group: &Value, tags: &BTreeMap<String, String>) -> Option<ServiceSpec> {
        let service = tags.get(Tags::SERVICE)?;
        let all = containers(group);
        let (sidecars, own): (Vec<&Value>, Vec<&Value>) =
            all.iter().partition(|container| container["name"] == SIDECAR);
        let count = u32::try_from(own.len()).ok().filter(|count| *count > 0)?;
        let found: Vec<&str> = own.iter().map(|container| text(&container["name"])).collect();
        if found != names(service, count) {
            return None;
        }
        let host = sidecars.first().map(|_| self.scope.host(text(&group["name"])));
        let mut specs =
            own.iter().map(|container| self.container(group, container, tags, host.as_deref()));
        let container = specs.next()??;
        // Copies that differ from each other look like no service.
        if specs.any(|other| other.as_ref() != Some(&container)) {
            return None;
        }
        let role = match (tags.get(GroupTags::KIND)?.as_str(), sidecars.as_slice()) {
            ("web", [sidecar]) => self.web(group, sidecar, tags)?,
            ("worker", []) => Kind::Worker,
            ("singleton", []) => Kind::Singleton,
            _ => return None,
        };
        Some(ServiceSpec { role, container, count })
    }

    fn container(
        &self,
        group: &Value,
        container: &Value,
        tags: &BTreeMap<String, String>,
        host: Option<&str>,
    ) -> Option<Container> {
        let properties = &container["properties"];
        let requests = &properties["resources"]["requests"];
        let (server, digest) =
            text(&properties["image"]).split_once('@').and_then(|(repository, digest)| {
                Some((repository.rsplit_once('/')?.0.to_owned(), digest))
            })?;
        let registry = match self.login_server {
            Some(known) if known == server => self.scope.registry(),
            _ => server,
        };
        let command: Vec<String> = list(&properties["command"]).map(owned).collect();
        Some(Container {
            image: Late::Known(self.tag_of(digest, tags)),
            registry,
            identity: identity(group)?,
            command: (!command.is_empty()).then_some(command),
            env: self.variables(properties, host),
            size: Size {
                cpu: scaled(&requests["cpu"], 1000.0)?,
                memory: scaled(&requests["memoryInGB"], 10.0)?,
            },
        })
    }

    /// The tag of an image: as it was recorded, else as the group says, if nobody has changed it
    /// since.
    fn tag_of(&self, digest: &str, tags: &BTreeMap<String, String>) -> String {
        let recorded = self.tags.get(digest);
        let said = tags.get(GroupTags::IMAGE).filter(|tag| {
            // It is of another image by the records.
            !self.tags.values().any(|known| known == *tag)
        });
        recorded.or(said).cloned().unwrap_or_else(|| digest.to_owned())
    }

    fn variables(&self, properties: &Value, host: Option<&str>) -> BTreeMap<String, EnvSpec> {
        let variables = list(&properties["environmentVariables"]);
        let read = variables.filter_map(|variable| {
            let name = text(&variable["name"]);
            let spec = match variable["value"].as_str() {
                _ if name == RELEASE => return None,
                None => EnvSpec::Secret { fingerprint: None },
                Some(value) => match (self.callers.get(name), host) {
                    (Some(from), _) => EnvSpec::Caller {
                        from: from.clone(),
                        fingerprint: (self.fingerprint)(value),
                    },
                    (None, Some(host)) if name == HOSTS => {
                        let own = format!(",{host}");
                        EnvSpec::Literal(value.strip_suffix(&own).unwrap_or(value).to_owned())
                    }
                    _ => EnvSpec::Literal(value.to_owned()),
                },
            };
            Some((name.to_owned(), spec))
        });
        read.collect()
    }

    /// A web service whose sidecar is as we write it, or looks like none.
    fn web(&self, group: &Value, sidecar: &Value, tags: &BTreeMap<String, String>) -> Option<Kind> {
        let mut told = tags.get(GroupTags::WEB)?.splitn(3, ' ');
        let health_timeout = told.next()?.parse().ok()?;
        let drain = told.next()?.parse().ok()?;
        let health = told.next()?.to_owned();
        let port = port_of(sidecar)?;
        let image = text(&sidecar["properties"]["image"]);
        let server = self.login_server.unwrap_or_default();
        let image = image.strip_prefix(&format!("{server}/")).unwrap_or(image).to_owned();
        let read = Sidecar { image, secret_versions: BTreeSet::new() };
        let label = self.scope.dns_label(text(&group["name"]));
        let address = &group["properties"]["ipAddress"];
        let is_ours = address["dnsNameLabel"] == label && self.is_like(group, sidecar, &read, port);
        is_ours.then_some(Kind::Web { port, health, health_timeout, drain, sidecar: read })
    }

    /// True if a sidecar is what we would make.
    fn is_like(&self, group: &Value, seen: &Value, sidecar: &Sidecar, port: u16) -> bool {
        let variables = list(&seen["properties"]["environmentVariables"]);
        let secrets = variables.filter(|variable| variable["value"].is_null()).count();
        let blank = || SecretValue::new(String::new());
        let values = Values {
            origin: std::iter::repeat_with(blank).take(secrets).collect(),
            ..Values::default()
        };
        let name = text(&group["name"]);
        let rendering = Rendering {
            scope: self.scope,
            group: name,
            release: ReleaseId(0),
            login_server: self.login_server.unwrap_or_default(),
            digest: "",
            identity: "",
            is_local: self.is_local,
            values: &values,
        };
        let ours = rendering.sidecar(sidecar, port, &self.scope.host(name));
        let Ok(mut ours) = serde_json::to_value(ours) else { return false };
        for variable in
            ours["properties"]["environmentVariables"].as_array_mut().into_iter().flatten()
        {
            variable.as_object_mut().map(|variable| variable.remove("secureValue"));
        }
        let same = |field: &str| ours["properties"][field] == seen["properties"][field];
        let size = |container: &Value, field: &str| {
            scaled(&container["properties"]["resources"]["requests"][field], 1000.0)
        };
        same("command")
            && same("environmentVariables")
            && size(&ours, "cpu") == size(seen, "cpu")
            && size(&ours, "memoryInGB") == size(seen, "memoryInGB")
    }
}

/// The port that a sidecar hands requests on to.
fn port_of(sidecar: &Value) -> Option<u16> {
    let mut variables = list(&sidecar["properties"]["environmentVariables"]);
    let configuration = variables.find_map(|variable| variable["value"].as_str())?;
    let (_, rest) = configuration.split_once("reverse_proxy 127.0.0.1:")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn identity(group: &Value) -> Option<String> {
    let all = group["identity"]["userAssignedIdentities"].as_object()?;
    let mut ids = all.keys();
    let id = ids.next()?;
    // Another one beside it looks like no service of ours.
    ids.next().is_none().then(|| id.rsplit('/').next().unwrap_or(id).to_owned())
}

pub(in super::super::super) fn containers(group: &Value) -> Vec<&Value> {
    list(&group["properties"]["containers"]).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(in super::super::super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn owned(value: &Value) -> String {
    text(value).to_owned()
}

/// A number of Azure's in whole parts of ours.
fn scaled(value: &Value, parts: f64) -> Option<u32> {
    let number = (value.as_f64()? * parts).round();
    // Sizes are small and positive.
    (0.0..1e6).contains(&number).then_some(number as u32)
}
