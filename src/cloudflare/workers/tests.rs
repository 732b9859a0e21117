//! Our requests beside wrangler's, and what is read from the answers that it gets.

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    form::Purpose,
    metadata::metadata,
    multipart::{Part, multipart},
    recordings::Exchange,
    *,
};
use crate::secret::SecretValue;

/// What wrangler uploads for the smallest Worker.
fn plain() -> Upload {
    Upload {
        main_module: "index.js".into(),
        modules: Vec::new(),
        compatibility_date: "2026-11-01".into(),
        compatibility_flags: Vec::new(),
        bindings: Vec::new(),
        keep_bindings: vec!["secret_text", "secret_key"],
        migrations: None,
        tags: Vec::new(),
        tag: String::new(),
        message: String::new(),
        observability: None,
        assets: None,
        keep_assets: false,
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// The first 16 digits, as the recordings have them.
fn sha256(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    digits[..16].to_owned()
}

fn written(upload: &Upload, purpose: Purpose) -> Value {
    serde_json::from_slice(&metadata(upload, purpose)).unwrap()
}

#[test]
fn the_metadata_of_a_version_is_wranglers_byte_by_byte() {
    let secret = Binding::Secret { name: "API_KEY".into(), text: SecretValue::new("zzz".into()) };
    let with_secret = Upload { bindings: vec![secret], ..plain() };
    let recorded = Exchange::of("16-secretsfile-first", 4);
    assert_eq!(
        sha256(&metadata(&with_secret, Purpose::Version)),
        recorded.part(0)["sha256"],
        "{}",
        written(&with_secret, Purpose::Version)
    );

    let annotated = Upload { message: "second".into(), tag: "v2".into(), ..plain() };
    let recorded = Exchange::of("02-plain-redeploy", 4);
    assert_eq!(sha256(&metadata(&annotated, Purpose::Version)), recorded.part(0)["sha256"]);
}

/// Wrangler's, without what is not documented.
fn documented(part: &Value) -> Value {
    let mut json = part["json"].clone();
    json.as_object_mut().unwrap().remove("code_update_strategy");
    json
}

#[test]
fn the_metadata_of_a_script_is_wranglers() {
    let plain_text =
        |name: &str, text: &str| Binding::PlainText { name: name.into(), text: text.into() };
    let edge = Upload {
        compatibility_date: "2026-07-01".into(),
        bindings: vec![
            plain_text("ORIGIN", "http://127.0.0.1:18999"),
            plain_text("COLO", "x"),
            Binding::Json { name: "AUTH_COOKIES".into(), json: json!(["sessionid"]) },
            Binding::Secret { name: "PKEY".into(), text: SecretValue::new("k".repeat(32)) },
            Binding::DurableObject {
                name: "LOG".into(),
                class_name: "Log".into(),
                script_name: None,
            },
        ],
        migrations: Some(Migrations {
            old_tag: None,
            new_tag: "v1".into(),
            new_sqlite_classes: vec!["Log".into()],
        }),
        tag: "run1".into(),
        ..plain()
    };
    let recorded = Exchange::of("20-edge-first", 7);
    assert_eq!(written(&edge, Purpose::Script), documented(recorded.part(0)));
    let mut version = written(&edge, Purpose::Version);
    assert_eq!(version.as_object_mut().unwrap().remove("migrations"), None);

    let second = Migrations {
        old_tag: Some("v1".into()),
        new_tag: "v2".into(),
        new_sqlite_classes: vec!["Gen2".into()],
    };
    let migrated = Upload { migrations: Some(second), ..plain() };
    let recorded = Exchange::of("18-newclass-redeploy", 7);
    assert_eq!(
        written(&migrated, Purpose::Script)["migrations"],
        recorded.part(0)["json"]["migrations"]
    );
}

#[test]
fn bindings_and_assets_are_written_as_wrangler_writes_them() {
    let full = Upload {
        bindings: vec![
            Binding::PlainText { name: "GREETING".into(), text: "hello".into() },
            Binding::Json { name: "OBJ".into(), json: json!({"a": 1}) },
            Binding::DurableObject {
                name: "GEN".into(),
                class_name: "Gen".into(),
                script_name: None,
            },
            Binding::Service { name: "BACKEND".into(), service: "backend".into() },
            Binding::VersionMetadata { name: "CF_VERSION".into() },
            Binding::Assets { name: "ASSETS".into() },
        ],
        observability: Some(json!({"enabled": true, "head_sampling_rate": 1})),
        assets: Some(AssetsPart {
            jwt: SecretValue::new("a.b.c".into()),
            html_handling: HtmlHandling::None,
            not_found_handling: NotFoundHandling::SinglePageApplication,
            run_worker_first: true,
        }),
        ..plain()
    };
    let ours = written(&full, Purpose::Version);
    let recorded = Exchange::of("06-full-redeploy", 7);
    let wranglers = &recorded.part(0)["json"];
    let mut bindings = wranglers["bindings"].as_array().unwrap().clone();
    bindings.retain(|binding| binding["type"] != "kv_namespace");
    assert_eq!(ours["bindings"], json!(bindings));
    assert_eq!(ours["observability"], wranglers["observability"]);
    let config = json!({
        "html_handling": "none",
        "not_found_handling": "single-page-application",
        "run_worker_first": true,
    });
    assert_eq!(ours["assets"], json!({"jwt": "a.b.c", "config": config}));

    let shown = format!("{full:?}");
    assert!(!shown.contains("a.b.c"), "{shown}");
}

#[test]
fn what_only_a_script_has_is_not_sent_with_a_version() {
    let tagged = Upload { tags: vec!["mizan:board:production".into()], ..plain() };
    assert_eq!(written(&tagged, Purpose::Version).get("tags"), None);
    assert_eq!(written(&tagged, Purpose::Script)["tags"], json!(["mizan:board:production"]));
    assert_eq!(written(&plain(), Purpose::Script).get("tags"), None);
    let kept = Upload { keep_assets: true, keep_bindings: Vec::new(), ..plain() };
    assert_eq!(written(&kept, Purpose::Version)["keep_assets"], true);
    assert_eq!(written(&kept, Purpose::Version).get("keep_bindings"), None);
    let bindings = vec![
        Binding::Inherit { name: "A".into() },
        Binding::DurableObject {
            name: "HUB".into(),
            class_name: "Hub".into(),
            script_name: Some("board-hub".into()),
        },
    ];
    assert_eq!(
        written(&Upload { bindings, ..plain() }, Purpose::Version)["bindings"],
        json!([
            {"name": "A", "type": "inherit"},
            {"name": "HUB", "type": "durable_object_namespace", "class_name": "Hub",
             "script_name": "board-hub"},
        ])
    );
}

#[test]
fn the_body_has_wranglers_parts_in_its_order_and_length() {
    let recorded = Exchange::of("02-plain-redeploy", 4);
    let annotated = Upload { message: "second".into(), tag: "v2".into(), ..plain() };
    let code = recorded.part(1)["preview"].as_str().unwrap();
    let file = |name: &str, kind: &str, content: Vec<u8>| Part {
        name: name.into(),
        file: Some((name.into(), kind.into())),
        content: content.into(),
    };
    let parts = [
        Part {
            name: "metadata".into(),
            file: None,
            content: metadata(&annotated, Purpose::Version).into(),
        },
        file("index.js", ModuleKind::EsModule.content_type(), code.into()),
        // Of the source map the recording has the size only.
        file("index.js.map", "application/source-map", vec![b' '; 250]),
    ];
    let form = multipart(&parts);
    assert_eq!(form.body.len(), recorded.length());
    let text = String::from_utf8(form.body.to_vec()).unwrap();
    for index in 0..3 {
        let headers: Vec<_> = recorded.part(index)["headers"].as_array().unwrap().clone();
        let headers: Vec<_> = headers.iter().map(|it| it.as_str().unwrap()).collect();
        let head = format!("\r\n{}\r\n\r\n", headers.join("\r\n"));
        assert!(text.contains(&head), "{head}");
    }
    let boundary = form.content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let again = multipart(&parts);
    let other = again.content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let again = String::from_utf8(again.body.to_vec()).unwrap();
    assert_eq!(again.replace(other, boundary), text);
}

#[test]
fn quotation_marks_and_line_ends_do_not_break_out_of_a_name() {
    let name = "a\"; filename=\"b\r\nX: y";
    let part = Part { name: name.into(), file: None, content: Bytes::from_static(b"c") };
    let body = multipart(&[part]).body;
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert!(text.contains("name=\"a%22; filename=%22b%0D%0AX: y\"\r\n\r\nc\r\n"), "{text}");
}

#[test]
fn settings_are_read_without_secrets() {
    let recorded = Exchange::of("06-full-redeploy", 6).result();
    let settings: Settings = read(recorded);
    assert_eq!(settings.compatibility_date.as_deref(), Some("2026-11-01"));
    assert_eq!(settings.migration_tag.as_deref(), Some("v1"));
    assert_eq!(settings.observability, Some(json!({"enabled": true, "head_sampling_rate": 1})));
    let kinds: Vec<_> = settings.bindings.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "plain_text",
            "json",
            "kv_namespace",
            "durable_object_namespace",
            "service",
            "version_metadata",
            "assets",
            "secret_text"
        ]
    );
    assert_eq!(settings.bindings[0].text.as_deref(), Some("hello"));
    assert_eq!(settings.bindings[1].json, Some(json!({"a": 1})));
    assert_eq!(settings.bindings[3].class_name.as_deref(), Some("Gen"));
    assert_eq!(settings.bindings[4].service.as_deref(), Some("backend"));
    assert!(!format!("{settings:?}").contains("s3cret"));

    let nulls = json!({"bindings": null, "tags": null, "tail_consumers": null, "logpush": false});
    let settings: Settings = read(nulls);
    assert_eq!((settings.tags.len(), settings.logpush), (0, Some(false)));
}

