//! Edge and Render of the board in `workerd`, before its load balancer: what an upload to Cloudflare
//! would be, made of the same parts.

use std::collections::HashMap;

use mizan::{
    config, docker,
    engine::{Event, Outputs, StepContext},
    images::{self, ArtifactRequest, Identity},
    model::{App, EnvName},
    plan::StepId,
    workers::{
        generation::{self, Release},
        local::Source,
        policy::{PlaneConfig, Policy, Whose},
    },
};
use tokio_util::sync::CancellationToken;

use super::{Board, entrance::Entrance};
use crate::workers::plane::Plane;

/// A running Edge. The visitors' DNS would lead to it, and its own to the load balancer.
pub struct Edge {
    plane: Plane,
}

impl Edge {
    /// Before this load balancer. Everything in it comes out of the image that was deployed.
    pub async fn before(board: &Board, dns: &str) -> Self {
        let mut plane = Plane::prepare_folder();
        plane.settings.hosts = vec![dns.to_owned()];
        plane.ensure_running().await;
        let entrance = Entrance::to(dns, board.aws.port()).await;
        let release = Release {
            id: "r1",
            origin: &entrance.url(),
            public_url: &format!("http://{dns}"),
            previous: &[],
            purge_key: None,
        };
        let dir = plane.folder().join("r1");
        write_generation(board, &dir, release).await;
        plane.control.prepare("r1", Source::Workers { dir }).await.unwrap();
        plane.control.activate("r1").await.unwrap();
        Self { plane }
    }

    pub fn port(&self) -> u16 {
        self.plane.port
    }
}

async fn write_generation(board: &Board, dir: &std::path::Path, release: Release<'_>) {
    // What belongs to Edge and Render is said by the environment that has them.
    let app = app(board);
    let cache = board.sandbox.cache().join("edge");
    let docker = docker::connect().await.unwrap();
    let lock = images::current_lock(&docker, &app).await.unwrap();
    let Identity::Known(image) = images::identity(&app, &lock).unwrap() else {
        panic!("the bases are pinned since the deploy")
    };
    let image = images::find(&docker, &image).await.unwrap().expect("it was built");
    let quiet = |_: Event| {};
    let context = StepContext {
        id: StepId::new("artifacts", app.name.as_str()),
        outputs: Outputs::new(),
        cancel: CancellationToken::new(),
        events: &quiet,
    };
    let labels = HashMap::from([("mizan.app".to_owned(), app.name.to_string())]);
    let request = ArtifactRequest::of(&app);
    let artifacts = images::extract(&docker, &image, labels, &request, &cache, &context).await;
    let artifacts = artifacts.unwrap();
    let config = PlaneConfig::new(app.edge.as_ref().unwrap(), app.render.as_ref());
    let policy = Policy::read(Whose::of(&app), &config, &artifacts).unwrap();
    let assets = artifacts.assets_dir();
    generation::write(dir, policy.content(&artifacts, &assets), release).unwrap();
}

fn app(board: &Board) -> App {
    let file = config::load(&board.sandbox.app().join("mizan.yaml")).unwrap();
    file.resolve(&EnvName::new("local").unwrap()).unwrap()
}
