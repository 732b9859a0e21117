//! What Container Instances would refuse late is said beforehand, at the lines of mizan.yaml: the
//! whole messages.

use mizan::{
    config::Finding,
    targets::azure::instances::{
        spec::Size,
        validate::{self, Capacity, Quota, Usage},
    },
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

#[test]
fn the_example_is_fine() {
    assert_eq!(of_app(BOARD), "");
}

#[test]
fn everything_that_the_file_alone_shows() {
    insta::assert_snapshot!(of_app(
        "version: 1
app: board
build: {platform: linux/arm64}
services:
  web: {port: 9999, scale: {min: 2, max: 4}}
  many: {command: python many.py, scale: {min: 1, max: 3, cpu: 60}}
  few: {command: python few.py, scale: {min: 0, max: 1}}
secrets: [TOKEN, token]
edge: {on: [local]}
environments:
  production: {target: {azure: {location: westeurope, service: container-instances}}}
"
    ));
}

#[test]
fn a_service_is_not_called_like_the_proxy_and_its_health_path_fits_into_a_tag() {
    let tls = of_app(&BOARD.replace("services:\n", "services:\n  tls: {command: python tls.py}\n"));
    assert!(tls.contains("`tls` is the name of the proxy that ends TLS"), "{tls}");
    let path = |length: usize| format!("health: /{}", "h".repeat(length - 1));
    let of = |length: usize| of_app(&BOARD.replace("health: /healthz", &path(length)));
    assert_eq!(of(200), "");
    assert!(of(201).contains("the path has 201 characters"), "{}", of(201));
}

#[test]
fn the_ports_of_the_sidecar_and_of_azure_are_taken() {
    let of = |port: u32| of_app(&BOARD.replace("port: 8000", &format!("port: {port}")));
    for taken in [443, 2019] {
        assert!(of(taken).contains("the proxy that ends TLS"), "{taken}: {}", of(taken));
    }
    for reserved in [22, 1025, 1027, 3389, 9999, 19080, 20000, 30000, 49152, 65534] {
        assert!(of(reserved).contains("keep port"), "{reserved}: {}", of(reserved));
    }
    for free in [80, 1024, 1028, 8080, 19999, 30001, 65535] {
        assert_eq!(of(free), "", "{free}");
    }
}

#[test]
fn a_volume_has_no_place_there() {
    let text = BOARD.replace("drain: 30s", "volumes: {data: /app/data}")
        + "    services: {web: {volumes: {more: /app/more}}}\n";
    let text = text.replace(
        "  production: {target: {azure: {location: westeurope, service: container-instances}}}\n",
        "  production:\n    target: {azure: {location: westeurope, service: container-instances}}\n",
    );
    let error = world::file(&text).resolve(&world::production()).expect_err("refused");
    let told = error.diagnostics().expect("diagnostics").render("error", false);
    assert!(told.contains("the volume `more` has no place in `production`"), "{told}");
}

#[test]
fn an_edge_needs_a_schema_to_cache_by() {
    let told = of_app(&(BOARD.to_owned() + "schema: none\n"));
    assert!(told.contains("without a schema the edge has nothing to cache by"), "{told}");
}

#[test]
fn a_location_without_container_instances() {
    let here = ["northeurope".to_owned(), "westeurope".to_owned()];
    assert_eq!(validate::location(&app(BOARD), &here), None);
    let finding = validate::location(&app(BOARD), &here[..1]).expect("a finding");
    insta::assert_snapshot!(report(BOARD, &[finding]));
}

#[test]
fn groups_that_are_larger_than_the_location_has_them() {
    let of = |cpu, memory| {
        let largest = Size { cpu, memory };
        report(BOARD, &validate::capacity(&app(BOARD), Capacity { largest }))
    };
    assert_eq!(of(4000, 160), "");
    // Web and sidecar are one group, and so are the two workers.
    insta::assert_snapshot!(of(550, 12));
}

#[test]
fn a_quota_without_room_for_both_releases() {
    let world = with_new_source(BOARD);
    let plan = next(&world, BOARD, 2);
    let of = |groups, cores| {
        let usage = |(current, limit)| Usage { current, limit };
        let quota = Quota { groups: usage(groups), cores: usage(cores) };
        report(BOARD, &validate::quota(&app(BOARD), &plan, quota))
    };
    assert_eq!(of((97, 100), (8, 10)), "");
    insta::assert_snapshot!(of((98, 100), (9, 10)));
}
