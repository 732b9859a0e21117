//! The edge on Cloudflare before the load balancer: one release moves both, and visitors come in by
//! the Workers only.

use serde_json::json;

use super::plan;
use crate::{
    conformance::{App, Fargate, Platform},
    support::{aws::Aws, cloudflare_fake::Fake},
};

/// What the app of this test has beside the others'.
const EDGE: [(&str, &str); 2] = [
    ("keep_releases: 2", "keep_releases: 2\nrender: {bundle: /app/bundle.js, assets: /app/static}"),
    (
        "aws: {target: {aws: {region: eu-west-1}}}",
        "aws: {target: {aws: {region: eu-west-1}}, edge: {on: [cloudflare]}}",
    ),
];

/// The app in the account, the Workers in the stand-in.
pub struct Site {
    pub platform: Fargate,
    cloudflare: Fake,
}

impl Site {
    /// In this account.
    pub async fn on(aws: Aws) -> Self {
        let cloudflare = Fake::start();
        let balancers = aws.endpoint().trim_start_matches("http://").to_owned();
        cloudflare.place("*.elb.amazonaws.com", &balancers).await;
        cloudflare.place("*.elb.localhost.localstack.cloud", &balancers).await;
        let platform = Fargate::with(aws, cloudflare.environment());
        platform.without_beside();
        Self { platform, cloudflare }
    }

    fn write(&self, version: &str) {
        self.write_with(&App::version(version), &[]);
    }

    /// The source becomes this app, with more replacements in its `mizan.yaml`.
    pub fn write_with(&self, app: &App, more: &[(&str, &str)]) {
        self.platform.write_as(app, &[&EDGE, more].concat());
    }

    /// What a visitor of the Edge gets.
    async fn get(&self, path: &str) -> (u16, String) {
        let host = format!("mizan-{}-aws-edge.somebody.workers.dev", self.platform.app());
        self.cloudflare.visit(&host, path).await
    }

    /// The version on the page that Render makes of what the app behind the load balancer says.
    pub async fn page(&self) -> String {
        let (status, body) = self.get("/").await;
        let inside = body.split("<main>").nth(1).and_then(|rest| rest.split("</main>").next());
        inside.map_or_else(|| format!("{status}: {body}"), str::to_owned)
    }
}

#[tokio::test]
async fn a_release_moves_services_and_workers_together() {
    let site = Site::on(Aws::shared()).await;
    let platform = &site.platform;
    site.write("1");
    platform.deploy().expect(0).says(&["probe r1 done", "r1 is live"]);
    assert_eq!(site.page().await, "1");
    assert_eq!(site.get("/version").await, (200, "1".to_owned()));
    // Who comes past the Edge does not get in.
    let past = platform.get("/version").expect_err("the load balancer lets nobody in");
    assert!(past.contains("403"), "{past}");

    platform.deploy().expect(0).says(&["Nothing to change."]);
    site.write("2");
    let actions: Vec<_> = plan(platform)["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| step["id"].as_str().expect("an id").to_owned())
        .filter(|id| !id.starts_with("image/") && !id.starts_with("release-step/"))
        .collect();
    let app = platform.app();
    let workers = [format!("edge/{app}"), format!("traffic/{app}")];
    assert!(workers.iter().all(|step| actions.contains(step)), "{actions:?}");
    platform.deploy().expect(0);
    assert_eq!(site.page().await, "2");

    platform.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(site.page().await, "1");
    assert_eq!(site.get("/version").await, (200, "1".to_owned()));

    platform.run(&["destroy", "--yes", "--volumes"]).expect(0);
    let left = site.cloudflare.state().await;
    assert_eq!(left["scripts"], json!([]));
}
