//! The resolved form of an environment, in the words of mizan.yaml: what `mizan config show`
//! prints. Of secrets it has the names alone.

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde_json::{Map, Value, json};

use super::node;
use crate::{
    error::{Error, Result},
    model::{
        App, AwsTarget, AzureService, Build, Check, Dockerfile, EnvValue, Memory, OnError, Render,
        Role, SchemaSource, SecretSpec, Service, Target,
    },
};

/// The resolved form as YAML.
pub fn show(app: &App) -> Result<String> {
    node::to_yaml(&resolved(app))
        .map_err(|cause| Error::failed("cannot write the configuration as YAML").cause(cause))
}

/// The resolved form as data, for `--format json`.
pub fn resolved(app: &App) -> Value {
    let services = app
        .services
        .iter()
        .map(|(name, service)| (name.to_string(), fields(service_fields(service))))
        .collect::<Map<_, _>>();
    let release = app
        .release
        .as_ref()
        .map(|release| json!({"command": release.command, "timeout": duration(release.timeout)}));
    fields([
        ("app", Some(json!(app.name))),
        ("environment", Some(json!(app.env))),
        ("target", Some(target(&app.target))),
        ("local", local(&app.target)),
        ("build", Some(build(&app.build, &app.root))),
        ("schema", Some(schema(&app.schema, &app.root))),
        ("services", Some(Value::Object(services))),
        ("release", release),
        ("env", Some(env(&app.env_vars))),
        ("secrets", Some(secrets(&app.secrets))),
        ("edge", Some(edge(app))),
        ("render", app.render.as_ref().map(render)),
        ("keep_releases", Some(json!(app.keep_releases))),
        ("ledger", app.ledger.as_ref().map(|ledger| json!(ledger))),
        ("ttl", app.ttl.map(duration)),
    ])
}

/// An object of the fields that have a value.
fn fields<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Value {
    let present = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect())
}

fn target(target: &Target) -> Value {
    match target {
        Target::Local { .. } => json!("local"),
        Target::Aws(aws) => json!({"aws": aws_target(aws)}),
        Target::Azure { location, service } => {
            let service = match service {
                AzureService::ContainerInstances => "container-instances",
                AzureService::ContainerApps => "container-apps",
            };
            json!({"azure": {"location": location, "service": service}})
        }
        Target::Origin { url } => json!({"origin": url}),
    }
}

fn aws_target(aws: &AwsTarget) -> Value {
    let text = |value: &Option<String>| value.as_ref().map(|value| json!(value));
    fields([
        ("region", Some(json!(aws.region))),
        ("vpc", text(&aws.vpc)),
        ("subnets", (!aws.subnets.is_empty()).then(|| json!(aws.subnets))),
        ("certificate", text(&aws.certificate)),
        ("cluster", text(&aws.cluster)),
        ("load_balancer", text(&aws.load_balancer)),
        ("execution_role", text(&aws.execution_role)),
        ("task_role", text(&aws.task_role)),
        ("log_retention", aws.log_retention.map(|days| json!(format!("{days}d")))),
    ])
}

/// The settings of the target `local`, if it has any.
fn local(target: &Target) -> Option<Value> {
    match target {
        Target::Local { port } => port.map(|port| json!({"port": port})),
        Target::Aws(_) | Target::Azure { .. } | Target::Origin { .. } => None,
    }
}

/// A path as mizan.yaml would name it: relative to its folder where it lies below.
fn path(path: &Path, root: &Path) -> Value {
    let shown = path.strip_prefix(root).unwrap_or(path);
    if shown.as_os_str().is_empty() { json!(".") } else { json!(shown.display().to_string()) }
}

fn build(build: &Build, root: &Path) -> Value {
    let dockerfile = match &build.dockerfile {
        Dockerfile::File(file) => Some(path(file, root)),
        Dockerfile::Generated => None,
    };
    fields([
        ("context", Some(path(&build.context, root))),
        ("dockerfile", dockerfile),
        ("args", Some(json!(build.args))),
        ("platform", Some(json!(build.platform))),
        ("refresh", build.refresh.map(duration)),
    ])
}

