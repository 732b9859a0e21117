//! Eyes and hands in a storage account: requests signed with its key, as any client's.

use std::net::SocketAddr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use regex::Regex;
use sha2::Sha256;

use super::client::{Reply, send_to};

/// The version of the API.
const VERSION: &str = "2021-08-06";

/// A storage account.
#[derive(Debug)]
pub struct Blobs {
    address: SocketAddr,
    account: String,
    key: String,
}

impl Blobs {
    /// That of this name, with its endpoint as ARM tells it and a key in Base64.
    pub fn new(account: &str, endpoint: &str, key: &str) -> Self {
        let address = endpoint.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let address = address.parse().expect("an address of this machine");
        Self { address, account: account.to_owned(), key: key.to_owned() }
    }

    /// The names of all blobs, each with the container before it.
    pub fn names(&self) -> Vec<String> {
        let containers = names(&self.ask("GET", "", &[("comp", "list")]).text);
        let blobs = containers.into_iter().flat_map(|container| {
            let query = [("comp", "list"), ("restype", "container")];
            let found = names(&self.ask("GET", &format!("/{container}"), &query).text);
            found.into_iter().map(move |blob| format!("{container}/{blob}"))
        });
        blobs.collect()
    }

    /// What is in a blob.
    pub fn read(&self, name: &str) -> Option<String> {
        let reply = self.ask("GET", &format!("/{name}"), &[]);
        (reply.status == 200).then_some(reply.text)
    }

    /// Sends a request. The query is in the order of its names.
    pub fn ask(&self, method: &str, path: &str, query: &[(&str, &str)]) -> Reply {
        let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let account = &self.account;
        // The account is in the path as well as in front of it.
        let mut signed = format!(
            "{method}\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:{VERSION}\n/{account}/{account}{path}"
        );
        for (key, value) in query {
            signed += &format!("\n{key}:{value}");
        }
        let key = BASE64_STANDARD.decode(&self.key).expect("a key");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length");
        mac.update(signed.as_bytes());
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        let headers = [
            ("x-ms-date", date),
            ("x-ms-version", VERSION.to_owned()),
            ("authorization", format!("SharedKey {account}:{signature}")),
        ];
        let query = serde_urlencoded::to_string(query).expect("a query");
        send_to(self.address, method, &format!("/{account}{path}?{query}"), &headers, "")
    }
}

/// The names in a list, which is XML.
fn names(list: &str) -> Vec<String> {
    let name = Regex::new("<Name>([^<]*)</Name>").expect("an expression");
    name.captures_iter(list).map(|found| found[1].to_owned()).collect()
}
