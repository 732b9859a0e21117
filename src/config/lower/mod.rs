//! From the file of one environment to the validated [`App`]: defaults are filled in, and what
//! only shows when two values are seen together is checked.

mod aws;
mod edge;
mod services;

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    decode::{Entries, Spanned},
    diagnostic::{Problems, Span},
    file::{
        AzureServiceFile, BuildFile, EnvValueFile, EnvironmentFile, ReleaseFile, SchemaFile,
        SecretFile, SecretMap, TargetFile, TargetMap,
    },
    value::VarName,
};
use crate::model::{
    App, AppName, AzureService, Build, Dockerfile, EnvName, EnvValue, PURGE_KEY, ReleaseStep,
    SchemaSource, SecretSpec, Target,
};

/// How long the release step may take.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(600);
/// How many releases are kept.
const KEEP_RELEASES: NonZeroUsize = NonZeroUsize::new(5).unwrap();
/// What images are built for.
const PLATFORM: &str = "linux/amd64";

/// What is known about the environment while its file is made an app.
pub(crate) struct Scope<'a> {
    /// The file's name, as it is printed.
    pub(crate) file: &'a str,
    /// The folder of mizan.yaml, absolute.
    pub(crate) root: &'a Path,
    /// Its name.
    pub(crate) env: &'a EnvName,
    /// Where its overrides stand, to tell what it asks for itself from what it inherits.
    pub(crate) own: Option<Span>,
    /// What makes the app invalid.
    pub(crate) problems: &'a mut Problems,
    /// What is probably not what was meant.
    pub(crate) warnings: &'a mut Problems,
}

impl Scope<'_> {
    /// True if the environment itself says what stands at this place.
    fn is_own(&self, span: Span) -> bool {
        self.own.is_some_and(|own| own.contains(span))
    }

    /// A place in the file, for what can be told only later.
    fn place(&self, span: Span) -> String {
        format!("{}:{}:{}", self.file, span.start.line, span.start.column)
    }
}

/// Makes the app. `None` means that a problem was added.
pub(crate) fn app(name: &AppName, file: EnvironmentFile, scope: &mut Scope<'_>) -> Option<App> {
    // Without a target, the rest is checked as for the one that allows the most.
    let target = target(&file, scope).unwrap_or(Target::Local { port: None });
    let secrets = secrets(&file, &target, scope);
    let build = build(file.build.as_ref(), &secrets, scope);
    let schema = schema(file.schema.as_ref(), scope);
    check_env(file.env.as_ref(), &secrets, scope);
    let services = services::services(&file, &target, &secrets, scope);
    let release = release(&file, &target, scope);
    let domain = edge::domain(file.edge.as_ref(), &target);
    let edge = edge::edge(file.edge.as_ref(), &target, &secrets, scope);
    let render = edge::render(file.render.as_ref(), scope);
    Some(App {
        name: name.clone(),
        env: scope.env.clone(),
        root: scope.root.to_owned(),
        build: build?,
        schema: schema?,
        services: services?,
        release,
        env_vars: variables(file.env.as_ref()),
        secrets,
        domain,
        edge,
        render,
        target,
        keep_releases: keep(file.keep_releases.map(|count| count.value.0)),
        ledger: file.ledger.map(|ledger| ledger.value.0),
        ttl: file.ttl.map(|ttl| ttl.value.0),
    })
}

fn keep(count: Option<u32>) -> NonZeroUsize {
    count.and_then(|count| NonZeroUsize::new(count as usize)).unwrap_or(KEEP_RELEASES)
}

fn target(file: &EnvironmentFile, scope: &mut Scope<'_>) -> Option<Target> {
    let local = Target::Local { port: file.local.as_ref().and_then(local_port) };
    let Some(target) = &file.target else {
        if scope.env.as_str() == "local" {
            return Some(local);
        }
        let place = scope.own.map_or(Span::START, |own| Span::at(own.start));
        let message = format!("the environment `{}` has no target", scope.env);
        scope.problems.hint(place, message, "add `target: local`, or a cloud");
        return None;
    };
    match &target.value {
        TargetFile::Local(_) => Some(local),
        TargetFile::Map(map) => {
            refuse_local_settings(file, scope);
            if let Some(aws) = &map.aws {
                aws::check(&aws.value, file, scope);
            }
            one_target(map, target.span, scope)
        }
    }
}

fn local_port(local: &Spanned<super::file::LocalFile>) -> Option<u16> {
    local.value.port.as_ref().and_then(|port| u16::try_from(port.value.0).ok())
}

fn refuse_local_settings(file: &EnvironmentFile, scope: &mut Scope<'_>) {
    if let Some(local) = file.local.as_ref().filter(|local| scope.is_own(local.span)) {
        let message = "`local` has settings for `target: local`, and this one is another";
        scope.problems.add(local.span, message);
    }
}