fn schema(schema: &SchemaSource, root: &Path) -> Value {
    match schema {
        SchemaSource::Image => json!("auto"),
        SchemaSource::None => json!("none"),
        SchemaSource::File(file) => path(file, root),
    }
}

fn service_fields(service: &Service) -> [(&'static str, Option<Value>); 14] {
    let (mut port, mut health, mut health_timeout, mut drain) = (None, None, None, None);
    let (mut singleton, mut image) = (None, None);
    match &service.role {
        Role::Web { port: number, health: path, health_timeout: timeout, drain: time } => {
            port = Some(json!(number));
            health = Some(json!(path));
            health_timeout = Some(duration(*timeout));
            drain = Some(duration(time.0));
        }
        Role::Worker => {}
        Role::Singleton => singleton = Some(json!(true)),
        Role::Accessory { image: name } => image = Some(json!(name)),
    }
    // What runs once by its nature has no scale in mizan.yaml.
    let scaled = matches!(service.role, Role::Web { .. } | Role::Worker);
    let scale = fields([
        ("min", Some(json!(service.scale.min))),
        ("max", Some(json!(service.scale.max))),
        ("cpu", service.scale.cpu.map(|cpu| json!(cpu))),
    ]);
    [
        ("image", image),
        ("command", service.command.as_ref().map(|command| json!(command))),
        ("port", port),
        ("health", health),
        ("health_timeout", health_timeout),
        ("drain", drain),
        ("singleton", singleton),
        ("cpu", service.cpu.map(|cpu| json!(f64::from(cpu.0) / 1000.0))),
        ("memory", service.memory.map(memory)),
        ("scale", scaled.then_some(scale)),
        ("stop_timeout", Some(duration(service.stop_timeout))),
        ("volumes", Some(json!(service.volumes))),
        ("env", Some(env(&service.env))),
        ("renamed_from", service.renamed_from.as_ref().map(|name| json!(name))),
    ]
}

fn env(values: &BTreeMap<String, EnvValue>) -> Value {
    let shown = |value: &EnvValue| match value {
        EnvValue::Literal(text) => json!(text),
        EnvValue::From(name) => json!(format!("(from {name})")),
    };
    values.iter().map(|(name, value)| (name.clone(), shown(value))).collect()
}

fn secrets(secrets: &BTreeMap<String, SecretSpec>) -> Value {
    secrets
        .iter()
        .map(|(name, spec)| match spec {
            SecretSpec { generate: false, from: None } => json!(name),
            SecretSpec { generate, from } => fields([
                ("name", Some(json!(name))),
                ("generate", generate.then(|| json!(true))),
                ("from", from.as_ref().map(|arn| json!(arn))),
            ]),
        })
        .collect()
}

fn edge(app: &App) -> Value {
    let domain = app.domain.as_ref().map(|domain| json!(domain));
    let Some(edge) = &app.edge else {
        return fields([("on", Some(json!([]))), ("domain", domain)]);
    };
    let plane = if matches!(app.target, Target::Local { .. }) { "local" } else { "cloudflare" };
    fields([
        ("on", Some(json!([plane]))),
        ("domain", domain),
        ("per_user", Some(json!(edge.per_user))),
        ("announced", Some(json!(edge.announced)).filter(|_| !edge.announced.is_empty())),
        ("check", Some(check(&edge.check))),
    ])
}

fn check(check: &Check) -> Value {
    let on_error = match check.on_error {
        OnError::Block => "block",
        OnError::Warn => "warn",
        OnError::Off => "off",
    };
    fields([
        ("on_error", Some(json!(on_error))),
        ("params", Some(json!(check.params))),
        ("user", check.user.as_ref().map(|user| json!(user))),
    ])
}

fn render(render: &Render) -> Value {
    fields([
        ("bundle", Some(json!(render.bundle))),
        ("assets", render.assets.as_ref().map(|assets| json!(assets))),
        ("assets_prefix", Some(json!(render.assets_prefix))),
    ])
}

/// In the largest unit that says it without a fraction.
fn duration(duration: Duration) -> Value {
    const UNITS: [(u128, &str); 4] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let milliseconds = duration.as_millis();
    let fits =
        |(unit, _): &&(u128, &str)| milliseconds >= *unit && milliseconds.is_multiple_of(*unit);
    json!(match UNITS.iter().find(fits) {
        Some((unit, name)) => format!("{}{name}", milliseconds / unit),
        None if milliseconds == 0 => "0s".to_owned(),
        None => format!("{milliseconds}ms"),
    })
}

fn memory(memory: Memory) -> Value {
    let mebibytes = memory.0 >> 20;
    json!(match mebibytes % 1024 {
        0 => format!("{}GiB", mebibytes / 1024),
        _ => format!("{mebibytes}MiB"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config, model::EnvName};

    fn app(case: &str, env: &str) -> App {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/valid").join(case);
        let file = config::load(&folder.join(config::FILE_NAME)).unwrap();
        file.resolve(&EnvName::new(env).unwrap()).unwrap()
    }

    #[test]
    fn the_resolved_form_has_every_default_and_no_value_of_a_secret() {
        insta::assert_snapshot!(show(&app("reference", "local")).unwrap());
    }

    #[test]
    fn an_environment_shows_what_it_changed() {
        insta::assert_snapshot!(show(&app("reference", "elsewhere")).unwrap());
    }

    /// What is shown can be read again, and means the same.
    #[test]
    fn the_resolved_form_is_a_configuration() {
        let cases = ["local", "production", "staging", "elsewhere"].map(|env| ("reference", env));
        for (case, env) in cases.into_iter().chain([("minimal", "local"), ("every", "local")]) {
            let first = app(case, env);
            let Value::Object(mut shown) = resolved(&first) else { panic!("no object") };
            let target = shown.remove("target");
            shown.remove("environment");
            let (ledger, ttl) = (shown.remove("ledger"), shown.remove("ttl"));
            let environment = json!({"target": target, "ledger": ledger, "ttl": ttl});
            shown.insert("version".into(), json!(1));
            shown.insert("environments".into(), json!({env: environment}));
            let text = node::to_yaml(&shown).unwrap();
            let file = config::ConfigFile::parse("shown.yaml", &text, &first.root)
                .unwrap_or_else(|error| panic!("{text}\n{}", Error::from(error)));
            assert_eq!(file.resolve(&first.env).unwrap(), first, "{text}");
        }
    }

    #[test]
    fn announced_contexts_are_shown_and_read_again() {
        let text = |edge: &str| {
            format!(
                "version: 1\napp: board\nservices: {{web: {{port: 8000}}}}\n\
                 secrets: [MIZAN_PURGE_KEY]\nedge: {edge}\n"
            )
        };
        let resolve = |text: &str| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/app");
            let file = config::ConfigFile::parse("mizan.yaml", text, &root).unwrap();
            file.resolve(&EnvName::local()).unwrap()
        };
        let first = resolve(&text("{announced: [posts, post]}"));
        let Value::Object(shown) = resolved(&first) else { panic!("no object") };
        assert_eq!(shown["edge"]["announced"], json!(["posts", "post"]));
        let again = text(&shown["edge"].to_string());
        assert_eq!(resolve(&again).edge, first.edge);
    }

    #[test]
    fn durations_and_sizes_take_their_largest_unit() {
        let shown = [0, 500, 1_500, 30_000, 600_000, 259_200_000].map(Duration::from_millis);
        assert_eq!(
            shown.map(duration),
            ["0s", "500ms", "1500ms", "30s", "10m", "3d"].map(Value::from)
        );
        assert_eq!(memory(Memory(1536 << 20)), json!("1536MiB"));
        assert_eq!(memory(Memory(2 << 30)), json!("2GiB"));
    }
}
