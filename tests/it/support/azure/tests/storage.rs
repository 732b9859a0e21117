//! Storage accounts, and the blobs in them.

use serde_json::{Value, json};

use super::{Desk, start};
use crate::support::azure::{Blobs, Reply};

const ACCOUNTS: &str = "2023-05-01";
const BELOW: &str = "/resourceGroups/demo/providers/Microsoft.Storage/storageAccounts";

/// What makes an account.
fn account() -> Value {
    json!({
        "location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"},
        "tags": {"mizan-app": "demo"},
        "properties": {"allowBlobPublicAccess": false, "minimumTlsVersion": "TLS1_2"},
    })
}

impl Desk<'_> {
    /// A request about the account `mizandemo`.
    fn account(&self, method: &str, more: &str, body: &Value) -> Reply {
        self.ask(method, &format!("{BELOW}/mizandemo{more}"), ACCOUNTS, body)
    }
}

#[test]
fn an_account_is_made_while_somebody_looks() {
    let azure = start();
    let desk = Desk::new(&azure);
    assert_eq!(desk.account("PUT", "", &account()).code(), "MissingSubscriptionRegistration");
    desk.prepare();
    let made = desk.account("PUT", "", &account());
    assert_eq!((made.status, &made.body), (202, &Value::Null));
    let result = made.header("location").unwrap();
    assert_eq!(
        desk.account("GET", "", &Value::Null).body["properties"]["provisioningState"],
        "Creating"
    );
    let again = desk.account("PUT", "", &account());
    assert_eq!(again.code(), "StorageAccountOperationInProgress");
    let ended = desk.client.ask("GET", result, &Value::Null);
    assert_eq!((ended.status, &ended.body["name"]), (200, &json!("mizandemo")));
    assert_eq!(desk.account("PUT", "", &account()).status, 200);
    assert_eq!(
        desk.ask("GET", BELOW, ACCOUNTS, &Value::Null).body["value"][0]["kind"],
        "StorageV2"
    );

    let name = json!({"name": "mizandemo", "type": "Microsoft.Storage/storageAccounts"});
    let check = "/providers/Microsoft.Storage/checkNameAvailability";
    assert_eq!(desk.ask("POST", check, ACCOUNTS, &name).body["reason"], "AlreadyExists");
    assert_eq!(desk.account("DELETE", "", &Value::Null).status, 200);
    assert_eq!(desk.account("DELETE", "", &Value::Null).status, 204);
    assert_eq!(desk.ask("POST", check, ACCOUNTS, &name).body["nameAvailable"], true);

    let mut wrong = account();
    wrong["properties"]["isHnsEnable"] = true.into();
    assert_eq!(desk.account("PUT", "", &wrong).code(), "InvalidRequestContent");
    assert_eq!(azure.take_violations().len(), 1);
}

#[test]
fn the_key_of_an_account_opens_its_blobs() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    desk.account("PUT", "", &account());
    let seen = desk.account("GET", "", &Value::Null).body;
    let endpoint = seen["properties"]["primaryEndpoints"]["blob"].as_str().unwrap().to_owned();
    let keys = desk.account("POST", "/listKeys", &Value::Null).body;
    let with = |which: usize| {
        let key = keys["keys"][which]["value"].as_str().unwrap();
        Blobs::new("mizandemo", &endpoint, key).ask("PUT", "/ledgers", &[("restype", "container")])
    };
    assert_eq!([with(0).status, with(1).status], [201, 403]);
    assert_eq!(azure.blobs()[0].names(), Vec::<String>::new());
    // It goes with its account.
    let address = endpoint.trim_start_matches("http://").split('/').next().unwrap();
    assert!(std::net::TcpStream::connect(address).is_ok());
    desk.account("DELETE", "", &Value::Null);
    assert!(std::net::TcpStream::connect(address).is_err());
}
