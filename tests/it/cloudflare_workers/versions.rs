//! A script, its versions and which of them answer.

use mizan::cloudflare::{Migrations, ModuleKind, ModulePart, Upload, VersionId};
use serde_json::json;

use super::{client, plain_text, worker};
use crate::support::cloudflare_fake::{ACCOUNT, Fake};

#[tokio::test]
async fn a_script_is_put_then_versions_are_uploaded_and_deployed_and_it_is_deleted() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    assert_eq!(cloudflare.scripts(ACCOUNT).await.unwrap(), []);
    assert_eq!(cloudflare.settings(ACCOUNT, "board-edge").await.unwrap(), None);
    assert_eq!(cloudflare.deployments(ACCOUNT, "board-edge").await.unwrap(), None);
    assert_eq!(cloudflare.versions(ACCOUNT, "board-edge").await.unwrap(), []);

    cloudflare.put_script(ACCOUNT, "board-edge", &worker("one")).await.unwrap();
    let [script] = &cloudflare.scripts(ACCOUNT).await.unwrap()[..] else { panic!("one script") };
    assert_eq!((script.name.as_str(), script.migration_tag.as_deref()), ("board-edge", None));
    assert_eq!(script.tags, ["mizan:board:production"]);
    let first = cloudflare.deployments(ACCOUNT, "board-edge").await.unwrap().unwrap();
    assert_eq!(first.len(), 1);

    let second = Upload {
        bindings: vec![plain_text("GREETING", " hello")],
        tag: "release-2".into(),
        message: "the second one".into(),
        ..worker("two")
    };
    let id = cloudflare.upload_version(ACCOUNT, "board-edge", &second).await.unwrap();
    let version = cloudflare.version(ACCOUNT, "board-edge", &id).await.unwrap().unwrap();
    assert_eq!((version.number, version.has_preview), (2, true));
    assert_eq!(version.tag.as_deref(), Some("release-2"));
    assert_eq!(version.message.as_deref(), Some("the second one"));
    assert_eq!(version.bindings[0].text.as_deref(), Some(" hello"));
    let unknown = VersionId("00000000-0000-4000-8000-000000000000".into());
    assert_eq!(cloudflare.version(ACCOUNT, "board-edge", &unknown).await.unwrap(), None);
    let versions = cloudflare.versions(ACCOUNT, "board-edge").await.unwrap();
    assert_eq!(versions.iter().map(|it| it.number).collect::<Vec<_>>(), [2, 1]);
    let unchanged = cloudflare.deployments(ACCOUNT, "board-edge").await.unwrap().unwrap();
    assert_eq!(unchanged, first, "an upload alone deploys nothing");

    let old = versions[1].id.clone();
    let shares = [(old.clone(), 90.0), (id.clone(), 10.0)];
    cloudflare.deploy(ACCOUNT, "board-edge", &shares, "canary").await.unwrap();
    cloudflare.deploy(ACCOUNT, "board-edge", &[(id, 100.0)], "all of it").await.unwrap();
    cloudflare.deploy(ACCOUNT, "board-edge", &[(old, 100.0)], "").await.unwrap();
    let deployments = cloudflare.deployments(ACCOUNT, "board-edge").await.unwrap().unwrap();
    let messages: Vec<_> = deployments.iter().map(|it| it.message.as_deref()).collect();
    assert_eq!(messages, [None, Some("all of it"), Some("canary"), Some("the first one")]);
    assert_eq!(deployments[2].versions, shares);

    assert!(cloudflare.delete_script(ACCOUNT, "board-edge", false).await.unwrap());
    assert!(!cloudflare.delete_script(ACCOUNT, "board-edge", false).await.unwrap());
    assert_eq!(fake.state().await["scripts"], json!([]));
}

