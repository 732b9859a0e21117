//! The stand-in does what Azure does.

mod contract;
mod docker;
mod groups;
mod images;
mod sdk;
mod storage;
mod strikes;
mod surroundings;
mod tokens;
mod vaults;

use serde_json::{Value, json};

use super::{Azure, Client, Reply, Settings, engine::Paper};

const RESOURCES: &str = "2021-04-01";
const REGISTRIES: &str = "2023-07-01";
const IDENTITIES: &str = "2023-01-31";
const ROLES: &str = "2022-04-01";
const GROUPS: &str = "2023-05-01";

/// The subscription, and what a test does in it.
struct Desk<'a> {
    azure: &'a Azure,
    client: Client<'a>,
}

impl<'a> Desk<'a> {
    fn new(azure: &'a Azure) -> Self {
        Self { azure, client: Client::new(azure) }
    }

    /// A request below the subscription.
    fn ask(&self, method: &str, below: &str, version: &str, body: &Value) -> Reply {
        let path =
            format!("/subscriptions/{}{below}?api-version={version}", self.azure.subscription());
        self.client.ask(method, &path, body)
    }

    /// The same; nothing if the connection broke.
    fn try_ask(&self, method: &str, below: &str, version: &str, body: &Value) -> Option<Reply> {
        let path =
            format!("/subscriptions/{}{below}?api-version={version}", self.azure.subscription());
        self.client.try_ask(method, &path, body)
    }

    /// The provider is registered, and the resource group `demo` is there.
    fn prepare(&self) {
        for name in
            ["ContainerInstance", "ContainerRegistry", "KeyVault", "ManagedIdentity", "Storage"]
        {
            let path = format!("/providers/Microsoft.{name}");
            self.ask("POST", &format!("{path}/register"), RESOURCES, &Value::Null);
            while self.ask("GET", &path, RESOURCES, &Value::Null).body["registrationState"]
                != "Registered"
            {}
        }
        let body = json!({"location": "westeurope", "tags": {"mizan-app": "demo"}});
        assert_eq!(self.ask("PUT", "/resourceGroups/demo", RESOURCES, &body).status, 201);
    }

    /// A request about a container group of `demo`.
    fn group(&self, method: &str, name: &str, body: &Value) -> Reply {
        let (name, action) = name.split_once('/').map_or((name, ""), |(name, it)| (name, it));
        let action = if action.is_empty() { String::new() } else { format!("/{action}") };
        let below = format!(
            "/resourceGroups/demo/providers/Microsoft.ContainerInstance/containerGroups/{name}{action}"
        );
        self.ask(method, &below, GROUPS, body)
    }

    /// Looks at a container group until nothing changes it any more.
    fn settled(&self, name: &str) -> Value {
        loop {
            let properties = self.group("GET", name, &Value::Null).body["properties"].clone();
            if properties["provisioningState"] != "Creating" {
                return properties;
            }
        }
    }
}

fn web() -> Value {
    json!({
        "location": "westeurope",
        "tags": {"mizan-app": "demo"},
        "properties": {
            "osType": "Linux",
            "restartPolicy": "Always",
            "ipAddress": {"type": "Public", "dnsNameLabel": "demo-web",
                          "ports": [{"port": 8000, "protocol": "TCP"}]},
            "containers": [{"name": "web", "properties": {
                "image": "python:3.12-slim",
                "ports": [{"port": 8000}],
                "environmentVariables": [{"name": "DEBUG", "value": "0"},
                                         {"name": "SECRET_KEY", "secureValue": "canary-key"}],
                "resources": {"requests": {"cpu": 1.0, "memoryInGB": 1.5}}}}],
        },
    })
}

fn start() -> Azure {
    Azure::start(Settings::default(), Paper::default())
}
