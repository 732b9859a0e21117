//! From what was taken out of the image to the Workers' policy: what the Edge is told.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::generation::Content;
use crate::{
    error::{Context, Error, ErrorKind, Result},
    images::Artifacts,
    model::{App, AppName, Edge, EnvName, ReleaseId, Render, SchemaSource},
    schema::{self, AssetsData, Deployment, Lint, MizanData, PolicyFacts, PolicyReport},
};

/// Seconds that no cache entry outlives, whatever the app says.
const WINDOW_LIMIT: u64 = 3600;

/// What `mizan.yaml` says about Edge and Render. It is stored with a release, so that a rollback
/// needs no source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaneConfig {
    /// Private contexts are cached per credential.
    pub per_user: bool,
    /// The URL prefix of the static assets.
    pub assets_prefix: String,
    /// The app has static assets for the Edge.
    pub assets: bool,
    /// The app has a server bundle.
    pub render: bool,
}

impl PlaneConfig {
    /// What the app says.
    pub fn new(edge: &Edge, render: Option<&Render>) -> Self {
        Self {
            per_user: edge.per_user,
            assets_prefix: render.map(|render| render.assets_prefix.clone()).unwrap_or_default(),
            assets: render.is_some_and(|render| render.assets.is_some()),
            render: render.is_some(),
        }
    }
}

/// The environment that a policy is for.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    /// The app.
    pub app: &'a AppName,
    /// The environment.
    pub env: &'a EnvName,
}

impl<'a> Whose<'a> {
    /// The environment that an app is resolved for.
    pub fn of(app: &'a App) -> Self {
        Self { app: &app.name, env: &app.env }
    }
}

/// What the Workers are told.
pub struct Policy {
    /// The value of the generated data module.
    pub data: Value,
    /// The same in a few words, for the reader of a plan.
    pub summary: BTreeMap<String, String>,
    /// What is probably not meant in the schema.
    pub lints: Vec<Lint>,
}

impl Policy {
    /// The policy that the schema among the artifacts gives.
    ///
    /// # Errors
    /// The schema is missing or invalid.
    pub fn read(whose: Whose<'_>, config: &PlaneConfig, artifacts: &Artifacts) -> Result<Self> {
        let path = artifacts.schema.as_deref();
        let path = path.ok_or_else(|| Error::failed("no schema was taken out of the image"))?;
        Self::load(whose, config, path)
    }

    /// The policy that the schema in a file gives.
    ///
    /// # Errors
    /// The file cannot be read or is invalid.
    pub fn load(whose: Whose<'_>, config: &PlaneConfig, path: &Path) -> Result<Self> {
        let (schema, text) = schema::load_with_text(path)?;
        let lifetimes =
            schema.contexts.iter().map(|context| context.max_age + context.stale_while_revalidate);
        let deployment = Deployment {
            app: whose.app.to_string(),
            environment: whose.env.to_string(),
            // Written by the generation, so that the hash does not depend on it.
            release: String::new(),
            // The files are written by the generation, which adds those of earlier releases.
            assets: config
                .assets
                .then(|| AssetsData { prefix: config.assets_prefix.clone(), files: Vec::new() }),
            window: lifetimes.max().unwrap_or(0).min(WINDOW_LIMIT),
            per_user: config.per_user,
        };
        let mut policy = schema::policy(&schema, deployment);
        if !config.render {
            // Without a bundle nobody could render them: they are the app's.
            policy.routes.clear();
        }
        let summary = summary(&schema.version, &policy);
        let data = serde_json::to_value(policy)
            .context(ErrorKind::Failed, || "cannot describe the policy of the Edge".into())?;
        let lints = schema::lint(&schema, &text, WINDOW_LIMIT);
        Ok(Self { data, summary, lints })
    }

    /// The policy that a deploy of this app would bring, as far as its schema is known: taken out of
    /// the image, or in a file. Without an Edge or a schema there is none.
    ///
    /// # Errors
    /// The schema is invalid.
    pub fn foreseen(app: &App, artifacts: Option<&Artifacts>) -> Result<Option<Self>> {
        let Some(edge) = &app.edge else { return Ok(None) };
        let config = PlaneConfig::new(edge, app.render.as_ref());
        let path = match (&app.schema, artifacts.and_then(|found| found.schema.as_deref())) {
            (SchemaSource::None, _) => None,
            (SchemaSource::File(path), _) => Some(path.as_path()),
            (SchemaSource::Image, found) => found,
        };
        path.map(|path| Self::load(Whose::of(app), &config, path)).transpose()
    }

    /// What the Edge does with each context.
    pub fn facts(&self) -> Option<PolicyFacts> {
        PolicyFacts::of(&self.data)
    }

    /// The policy for a reader, compared with that of the live release.
    pub fn report(
        &self,
        app: &App,
        live: Option<(ReleaseId, &PolicyFacts)>,
    ) -> Option<PolicyReport> {
        let live = live.map(|(release, facts)| (release.to_string(), facts));
        let file = match &app.schema {
            SchemaSource::File(path) => Some(path.as_path()),
            SchemaSource::Image | SchemaSource::None => None,
        };
        Some(PolicyReport::new(&self.facts()?, live).with_findings(&self.lints, file))
    }

    /// What the generation is made of.
    pub fn content<'a>(&'a self, artifacts: &'a Artifacts, assets: &'a Path) -> Content<'a> {
        Content {
            data: &self.data,
            bundle: artifacts.bundle.as_deref(),
            assets: (!artifacts.assets.is_empty()).then_some(assets),
        }
    }
}

fn summary(version: &str, data: &MizanData) -> BTreeMap<String, String> {
    let public = data.contexts.iter().filter(|context| context.scope == "public").count();
    let private = data.contexts.len() - public;
    let others = if data.per_user { "cached per visitor" } else { "passed through" };
    BTreeMap::from([
        ("contexts".to_owned(), format!("{public} cached, {private} {others}")),
        ("mutations".to_owned(), format!("{} that invalidate", data.mutations.len())),
        ("routes".to_owned(), data.routes.len().to_string()),
        ("schema".to_owned(), version.to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(config: &PlaneConfig) -> Policy {
        let (app, env) = (AppName::new("board").unwrap(), EnvName::local());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/valid/schema.json");
        Policy::load(Whose { app: &app, env: &env }, config, &path).unwrap()
    }

    #[test]
    fn private_contexts_are_cached_only_where_the_app_says_so() {
        for (per_user, words) in
            [(false, "2 cached, 1 passed through"), (true, "2 cached, 1 cached per visitor")]
        {
            let policy = load(&PlaneConfig { per_user, ..PlaneConfig::default() });
            assert_eq!(policy.data["perUser"], per_user);
            assert_eq!(policy.summary["contexts"], words);
        }
    }
}