fn one_target(map: &TargetMap, span: Span, scope: &mut Scope<'_>) -> Option<Target> {
    let aws = map.aws.as_ref().map(|aws| Target::Aws(aws::target(&aws.value)));
    let azure = map.azure.as_ref().map(|azure| Target::Azure {
        location: azure.value.location.value.0.clone(),
        service: match azure.value.service.as_ref().map(|service| service.value) {
            Some(AzureServiceFile::ContainerInstances) | None => AzureService::ContainerInstances,
            Some(AzureServiceFile::ContainerApps) => AzureService::ContainerApps,
        },
    });
    let origin = map.origin.as_ref().map(|url| Target::Origin { url: url.value.0.clone() });
    let mut named = [aws, azure, origin].into_iter().flatten();
    match (named.next(), named.next()) {
        (Some(target), None) => Some(target),
        (None, _) => {
            scope.problems.hint(
                span,
                "the target names none",
                "targets: local, aws, azure, origin",
            );
            None
        }
        (Some(_), Some(_)) => {
            let hint = "an environment runs in one place; make a second environment";
            scope.problems.hint(span, "the target names more than one", hint);
            None
        }
    }
}

fn build(
    file: Option<&Spanned<BuildFile>>,
    secrets: &BTreeMap<String, SecretSpec>,
    scope: &mut Scope<'_>,
) -> Option<Build> {
    let section = file.map(|file| &file.value);
    let place = file.map_or(Span::START, |file| file.span);
    let args = build_args(section, secrets, scope);
    let context = section.and_then(|build| build.context.as_ref());
    let folder = context.map_or(".", |context| &context.value.0);
    let context_place = context.map_or(place, |context| context.span);
    let context = clean(&scope.root.join(folder));
    if !context.is_dir() {
        let message = format!("there is no folder `{folder}`");
        let hint = "the build context is relative to the folder of mizan.yaml";
        scope.problems.hint(context_place, message, hint);
        return None;
    }
    let dockerfile = dockerfile(section, folder, context_place, scope);
    Some(Build {
        dockerfile: dockerfile?,
        context,
        args,
        platform: section
            .and_then(|build| build.platform.as_ref())
            .map_or_else(|| PLATFORM.to_owned(), |platform| platform.value.0.clone()),
        refresh: section.and_then(|build| build.refresh.as_ref()).map(|refresh| refresh.value.0),
    })
}

fn dockerfile(
    section: Option<&BuildFile>,
    context: &str,
    place: Span,
    scope: &mut Scope<'_>,
) -> Option<Dockerfile> {
    let named = section.and_then(|build| build.dockerfile.as_ref());
    let (written, place) = match named {
        Some(path) => (Path::new(&path.value.0).to_owned(), path.span),
        None => (clean(&Path::new(context).join("Dockerfile")), place),
    };
    let path = clean(&scope.root.join(&written));
    // Without a name one is made, and only by what builds: one can look at an app and remove it
    // without building it.
    match (named, path.is_file()) {
        (_, true) => return Some(Dockerfile::File(path)),
        (None, false) if path.symlink_metadata().is_err() => return Some(Dockerfile::Generated),
        (None, false) => return Some(Dockerfile::File(path)),
        (Some(_), false) => {}
    }
    let hint = "the path is relative to the folder of mizan.yaml";
    scope.problems.hint(place, format!("there is no file `{}`", written.display()), hint);
    None
}

fn build_args(
    section: Option<&BuildFile>,
    secrets: &BTreeMap<String, SecretSpec>,
    scope: &mut Scope<'_>,
) -> BTreeMap<String, String> {
    let entries = section.and_then(|build| build.args.as_ref());
    let mut args = BTreeMap::new();
    for (name, value) in entries.iter().flat_map(|entries| entries.value.iter()) {
        if secrets.contains_key(&name.value.0) {
            let message = format!("the secret `{}` is a build argument", name.value.0);
            let hint = "build arguments stay readable in the image; leave it out here";
            scope.problems.hint(name.span, message, hint);
        }
        args.insert(name.value.0.clone(), value.value.0.clone());
    }
    args
}

