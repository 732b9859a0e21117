//! How an AWS environment is, as `mizan status` shows it.

use crate::{cli::site::ServiceStatus, targets::aws::observe};

/// What the load balancer says of the web service's tasks, in a few words.
pub(super) fn front(targets: &[observe::TargetStatus]) -> String {
    if targets.is_empty() {
        return "load balancer without targets".to_owned();
    }
    let healthy = targets.iter().filter(|target| target.state == "healthy").count();
    let ill = targets.iter().find_map(|target| target.reason.as_ref());
    match ill {
        None => format!("{healthy} of {} targets healthy", targets.len()),
        Some(why) => format!("{healthy} of {} targets healthy: {why}", targets.len()),
    }
}

/// A service's tasks, or that it has none.
pub(super) fn rows(name: &str, seen: &observe::ServiceStatus) -> Vec<ServiceStatus> {
    let release = seen.release.map(|id| id.to_string());
    let row = |state: String, container: String| ServiceStatus {
        service: name.to_owned(),
        state,
        container,
        release: release.clone(),
    };
    // A deployment that is done needs no words.
    let deployment = seen.deployment.as_deref().filter(|state| !state.starts_with("COMPLETED"));
    let deployment = deployment.map(|state| format!(", deployment {state}")).unwrap_or_default();
    let counts = match seen.running == seen.desired {
        true => String::new(),
        false => format!(", {} of {} running", seen.running, seen.desired),
    };
    if seen.tasks.is_empty() {
        return vec![row(format!("no task{counts}{deployment}"), "-".to_owned())];
    }
    let state = |task: &observe::TaskStatus| match &task.health {
        Some(health) => format!("{}, {health}", task.state.to_lowercase()),
        None => task.state.to_lowercase(),
    };
    seen.tasks
        .iter()
        .map(|task| row(format!("{}{counts}{deployment}", state(task)), task.id.clone()))
        .collect()
}
