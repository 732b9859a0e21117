//! The services of one environment: which takes the traffic, what each may say about itself, what
//! only the local target can do.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::Scope;
use crate::{
    config::{
        decode::{Opt, Spanned},
        diagnostic::Span,
        file::{EnvironmentFile, ScaleFile, ServiceFile},
    },
    model::{Drain, Role, Scale, SecretSpec, Service, ServiceName, Target},
};

const PORT: u32 = 8000;
const HEALTH: &str = "/healthz";
const HEALTH_TIMEOUT: Duration = Duration::from_secs(60);
const DRAIN: Duration = Duration::from_secs(10);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// What the release step is called where it runs.
const RELEASE_STEP: &str = "release-step";

type Named = (Spanned<ServiceName>, Spanned<ServiceFile>);

/// The services that run in the environment. `None` means that a problem was added.
pub(super) fn services(
    file: &EnvironmentFile,
    target: &Target,
    secrets: &BTreeMap<String, SecretSpec>,
    scope: &mut Scope<'_>,
) -> Option<BTreeMap<ServiceName, Service>> {
    let named: &[Named] = file.services.as_ref().map_or(&[], |services| &services.value.0);
    if let Target::Origin { .. } = target {
        refuse_own_services(named, scope);
        return Some(BTreeMap::new());
    }
    let place = file.services.as_ref().map_or(Span::START, |services| services.span);
    let web = web(named, place, scope);
    check_names(named, scope);
    check_renames(named, scope);
    let mut services = BTreeMap::new();
    for (name, service) in named {
        super::check_env(service.value.env.as_ref(), secrets, scope);
        let is_web = web.is_some_and(|web| *web == name.value);
        let lowered = lower(&name.value, &service.value, is_web, target, scope);
        if let Some(lowered) = lowered {
            services.insert(name.value.clone(), lowered);
        }
    }
    web.map(|_| services)
}

/// Nothing of the app runs at an origin; what is inherited is meant for other environments.
fn refuse_own_services(named: &[Named], scope: &mut Scope<'_>) {
    for (name, _) in named {
        if scope.is_own(name.span) {
            let message = "an origin that runs elsewhere has no services";
            scope.problems.add(name.span, message);
        }
    }
}

/// The one service that takes the traffic.
fn web<'a>(named: &'a [Named], place: Span, scope: &mut Scope<'_>) -> Option<&'a ServiceName> {
    let takes_traffic = |(name, service): &&Named| {
        service.value.image.is_none()
            && (name.value.as_str() == "web" || service.value.port.is_some())
    };
    let mut candidates: Vec<&Named> = named.iter().filter(takes_traffic).collect();
    // A service named `web` is meant, wherever it stands.
    candidates.sort_by_key(|(name, _)| name.value.as_str() != "web");
    let Some(((first, _), others)) = candidates.split_first() else {
        let hint = "name one `web`, or give the one that listens a `port`";
        scope.problems.hint(place, "no service takes the traffic", hint);
        return None;
    };
    for (name, service) in others {
        let span = service.value.port.as_ref().map_or(name.span, |port| port.span);
        let message =
            format!("`{}` would take the traffic, but `{}` does", name.value, first.value);
        scope.problems.hint(span, message, "one service takes the traffic: remove this `port`");
    }
    Some(&first.value)
}

/// A service never has the name of something else that runs for the app.
fn check_names(named: &[Named], scope: &mut Scope<'_>) {
    let reserved = named.iter().filter(|(name, _)| name.value.as_str() == RELEASE_STEP);
    for (name, _) in reserved {
        let message = format!("`{RELEASE_STEP}` is the name of the release step");
        scope.problems.hint(name.span, message, "choose another name");
    }
}

/// Each old name is taken over once, and is gone itself.
fn check_renames(named: &[Named], scope: &mut Scope<'_>) {
    let mut heirs: HashMap<&ServiceName, &ServiceName> = HashMap::new();
    for (name, service) in named {
        let Some(old) = &service.value.renamed_from else { continue };
        if named.iter().any(|(known, _)| known.value == old.value) {
            let message = format!("`{}` is still a service, so it was not renamed", old.value);
            scope.problems.hint(old.span, message, "remove this line, or that service");
        } else if let Some(heir) = heirs.insert(&old.value, &name.value) {
            let message = format!("`{heir}` was renamed from `{}` as well", old.value);
            scope.problems.hint(old.span, message, "only one service can take its resources over");
        }
    }
}

/// One service, or nothing if it is left out here.
fn lower(
    name: &ServiceName,
    file: &ServiceFile,
    is_web: bool,
    target: &Target,
    scope: &mut Scope<'_>,
) -> Option<Service> {
    check_fields(file, is_web, scope);
    check_volume_paths(file, scope);
    let local = matches!(target, Target::Local { .. });
    if let Some(image) = file.image.as_ref().filter(|_| !local) {
        if scope.is_own(image.span) {
            let message =
                format!("`{name}` is an accessory, and those run on `target: local` only");
            scope.problems.hint(image.span, message, "use the cloud's own service there");
        }
        return None;
    }
    let scale = scale(file.scale.as_ref(), is_web, scope);
    Some(Service {
        role: role(file, is_web),
        command: file.command.as_ref().map(|command| command.value.clone()),
        cpu: file.cpu.as_ref().map(|cpu| cpu.value),
        memory: file.memory.as_ref().map(|memory| memory.value),
        scale,
        stop_timeout: file.stop_timeout.as_ref().map_or(STOP_TIMEOUT, |time| time.value.0),
        volumes: volumes(file, local, scope),
        env: super::variables(file.env.as_ref()),
        renamed_from: file.renamed_from.as_ref().map(|old| old.value.clone()),
    })
}

