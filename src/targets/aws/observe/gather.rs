//! Puts together what the readers found, in the terms in which the planner compares it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join_all, try_join_all};

use super::{
    super::{
        api::{ec2::SecurityGroup, s3::Bucket},
        clients::Clients,
        desired::Desired,
        names::Scope,
        seen::{Observed, SeenService, SeenThing},
        spec::{ServiceSpec, TaskSpec, Thing},
    },
    answer::{Read, Unread, or_default, seen},
    dns, families,
    groups::{self, GroupNames},
    lookup::Lookup,
    release::{Recorded, Records},
    release_step,
    services::{self, Found},
    task_definition,
    things::{
        cluster, iam, logs, registry, scaling,
        secrets::{self, StoredSecret},
    },
    traffic::{self, Compared, SecretValues, Traffic},
};
use crate::{
    cloudflare::Cloudflare,
    error::Result,
    model::ReleaseId,
    plan::{Late, ResourceId, Seen},
};

type Things = BTreeMap<ResourceId, Seen<SeenThing>>;
type Secrets = BTreeMap<String, StoredSecret>;

/// Everything of the environment: what `want` asks for and what an earlier deploy has made. Without
/// `want`, for a teardown, what recorded releases have made and what is called and tagged as ours.
///
/// # Errors
/// AWS cannot be reached or fails.
pub async fn observe(
    clients: &Clients,
    cloudflare: Option<&Cloudflare>,
    scope: &Scope,
    want: Option<&Desired>,
    recorded: &Recorded,
) -> Result<Observed> {
    let Recorded { bucket, is_elsewhere, records } = recorded;
    let look = Look::new(clients, cloudflare, scope, want, records);
    let (raw, image_digest, families, bucket_users, checks) = tokio::try_join!(
        look.read(),
        look.image_digest(),
        look.families(),
        look.bucket_users(*bucket),
        look.checks()
    )?;
    let services = look.services(&raw).await?;
    let (things, migrated, strays) = tokio::try_join!(
        look.things(&raw, &services),
        look.migrated(&raw),
        look.strays(&families)
    )?;
    Ok(Observed {
        things,
        migrated,
        newest: newest(records, &services),
        image_digest,
        artifacts_cached: false,
        plane: None,
        foreseen: Default::default(),
        releases: records.ids(),
        bucket: *bucket,
        ledger_elsewhere: *is_elsewhere,
        bucket_users,
        secrets: raw.secrets.as_ref().map(known_names).unwrap_or_default(),
        leftovers: checks.into_iter().chain(strays).collect(),
        services,
        families,
        current: records.current.clone(),
    })
}

/// The environments of an app that have something in the bucket, as `<app>/<env>`.
async fn users(bucket: &Bucket, app: &str) -> Result<Vec<String>> {
    let envs = bucket.folders(&format!("{app}/")).await?;
    Ok(envs.into_iter().map(|env| format!("{app}/{env}")).collect())
}

/// The names of the secrets that are ours.
fn known_names(secrets: &Secrets) -> BTreeSet<String> {
    secrets.values().filter(|secret| secret.ours).map(|secret| secret.name.clone()).collect()
}

/// The highest number that any release ever had.
fn newest(records: &Records, services: &BTreeMap<String, Seen<SeenService>>) -> Option<ReleaseId> {
    let tagged = services.values().filter_map(|seen| seen.present().filter(|it| it.ours)?.release);
    records.begun().chain(tagged).max()
}

/// What is needed to look.
struct Look<'a> {
    clients: &'a Clients,
    cloudflare: Option<&'a Cloudflare>,
    scope: &'a Scope,
    want: Option<&'a Desired>,
    records: &'a Records,
    lookup: Lookup,
    cluster: String,
}

/// What was found, in AWS's own words as far as one kind needs another to be understood.
struct Raw {
    things: Things,
    certificates: Things,
    groups: Read<Vec<SecurityGroup>>,
    traffic: Read<Traffic>,
    secrets: Read<Secrets>,
    services: Read<Found>,
    scalings: Read<BTreeMap<String, SeenThing>>,
    step_tasks: Read<Vec<aws_sdk_ecs::types::Task>>,
}

impl<'a> Look<'a> {
    fn new(
        clients: &'a Clients,
        cloudflare: Option<&'a Cloudflare>,
        scope: &'a Scope,
        want: Option<&'a Desired>,
        records: &'a Records,
    ) -> Self {
        let desired = want.or(records.current.as_ref().map(|current| &current.desired));
        Self {
            clients,
            cloudflare,
            scope,
            want,
            records,
            lookup: Lookup::new(scope, want, &records.all),
            cluster: desired.map_or_else(|| scope.cluster(), |desired| desired.cluster.clone()),
        }
    }

