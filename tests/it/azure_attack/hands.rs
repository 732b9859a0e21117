//! What was deleted or changed by hand is made good again, and visitors do not notice.

use super::*;

#[test]
fn an_identity_that_was_deleted_leaves_a_role_that_is_replaced() {
    let platform = light();
    deploy(&platform, &App::version(1));
    let roles = ids(&platform, "roleAssignments");
    let [identity] = &ids(&platform, "userAssignedIdentities")[..] else { panic!("one identity") };
    delete(&platform, identity, "2023-01-31");
    assert_eq!(ids(&platform, "roleAssignments"), roles, "the role stays, as on Azure");
    deploy(&platform, &App::version(2));
    platform.deploy().expect(0).says(&["Nothing to change."]);
    assert_eq!(ids(&platform, "roleAssignments").len(), roles.len());
}

/// Nobody knows of the releases any more. What serves goes on until another release does.
#[test]
fn a_ledger_that_was_deleted_begins_anew_and_takes_nothing_from_visitors() {
    let platform = light();
    deploy(&platform, &App::version(1));
    deploy(&platform, &App::version(2));
    let [account] = &ids(&platform, "storageAccounts")[..] else { panic!("one account") };
    delete(&platform, account, "2023-05-01");
    platform.write(
        &App::version(3)
            .with_fault("unhealthy")
            .with_edit("health: /healthz", "health: /healthz, health_timeout: 15s"),
    );
    platform.deploy().expect(70).says(&["the database is on fire"]);
    assert_eq!(platform.serving(), Ok("2".to_owned()), "a release that failed took it away");
    deploy(&platform, &App::version(3));
    platform.deploy().expect(0).says(&["Nothing to change."]);
    deploy(&platform, &App::version(4));
    platform.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(platform.serving(), Ok("3".to_owned()));
    platform.run(&["destroy", "--yes", "--volumes", "--shared"]).expect(0);
    assert_eq!(platform.azure().ids(), Vec::<String>::new());
}