#[tokio::test]
async fn the_latest_hundred_versions_are_read_page_by_page() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    cloudflare.put_script(ACCOUNT, "board-edge", &worker("0")).await.unwrap();
    for number in 1..=100 {
        let upload = worker(&number.to_string());
        cloudflare.upload_version(ACCOUNT, "board-edge", &upload).await.unwrap();
    }
    fake.take_calls().await;
    let versions = cloudflare.versions(ACCOUNT, "board-edge").await.unwrap();
    let numbers: Vec<_> = versions.iter().map(|version| version.number).collect();
    assert_eq!(numbers, (2..=101).rev().collect::<Vec<_>>(), "the oldest cannot be deployed");
    assert_eq!(fake.take_calls().await.len(), 2);
}

#[tokio::test]
async fn settings_show_what_a_script_is_and_tags_are_changed_alone() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    let upload = Upload {
        bindings: vec![plain_text("GREETING", "hello")],
        observability: Some(json!({"enabled": true, "head_sampling_rate": 1})),
        ..worker("one")
    };
    cloudflare.put_script(ACCOUNT, "board-edge", &upload).await.unwrap();

    let tags = ["mizan:board:production".to_owned(), "team:web".to_owned()];
    cloudflare.set_tags(ACCOUNT, "board-edge", &tags).await.unwrap();

    let settings = cloudflare.settings(ACCOUNT, "board-edge").await.unwrap().unwrap();
    assert_eq!(settings.tags, tags);
    assert_eq!(settings.observability, upload.observability);
    assert_eq!(settings.compatibility_date.as_deref(), Some("2026-11-01"));
    assert_eq!((settings.placement, settings.limits), (None, None));
    assert_eq!(settings.bindings.len(), 1);
    assert_eq!(cloudflare.versions(ACCOUNT, "board-edge").await.unwrap().len(), 1);
}

#[tokio::test]
async fn durable_objects_come_with_a_migration_that_fits_once() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    let code = "import { DurableObject } from 'cloudflare:workers';\n\
                export class Hub extends DurableObject {}\n\
                export default { fetch() { return new Response('hub'); } };\n";
    let hub = Upload {
        modules: vec![ModulePart {
            name: "index.js".into(),
            content: code.into(),
            kind: ModuleKind::EsModule,
        }],
        migrations: Some(Migrations {
            old_tag: None,
            new_tag: "v1".into(),
            new_sqlite_classes: vec!["Hub".into()],
        }),
        ..worker("")
    };
    cloudflare.put_script(ACCOUNT, "board-hub", &hub).await.unwrap();
    let settings = cloudflare.settings(ACCOUNT, "board-hub").await.unwrap().unwrap();
    assert_eq!(settings.migration_tag.as_deref(), Some("v1"));

    let error = cloudflare.put_script(ACCOUNT, "board-hub", &hub).await.unwrap_err();
    assert!(error.to_string().ends_with("(code 10079)"), "{error}");
    assert!(error.hints[0].contains("migrated meanwhile"), "{:?}", error.hints);
    let error = cloudflare.upload_version(ACCOUNT, "board-hub", &hub).await.unwrap_err();
    assert!(error.to_string().contains("a version cannot migrate"), "{error}");
}

#[tokio::test]
async fn a_worker_that_others_are_bound_to_is_deleted_only_by_force() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    cloudflare.put_script(ACCOUNT, "board-render", &worker("page")).await.unwrap();
    let service = mizan::cloudflare::Binding::Service {
        name: "RENDER".into(),
        service: "board-render".into(),
    };
    let edge = Upload { bindings: vec![service], ..worker("edge") };
    cloudflare.put_script(ACCOUNT, "board-edge", &edge).await.unwrap();

    let error = cloudflare.delete_script(ACCOUNT, "board-render", false).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot delete the Worker board-render: "), "{error}");
    assert_eq!(error.hints, ["delete or change first what depends on it"]);
    assert!(cloudflare.delete_script(ACCOUNT, "board-render", true).await.unwrap());
}
