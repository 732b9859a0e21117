//! What holds for every pair of configurations: applying a plan makes the world the desired one,
//! a second plan is empty, and the same input gives the same bytes.

use std::fmt::Write as _;

use proptest::{collection::btree_map, prelude::*};

use super::{app, deployed, desired, plan, text, world};

/// Services beside `web`: name to what it is.
type Services = std::collections::BTreeMap<String, u8>;

/// A configuration with these services.
fn yaml(services: &Services, drain: u8, env: u8, edge: bool, migrate: bool) -> String {
    let mut text = String::from("version: 1\napp: board\nservices:\n");
    let _ = writeln!(
        text,
        "  web: {{port: 8000, health: /healthz, drain: {drain}s, volumes: {{data: /app/data}}}}"
    );
    for (name, kind) in services {
        let _ = match kind % 3 {
            0 => writeln!(text, "  {name}: {{command: python worker.py}}"),
            1 => writeln!(text, "  {name}: {{command: python beat.py, singleton: true}}"),
            _ => writeln!(
                text,
                "  {name}: {{image: \"postgres:16\", volumes: {{{name}: /var/lib}}}}"
            ),
        };
    }
    let _ = writeln!(text, "env: {{LEVEL: \"{env}\"}}");
    if migrate {
        text.push_str("release: python manage.py migrate\n");
    }
    if edge {
        text.push_str("edge: {on: [local]}\nrender: {bundle: /app/ssr/entry.js}\n");
    }
    text.push_str("environments:\n  local: {target: local}\n");
    text
}

fn configuration() -> impl Strategy<Value = String> {
    let services = btree_map("[a-d]", any::<u8>(), 0..4);
    (services, 1u8..4, 0u8..3, any::<bool>(), any::<bool>()).prop_map(
        |(services, drain, env, edge, migrate)| yaml(&services, drain, env, edge, migrate),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_deployed_app_needs_no_deploy(text in configuration()) {
        let desired = desired(&app(&text), 1);
        let again = plan(&desired, &deployed(&desired, 1));
        prop_assert!(again.is_noop(), "{}", super::text(&again));
    }

    #[test]
    fn any_change_converges_in_one_deploy(before in configuration(), after in configuration(), new_image: bool) {
        let old = desired(&app(&before), 1);
        let version = if new_image { 2 } else { 1 };
        let new = desired(&app(&after), version);
        let mut observed = deployed(&old, 1);
        observed.image_exists = !new_image;
        observed.artifacts_cached = !new_image;
        let changes = plan(&new, &observed);
        let world = world::apply(&changes, &new, &observed, version);
        let again = plan(&world::resolved(&new, version), &world);
        prop_assert!(again.is_noop(), "{}\nthen\n{}", text(&changes), text(&again));
        // Of the old release nothing runs but what outlives releases.
        let live = world.live();
        prop_assert!(world.containers.iter().all(|seen| seen.release.is_none() || seen.release == live));
    }

    #[test]
    fn a_plan_is_the_same_every_time(before in configuration(), after in configuration()) {
        let observed = deployed(&desired(&app(&before), 1), 1);
        let new = desired(&app(&after), 1);
        let bytes = || serde_json::to_string(&plan(&new, &observed)).unwrap();
        prop_assert_eq!(bytes(), bytes());
    }

    #[test]
    fn traffic_moves_after_health_and_migration(text in configuration()) {
        let changes = plan(&desired(&app(&text), 1), &Default::default());
        let at = |kind: &str| changes.steps.iter().position(|step| step.resource.kind == kind);
        let traffic = at("traffic").expect("a first deploy moves traffic");
        for kind in ["image", "network", "volume", "front", "accessory", "release-step", "service", "edge"] {
            for (position, step) in changes.steps.iter().enumerate().filter(|(_, step)| step.resource.kind == kind) {
                prop_assert!(position < traffic, "{} comes after traffic has moved", step.id);
            }
        }
        if let (Some(migration), Some(service)) = (at("release-step"), at("service")) {
            prop_assert!(migration < service);
        }
    }
}
