//! What deploys cost in calls and time, against the stand-in: `scripts/bench-azure.sh`.

#![allow(clippy::print_stdout)] // The table is what it is for.

use std::{collections::BTreeMap, time::Instant};

use super::*;
use crate::{conformance::Cloud, support::strikes::Striker};

/// Each deploy is made so often; the table has the median of the times.
const ROUNDS: usize = 3;
/// Who is asked, as the table's columns. The registry is asked by the engine, too, which pushes.
const COLUMNS: [&str; 6] = ["ARM", "Entra", "vault", "registry", "ledger", "changes"];

/// What one deploy cost.
struct Cost {
    seconds: f64,
    calls: BTreeMap<&'static str, usize>,
}

/// Who is asked at a site, as the striker writes it.
fn service(site: &str) -> &'static str {
    let path = site.split_once(' ').map_or(site, |(_, path)| path);
    match path {
        _ if path.ends_with("/oauth2/v2.0/token") => "Entra",
        _ if path.starts_with("/vaults/") => "vault",
        _ if path.starts_with("/oauth2/") => "registry",
        _ if path.split('/').nth(2) == Some("ledgers") => "ledger",
        _ => "ARM",
    }
}

fn measure(platform: &Instances, app: &App, says: Option<&str>) -> Cost {
    platform.write(app);
    platform.striker().clear();
    let begin = Instant::now();
    let ended = platform.deploy().expect(0);
    let seconds = begin.elapsed().as_secs_f64();
    if let Some(words) = says {
        ended.says(&[words]);
    }
    assert_eq!(platform.serving().as_ref(), Ok(&app.version));
    let mut calls = BTreeMap::new();
    for heard in platform.striker().heard() {
        *calls.entry(service(&heard.site)).or_default() += 1;
        if !heard.is_read {
            *calls.entry("changes").or_default() += 1;
        }
    }
    *calls.entry("registry").or_default() += platform.azure().image_calls();
    Cost { seconds, calls }
}

fn row(name: &str, mut costs: Vec<Cost>) -> String {
    costs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let median = &costs[costs.len() / 2];
    let counts = COLUMNS.map(|column| median.calls.get(column).copied().unwrap_or(0).to_string());
    format!("| {name} | {:.1} s | {} |", median.seconds, counts.join(" | "))
}

#[test]
#[ignore = "it measures: scripts/bench-azure.sh runs it"]
fn bench_azure() {
    let [mut first, mut same, mut line] = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        let platform = light();
        let [one, two] = ["a", "b"].map(|it| App::version(format!("{it}{round}")));
        first.push(measure(&platform, &one, None));
        same.push(measure(&platform, &one, Some("Nothing to change.")));
        line.push(measure(&platform, &two, None));
        platform.destroy();
    }
    println!("| deploy | time | {} |", COLUMNS.join(" | "));
    println!("|---|--:|{}", "--:|".repeat(COLUMNS.len()));
    for (name, costs) in [("first", first), ("nothing to change", same), ("one line changed", line)]
    {
        println!("{}", row(name, costs));
    }
}
