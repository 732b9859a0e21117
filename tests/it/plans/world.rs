//! A world in memory that does what the local executor does, so that the planner's own promises
//! can be tested: applying a plan to a world makes it the desired one.

use mizan::{
    plan::{Late, Plan},
    targets::{
        Op,
        local::{
            ContainerRole, Desired, Observed, PlaneSpec, SeenContainer, SeenFront, ServiceSpec,
        },
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
        let Op::Local(op) = &step.op;
        apply_op(op, desired, version, &mut world);
    }
    world.containers.sort_by(|a, b| a.name.cmp(&b.name));
    world
}

fn apply_op(op: &mizan::targets::local::Op, desired: &Desired, version: u32, world: &mut Observed) {
    use mizan::targets::local::Op as Local;
    let scope = &desired.scope;
    match op {
        Local::BuildImage => {
            world.image_exists = true;
            world.any_image = true;
        }
        Local::TakeArtifacts => world.artifacts_cached = true,
        Local::CreateNetwork { .. } => world.network = true,
        Local::RemoveNetwork { .. } => world.network = false,
        Local::CreateVolume { volume } => {
            world.volumes.insert(volume.clone());
        }
        Local::RemoveVolume { volume } => {
            world.volumes.remove(volume);
        }
        Local::StartFront { port } => {
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
        Local::StopFront => world.front = None,
        Local::RunAccessory { service, spec } => {
            let spec = resolve(spec, version);
            replace(world, container(scope.accessory(service), service, None, spec));
        }
        Local::RunService { service, release, spec, stop_first } => {
            if let Some(old) =
                world.containers.iter_mut().find(|c| Some(&c.name) == stop_first.as_ref())
            {
                old.running = false;
            }
            let spec = resolve(spec, version);
            let name = scope.container(service, *release);
            replace(world, container(name, service, Some(*release), spec));
        }
        Local::StartContainer { container } => {
            if let Some(seen) = world.containers.iter_mut().find(|c| c.name == *container) {
                seen.running = true;
            }
        }
        // The release step's container goes when it has ended.
        Local::RunReleaseStep { .. } | Local::StageRender { .. } => {}
        Local::StartEdge { plane, .. } => world.live_plane = Some(resolve_plane(plane, version)),
        Local::MoveTraffic { release } => {
            let front = world.front.as_mut().expect("the front is started before traffic moves");
            front.active = Some(*release);
            world.remembered = Some(*release);
            if desired.plane.is_none() {
                world.live_plane = None;
            }
        }
        Local::RecordRelease { release, .. } => {
            world.current = Some(*release);
            if !world.releases.contains(release) {
                world.releases.insert(0, *release);
            }
        }
        Local::RetireRelease { containers, .. } => {
            world.containers.retain(|seen| !containers.contains(&seen.name));
        }
        Local::UnrecordRelease { release, before } => {
            world.current = *before;
            world.releases.retain(|known| known != release);
        }
        Local::RemoveContainer { container } => {
            world.containers.retain(|seen| seen.name != *container);
        }
        Local::ForgetRelease { release } => world.releases.retain(|known| known != release),
        Local::RemoveImages => world.any_image = false,
        Local::RemoveState { .. } => {
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
