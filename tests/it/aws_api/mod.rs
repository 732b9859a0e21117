//! What is said to AWS without its SDK, said to two emulators that were written independently of
//! each other: buckets, the ledger with its lease, and EC2.

mod bucket;
mod ec2;
mod ledger;

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use mizan::{http::Http, targets::aws::api::s3::Bucket};

use crate::support::aws::{ACCOUNT, Aws, REGION};

/// An emulator.
struct Peer {
    url: String,
}

/// Both emulators.
fn peers() -> [Peer; 2] {
    let aws = Aws::shared();
    [aws.endpoint(), aws.moto()].map(|url| Peer { url })
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