/// A path without `.` and without `..` where it can be done by the text alone.
fn clean(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if clean.file_name().is_some() => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

fn schema(file: Option<&Spanned<SchemaFile>>, scope: &mut Scope<'_>) -> Option<SchemaSource> {
    let Some(file) = file else { return Some(SchemaSource::Image) };
    let SchemaFile(written) = &file.value;
    match written.0.as_str() {
        "auto" => Some(SchemaSource::Image),
        "none" => Some(SchemaSource::None),
        path => {
            let full = clean(&scope.root.join(path));
            if full.is_file() {
                return Some(SchemaSource::File(full));
            }
            let message = format!("there is no file `{path}`");
            scope.problems.hint(file.span, message, "`schema` is `auto`, `none` or a file");
            None
        }
    }
}

fn release(file: &EnvironmentFile, target: &Target, scope: &mut Scope<'_>) -> Option<ReleaseStep> {
    let release = file.release.as_ref()?;
    if let Target::Origin { .. } = target {
        if scope.is_own(release.span) {
            let message = "an origin that runs elsewhere has no release step";
            scope.problems.add(release.span, message);
        }
        return None;
    }
    match &release.value {
        ReleaseFile::Short(command) => {
            Some(ReleaseStep { command: command.clone(), timeout: RELEASE_TIMEOUT })
        }
        ReleaseFile::Full(map) => {
            let Some(command) = &map.command else {
                scope.problems.add(release.span, "the field `command` is missing");
                return None;
            };
            let timeout = map.timeout.as_ref().map_or(RELEASE_TIMEOUT, |timeout| timeout.value.0);
            if let Some(zero) = map.timeout.as_ref().filter(|timeout| timeout.value.0.is_zero()) {
                scope.problems.add(zero.span, "a timeout of zero leaves no time to run");
            }
            Some(ReleaseStep { command: command.value.clone(), timeout })
        }
    }
}

fn secrets(
    file: &EnvironmentFile,
    target: &Target,
    scope: &mut Scope<'_>,
) -> BTreeMap<String, SecretSpec> {
    let mut secrets = BTreeMap::new();
    for secret in file.secrets.iter().flat_map(|secrets| &secrets.value) {
        let (VarName(name), spec, span) = match &secret.value {
            SecretFile::Name(name) => (name, SecretSpec::default(), secret.span),
            SecretFile::Full(map) => {
                (&map.name.value, secret_spec(map, target, scope), map.name.span)
            }
        };
        if secrets.insert(name.clone(), spec).is_some() {
            scope.problems.add(span, format!("the secret `{name}` stands here a second time"));
        }
    }
    secrets
}

/// Who keeps a secret. What other environments inherit of a reference means nothing there: they
/// have values of their own.
fn secret_spec(map: &SecretMap, target: &Target, scope: &mut Scope<'_>) -> SecretSpec {
    let generate = map.generate.as_ref().filter(|generate| generate.value);
    let aws = matches!(target, Target::Aws(_));
    if let Some(from) = &map.from {
        if generate.is_some() {
            let message = "a secret that somebody else keeps is not made by mizan";
            scope.problems.hint(from.span, message, "remove `from`, or `generate`");
        }
        if map.name.value.0 == PURGE_KEY {
            let message = format!("`{PURGE_KEY}` goes to the Edge too, so mizan has to keep it");
            let hint = "set the value with `mizan secrets set`, or `generate: true`";
            scope.problems.hint(from.span, message, hint);
        }
        if !aws && scope.is_own(from.span) {
            let message = "`from` names a secret of AWS, and this environment does not run there";
            scope.problems.hint(from.span, message, "set the value with `mizan secrets set`");
        }
    }
    let from = map.from.as_ref().filter(|_| aws).map(|from| from.value.0.clone());
    SecretSpec { generate: generate.is_some(), from }
}

/// A name is a variable or a secret, never both: the plan would show the one and hide the other.
fn check_env(
    env: Option<&Spanned<Entries<VarName, EnvValueFile>>>,
    secrets: &BTreeMap<String, SecretSpec>,
    scope: &mut Scope<'_>,
) {
    for (VarName(name), span) in
        env.iter().flat_map(|env| env.value.iter()).map(|(name, _)| (&name.value, name.span))
    {
        if secrets.contains_key(name) {
            let message = format!("`{name}` is under `env` and under `secrets`");
            let hint = "keep it under `secrets`; values of `env` are readable in plans";
            scope.problems.hint(span, message, hint);
        } else if name == PURGE_KEY {
            let message = format!("`{name}` is a key, and values of `env` are readable in plans");
            scope.problems.hint(span, message, "put it under `secrets`");
        }
    }
}

fn variables(env: Option<&Spanned<Entries<VarName, EnvValueFile>>>) -> BTreeMap<String, EnvValue> {
    env.iter()
        .flat_map(|env| env.value.iter())
        .map(|(name, value)| {
            let value = match &value.value {
                EnvValueFile::Literal(literal) => EnvValue::Literal(literal.0.clone()),
                EnvValueFile::From(from) => EnvValue::From(from.from.value.0.clone()),
            };
            (name.value.0.clone(), value)
        })
        .collect()
}