    /// Asks for everything that follows from names, all at once.
    async fn read(&self) -> Result<Raw> {
        let (clients, scope, lookup) = (self.clients, self.scope, &self.lookup);
        let groups = lookup.names("security-group");
        let domains = lookup.names("certificate").into_iter().collect();
        let (simple, certificates, groups, traffic, secrets, services, step_tasks) = tokio::join!(
            self.simple(),
            dns::observe_certificates(&clients.acm, scope, &domains),
            groups::read(&clients.ec2, &groups, self.vpc()),
            Traffic::read(clients, scope, lookup),
            secrets::secrets(clients, scope),
            self.scaled_services(),
            release_step::tasks(clients, scope, &self.cluster),
        );
        let things = simple?;
        let (services, scalings) = services;
        Ok(Raw { things, certificates, groups, traffic, secrets, services, scalings, step_tasks })
    }

    /// The services, and the scaling of all that were looked for or found.
    async fn scaled_services(&self) -> (Read<Found>, Read<BTreeMap<String, SeenThing>>) {
        let (clients, scope, cluster) = (self.clients, self.scope, self.cluster.as_str());
        let services = services::read(clients, scope, cluster, &self.lookup.services).await;
        let mut names = self.lookup.services.clone();
        names.extend(services.iter().flat_map(|found| found.keys().cloned()));
        let names: Vec<String> = names.into_iter().collect();
        let scalings = scaling::scalings(clients, scope, cluster, &names).await;
        (services, scalings)
    }

    /// The network in which security groups are looked for first.
    fn vpc(&self) -> Option<&str> {
        let groups = self.want.iter().flat_map(|want| &want.things);
        groups.into_iter().find_map(|thing| match thing {
            Thing::SecurityGroup(group) => Some(group.vpc.as_str()),
            _ => None,
        })
    }

    /// The kinds that need no other kind to be understood.
    async fn simple(&self) -> Result<Things> {
        let things = self.lookup.things.iter().map(|id| self.simple_thing(id));
        Ok(try_join_all(things).await?.into_iter().flatten().collect())
    }

    async fn simple_thing(&self, id: &ResourceId) -> Result<Option<(ResourceId, Seen<SeenThing>)>> {
        let (clients, scope, name) = (self.clients, self.scope, id.name.as_str());
        let read = match id.kind.as_ref() {
            "repository" => registry::repository(clients, scope, name).await,
            "log-group" => logs::log_group(clients, scope, name).await,
            "role" => iam::role(clients, scope, name).await,
            "cluster" => cluster::cluster(clients, scope, name).await,
            _ => return Ok(None),
        };
        Ok(Some((id.clone(), seen(read)?)))
    }

    /// All things, by kind and name.
    async fn things(
        &self,
        raw: &Raw,
        services: &BTreeMap<String, Seen<SeenService>>,
    ) -> Result<Things> {
        let mut things = raw.things.clone();
        things.extend(raw.certificates.clone());
        let names = group_names(raw);
        let groups = told(&raw.groups, |groups| {
            groups.iter().map(|group| groups::seen(self.scope, &names, group)).collect()
        })?;
        self.add(&mut things, &["security-group"], groups);
        let secrets = told(&raw.secrets, |all| all.values().map(secrets::seen).collect())?;
        self.add(&mut things, &["secret"], self.asked_for(secrets));
        let scalings = told(&raw.scalings, |all| {
            all.iter().map(|(name, seen)| owned(seen, services.get(name))).collect()
        })?;
        self.add(&mut things, &["scaling"], scalings);
        const TRAFFIC: [&str; 4] = ["load-balancer", "target-group", "listener", "rule"];
        let traffic = self.traffic(raw, &names).await?;
        self.add(&mut things, &TRAFFIC, traffic);
        things.extend(self.records(raw, &things).await);
        Ok(things)
    }

    /// The records in the DNS zone; without any that is or was wanted, the zone is not asked.
    async fn records(&self, raw: &Raw, things: &Things) -> Things {
        if self.lookup.records.is_empty() {
            return Things::new();
        }
        let wanted = dns::Wanted {
            records: &self.lookup.records,
            certificates: &raw.certificates,
            balancers: &balancers(things),
        };
        dns::observe_records(self.cloudflare, self.scope, wanted).await
    }

