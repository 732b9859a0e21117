//! An image goes from the engine into a registry that asks for tokens, and out of it again.

use std::{
    io::Write,
    process::{self, Command, Stdio},
};

use mizan::{
    docker,
    engine::{Event, Outputs, StepContext},
    plan::StepId,
    targets::azure::{
        Clients,
        api::Patience,
        names::Scope,
        paths::version,
        registry::Registry,
        surroundings::{ensure_group, ensure_provider},
    },
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{clients, scope, start, variables};
use crate::support::azure::Settings;

/// An image of this test run that has nothing in it.
struct Image(String);

impl Image {
    fn new() -> Self {
        let name = format!("mizan/azure-push-{}:1", process::id());
        let mut import = Command::new("docker")
            .args(["import", "-", &name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // An archive ends with two blocks of zeros.
        import.stdin.take().unwrap().write_all(&[0; 1024]).unwrap();
        assert!(import.wait().unwrap().success());
        Self(name)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["image", "rm", &self.0]).output();
    }
}

/// The environment's registry, which is made for it.
async fn made(clients: &Clients, scope: &Scope) -> Registry {
    ensure_provider(clients, scope, "Microsoft.ContainerRegistry", &|_| {}).await.unwrap();
    ensure_group(clients, scope, &|_| {}).await.unwrap();
    let path = scope.registry_path(&scope.registry());
    let body = json!({"location": scope.location, "sku": {"name": "Basic"}, "tags": scope.tags()});
    let made = clients.arm.put(&path, version::REGISTRIES, &body, Patience::USUAL).await.unwrap();
    Registry::new(clients, made["properties"]["loginServer"].as_str().unwrap())
}

#[tokio::test]
async fn an_image_is_pushed_found_and_deleted() {
    let azure = start(Settings { images: true, ..Settings::default() });
    let clients = clients(&variables(&azure)).await;
    let registry = made(&clients, &scope(&clients)).await;
    assert_eq!(registry.digest("board", "1").await, Ok(None));

    let (engine, image) = (docker::connect().await.unwrap(), Image::new());
    let quiet = |_: Event| {};
    let context = StepContext {
        id: StepId::new("push", "board"),
        outputs: Outputs::new(),
        cancel: CancellationToken::new(),
        events: &quiet,
    };
    let push = async || registry.push(&engine, &image.0, "board", "1", &context).await.unwrap();
    let digest = push().await;
    assert_eq!(registry.digest("board", "1").await, Ok(Some(digest.clone())));
    assert_eq!(push().await, digest, "it may be there already");

    registry.delete("board", &digest).await.unwrap();
    assert_eq!(registry.digest("board", "1").await, Ok(None));
    registry.delete("board", &digest).await.unwrap();
    assert_eq!(push().await, digest);
}
