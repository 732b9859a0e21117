//! The planner of the local target: each folder of `tests/fixtures/plans` has what is deployed
//! (`before.yaml`, absent for nothing), what is wanted (`mizan.yaml`) and the plan (`plan.txt`).
//! A file `new-image` says that the source has changed too. A case is added by adding a folder and
//! running with UPDATE=1.

mod properties;
mod world;

use std::{fs, path::Path};

use mizan::{
    config::ConfigFile,
    model::{App, EnvName},
    plan::{Late, Plan, Undo},
    targets::local::{Desired, Inputs, Observed, Op, PlaneSpec, diff},
    view,
    workers::policy::PlaneConfig,
};

use crate::support::plan_cases::{assert_plans, fixtures};

fn app(text: &str) -> App {
    let file =
        ConfigFile::parse("mizan.yaml", text, &fixtures().join("app")).expect("a valid file");
    file.resolve(&EnvName::new("local").expect("a name")).expect("a valid environment")
}

/// What is wanted of an app whose source is at a version.
fn desired(app: &App, version: u32) -> Desired {
    let plane = app.edge.as_ref().map(|edge| PlaneSpec {
        edge: Late::Known(format!("edge-{version}")),
        render: app.render.as_ref().map(|_| Late::Known(format!("render-{version}"))),
        config: PlaneConfig::new(edge, app.render.as_ref()),
        summary: Default::default(),
    });
    let inputs = Inputs {
        image: Late::Known(world::image(version)),
        port: 8123,
        plane,
        secret: &|name| Some(format!("fingerprint of {name}")),
        caller: &|name| Some(format!("fingerprint of {name}")),
    };
    let mut desired = Desired::new(app, &inputs).expect("a desired state");
    desired.scope.checkout = "/checkout".into();
    desired
}

fn plan(desired: &Desired, observed: &Observed) -> Plan<Op> {
    diff::plan(desired, observed, diff::Purpose::Deploy).expect("a plan")
}

/// The world after a first deploy.
fn deployed(desired: &Desired, version: u32) -> Observed {
    let nothing = Observed::default();
    world::apply(&plan(desired, &nothing), desired, &nothing, version)
}

fn text(plan: &Plan<Op>) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    view::write_plan_text(plan, true, &mut out).expect("a plan in words");
    String::from_utf8(out.into_inner()).expect("text")
}

fn case(folder: &Path) -> String {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let version = if folder.join("new-image").exists() { 2 } else { 1 };
    let wanted = desired(&app(&read("mizan.yaml").expect("mizan.yaml")), version);
    let mut observed = match read("before.yaml") {
        Some(before) => deployed(&desired(&app(&before), 1), 1),
        None => Observed::default(),
    };
    if version == 2 {
        observed.image_exists = false;
        observed.artifacts_cached = false;
    }
    text(&plan(&wanted, &observed))
}

#[test]
fn every_case_has_its_plan() {
    assert_plans("plans", 10, case);
}

mod drift {
    use mizan::model::ReleaseId;

    use super::*;

    const BOARD: &str = include_str!("../../fixtures/plans/no-change/mizan.yaml");

    /// The plan after something was changed behind our back.
    fn after(change: impl FnOnce(&mut Observed)) -> String {
        let desired = desired(&app(BOARD), 1);
        let mut world = deployed(&desired, 1);
        change(&mut world);
        text(&plan(&desired, &world))
    }

    #[test]
    fn a_stopped_container_starts_a_new_release() {
        let plan = after(|world| {
            let web = world.containers.iter_mut().find(|seen| seen.service == "web").unwrap();
            web.running = false;
            web.state = "exited".into();
        });
        assert!(
            plan.contains("replace service web (forces replacement: it is not running (exited))"),
            "{plan}"
        );
        assert!(plan.contains("move traffic from r1 to r2"), "{plan}");
    }

    #[test]
    fn a_limit_changed_by_hand_is_seen() {
        let plan = after(|world| {
            let worker = world.containers.iter_mut().find(|seen| seen.service == "worker").unwrap();
            worker.spec.as_mut().unwrap().memory = Some(64 << 20);
        });
        assert!(plan.contains("memory: 64MiB →"), "{plan}");
    }

    #[test]
    fn a_stopped_front_alone_is_started_again() {
        let plan = after(|world| world.front = None);
        assert!(
            plan.contains("1 to create, 0 to change, 0 to replace, 0 to delete, 0 to run"),
            "{plan}"
        );
    }

    #[test]
    fn a_front_that_comes_back_with_the_live_release_is_not_taken_away_by_a_failure() {
        let desired = desired(&app(BOARD), 1);
        let mut world = deployed(&desired, 1);
        world.front = None;
        let changed = plan(&desired, &world);
        let front = changed.steps.iter().find(|step| step.resource.kind == "front").unwrap();
        assert!(matches!(front.undo, Undo::None { .. }), "{front:?}");
    }

    #[test]
    fn a_front_that_has_forgotten_the_live_release_gets_another() {
        let plan = after(|world| {
            world.front.as_mut().unwrap().active = None;
            world.remembered = None;
        });
        assert!(plan.contains("move traffic from r1 to r2"), "{plan}");
        assert!(plan.contains("the front no longer knows r1"), "{plan}");
    }

    #[test]
    fn a_lost_network_and_volume_are_made_again() {
        let plan = after(|world| {
            world.network = false;
            world.volumes.clear();
        });
        assert!(plan.contains("create network") && plan.contains("create volume"), "{plan}");
    }

    #[test]
    fn an_interrupted_deploy_still_gets_its_record() {
        let plan = after(|world| {
            world.current = None;
            world.releases.clear();
        });
        assert!(plan.contains("run release r1 (record r1)"), "{plan}");
        assert!(
            plan.contains("0 to create, 0 to change, 0 to replace, 0 to delete, 1 to run"),
            "{plan}"
        );
    }

    #[test]
    fn containers_of_an_interrupted_deploy_are_leftovers() {
        let plan = after(|world| {
            let mut stray = world.containers[0].clone();
            stray.name = "mizan-board-local-web-r9".into();
            stray.release = Some(ReleaseId(9));
            world.containers.push(stray);
        });
        assert!(plan.contains("delete container mizan-board-local-web-r9"), "{plan}");
        assert!(plan.contains("1 to delete"), "{plan}");
    }

    #[test]
    fn a_lost_ledger_is_read_from_the_labels() {
        let plan = after(|world| {
            world.front = None;
            world.remembered = None;
            world.current = None;
            world.releases.clear();
            world.live_plane = None;
            world.state_exists = false;
        });
        assert!(plan.contains("move traffic from r1 to r2"), "{plan}");
    }

    #[test]
    fn a_moved_origin_port_is_noticed() {
        let plan = after(|world| {
            world.front.as_mut().unwrap().origin_port = Some(1111);
            let web = world.containers.iter_mut().find(|seen| seen.service == "web").unwrap();
            web.host_port = Some(2222);
        });
        assert!(plan.contains("move traffic from r1 to r2"), "{plan}");
    }
}