fn role(file: &ServiceFile, is_web: bool) -> Role {
    if let Some(image) = &file.image {
        return Role::Accessory { image: image.value.0.clone() };
    }
    if !is_web {
        let singleton = file.singleton.as_ref().is_some_and(|singleton| singleton.value);
        return if singleton { Role::Singleton } else { Role::Worker };
    }
    let port = file.port.as_ref().map_or(PORT, |port| port.value.0);
    Role::Web {
        // Ports are checked to be in range when they are read.
        port: u16::try_from(port).unwrap_or(u16::MAX),
        health: file.health.as_ref().map_or_else(|| HEALTH.to_owned(), |path| path.value.0.clone()),
        health_timeout: file.health_timeout.as_ref().map_or(HEALTH_TIMEOUT, |time| time.value.0),
        drain: Drain(file.drain.as_ref().map_or(DRAIN, |time| time.value.0)),
    }
}

/// Fields that mean nothing for this kind of service are mistakes, not decoration.
fn check_fields(file: &ServiceFile, is_web: bool, scope: &mut Scope<'_>) {
    let singleton = file.singleton.as_ref().filter(|singleton| singleton.value);
    let web_only = [
        ("health", place(&file.health)),
        ("health_timeout", place(&file.health_timeout)),
        ("drain", place(&file.drain)),
    ];
    for (field, span) in web_only {
        if let Some(span) = span.filter(|_| !is_web) {
            let message = format!("`{field}` is for the service that takes the traffic");
            scope.problems.hint(span, message, "remove it, or give the service a `port`");
        }
    }
    if let Some(zero) = file.health_timeout.as_ref().filter(|time| time.value.0.is_zero()) {
        scope.problems.add(zero.span, "a timeout of zero leaves no time to become healthy");
    }
    if let Some(span) = place(&file.singleton).filter(|_| is_web && singleton.is_some()) {
        let message = "the service that takes the traffic cannot be a singleton";
        scope.problems.hint(span, message, "a new release would be down while the old one stops");
    }
    if let Some(span) = place(&file.scale).filter(|_| singleton.is_some() && !is_web) {
        scope.problems.hint(span, "a singleton runs once", "remove `scale`, or `singleton`");
    }
    if file.image.is_some() {
        let not_here = [
            ("port", place(&file.port)),
            ("scale", place(&file.scale)),
            ("singleton", place(&file.singleton)),
        ];
        for (field, span) in not_here {
            if let Some(span) = span {
                let message = format!("`{field}` means nothing for a service with its own `image`");
                scope.problems.hint(span, message, "other services reach it by its name");
            }
        }
    }
}

fn place<T>(field: &Opt<T>) -> Option<Span> {
    field.as_ref().map(|field| field.span)
}

fn scale(file: Option<&Spanned<ScaleFile>>, is_web: bool, scope: &mut Scope<'_>) -> Scale {
    let Some(file) = file else { return Scale { min: 1, max: 1, cpu: None } };
    let (min, max) = (file.value.min.as_ref(), file.value.max.as_ref());
    let at_least = min.map(|min| min.value.0);
    let at_most = max.map(|max| max.value.0);
    let min_value = at_least.unwrap_or(1);
    let max_value = at_most.unwrap_or(min_value.max(1));
    if let Some(max) = max.filter(|max| max.value.0 < min_value) {
        let message = format!("`max` is {}, less than `min`, which is {min_value}", max.value.0);
        scope.problems.add(max.span, message);
    }
    if let Some(min) = min.filter(|min| is_web && min.value.0 == 0) {
        scope.problems.add(min.span, "the service that takes the traffic needs at least one copy");
    }
    Scale {
        min: min_value,
        max: max_value,
        // A percentage is checked to be in range when it is read.
        cpu: file.value.cpu.as_ref().and_then(|cpu| u8::try_from(cpu.value.0).ok()),
    }
}

/// Two volumes at one path hide each other.
fn check_volume_paths(file: &ServiceFile, scope: &mut Scope<'_>) {
    let mut mounted: HashMap<&str, &ServiceName> = HashMap::new();
    for (name, path) in file.volumes.iter().flat_map(|volumes| volumes.value.iter()) {
        if let Some(first) = mounted.insert(&path.value.0, &name.value) {
            let message = format!("`{first}` is mounted at `{}` already", path.value.0);
            scope.problems.hint(path.span, message, "give each volume a path of its own");
        }
    }
}

/// The volumes that can be mounted. A cloud target has no disk that outlives a container: to ask
/// for one there is a mistake, to inherit one is worth a warning.
fn volumes(file: &ServiceFile, local: bool, scope: &mut Scope<'_>) -> BTreeMap<String, String> {
    let mut mounted = BTreeMap::new();
    for (name, path) in file.volumes.iter().flat_map(|volumes| volumes.value.iter()) {
        if local {
            mounted.insert(name.value.to_string(), path.value.0.clone());
            continue;
        }
        let own = scope.is_own(name.span);
        let list = if own { &mut *scope.problems } else { &mut *scope.warnings };
        let message = format!(
            "the volume `{}` has no place in `{}`: containers there have no lasting disk, what is \
             written to `{}` is gone with the next release",
            name.value, scope.env, path.value.0
        );
        list.hint(name.span, message, "keep data in a database or a bucket there");
    }
    mounted
}
