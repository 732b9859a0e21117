//! The images of a registry: who may push, pull and delete, and groups that run them.

use std::{
    fs,
    io::Write,
    net::SocketAddr,
    process::{Command, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Desk, IDENTITIES, REGISTRIES, ROLES, web};
use crate::support::azure::{
    ACR_PULL, Azure, CLIENT_SECRET, Client, REGISTRY, Reply, Settings, USER, client, engine::Docker,
};

const BELOW: &str = "/resourceGroups/demo/providers/Microsoft.ContainerRegistry/registries/demoreg";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A registry that keeps images, asked without Docker.
struct Shelf {
    address: SocketAddr,
    refresh: String,
    config: TempDir,
}

impl Shelf {
    /// The registry `demoreg`, which is made for it.
    fn new(desk: &Desk<'_>) -> Self {
        let sent = json!({"location": "westeurope", "sku": {"name": "Basic"}});
        let made = desk.ask("PUT", BELOW, REGISTRIES, &sent);
        let server = made.body["properties"]["loginServer"].as_str().unwrap().to_owned();
        let token = Client::token(desk.azure, REGISTRY, &[("client_secret", CLIENT_SECRET)]);
        let token = token.body["access_token"].as_str().unwrap();
        let form = [("grant_type", "access_token"), ("service", &server), ("access_token", token)];
        let address = server.parse().unwrap();
        let refresh = post_form(address, "/oauth2/exchange", &form).body["refresh_token"].clone();
        let refresh = refresh.as_str().unwrap().to_owned();
        let config = tempfile::tempdir().unwrap();
        let auth = BASE64_STANDARD.encode(format!("{USER}:{refresh}"));
        let login = json!({"auths": {server: {"auth": auth}}}).to_string();
        fs::write(config.path().join("config.json"), login).unwrap();
        Self { address, refresh, config }
    }

    /// The name of an image.
    fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// Runs Docker with the refresh token, and tells whether that went well.
    fn docker(&self, arguments: &[&str]) -> bool {
        let mut docker = Command::new("docker");
        docker.arg("--config").arg(self.config.path()).args(arguments);
        docker.output().unwrap().status.success()
    }

    /// A request with a token for a scope.
    fn ask(&self, method: &str, path: &str, scope: &str) -> Reply {
        let server = self.address.to_string();
        let form = [
            ("grant_type", "refresh_token"),
            ("service", &server),
            ("scope", scope),
            ("refresh_token", &self.refresh),
        ];
        let token = post_form(self.address, "/oauth2/token", &form).body["access_token"].clone();
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        let headers = [("authorization", bearer), ("accept", MANIFEST.to_owned())];
        client::send_to(self.address, method, path, &headers, "")
    }
}

fn post_form(address: SocketAddr, path: &str, form: &[(&str, &str)]) -> Reply {
    let body = serde_urlencoded::to_string(form).unwrap();
    let kind = ("content-type", "application/x-www-form-urlencoded".to_owned());
    client::send_to(address, "POST", path, &[kind], &body)
}

/// Makes an image that has a file and runs nothing.
fn import(image: &str) {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(image.len().try_into().unwrap());
    header.set_mode(0o644);
    archive.append_data(&mut header, "name", image.as_bytes()).unwrap();
    let mut docker = Command::new("docker")
        .args(["import", "--change", "CMD [\"/nothing\"]", "-", image])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    docker.stdin.take().unwrap().write_all(&archive.into_inner().unwrap()).unwrap();
    assert!(docker.wait().unwrap().success());
}

fn start() -> Azure {
    Azure::start(Settings { images: true, ..Settings::default() }, Docker::default())
}

#[test]
fn images_are_pushed_pulled_and_deleted_with_tokens_for_that() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    let shelf = Shelf::new(&desk);
    let image = shelf.image("app/web:1");
    import(&image);
    assert!(shelf.docker(&["push", "--quiet", &image]));
    assert!(shelf.docker(&["image", "rm", &image]));
    assert!(shelf.docker(&["pull", "--quiet", &image]));

    let manifest = "/v2/app/web/manifests/1";
    let pull = "repository:app/web:pull";
    let seen = shelf.ask("HEAD", manifest, pull);
    assert_eq!(seen.status, 200);
    let digest = seen.header("docker-content-digest").unwrap().to_owned();
    let upload = "/v2/app/web/blobs/uploads/";
    let refused = shelf.ask("POST", upload, pull);
    assert_eq!(refused.status, 401);
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.contains("scope=\"repository:app/web:pull,push\""), "{challenge}");
    assert_eq!(shelf.ask("POST", upload, "repository:app/web:pull,push").status, 202);
    assert_eq!(shelf.ask("HEAD", manifest, "repository:other:pull").status, 401);

    let by_digest = format!("/v2/app/web/manifests/{digest}");
    assert_eq!(shelf.ask("DELETE", &by_digest, "repository:app/web:pull,push").status, 401);
    assert_eq!(shelf.ask("DELETE", &by_digest, "repository:app/web:delete").status, 202);
    assert_eq!(shelf.ask("HEAD", manifest, pull).status, 404);
}

