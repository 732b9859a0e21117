//! What somebody changed by hand: seen, told, and repaired under the live release's number.

use mizan::{
    model::ReleaseId,
    plan::Seen,
    targets::aws::spec::{Ingress, Peer, Thing},
};

use super::*;

/// The plan after something was changed behind our back; a deploy makes it good again.
fn after(change: impl FnOnce(&mut World)) -> String {
    let mut world = deployed(BOARD);
    change(&mut world);
    let desired = world.desired(&app(BOARD), 1);
    let repair = plan(&desired, &world);
    let repaired = world.after(&repair, &desired, 1);
    assert!(plan(&repaired.desired(&app(BOARD), 1), &repaired).is_noop(), "{}", text(&repair));
    text(&repair)
}

#[test]
fn a_count_changed_by_hand() {
    insta::assert_snapshot!(after(|world| {
        let worker = world.service("worker");
        worker.spec.count = 5;
        worker.desired = 5;
    }));
}

#[test]
fn a_count_that_autoscaling_changed_is_its_own() {
    let plan = after(|world| world.service("web").spec.count = 4);
    assert!(plan.starts_with("  = keep"), "{plan}");
}

#[test]
fn a_revision_registered_by_hand() {
    insta::assert_snapshot!(after(|world| {
        let web = world.service("web");
        web.task_definition = web.task_definition.replace(":1", ":7");
        web.spec.task.memory = 2048;
    }));
}

#[test]
fn settings_of_a_rollout_and_its_network() {
    insta::assert_snapshot!(after(|world| {
        let web = world.service("web");
        web.spec.deployment.circuit_breaker = false;
        web.spec.wiring.public_ip = false;
    }));
}

#[test]
fn a_deployment_that_has_not_settled() {
    let plan = after(|world| world.service("worker").unsettled = Some("failed".into()));
    assert!(plan.contains("deployment: failed → complete"), "{plan}");
}

#[test]
fn a_service_that_was_deleted() {
    let plan = after(|world| {
        world.seen.services.remove("worker");
    });
    assert!(plan.contains("+ create service worker"), "{plan}");
    assert!(!plan.contains("record"), "{plan}");
}

#[test]
fn things_that_were_changed_each_in_its_own_kind() {
    insta::assert_snapshot!(after(|world| {
        for (id, seen) in &mut world.seen.things {
            let Seen::Present(seen) = seen else { continue };
            match &mut seen.thing {
                Thing::Repository(it) => it.immutable = false,
                Thing::LogGroup(it) => it.retention_days = None,
                Thing::Role(it) if id.name.ends_with("execution") => {
                    let policy = it.policies.get_mut("mizan").expect("a policy");
                    *policy = policy.replace("ecr:BatchGetImage", "ecr:*");
                }
                Thing::Role(it) => {
                    it.policies.insert(
                        "extra".into(),
                        r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#.into(),
                    );
                }
                Thing::SecurityGroup(it) => {
                    it.ingress.insert(Ingress { port: 22, from: Peer::Cidr("0.0.0.0/0".into()) });
                }
                Thing::LoadBalancer(it) => {
                    it.attributes.insert("idle_timeout.timeout_seconds".into(), "4000".into());
                }
                Thing::TargetGroup(it) => it.health_path = "/".into(),
                Thing::Listener(it) => {
                    it.default = mizan::targets::aws::spec::DefaultAction::Forbid
                }
                Thing::Scaling(it) => it.max = 40,
                Thing::Cluster(_)
                | Thing::Secret(_)
                | Thing::Certificate(_)
                | Thing::DnsRecord(_)
                | Thing::Rule(_) => {}
            }
        }
    }));
}

#[test]
fn things_that_were_deleted_are_made_again_and_stay_if_the_repair_fails() {
    let mut world = deployed(BOARD);
    world.seen.things.retain(|id, _| id.kind != "log-group");
    let repair = plan(&world.desired(&app(BOARD), 1), &world);
    let step = repair.steps.first().expect("a step");
    assert_eq!(step.id.0, "log-group//mizan/board/production");
    assert!(matches!(step.undo, mizan::plan::Undo::None { .. }), "{step:?}");
}

#[test]
fn another_load_balancer_of_the_same_name_is_another_address() {
    let plan = after(|world| {
        world.seen.things.retain(|id, _| id.kind != "load-balancer" && id.kind != "listener");
    });
    assert!(plan.contains("+ create load-balancer"), "{plan}");
    assert!(
        plan.contains("MIZAN_URL: http://balancer.elb.example → (known after load-balancer"),
        "{plan}"
    );
}

#[test]
fn what_cannot_be_read_is_left_alone_and_told() {
    let mut world = deployed(BOARD);
    let denied = || Seen::Unknown("iam:GetRole is denied".to_owned());
    for (id, seen) in &mut world.seen.things {
        if id.kind == "role" {
            *seen = denied();
        }
    }
    world
        .seen
        .services
        .insert("worker".into(), Seen::Unknown("ecs:DescribeServices is denied".into()));
    let plan = plan(&world.desired(&app(BOARD), 1), &world);
    assert!(plan.is_noop(), "{}", text(&plan));
    let text = text(&plan);
    assert!(
        text.contains("role mizan-board-production-task cannot be compared: iam:GetRole is denied"),
        "{text}"
    );
    assert!(text.contains("service worker cannot be compared"), "{text}");
}

#[test]
fn a_lost_record_makes_a_release_and_touches_nothing_that_is_right() {
    let mut world = deployed(BOARD);
    world.seen.current = None;
    world.seen.releases.clear();
    world.seen.migrated = Some(ReleaseId(1));
    let plan = plan(&world.desired(&app(BOARD), 1), &world);
    assert_eq!(plan.steps.len(), 1, "{}", text(&plan));
    assert!(text(&plan).contains("run release r1 (record r1)"), "{}", text(&plan));
}
