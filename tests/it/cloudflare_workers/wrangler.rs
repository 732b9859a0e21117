//! Our uploads beside wrangler's: of the same Worker they are the same, but for what says who
//! uploaded it when and why.

use std::{fs, path::Path};

use mizan::cloudflare::{
    AssetEntry, AssetManifest, AssetsPart, Binding, HtmlHandling, Migrations, ModuleKind,
    ModulePart, NotFoundHandling, Upload, asset_hash,
};
use serde_json::{Value, json};

use super::{client, plain_text, worker};
use crate::support::cloudflare_fake::{ACCOUNT, Fake};

const CODE: &str = "import { DurableObject } from 'cloudflare:workers';\n\
                    import text from './greeting.txt';\n\
                    export class Hub extends DurableObject {}\n\
                    export default { fetch() { return new Response(text); } };\n";
const GREETING: &str = "good day\n";
const ASSET: (&str, &str) = ("/static/app.js", "app()\n");

fn configuration() -> Value {
    json!({
        "name": "board-edge",
        "main": "index.js",
        "no_bundle": true,
        "find_additional_modules": true,
        "rules": [{"type": "Text", "globs": ["*.txt"]}],
        "compatibility_date": "2026-11-01",
        "compatibility_flags": ["nodejs_compat"],
        "vars": {"ORIGIN": "https://origin.example.org", "COOKIES": ["sessionid"]},
        "assets": {
            "directory": "assets", "binding": "ASSETS", "run_worker_first": true,
            "html_handling": "none", "not_found_handling": "none",
        },
        "services": [{"binding": "RENDER", "service": "board-render"}],
        "durable_objects": {"bindings": [{"name": "HUB", "class_name": "Hub"}]},
        "migrations": [{"tag": "v1", "new_sqlite_classes": ["Hub"]}],
        "version_metadata": {"binding": "VERSION"},
        "observability": {"enabled": true, "head_sampling_rate": 1},
        "workers_dev": false,
    })
}

fn module(name: &str, content: &'static str, kind: ModuleKind) -> ModulePart {
    ModulePart { name: name.into(), content: content.into(), kind }
}

/// The same Worker, as we have it.
fn ours(assets: AssetsPart) -> Upload {
    Upload {
        modules: vec![
            module("index.js", CODE, ModuleKind::EsModule),
            module("greeting.txt", GREETING, ModuleKind::Text),
        ],
        compatibility_flags: vec!["nodejs_compat".into()],
        bindings: vec![
            plain_text("ORIGIN", "https://origin.example.org"),
            Binding::Json { name: "COOKIES".into(), json: json!(["sessionid"]) },
            Binding::DurableObject {
                name: "HUB".into(),
                class_name: "Hub".into(),
                script_name: None,
            },
            Binding::Service { name: "RENDER".into(), service: "board-render".into() },
            Binding::VersionMetadata { name: "VERSION".into() },
            Binding::Assets { name: "ASSETS".into() },
        ],
        migrations: Some(Migrations {
            old_tag: None,
            new_tag: "v1".into(),
            new_sqlite_classes: vec!["Hub".into()],
        }),
        tags: Vec::new(),
        observability: Some(json!({"enabled": true, "head_sampling_rate": 1})),
        assets: Some(assets),
        ..worker("")
    }
}

async fn upload_ours(fake: &Fake) {
    let cloudflare = client(fake);
    let (path, content) = ASSET;
    let entry =
        AssetEntry { hash: asset_hash(content.as_bytes(), path), size: content.len() as u64 };
    let manifest = AssetManifest::from([(path.to_owned(), entry)]);
    let read = |_: &str| Ok((content.into(), "text/javascript; charset=utf-8".to_owned()));
    for is_first in [true, false] {
        let session = cloudflare.assets_session(ACCOUNT, "board-edge", &manifest).await.unwrap();
        let upload = ours(AssetsPart {
            jwt: cloudflare.upload_assets(&session, &read).await.unwrap(),
            html_handling: HtmlHandling::None,
            not_found_handling: NotFoundHandling::None,
            run_worker_first: true,
        });
        if is_first {
            cloudflare.put_script(ACCOUNT, "board-edge", &upload).await.unwrap();
        } else {
            let version = Upload { migrations: None, ..upload };
            cloudflare.upload_version(ACCOUNT, "board-edge", &version).await.unwrap();
        }
    }
}

async fn upload_wranglers(fake: &Fake) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write("wrangler.json", &configuration().to_string());
    write("index.js", CODE);
    write("greeting.txt", GREETING);
    write(&format!("assets{}", ASSET.0), ASSET.1);
    for _ in 0..2 {
        deploy_by_wrangler(fake, folder.path()).await;
    }
}

async fn deploy_by_wrangler(fake: &Fake, folder: &Path) {
    let ended = fake.wrangler(folder, &["deploy"]).await;
    assert!(
        ended.status.success(),
        "{}{}",
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr)
    );
}

#[tokio::test]
async fn a_first_upload_and_the_next_version_are_wranglers() {
    let mut uploads = Vec::new();
    for by_wrangler in [true, false] {
        let fake = Fake::start();
        client(&fake).put_script(ACCOUNT, "board-render", &worker("page")).await.unwrap();
        if by_wrangler {
            upload_wranglers(&fake).await;
        } else {
            upload_ours(&fake).await;
        }
        let all = fake.uploads().await;
        // The first one is that of the Worker that it is bound to.
        uploads.push(all.as_array().unwrap()[1..].to_vec());
    }
    let operations: Vec<_> = uploads[0].iter().map(|it| &it["operation"]).collect();
    assert_eq!(operations, ["script", "version"]);
    let pretty = |value: &[Value]| serde_json::to_string_pretty(value).unwrap();
    assert_eq!(pretty(&uploads[1]), pretty(&uploads[0]), "ours, wrangler's");
}