#[test]
fn versions_and_deployments_are_read() {
    let version: Version = read(Exchange::of("06-full-redeploy", 7).result());
    assert_eq!(version.id.0, "2baecdcf-0258-4474-894b-ec82d1e7782c");
    assert_eq!((version.number, version.has_preview), (3, true));
    assert_eq!((version.tag.as_deref(), version.message.as_deref()), (Some("t2"), Some("m2")));
    assert_eq!(version.created_on, "2026-11-22T06:16:34.249Z".parse().unwrap());
    assert_eq!(version.bindings.len(), 8);

    let recorded = Exchange::of("14-rollback", 1).result();
    let deployments: Vec<Deployment> = read(recorded["deployments"].clone());
    let shares = deployments[0].versions.iter().map(|(id, share)| (&id.0[..8], *share));
    assert_eq!(shares.collect::<Vec<_>>(), [("05825368", 90.0), ("ed02f8a0", 10.0)]);
    assert_eq!(deployments[0].message.as_deref(), Some("canary"));
    assert_eq!(deployments[2].message, None);
}

#[test]
fn assets_have_wranglers_hashes() {
    let recorded = Exchange::of("04-full-first", 6);
    let files = [("/app.js", &b"console.log(1)\n"[..]), ("/index.html", b"<h1>hi</h1>\n")];
    let manifest: AssetManifest = files
        .into_iter()
        .map(|(path, content)| {
            let hash = asset_hash(content, path);
            (path.to_owned(), AssetEntry { hash, size: content.len() as u64 })
        })
        .collect();
    assert_eq!(json!({ "manifest": manifest }), *recorded.json());
}