    /// Load balancing, with the values of the Edge's secret where a rule asks for one.
    async fn traffic(&self, raw: &Raw, names: &GroupNames) -> Result<Told> {
        let secrets = raw.secrets.as_ref().ok();
        let secret = secrets.and_then(|all| all.get(&self.scope.origin_secret()));
        let asks = raw.traffic.as_ref().is_ok_and(|it| it.has_secret_rule(self.scope));
        let values = match secret {
            Some(secret) if asks => or_default(SecretValues::read(self.clients, secret).await)?,
            _ => SecretValues::default(),
        };
        let around = traffic::Around {
            scope: self.scope,
            groups: names,
            certificates: &domains(&raw.certificates),
            attributes: &Compared::of(self.want),
            values: &values,
        };
        told(&raw.traffic, |traffic| traffic.things(&around))
    }

    /// Adds what was found of some kinds, and that what was looked for besides is not there.
    fn add(&self, things: &mut Things, kinds: &[&str], found: Told) {
        let asked = self.lookup.things.iter().filter(|id| kinds.contains(&id.kind.as_ref()));
        match found {
            Told::Found(found) => {
                things.extend(asked.map(|id| (id.clone(), Seen::Absent)));
                things.extend(found.into_iter().map(|it| (it.thing.id(), Seen::Present(it))));
            }
            Told::Unknown(why) => {
                things.extend(asked.map(|id| (id.clone(), Seen::Unknown(why.clone()))));
            }
        }
    }

    /// Only what was looked for: secrets that were set by hand are no things.
    fn asked_for(&self, found: Told) -> Told {
        match found {
            Told::Found(mut found) => {
                found.retain(|it| self.lookup.things.contains(&it.thing.id()));
                Told::Found(found)
            }
            unknown => unknown,
        }
    }

    /// The services, by their names in `mizan.yaml`.
    async fn services(&self, raw: &Raw) -> Result<BTreeMap<String, Seen<SeenService>>> {
        let asked = self.lookup.services.iter();
        let found = match &raw.services {
            Ok(found) => found,
            Err(Unread::Failed(error)) => return Err(error.clone()),
            Err(Unread::Forbidden(why)) => {
                return Ok(asked.map(|name| (name.clone(), Seen::Unknown(why.clone()))).collect());
            }
        };
        let names = group_names(raw);
        let present = found.iter().map(|(name, service)| self.service(raw, &names, name, service));
        let present = join_all(present).await;
        let mut services: BTreeMap<_, _> = asked.map(|name| (name.clone(), Seen::Absent)).collect();
        for (name, read) in found.keys().zip(present) {
            services.insert(name.clone(), seen(read.map(Some))?);
        }
        Ok(services)
    }

    async fn service(
        &self,
        raw: &Raw,
        names: &GroupNames,
        name: &str,
        service: &aws_sdk_ecs::types::Service,
    ) -> Read<SeenService> {
        let task = self.task(raw, name, service.task_definition().unwrap_or_default()).await?;
        let group = service.load_balancers().first().and_then(|it| it.target_group_arn());
        let around = services::Around {
            scope: self.scope,
            groups: names,
            before: self.before(name),
            scaled: raw.scalings.as_ref().is_ok_and(|all| all.contains_key(name)),
            health: raw.traffic.as_ref().ok().and_then(|it| it.health_path(group)),
        };
        Ok(services::seen(&around, service, task))
    }

    /// What a service runs: as it was recorded, or as AWS describes it.
    async fn task(&self, raw: &Raw, service: &str, definition: &str) -> Read<TaskSpec> {
        if let Some(task) = self.records.task(service, definition) {
            return Ok(task);
        }
        let found = task_definition::read(self.clients, definition).await?;
        let tag = match task_definition::digest(task_definition::image(&found)) {
            Some(digest) => self.tag(digest).await?,
            None => None,
        };
        let none = Secrets::new();
        let secrets = raw.secrets.as_ref().unwrap_or(&none);
        Ok(task_definition::task(self.scope, &found, tag, secrets))
    }

    /// The tag of an image.
    async fn tag(&self, digest: &str) -> Read<Option<String>> {
        match self.records.tag(digest) {
            Some(tag) => Ok(Some(tag)),
            None => registry::tag(self.clients, &self.scope.repository(), digest).await,
        }
    }

