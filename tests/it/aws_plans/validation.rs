//! What AWS would refuse late is said beforehand, at the lines of mizan.yaml: the whole messages.

use mizan::{
    config::Finding,
    targets::aws::{Egress, Network, validate},
};

use super::*;

fn report(text: &str, findings: &[Finding]) -> String {
    match world::file(text).report(&world::production(), findings) {
        Ok(()) => String::new(),
        Err(error) => error.diagnostics().expect("diagnostics").render("error", false),
    }
}

fn of_app(text: &str) -> String {
    report(text, &validate::app(&app(text)))
}

fn of_network(text: &str, change: impl FnOnce(&mut Network)) -> String {
    let mut network = world::network();
    change(&mut network);
    report(text, &validate::network(&app(text), &network, None))
}

#[test]
fn the_example_is_fine() {
    assert_eq!(of_app(BOARD), "");
    assert_eq!(of_network(BOARD, |_| {}), "");
}

#[test]
fn everything_that_the_file_alone_shows() {
    insta::assert_snapshot!(of_app(&format!(
        "version: 1
app: board
build: {{platform: linux/s390x}}
services:
  web: {{port: 8000, health: /healthz, cpu: 0.5, memory: 512MiB, drain: 2h, scale: {{min: 2}}}}
  worker:
    command: python worker.py
    stop_timeout: 10m
env: {{LARGE: {}}}
edge: {{on: [cloudflare], domain: a-very-long-name-of-a-board.in-a-department.example.com}}
environments:
  production:
    target: {{aws: {{region: eu-west-1}}}}
    services: {{web: {{cpu: 3}}, worker: {{memory: 768MiB}}}}
",
        "x".repeat(62 << 10)
    )));
}

#[test]
fn a_network_that_cannot_carry_it() {
    let given = BOARD.replace(
        "{region: eu-west-1}",
        "{region: eu-west-1, subnets: [subnet-00000001, subnet-00000002]}",
    );
    let closed = of_network(&given, |network| {
        for subnet in &mut network.subnets {
            subnet.egress = Egress::None;
        }
        network.subnets[2].vpc = "vpc-00000002".into();
    });
    let one_zone = of_network(BOARD, |network| network.subnets.truncate(1));
    let no_vpc = of_network(BOARD, |network| *network = Network::default());
    insta::assert_snapshot!([closed, one_zone, no_vpc].join("\n"));
}

#[test]
fn a_load_balancer_and_roles_that_do_not_fit() {
    let text = BOARD.replace(
        "{region: eu-west-1}",
        &format!(
            "{{region: eu-west-1, load_balancer: '{}', task_role: 'arn:aws:iam::999999999999:role/app'}}",
            world::GIVEN
        ),
    ) + "edge: {domain: board.example.com}\n";
    let app = app(&text);
    let mut balancer = world::shared_balancer();
    balancer.vpc = "vpc-00000009".into();
    balancer.ports.clear();
    balancer.groups.clear();
    let mut findings = validate::network(&app, &world::network(), Some(&balancer));
    findings.extend(validate::account(&app, &world::scope(&app)));
    insta::assert_snapshot!(report(&text, &findings));
}

#[test]
fn a_cluster_that_is_not_there() {
    let text = BOARD.replace("{region: eu-west-1}", "{region: eu-west-1, cluster: nope}");
    let missing: Vec<_> = validate::cluster(&app(&text), false).into_iter().collect();
    let told = report(&text, &missing);
    assert!(told.contains("there is no cluster nope in eu-west-1"), "{told}");
    assert!(told.contains("--> mizan.yaml:"), "{told}");
    assert_eq!(validate::cluster(&app(&text), true), None);
    assert_eq!(validate::cluster(&app(BOARD), false), None);
}

#[test]
fn an_edge_needs_a_schema_or_nobody_would_get_in() {
    let none = BOARD.to_owned() + "schema: none\n";
    assert_eq!(of_app(&none), "");
    let with_edge = none + "edge: {on: [cloudflare]}\n";
    assert!(of_app(&with_edge).contains("without a schema"), "{}", of_app(&with_edge));
}
