//! What holds for every pair of configurations: applying a plan makes the account the desired one,
//! a second plan is empty, the same input gives the same bytes, and nothing of others is touched.

use std::{collections::BTreeMap, fmt::Write as _};

use mizan::{
    plan::{Late, Seen},
    targets::aws::{
        SeenThing,
        spec::{Cluster, Thing},
    },
};
use proptest::{collection::btree_map, prelude::*};

use super::*;

#[derive(Debug, Clone)]
struct Board {
    services: BTreeMap<String, u8>,
    drain: u8,
    level: u8,
    scaled: bool,
    migrate: bool,
    domain: bool,
    edge: bool,
    generated: bool,
    log_days: bool,
}

impl Board {
    fn yaml(&self) -> String {
        let mut text = String::from("version: 1\napp: board\nservices:\n");
        let scale = if self.scaled { ", scale: {min: 2, max: 4, cpu: 60}" } else { "" };
        let _ = writeln!(text, "  web: {{port: 8000, drain: {}s{scale}}}", self.drain);
        for (name, kind) in &self.services {
            let _ = match kind % 3 {
                0 => writeln!(text, "  {name}: {{command: python worker.py}}"),
                1 => writeln!(text, "  {name}: {{command: python beat.py, singleton: true}}"),
                _ => writeln!(
                    text,
                    "  {name}: {{command: python many.py, scale: {{min: 0, max: 3}}}}"
                ),
            };
        }
        let _ = writeln!(text, "env: {{LEVEL: \"{}\"}}", self.level);
        let secret =
            if self.generated { "{name: SECRET_KEY, generate: true}" } else { "SECRET_KEY" };
        let _ = writeln!(text, "secrets: [{secret}]");
        if self.migrate {
            text.push_str("release: python manage.py migrate\n");
        }
        let plane = if self.edge { "cloudflare" } else { "local" };
        let domain = if self.domain { ", domain: board.example.com" } else { "" };
        let _ = writeln!(text, "edge: {{on: [{plane}]{domain}}}");
        let log = if self.log_days { ", log_retention: 7d" } else { "" };
        let _ = writeln!(
            text,
            "environments:\n  production: {{target: {{aws: {{region: eu-west-1{log}}}}}}}"
        );
        text
    }
}

prop_compose! {
    fn board()(
        services in btree_map("[a-d]", any::<u8>(), 0..4),
        drain in 1u8..4,
        level in 0u8..3,
        flags in any::<[bool; 6]>(),
    ) -> String {
        let [scaled, migrate, domain, edge, generated, log_days] = flags;
        Board { services, drain, level, scaled, migrate, domain, edge, generated, log_days }.yaml()
    }
}

/// The one change that is refused.
fn switches_the_edge_of_a_domain(before: &str, after: &str) -> bool {
    let has = |text: &str, what: &str| text.contains(what);
    let domain = "domain: board.example.com";
    let edge = "on: [cloudflare]";
    has(before, domain) && has(after, domain) && has(before, edge) != has(after, edge)
}

/// Something of somebody else, beside ours.
fn with_neighbours(world: &mut World) {
    let thing = Thing::Cluster(Cluster { name: "their-cluster".into() });
    let seen = SeenThing { arn: "arn".into(), ours: false, attributes: Default::default(), thing };
    world.seen.things.insert(seen.thing.id(), Seen::Present(seen));
    let mut theirs = world.service("web").clone();
    theirs.ours = false;
    world.seen.services.insert("theirs".into(), Seen::Present(theirs));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_deployed_app_needs_no_deploy(text in board()) {
        let world = deployed(&text);
        let again = plan(&world.desired(&app(&text), 1), &world);
        prop_assert!(again.is_noop(), "{}", super::text(&again));
    }

    #[test]
    fn any_change_converges_in_one_deploy(before in board(), after in board(), version in 1u32..3, late: bool) {
        prop_assume!(!switches_the_edge_of_a_domain(&before, &after));
        let mut world = deployed(&before);
        with_neighbours(&mut world);
        let mut desired = world.desired(&app(&after), version);
        if version == 2 {
            world.new_source();
            if late {
                let step = mizan::plan::StepId::new("image", "board");
                desired = world.desired_of(&app(&after), Late::After(step));
            }
        }
        let changes = plan(&desired, &world);
        let end = world.after(&changes, &desired, version);
        let again = plan(&end.desired(&app(&after), version), &end);
        prop_assert!(again.is_noop(), "{}\nthen\n{}", text(&changes), text(&again));
        // What is there is what is desired, and what was never ours.
        let wanted = World::resolved(&desired, version);
        for (id, seen) in &end.seen.things {
            let Some(seen) = seen.present() else { continue };
            let kept = id.kind == "secret" || !seen.ours;
            prop_assert!(kept || wanted.thing(id) == Some(&seen.thing), "{id} is {seen:?}");
        }
        prop_assert_eq!(end.seen.services.get("theirs"), world.seen.services.get("theirs"));
        let names: Vec<&String> = end.seen.services.keys().filter(|name| *name != "theirs").collect();
        prop_assert_eq!(names, wanted.services.keys().collect::<Vec<_>>());
    }

    #[test]
    fn a_plan_is_the_same_every_time(before in board(), after in board()) {
        prop_assume!(!switches_the_edge_of_a_domain(&before, &after));
        let world = deployed(&before);
        let desired = world.desired(&app(&after), 1);
        let bytes = || serde_json::to_string(&plan(&desired, &world)).unwrap();
        prop_assert_eq!(bytes(), bytes());
    }

    #[test]
    fn nothing_is_removed_before_the_record(before in board(), after in board()) {
        prop_assume!(!switches_the_edge_of_a_domain(&before, &after));
        let world = deployed(&before);
        let changes = plan(&world.desired(&app(&after), 1), &world);
        let record = changes.steps.iter().position(|step| step.resource.kind == "release" && !step.after_commit);
        for (at, step) in changes.steps.iter().enumerate() {
            let removes = matches!(step.op, Op::Delete { .. } | Op::DeleteService { .. } | Op::ForgetRelease { .. });
            prop_assert!(!removes || step.after_commit, "{}", step.id);
            if let Some(record) = record {
                prop_assert_eq!(at > record, step.after_commit, "{}\n{}", step.id, text(&changes));
            }
        }
    }

    #[test]
    fn the_web_service_comes_after_the_release_step_and_before_the_others(text in board()) {
        let changes = plan(&World::default().desired(&app(&text), 1), &World::default());
        let at = |id: &str| changes.steps.iter().position(|step| step.id.0 == id);
        let web = at("service/web").expect("a web service");
        prop_assert!(at("release-step/r1").is_none_or(|migration| migration < web));
        let others = changes.steps.iter().enumerate().filter(|(_, step)| {
            step.resource.kind == "service" && step.resource.name != "web"
        });
        for (position, step) in others {
            prop_assert!(position > web, "{}", step.id);
        }
    }

    #[test]
    fn what_is_seen_survives_its_way_through_json(text in board()) {
        let seen = deployed(&text).seen;
        let json = serde_json::to_string(&seen).unwrap();
        prop_assert_eq!(serde_json::from_str::<mizan::targets::aws::Observed>(&json).unwrap(), seen);
    }
}
