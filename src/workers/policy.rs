//! From what was taken out of the image to the Workers' policy: what the Edge is told.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::generation::Content;
use crate::{
    error::{Context, Error, ErrorKind, Result},
    images::Artifacts,
    model::{App, AppName, Edge, EnvName, ReleaseId, Render, SchemaSource},
    schema::{self, AssetsData, Deployment, Lint, MizanData, PolicyFacts, PolicyReport, Schema},
};

/// Seconds that no cache entry outlives, whatever the app says.
const WINDOW_LIMIT: u64 = 3600;

/// What `mizan.yaml` says about Edge and Render. It is stored with a release, so that a rollback
/// needs no source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaneConfig {
    /// Private contexts are cached per credential.
    pub per_user: bool,
    /// Contexts whose changes over a WebSocket the server announces. Earlier versions of mizan did
    /// not ask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub announced: Vec<String>,
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
            announced: announced(edge),
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
        Self::new(whose, config, &schema, &text)
    }

    fn new(whose: Whose<'_>, config: &PlaneConfig, schema: &Schema, text: &str) -> Result<Self> {
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
            announced: config.announced.clone(),
        };
        let mut policy = schema::policy(schema, deployment);
        if !config.render {
            // Without a bundle nobody could render them: they are the app's.
            policy.routes.clear();
        }
        let summary = summary(&schema.version, &policy);
        let data = serde_json::to_value(policy)
            .context(ErrorKind::Failed, || "cannot describe the policy of the Edge".into())?;
        let lints = schema::lint(schema, text, WINDOW_LIMIT, &config.announced);
        Ok(Self { data, summary, lints })
    }

    /// The policy that a deploy of this app would bring, as far as its schema is known: taken out of
    /// the image, or in a file. Without an Edge or a schema there is none.
    ///
    /// # Errors
    /// The schema is invalid, or mizan.yaml says of it what is not so.
    pub fn foreseen(app: &App, artifacts: Option<&Artifacts>) -> Result<Option<Self>> {
        let Some(edge) = &app.edge else { return Ok(None) };
        let config = PlaneConfig::new(edge, app.render.as_ref());
        let path = match (&app.schema, artifacts.and_then(|found| found.schema.as_deref())) {
            (SchemaSource::None, _) => None,
            (SchemaSource::File(path), _) => Some(path.as_path()),
            (SchemaSource::Image, found) => found,
        };
        let Some(path) = path else { return Ok(None) };
        let (schema, text) = schema::load_with_text(path)?;
        require_announced(edge, &schema)?;
        Self::new(Whose::of(app), &config, &schema, &text).map(Some)
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

/// What is called announced is what WebSocket functions change.
fn require_announced(edge: &Edge, schema: &Schema) -> Result<()> {
    let mistakes = schema::mistaken(schema, edge.announced.iter().map(|it| it.context.as_str()));
    if mistakes.is_empty() {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Invalid, "`edge.announced` does not fit the schema");
    Err(mistakes.into_iter().fold(error, |error, mistake| {
        let named = edge.announced.iter().find(|it| it.context == mistake.context);
        let place = named.map(|it| it.place.as_str()).unwrap_or_default();
        error.cause(format!("{place}: {}", mistake.message)).hint(mistake.hint)
    }))
}

/// Their order in mizan.yaml has no meaning.
fn announced(edge: &Edge) -> Vec<String> {
    let mut names: Vec<String> = edge.announced.iter().map(|it| it.context.clone()).collect();
    names.sort();
    names
}

fn summary(version: &str, data: &MizanData) -> BTreeMap<String, String> {
    let (unheard, heard): (Vec<_>, Vec<_>) =
        data.contexts.iter().partition(|context| context.realtime && !context.announced);
    let public = heard.iter().filter(|context| context.scope == "public").count();
    let private = heard.len() - public;
    let others = if data.per_user { "cached per visitor" } else { "passed through" };
    let mut contexts = format!("{public} cached, {private} {others}");
    if !unheard.is_empty() {
        contexts += &format!(", {} not cached (WebSocket)", unheard.len());
    }
    BTreeMap::from([
        ("contexts".to_owned(), contexts),
        ("mutations".to_owned(), format!("{} that invalidate", data.mutations.len())),
        ("routes".to_owned(), data.routes.len().to_string()),
        ("schema".to_owned(), version.to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigFile;

    fn load(config: &PlaneConfig) -> Policy {
        let (app, env) = (AppName::new("board").unwrap(), EnvName::local());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/valid/schema.json");
        Policy::load(Whose { app: &app, env: &env }, config, &path).unwrap()
    }

    /// The app of `tests/fixtures/valid/reference` before an origin, with these announced; its
    /// schema is the example in which a WebSocket function changes `posts`.
    fn foreseen(folder: &Path, announced: &str) -> Result<Option<Policy>> {
        let example =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/valid/schema.json");
        let text = std::fs::read_to_string(example).unwrap();
        let mut document: Value = serde_json::from_str(&text).unwrap();
        let functions = document["x-mizan-functions"].as_array_mut().unwrap();
        let ticks = functions.iter_mut().find(|it| it["name"] == "ticks").unwrap();
        ticks["affects"] = serde_json::json!([{"context": "posts", "params": {}}]);
        std::fs::write(folder.join("schema.json"), document.to_string()).unwrap();
        std::fs::write(folder.join("Dockerfile"), "FROM scratch\n").unwrap();
        let text = format!(
            "version: 1\napp: board\nschema: schema.json\nsecrets: [MIZAN_PURGE_KEY]\n\
             edge: {{on: [cloudflare], announced: [{announced}]}}\n\
             services: {{web: {{port: 8000}}}}\n\
             environments: {{live: {{target: {{origin: 'https://app.example.net'}}}}}}\n"
        );
        let file = ConfigFile::parse("mizan.yaml", &text, folder).unwrap();
        Policy::foreseen(&file.resolve(&EnvName::new("live").unwrap()).unwrap(), None)
    }

    #[test]
    fn an_announced_context_is_cached_and_its_setting_is_part_of_the_edge() {
        let folder = tempfile::tempdir().unwrap();
        let without = foreseen(folder.path(), "").unwrap().unwrap();
        let with = foreseen(folder.path(), "posts").unwrap().unwrap();
        assert_eq!(
            without.summary["contexts"],
            "1 cached, 1 passed through, 1 not cached (WebSocket)"
        );
        assert_eq!(with.summary["contexts"], "2 cached, 1 passed through");
        assert_ne!(without.data, with.data);
        let before = without.facts().unwrap();
        let report = PolicyReport::new(&with.facts().unwrap(), Some(("r3".to_owned(), &before)));
        let changes: Vec<_> = report.changes.iter().map(|change| change.words.as_str()).collect();
        assert_eq!(
            changes,
            [
                "was never stored (WebSocket), is public",
                "is purged by announcements of WebSocket changes now",
            ]
        );
        let posts = report.contexts.iter().find(|it| it.facts.name == "posts").unwrap();
        assert_eq!(
            posts.words,
            "public; purged by add_comment, create_post, announcements of WebSocket changes"
        );
    }

    #[test]
    fn what_is_announced_and_does_not_fit_the_schema_is_told_at_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let error = foreseen(folder.path(), "posts, psots, me").err().unwrap();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert_eq!(
            error.causes,
            [
                "mizan.yaml:5:45: the schema has no context `psots` to announce",
                "mizan.yaml:5:52: no WebSocket function changes the context `me`",
            ]
        );
        assert_eq!(error.hints[0], "did you mean `posts`?");
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
