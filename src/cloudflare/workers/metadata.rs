//! The part `metadata` of an upload: field by field in wrangler's order, so that the two can be
//! compared byte by byte.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    Migrations,
    form::Purpose,
    upload::{AssetsPart, Binding, Upload},
};

/// The metadata in JSON. It may hold secrets: it goes into a request body and nowhere else.
pub(super) fn metadata(upload: &Upload, purpose: Purpose) -> Vec<u8> {
    // A map with texts as keys can always be written.
    serde_json::to_vec(&fields(upload, purpose)).unwrap_or_default()
}

fn fields(upload: &Upload, purpose: Purpose) -> Map<String, Value> {
    let bindings: Vec<_> = upload.bindings.iter().map(binding).collect();
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("main_module", json!(upload.main_module));
    put("bindings", json!(bindings));
    put("compatibility_date", json!(upload.compatibility_date));
    put("compatibility_flags", json!(upload.compatibility_flags));
    if let (Purpose::Script, Some(migrations)) = (purpose, &upload.migrations) {
        put("migrations", json!(Migration::from(migrations)));
    }
    if !upload.keep_bindings.is_empty() {
        put("keep_bindings", json!(upload.keep_bindings));
    }
    let annotations = annotations(upload);
    if !annotations.is_empty() {
        put("annotations", annotations.into());
    }
    if let Some(part) = &upload.assets {
        put("assets", assets(part));
    }
    if upload.keep_assets {
        put("keep_assets", true.into());
    }
    if let Some(observability) = &upload.observability {
        put("observability", observability.clone());
    }
    if purpose == Purpose::Script && !upload.tags.is_empty() {
        put("tags", json!(upload.tags));
    }
    fields
}

fn annotations(upload: &Upload) -> Map<String, Value> {
    [("workers/message", &upload.message), ("workers/tag", &upload.tag)]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| (name.to_owned(), json!(text)))
        .collect()
}

fn binding(binding: &Binding) -> Value {
    match binding {
        Binding::PlainText { name, text } => {
            json!({"name": name, "type": "plain_text", "text": text})
        }
        Binding::Json { name, json } => json!({"name": name, "type": "json", "json": json}),
        Binding::Secret { name, text } => {
            json!({"name": name, "type": "secret_text", "text": text.expose()})
        }
        Binding::Service { name, service } => {
            json!({"name": name, "type": "service", "service": service})
        }
        Binding::DurableObject { name, class_name, script_name } => {
            durable_object(name, class_name, script_name.as_deref())
        }
        Binding::Assets { name } => json!({"name": name, "type": "assets"}),
        Binding::VersionMetadata { name } => json!({"name": name, "type": "version_metadata"}),
        Binding::Inherit { name } => json!({"name": name, "type": "inherit"}),
    }
}

fn durable_object(name: &str, class_name: &str, script_name: Option<&str>) -> Value {
    let kind = "durable_object_namespace";
    match script_name {
        None => json!({"name": name, "type": kind, "class_name": class_name}),
        Some(script) => {
            json!({"name": name, "type": kind, "class_name": class_name, "script_name": script})
        }
    }
}

fn assets(part: &AssetsPart) -> Value {
    json!({
        "jwt": part.jwt.expose(),
        "config": {
            "html_handling": part.html_handling,
            "not_found_handling": part.not_found_handling,
            "run_worker_first": part.run_worker_first,
        },
    })
}

/// All new classes in one step, as wrangler sends them.
#[derive(Debug, Serialize)]
struct Migration<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    old_tag: Option<&'a str>,
    new_tag: &'a str,
    steps: [Step<'a>; 1],
}

#[derive(Debug, Serialize)]
struct Step<'a> {
    new_sqlite_classes: &'a [String],
}

impl<'a> From<&'a Migrations> for Migration<'a> {
    fn from(migrations: &'a Migrations) -> Self {
        Self {
            old_tag: migrations.old_tag.as_deref(),
            new_tag: &migrations.new_tag,
            steps: [Step { new_sqlite_classes: &migrations.new_sqlite_classes }],
        }
    }
}
