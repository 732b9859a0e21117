//! `ledger: az://…` of an environment that is not on Azure itself: the key is the caller's.

use std::process::Command;

use mizan::{ledger::BlobPlace, secret::SecretValue};
use object_store::{ObjectStore, ObjectStoreExt, azure::MicrosoftAzure, path::Path};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use super::{
    TIME,
    azurite::{self, ACCOUNT, KEY},
    http, raw,
};
use crate::{
    conformance::{App, Behind, Platform},
    support::Ended,
};

const CONTAINER: &str = "behind-an-edge";
const USUAL: &str = "edge: {on: [cloudflare], domain: app.example.com}";
const IN_CONTAINER: &str =
    "edge: {on: [cloudflare], domain: app.example.com}, ledger: 'az://ledgers1/behind-an-edge/x'";

fn run(mut command: Command) -> Ended {
    command.env("AZURE_STORAGE_KEY", KEY);
    command.env("AZURE_STORAGE_SERVICE_ENDPOINT", azurite::endpoint());
    command.output().expect("mizan runs").into()
}

/// The container, seen by another client than `mizan`.
struct Container {
    store: MicrosoftAzure,
    runtime: Runtime,
}

impl Container {
    fn make() -> Self {
        let place = BlobPlace {
            account: ACCOUNT.into(),
            container: CONTAINER.into(),
            prefix: String::new(),
            endpoint: Some(azurite::endpoint()),
            key: SecretValue::new(KEY.into()),
        };
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(place.ensure_container(&http())).unwrap();
        Self { store: raw(&place), runtime }
    }

    fn files(&self, folder: &Path) -> Vec<String> {
        let found = self.runtime.block_on(self.store.list_with_delimiter(Some(folder))).unwrap();
        let names = found.objects.iter().filter_map(|it| it.location.filename());
        names.map(ToOwned::to_owned).collect()
    }

    fn put(&self, file: &Path, text: String) {
        self.runtime.block_on(self.store.put(file, text.into())).unwrap();
    }

    fn delete(&self, file: &Path) {
        self.runtime.block_on(self.store.delete(file)).unwrap();
    }
}

#[test]
fn an_environment_elsewhere_keeps_its_ledger_on_azure() {
    let container = Container::make();
    let platform = Behind::default();
    platform.write(&App::version(1).with_edit(USUAL, IN_CONTAINER));
    let scripts = platform.script("");
    let app = scripts.strip_prefix("mizan-").and_then(|it| it.strip_suffix("-cf-")).unwrap();
    let folder = Path::from(format!("x/{app}/cf"));
    let lock = folder.clone().join("lock.json");

    platform.deploy().expect(77).says(&["storage account ledgers1", "export AZURE_STORAGE_KEY="]);
    run(platform.mizan(&["deploy", "--yes"])).expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("1"));
    assert_eq!(container.files(&folder), ["current.json", "lock.json"]);
    assert_eq!(container.files(&folder.clone().join("releases")), ["r1.json"]);
    run(platform.mizan(&["unlock"])).expect(0);

    let held = json!({
        "format": "mizan-lease", "version": 1, "fencing": 41, "mark": "theirs",
        "held": {
            "holder": "kim@laptop", "pid": 9, "command": "mizan deploy", "since": TIME,
            "lease_seconds": 600, "expires": "3026-05-01T12:00:00Z",
        },
    });
    container.put(&lock, held.to_string());
    run(platform.mizan(&["deploy", "--yes"])).expect(75).says(&["kim@laptop"]);
    run(platform.mizan(&["unlock"])).expect(75).says(&["kim@laptop", "--force"]);
    container.delete(&lock);

    run(platform.mizan(&["deploy", "--yes"])).expect(0).says(&["Nothing to change."]);
    run(platform.mizan(&["destroy", "--yes"])).expect(0);
    assert_eq!(container.files(&folder), ["lock.clock", "lock.json"]);
    assert_eq!(container.files(&folder.join("releases")), Vec::<String>::new());
}
