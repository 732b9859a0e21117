//! Visitors see no failure while a release takes over.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use super::{deployed, light};
use crate::{
    conformance::is_full,
    support::aws::{Aws, Options},
};

/// Visitors that come at the same time, each anew for every request.
const VISITORS: usize = 4;

#[test]
fn an_update_under_load_loses_no_request() {
    let platform = light(Aws::with(Options { health_checks: true, ..Options::default() }));
    deployed(&platform, "1");
    let enough = if is_full() { 20_000 } else { 2_000 };
    let stop = AtomicBool::new(false);
    let (answered, dns) = (AtomicUsize::new(0), platform.dns().expect("a name"));
    let aws = platform.aws();
    let failures = thread::scope(|scope| {
        let visit = || {
            let mut failures = Vec::new();
            while !stop.load(Ordering::Relaxed) || answered.load(Ordering::Relaxed) < enough {
                match aws.visit(&dns, "/version") {
                    Ok(_) => answered.fetch_add(1, Ordering::Relaxed),
                    Err(error) => {
                        failures.push(error);
                        break;
                    }
                };
            }
            failures
        };
        let visitors: Vec<_> = (0..VISITORS).map(|_| scope.spawn(visit)).collect();
        for version in ["2", "3"] {
            deployed(&platform, version);
        }
        stop.store(true, Ordering::Relaxed);
        let ends = visitors.into_iter().map(|visitor| visitor.join().expect("a visitor"));
        ends.flatten().collect::<Vec<_>>()
    });
    assert_eq!(failures, Vec::<String>::new(), "of {answered:?} requests");
    assert!(answered.load(Ordering::Relaxed) >= enough);
}
