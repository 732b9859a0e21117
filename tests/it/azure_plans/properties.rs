//! What holds for every pair of configurations: applying a plan makes the subscription the desired
//! one, a second plan is empty, the same input gives the same bytes, what fails is taken back, and
//! what is cut off is gone on with. That visitors are never led to what does not run, and that no
//! singleton runs twice, the world itself sees to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use mizan::plan::{Late, StepId};
use proptest::{collection::btree_map, prelude::*, sample::Index};

use super::*;

#[derive(Debug, Clone)]
struct Board {
    services: BTreeMap<String, u8>,
    drain: u8,
    level: u8,
    keep: u8,
    migrate: bool,
    domain: bool,
    generated: bool,
}

impl Board {
    fn yaml(&self) -> String {
        let mut text = format!("version: 1\napp: board\nkeep_releases: {}\nservices:\n", self.keep);
        let _ = writeln!(text, "  web: {{port: 8000, drain: {}s}}", self.drain);
        for (name, kind) in &self.services {
            let _ = match kind % 3 {
                0 => writeln!(text, "  {name}: {{command: python worker.py}}"),
                1 => writeln!(text, "  {name}: {{command: python beat.py, singleton: true}}"),
                _ => writeln!(
                    text,
                    "  {name}: {{command: python many.py, scale: {{min: 3, max: 3}}}}"
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
        let domain = if self.domain { ", domain: board.example.com" } else { "" };
        let _ = writeln!(text, "edge: {{on: [cloudflare]{domain}}}");
        let target = "{azure: {location: westeurope, service: container-instances}}";
        let _ = writeln!(text, "environments: {{production: {{target: {target}}}}}");
        text
    }
}

prop_compose! {
    fn board()(
        services in btree_map("[a-d]", any::<u8>(), 0..4),
        drain in 1u8..4,
        level in 0u8..3,
        keep in 1u8..4,
        flags in any::<[bool; 3]>(),
    ) -> String {
        let [migrate, domain, generated] = flags;
        Board { services, drain, level, keep, migrate, domain, generated }.yaml()
    }
}

/// A deployed world, with what changes beside the configuration.
fn before(text: &str, version: u32, secrets: bool) -> World {
    let mut world = deployed(text);
    if version == 2 {
        world.new_source();
    }
    if secrets {
        world.new_secrets();
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_deployed_app_needs_no_deploy(text in board()) {
        let world = deployed(&text);
        let again = next(&world, &text, 1);
        prop_assert!(again.is_noop(), "{}", super::text(&again));
    }

    #[test]
    fn any_change_converges_in_one_deploy(
        old in board(), new in board(), version in 1u32..3, secrets: bool, late: bool
    ) {
        let world = before(&old, version, secrets);
        let mut desired = world.desired(&app(&new), version);
        if late && version == 2 {
            desired = world.desired_of(&app(&new), Late::After(StepId::new("image", "board")));
        }
        let changes = plan(&desired, &world);
        let end = world.after(&changes, &desired, version);
        let again = next(&end, &new, version);
        prop_assert!(again.is_noop(), "{}\nthen\n{}", text(&changes), text(&again));
        // What runs is what is desired, and what does not run is the way back.
        let live = end.seen.current.as_ref().expect("a release");
        let wanted: BTreeSet<String> = live.groups.values().cloned().collect();
        prop_assert_eq!(end.running(), wanted);
        prop_assert_eq!(live.groups.keys().collect::<Vec<_>>(), desired.services.keys().collect::<Vec<_>>());
        for (name, _) in end.seen.own_groups() {
            let known = live.groups.values().chain(end.seen.previous.values());
            prop_assert!(known.into_iter().any(|group| group == name), "{name} is left");
        }
        let web = format!("https://{}", desired.scope.host(&live.groups["web"]));
        prop_assert_eq!(end.origin(), Some(&web));
    }

    #[test]
    fn a_plan_is_the_same_every_time(old in board(), new in board()) {
        let world = deployed(&old);
        let bytes = || serde_json::to_string(&next(&world, &new, 1)).unwrap();
        prop_assert_eq!(bytes(), bytes());
    }

    #[test]
    fn cut_off_anywhere_the_next_run_ends_the_same(
        old in board(), new in board(), version in 1u32..3, at: Index
    ) {
        let world = before(&old, version, false);
        let desired = world.desired(&app(&new), version);
        let whole = plan(&desired, &world);
        let end = world.after(&whole, &desired, version);
        let mut part = whole.clone();
        part.steps.truncate(at.index(whole.steps.len() + 1));
        let cut = deploy(&world.after(&part, &desired, version), &new, version);
        prop_assert_eq!(&cut.seen.groups, &end.seen.groups, "{}\nof\n{}", text(&part), text(&whole));
        prop_assert_eq!(cut.origin(), end.origin());
        prop_assert!(next(&cut, &new, version).is_noop());
    }

    #[test]
    fn what_fails_is_taken_back(
        old in board(), new in board(), version in 1u32..3, secrets: bool, at: Index
    ) {
        let world = before(&old, version, secrets);
        let desired = world.desired(&app(&new), version);
        let whole = plan(&desired, &world);
        let commit = whole.steps.iter().take_while(|step| !step.after_commit).count();
        let mut part = whole.clone();
        part.steps.truncate(at.index(commit + 1));
        let back = world.after(&part, &desired, version).taken_back(&part.steps, &desired, version);
        prop_assert_eq!(&back.seen.groups, &world.seen.groups, "{}", text(&part));
        prop_assert_eq!(&back.seen.things, &world.seen.things);
        prop_assert_eq!(&back.seen.current, &world.seen.current);
        prop_assert_eq!(back.origin(), world.origin());
    }

    #[test]
    fn nothing_stops_but_singletons_before_the_record(old in board(), new in board()) {
        let world = deployed(&old);
        let changes = next(&world, &new, 1);
        let record = changes.steps.iter().position(|step| matches!(step.op, Op::RecordRelease { .. }));
        for (at, step) in changes.steps.iter().enumerate() {
            let removes = matches!(step.op, Op::DeleteGroup { .. } | Op::ForgetRelease { .. });
            prop_assert!(!removes || step.after_commit, "{}", step.id);
            if let Some(record) = record {
                prop_assert_eq!(at > record, step.after_commit, "{}\n{}", step.id, text(&changes));
            }
        }
    }

    #[test]
    fn the_web_service_comes_after_the_release_step_and_before_the_others(text in board()) {
        let changes = next(&World::default(), &text, 1);
        let at = |id: &str| changes.steps.iter().position(|step| step.id.0 == id);
        let web = at("container-group/board-production-r1").expect("a web service");
        prop_assert!(at("release-step/r1").is_none_or(|migration| migration < web));
        let others = changes.steps.iter().enumerate().filter(|(_, step)| {
            step.id.0.starts_with("container-group/board-production-r1-")
        });
        for (position, step) in others {
            prop_assert!(position > web, "{}", step.id);
        }
    }

    #[test]
    fn what_is_seen_survives_its_way_through_json(text in board()) {
        let seen = deployed(&text).seen;
        let json = serde_json::to_string(&seen).unwrap();
        prop_assert_eq!(serde_json::from_str::<mizan::targets::azure::instances::Observed>(&json).unwrap(), seen);
    }
}