    /// The specification of a service that was applied last, else the one that is wanted.
    fn before(&self, service: &str) -> Option<&ServiceSpec> {
        let current = self.records.current.as_ref().map(|current| &current.desired);
        let all = current.into_iter().chain(self.want);
        all.into_iter().find_map(|desired| desired.services.get(service))
    }

    async fn image_digest(&self) -> Result<Option<String>> {
        match self.want.map(|want| &want.image) {
            Some(Late::Known(tag)) => {
                or_default(registry::digest(self.clients, &self.scope.repository(), tag).await)
            }
            _ => Ok(None),
        }
    }

    async fn families(&self) -> Result<BTreeSet<String>> {
        let known = &self.lookup.services;
        or_default(families::families(self.clients, self.scope, known).await)
    }

    /// Environments that have something in the bucket; only a teardown asks.
    async fn bucket_users(&self, has_bucket: bool) -> Result<BTreeSet<String>> {
        if !has_bucket || self.want.is_some() {
            return Ok(BTreeSet::new());
        }
        let bucket = self.clients.bucket(self.scope);
        let apps = bucket.folders("").await?;
        let users = try_join_all(apps.iter().map(|app| users(&bucket, app))).await?;
        Ok(users.into_iter().flatten().collect())
    }

    async fn migrated(&self, raw: &Raw) -> Result<Option<ReleaseId>> {
        let Some(step) = self.want.and_then(|want| want.release_step.as_ref()) else {
            return Ok(None);
        };
        let Ok(tasks) = &raw.step_tasks else { return Ok(None) };
        let recorded = self.records.ids().into_iter().max();
        or_default(release_step::migrated(self.clients, self.scope, tasks, step, recorded).await)
    }

    /// Tasks that a teardown has to end.
    async fn strays(&self, families: &BTreeSet<String>) -> Result<BTreeMap<ResourceId, String>> {
        if self.want.is_some() {
            return Ok(BTreeMap::new());
        }
        let tasks = families::stray_tasks(self.clients, &self.cluster, families).await;
        or_default(tasks).map(named)
    }

    /// Tasks of checks; those that a teardown has to end are among the stray ones.
    async fn checks(&self) -> Result<BTreeMap<ResourceId, String>> {
        if self.want.is_none() || !self.lookup.has_checks(self.scope) {
            return Ok(BTreeMap::new());
        }
        let tasks = families::check_tasks(self.clients, self.scope, &self.cluster).await;
        or_default(tasks).map(named)
    }
}

/// Tasks by what they are called.
fn named(tasks: Vec<(String, String)>) -> BTreeMap<ResourceId, String> {
    tasks.into_iter().map(|(id, arn)| (ResourceId::new("task", id), arn)).collect()
}

/// What was found of some kinds.
enum Told {
    Found(Vec<SeenThing>),
    Unknown(String),
}

fn told<T>(read: &Read<T>, things: impl FnOnce(&T) -> Vec<SeenThing>) -> Result<Told> {
    match read {
        Ok(found) => Ok(Told::Found(things(found))),
        Err(Unread::Forbidden(why)) => Ok(Told::Unknown(why.clone())),
        Err(Unread::Failed(error)) => Err(error.clone()),
    }
}

/// The domains of our certificates, by ARN.
fn domains(certificates: &Things) -> BTreeMap<String, String> {
    let seen = certificates.iter().filter_map(|(id, seen)| Some((id, seen.present()?)));
    seen.map(|(id, certificate)| (certificate.arn.clone(), id.name.clone())).collect()
}

/// The names of load balancers by their addresses.
fn balancers(things: &Things) -> BTreeMap<String, String> {
    let seen = things.iter().filter(|(id, _)| id.kind == "load-balancer");
    let named = seen.filter_map(|(id, seen)| {
        let dns = seen.present()?.attributes.get("dns")?;
        Some((dns.to_ascii_lowercase(), id.name.clone()))
    });
    named.collect()
}

fn group_names(raw: &Raw) -> GroupNames {
    raw.groups.as_ref().map(|groups| GroupNames::of(groups)).unwrap_or_default()
}

/// Scaling belongs to whoever the service belongs to; where the service is gone, its name decides.
fn owned(seen: &SeenThing, service: Option<&Seen<SeenService>>) -> SeenThing {
    let ours = match service {
        Some(Seen::Present(service)) => service.ours,
        Some(Seen::Absent) | None => true,
        Some(Seen::Unknown(_)) => false,
    };
    SeenThing { ours, ..seen.clone() }
}
