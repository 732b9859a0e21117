//! Edge and Render as a plan of the local target compares them.

use std::collections::BTreeMap;

use super::desired::PlaneSpec;
use crate::{
    error::Result,
    images::Artifacts,
    model::{App, Edge, SchemaSource},
    plan::{Late, StepId},
    workers::{
        generation::{self, Hashes},
        policy::{PlaneConfig, Policy, Whose},
    },
};

/// Enough of a hash to tell two versions apart.
const SHORT: usize = 16;

impl PlaneSpec {
    /// The Workers of a policy.
    pub fn of(policy: Policy, config: PlaneConfig, hashes: &Hashes) -> Self {
        Self {
            edge: Late::Known(short(&hashes.edge)),
            render: config.render.then(|| Late::Known(short(&hashes.render))),
            config,
            summary: policy.summary,
        }
    }
}

/// Edge and Render of an app whose image is still to be built. A schema that lies in a file is
/// known already.
///
/// # Errors
/// The schema file is invalid.
pub fn foreseen_plane(app: &App, edge: &Edge) -> Result<PlaneSpec> {
    let config = PlaneConfig::new(edge, app.render.as_ref());
    let summary = match &app.schema {
        SchemaSource::File(path) => Policy::load(Whose::of(app), &config, path)?.summary,
        SchemaSource::Image | SchemaSource::None => BTreeMap::new(),
    };
    let after = || Late::After(StepId::new("artifacts", app.name.as_str()));
    Ok(PlaneSpec { edge: after(), render: config.render.then(after), config, summary })
}

/// Edge and Render of an app whose image is built.
///
/// # Errors
/// The schema is missing or invalid.
pub fn plane_of(app: &App, edge: &Edge, artifacts: &Artifacts) -> Result<PlaneSpec> {
    let config = PlaneConfig::new(edge, app.render.as_ref());
    let policy = Policy::read(Whose::of(app), &config, artifacts)?;
    let assets = artifacts.assets_dir();
    let hashes = generation::hashes(policy.content(artifacts, &assets))?;
    Ok(PlaneSpec::of(policy, config, &hashes))
}

fn short(hash: &str) -> String {
    hash.chars().take(SHORT).collect()
}