/// A layer of a repository that one may not pull from is uploaded, not taken over.
#[test]
fn layers_are_taken_over_from_where_one_may_pull() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    let shelf = Shelf::new(&desk);
    let image = shelf.image("first:1");
    import(&image);
    assert!(shelf.docker(&["push", "--quiet", &image]));
    let manifest = shelf.ask("GET", "/v2/first/manifests/1", "repository:first:pull").body;
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let mount = format!("/v2/second/blobs/uploads/?mount={layer}&from=first");
    let push = "repository:second:pull,push";
    assert_eq!(shelf.ask("POST", &mount, push).status, 202);
    assert_eq!(shelf.ask("POST", &mount, &format!("{push} repository:first:pull")).status, 201);
}

#[test]
fn a_group_fetches_its_image_and_goes_without_it_when_the_registry_is_gone() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    let shelf = Shelf::new(&desk);
    let image = shelf.image("app:1");
    import(&image);
    assert!(shelf.docker(&["push", "--quiet", &image]));
    assert!(shelf.docker(&["image", "rm", &image]));

    let identity = desk.ask(
        "PUT",
        "/resourceGroups/demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/demo-pull",
        IDENTITIES,
        &json!({"location": "westeurope"}),
    );
    let id = identity.body["id"].as_str().unwrap();
    let role = format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{ACR_PULL}",
        azure.subscription()
    );
    let grant = json!({"properties": {"roleDefinitionId": role,
        "principalId": identity.body["properties"]["principalId"],
        "principalType": "ServicePrincipal"}});
    let name = "0d9a3c7e-0000-5000-8000-00000000000b";
    let below = format!("{BELOW}/providers/Microsoft.Authorization/roleAssignments/{name}");
    assert_eq!(desk.ask("PUT", &below, ROLES, &grant).status, 201);
    let mut group = web();
    group["identity"] = json!({"type": "UserAssigned", "userAssignedIdentities": {id: {}}});
    group["properties"]["imageRegistryCredentials"] =
        json!([{"server": shelf.address.to_string(), "identity": id}]);
    let container = &mut group["properties"]["containers"][0]["properties"];
    container["image"] = shelf.image("app:2").into();
    assert_eq!(desk.group("PUT", "web", &group).code(), "InaccessibleImage");
    group["properties"]["containers"][0]["properties"]["image"] = image.as_str().into();
    let made = desk.group("PUT", "web", &group);
    assert_eq!(made.status, 201, "{made:?}");
    // It has nothing to run.
    let view = desk.settled("web")["containers"][0]["properties"]["instanceView"].clone();
    assert_eq!(view["events"][0]["name"], "Failed");

    let deleted = desk.ask("DELETE", BELOW, REGISTRIES, &Value::Null);
    let result = deleted.header("location").unwrap();
    while desk.client.ask("GET", result, &Value::Null).status == 202 {}
    assert!(std::net::TcpStream::connect(shelf.address).is_err(), "it still answers");
}
