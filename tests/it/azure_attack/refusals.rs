//! What is refused, with the reason, and without anything made or lost.

use super::*;
use crate::{
    conformance::Cloud,
    support::{
        aws::Fault,
        strikes::{Strike, Striker},
    },
};

const PLACE: &str = "location: westeurope";

#[test]
fn a_location_that_is_changed_is_refused_and_nothing_is_made_there() {
    let platform = light();
    deploy(&platform, &App::version(1));
    let before = platform.azure().ids();
    platform.edit(PLACE, "location: northeurope");
    for command in [&["deploy", "--yes"][..], &["destroy", "--yes"]] {
        let refused = platform.run(command);
        assert_ne!(refused.code, Some(0), "{command:?}: {}", refused.stderr);
        refused.says(&["`location` of a deployed environment cannot be changed", "northeurope"]);
    }
    assert_eq!(platform.azure().ids(), before);
    assert_eq!(platform.serving(), Ok("1".to_owned()));
}

#[test]
fn names_at_their_limits_deploy_and_go() {
    let platform = light();
    platform.write(&App::version(1));
    let app = format!("{:x<30}", format!("{}-", platform.app()));
    platform.edit(&format!("app: {}", platform.app()), &format!("app: {app}"));
    platform.edit("azure: {target", "azure-e2345678901234: {target");
    platform.edit(
        "services:\n",
        "services:\n  w2345678901234567890: {command: python manage.py worker, stop_timeout: 5s, \
         scale: {min: 2, max: 2}}\n",
    );
    platform.deploy().expect(0);
    assert_eq!(platform.serving(), Ok("1".to_owned()));
    platform.deploy().expect(0).says(&["Nothing to change."]);
    platform.run(&["destroy", "--yes", "--volumes", "--shared"]).expect(0);
    assert_eq!(platform.azure().ids(), Vec::<String>::new());
}

/// Whoever may look at no group is not told that they are gone.
#[test]
fn groups_that_nobody_may_list_are_not_called_absent() {
    let platform = light();
    deploy(&platform, &App::version(1));
    let azure = platform.azure();
    azure.clear();
    platform.run(&["deploy", "--plan"]).expect(0);
    let mut sites = azure.heard().into_iter().map(|it| it.site);
    let site = sites.find(|site| site.starts_with("GET ") && site.ends_with("/containerGroups"));
    azure.clear();
    Striker::strike(azure, &site.expect("groups are listed"), 1, Strike::Once(Fault::Denied));
    let plan = platform.run(&["deploy", "--plan"]).expect(0);
    assert_eq!(azure.struck(), 1);
    assert!(!plan.stdout.contains("create container-group"), "{}", plan.stdout);
}
