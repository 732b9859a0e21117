//! What is said to AWS without its SDK, said to two emulators that were written independently of
//! each other: buckets, the ledger with its lease, and EC2.
//!
//! They are running already: `scripts/aws-emulators.sh` starts them and says where.

mod bucket;
mod ec2;
mod ledger;

use std::{
    env, process,
    sync::atomic::{AtomicU32, Ordering},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use mizan::{http::Http, targets::aws::api::s3::Bucket};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-west-1";

/// An emulator.
struct Peer {
    url: String,
}

/// Both emulators.
fn peers() -> [Peer; 2] {
    ["MIZAN_TEST_MINISTACK", "MIZAN_TEST_MOTO"].map(|name| {
        let missing =
            |_| panic!("{name} is not set: start the emulators by scripts/aws-emulators.sh");
        Peer { url: env::var(name).unwrap_or_else(missing) }
    })
}

impl Peer {
    fn bucket(&self, name: &str, region: &str) -> Bucket {
        Bucket::new(http(), credentials(), name, ACCOUNT, region, Some(&self.url))
    }
}

fn http() -> Http {
    Http::new().unwrap()
}

fn credentials() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test"))
}

/// A name that nothing else has.
fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("mizan-{what}-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
