//! What somebody changed by hand: seen, told, and made good again.

use mizan::{
    model::ReleaseId,
    plan::{Change, Seen},
    targets::{
        EnvSpec,
        azure::{
            instances::{State, spec::Size},
            things::Thing,
        },
        fingerprint,
    },
};

use super::*;

const WEB: &str = "board-production-r1";
const BEAT: &str = "board-production-r1-beat";

/// The plan after something was changed behind our back; a deploy makes it good again.
fn after(change: impl FnOnce(&mut World)) -> String {
    let mut world = deployed(BOARD);
    change(&mut world);
    let repair = next(&world, BOARD, 1);
    let repaired = deploy(&world, BOARD, 1);
    assert!(next(&repaired, BOARD, 1).is_noop(), "{}", text(&repair));
    text(&repair)
}

#[test]
fn a_group_that_was_changed_is_replaced_by_a_release() {
    insta::assert_snapshot!(after(|world| {
        let spec = world.group(WEB).spec.as_mut().expect("a service");
        spec.container.size = Size { cpu: 4000, memory: 10 };
    }));
}

#[test]
fn a_group_that_was_stopped_is_started() {
    let plan = after(|world| world.group(BEAT).state = State::Stopped);
    assert!(plan.contains(&format!("~ update container-group {BEAT}")), "{plan}");
    assert!(!plan.contains("run release"), "{plan}");
}

#[test]
fn a_group_that_was_deleted_is_made_again_under_its_name() {
    let plan = after(|world| {
        world.seen.groups.remove(WEB);
    });
    assert!(plan.contains(&format!("+ create container-group {WEB}")), "{plan}");
    assert!(!plan.contains("run release"), "{plan}");
}

#[test]
fn a_group_that_failed_is_replaced_and_its_reason_told() {
    let plan = after(|world| world.group(WEB).state = State::Failed("CrashLoopBackOff".into()));
    assert!(plan.contains("state: CrashLoopBackOff → running"), "{plan}");
    assert!(plan.contains("run release r2"), "{plan}");
}

#[test]
fn a_secret_that_a_group_was_given_by_hand_is_written_again() {
    let plan = after(|world| world.group(WEB).secrets = Some("another".into()));
    assert!(plan.contains("env.DATABASE_URL: (changed, not shown)"), "{plan}");
}

#[test]
fn a_hub_that_leads_elsewhere_leads_back() {
    let plan = after(|world| {
        let hub = world.seen.plane.scripts.get_mut(&mizan::workers::cloud::Kind::Hub);
        let vars = &mut hub.expect("a Hub").vars;
        vars.insert("ORIGIN".into(), "https://elsewhere.example.net".into());
    });
    assert!(plan.contains("origin: https://elsewhere.example.net → https://board-"), "{plan}");
}

#[test]
fn things_that_were_changed_each_in_its_own_kind() {
    insta::assert_snapshot!(after(|world| {
        for seen in world.seen.things.values_mut() {
            let Seen::Present(seen) = seen else { continue };
            match &mut seen.thing {
                Thing::Registry(it) => (it.sku, it.admin) = ("Premium".into(), true),
                Thing::RoleAssignment(it) => it.identity = "0a1b2c3d".into(),
                Thing::Vault(it) => it.by_roles = false,
                Thing::Provider(_)
                | Thing::ResourceGroup(_)
                | Thing::Identity(_)
                | Thing::Secret(_) => {}
            }
        }
    }));
}

#[test]
fn what_cannot_be_read_is_left_alone_and_told() {
    let mut world = deployed(BOARD);
    world.seen.groups.insert(BEAT.into(), Seen::Unknown("the read is denied".into()));
    for (id, seen) in &mut world.seen.things {
        if id.kind == "vault" {
            *seen = Seen::Unknown("the read is denied".to_owned());
        }
    }
    let plan = next(&world, BOARD, 1);
    assert!(plan.is_noop(), "{}", text(&plan));
    let text = text(&plan);
    assert!(text.contains(&format!("container-group {BEAT} cannot be compared")), "{text}");
    assert!(text.contains("vault board-"), "{text}");
}

#[test]
fn a_lost_record_makes_a_release_and_touches_nothing_that_is_right() {
    let mut world = deployed(BOARD);
    world.seen.current = None;
    world.seen.releases.clear();
    world.seen.migrated = Some(ReleaseId(1));
    let plan = next(&world, BOARD, 1);
    let touched = plan.steps.iter().filter(|step| step.resource.kind == "container-group");
    assert_eq!(touched.count(), 0, "{}", text(&plan));
    assert!(text(&plan).contains("run release r1 (record r1)"), "{}", text(&plan));
}

/// Azure does not tell who has given a value: what is wanted now is how it is read.
#[test]
fn a_value_that_comes_from_elsewhere_now_is_no_other_value() {
    let mut world = deployed(BOARD);
    for group in [BEAT, WEB] {
        let spec = world.group(group).spec.as_mut().expect("a service");
        let fingerprint = fingerprint("info");
        let caller = EnvSpec::Caller { from: "ANOTHER".into(), fingerprint };
        assert!(spec.container.env.insert("LEVEL".into(), caller).is_some());
    }
    let plan = next(&world, BOARD, 1);
    assert!(plan.is_noop(), "{}", text(&plan));
    assert!(!text(&plan).contains("not as it was deployed"), "{}", text(&plan));
}

#[test]
fn what_an_interrupted_release_step_left_goes_when_it_has_ended() {
    let mut world = deployed(BOARD);
    let mut left = world.group(BEAT).clone();
    (left.service, left.spec) = (Some("release-step".into()), None);
    left.release = Some(ReleaseId(2));
    world.seen.groups.insert("board-production-r2-release-step".into(), Seen::Present(left));
    let plan = next(&world, BOARD, 1);
    assert!(plan.is_noop() && text(&plan).contains("it may end"), "{}", text(&plan));
    world.group("board-production-r2-release-step").state = State::Stopped;
    let plan = next(&world, BOARD, 1);
    let [step] = plan.steps.as_slice() else { panic!("{}", text(&plan)) };
    assert!(matches!(&step.change, Change::Delete { why } if why.contains("interrupted")));
}
