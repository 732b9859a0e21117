//! Images that no task can be started from.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{deployed, light};
use crate::{
    conformance::{App, Fargate, Platform},
    support::aws::{At, Aws, Client, Moment},
};

/// The digests of the images in the app's repository.
fn digests(client: &Client, repository: &str) -> Vec<String> {
    let found = client.json("ecr", "DescribeImages", &json!({"repositoryName": repository}));
    let found = found.expect("the images")["imageDetails"].clone();
    let details: Vec<Value> = serde_json::from_value(found).expect("a list");
    details.iter().map(|it| it["imageDigest"].as_str().expect("a digest").to_owned()).collect()
}

/// Somebody tidies the repository between the push and the rollout. The emulator gives an image out
/// that was only deleted, so its manifest is taken from the registry itself.
fn remove_before_the_rollout(platform: &Fargate) {
    let (client, repository) = (platform.aws().client(), format!("mizan/{}/aws", platform.app()));
    let kept = digests(&client, &repository);
    platform.proxy().clear();
    platform.proxy().on(At::Action("ecs:UpdateService", 1), Moment::Before, move |_| {
        for digest in digests(&client, &repository).iter().filter(|it| !kept.contains(it)) {
            let manifest = format!("/v2/{repository}/manifests/{digest}");
            client.registry("DELETE", &manifest).expect("it is deleted");
        }
    });
}

#[test]
fn one_that_cannot_be_pulled_is_told_at_once_and_the_old_release_serves_on() {
    let platform = light(Aws::shared());
    deployed(&platform, "1");
    let before = platform.world();
    remove_before_the_rollout(&platform);
    // The task of a release step would have pulled the image before.
    let release = "release: {command: python manage.py release, timeout: 60s}\n";
    let health = "health: /healthz, health_timeout: 20m";
    let app = App::version(2).with_edit(release, "").with_edit("health: /healthz", health);
    platform.write(&app);
    let begun = Instant::now();
    platform.deploy().expect(70).says(&["service web cannot be started", "CannotPullContainer"]);
    assert!(begun.elapsed() < Duration::from_secs(300), "told after {:?}", begun.elapsed());
    assert_eq!(platform.serving().as_deref(), Ok("1"));
    let (before, after) = (before.lasting().identity(), platform.world().lasting().identity());
    assert_eq!(before, after);

    platform.proxy().clear();
    platform.deploy().expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("2"));
}
