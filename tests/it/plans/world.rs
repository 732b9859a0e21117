//! A world in memory that does what the local executor does, so that the planner's own promises
//! can be tested: applying a plan to a world makes it the desired one.

use mizan::{
    plan::{Late, Plan},
    targets::local::{
        ContainerRole, Desired, Observed, Op, PlaneSpec, SeenContainer, SeenFront, ServiceSpec,
    },
};

/// The image that a build makes of source at a version.
pub fn image(version: u32) -> String {
    format!("mizan/board:{version:016x}")
}

/// What is desired, with everything a deploy finds out filled in.
pub fn resolved(desired: &Desired, version: u32) -> Desired {
    let mut desired = desired.clone();
    desired.image = Late::Known(image(version));
    for spec in desired.services.values_mut() {
        *spec = resolve(spec, version);
    }
    if let Some(step) = &mut desired.release_step {
        step.image = desired.image.clone();
    }
    if let Some(plane) = &mut desired.plane {
        *plane = resolve_plane(plane, version);
    }
    desired
}

fn resolve(spec: &ServiceSpec, version: u32) -> ServiceSpec {
    let mut spec = spec.clone();
    if !spec.is_accessory() {
        spec.image = Late::Known(image(version));
    }
    spec
}

fn resolve_plane(plane: &PlaneSpec, version: u32) -> PlaneSpec {
    let mut plane = plane.clone();
    plane.edge = Late::Known(format!("edge-{version}"));
    plane.render = plane.render.map(|_| Late::Known(format!("render-{version}")));
    plane
}

/// What a world looks like after a plan was executed in it.
pub fn apply(plan: &Plan<Op>, desired: &Desired, before: &Observed, version: u32) -> Observed {
    let mut world = before.clone();
    world.state_exists = true;
    for step in &plan.steps {
        let op = &step.op;
        apply_op(op, desired, version, &mut world);
    }
    world.containers.sort_by(|a, b| a.name.cmp(&b.name));
    world
}

fn apply_op(op: &Op, desired: &Desired, version: u32, world: &mut Observed) {
    let scope = &desired.scope;
    match op {
        Op::BuildImage => {
            world.image_exists = true;
            world.any_image = true;
        }
        Op::TakeArtifacts => world.artifacts_cached = true,
        Op::CreateNetwork { .. } => world.network = true,
        Op::RemoveNetwork { .. } => world.network = false,
        Op::CreateVolume { volume } => {
            world.volumes.insert(volume.clone());
        }
        Op::RemoveVolume { volume } => {
            world.volumes.remove(volume);
        }
        Op::StartFront { port } => {
            let active = world.served();
            world.front = Some(SeenFront {
                port: *port,
                hosts: desired.hosts.clone(),
                workers: desired.plane.is_some(),
                version: env!("CARGO_PKG_VERSION").into(),
                active,
                prepared: Vec::new(),
                origin_port: None,
            });
        }
        Op::StopFront => world.front = None,
        Op::RunAccessory { service, spec } => {
            let spec = resolve(spec, version);
            replace(world, container(scope.accessory(service), service, None, spec));
        }
        Op::RunService { service, release, spec, stop_first } => {
            if let Some(old) =
                world.containers.iter_mut().find(|c| Some(&c.name) == stop_first.as_ref())
            {
                old.running = false;
            }
            let spec = resolve(spec, version);
            let name = scope.container(service, *release);
            replace(world, container(name, service, Some(*release), spec));
        }
        Op::StartContainer { container } => {
            if let Some(seen) = world.containers.iter_mut().find(|c| c.name == *container) {
                seen.running = true;
            }
        }
        // The release step's container goes when it has ended.
        Op::RunReleaseStep { .. } | Op::StageRender { .. } | Op::CheckRelease { .. } => {}
        Op::StartEdge { plane, .. } => world.live_plane = Some(resolve_plane(plane, version)),
        Op::MoveTraffic { release } => {
            let front = world.front.as_mut().expect("the front is started before traffic moves");
            front.active = Some(*release);
            world.remembered = Some(*release);
            if desired.plane.is_none() {
                world.live_plane = None;
            }
        }
        Op::RecordRelease { release, .. } => {
            world.current = Some(*release);
            if !world.releases.contains(release) {
                world.releases.insert(0, *release);
            }
        }
        Op::RetireRelease { containers, .. } => {
            world.containers.retain(|seen| !containers.contains(&seen.name));
        }
        Op::UnrecordRelease { release, before } => {
            world.current = *before;
            world.releases.retain(|known| known != release);
        }
        Op::RemoveContainer { container } => {
            world.containers.retain(|seen| seen.name != *container);
        }
        Op::ForgetRelease { release } => world.releases.retain(|known| known != release),
        Op::RemoveImages => world.any_image = false,
        Op::RemoveState { .. } => {
            world.releases.clear();
            world.current = None;
            world.remembered = None;
            world.state_exists = false;
        }
    }
}

fn container(
    name: String,
    service: &str,
    release: Option<mizan::model::ReleaseId>,
    spec: ServiceSpec,
) -> SeenContainer {
    SeenContainer {
        role: match release {
            Some(_) => ContainerRole::Service,
            None => ContainerRole::Accessory,
        },
        service: service.to_owned(),
        release,
        running: true,
        state: "running".into(),
        restarts: 0,
        host_port: None,
        spec: Some(Box::new(spec)),
        name,
    }
}

fn replace(world: &mut Observed, new: SeenContainer) {
    world.containers.retain(|seen| seen.name != new.name);
    world.containers.push(new);
}
