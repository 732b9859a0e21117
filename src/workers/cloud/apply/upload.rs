//! One way for all three scripts: made if it is not there, else a version beside the others.

use super::{Plane, Supplies};
use crate::{
    cloudflare::{
        AssetsPart, Binding, Migrations, ModulePart, SeenBinding, Settings, Upload, Version,
        VersionId,
    },
    error::{Error, Result},
    workers::cloud::{
        content::{self, COMPATIBILITY_DATE},
        names::Kind,
        observe::{active, own_bindings},
    },
};

/// Kinds of bindings that somebody may have added, whose values nobody can read back.
const KEPT: [&str; 2] = ["secret_text", "secret_key"];
/// Cloudflare keeps a hundred; ours is among the newest.
/// (<https://developers.cloudflare.com/workers/configuration/versions-and-deployments/>)
const RECENT: usize = 20;
/// (<https://developers.cloudflare.com/api/resources/workers/subresources/scripts/>)
const TAG_MAX: usize = 25;

/// What is uploaded.
pub(super) struct Draft {
    /// The modules, the main one first.
    pub modules: Vec<ModulePart>,
    /// Our bindings.
    pub bindings: Vec<Binding>,
    /// What is known of it beside the modules, and counts.
    pub more: Vec<(&'static str, String)>,
    /// A word for people: the release.
    pub tag: String,
    /// The Hub's Durable Object, when the script is made.
    pub migrations: Option<Migrations>,
    /// The static assets.
    pub assets: Option<AssetsPart>,
    /// Bindings of ours that the script has and this version does not get.
    pub without: &'static [&'static str],
}

impl Draft {
    /// What the version is known by.
    fn message(&self) -> String {
        let more: Vec<_> = self.more.iter().map(|(name, value)| (*name, value.as_str())).collect();
        format!("mizan {} {}", self.tag, content::upload_hash(&self.modules, &more))
    }
}

/// What is kept by its kind. Cloudflare keeps all of a kind or none, so where one of ours has to go,
/// the others are named one by one.
fn kept_kinds(settings: Option<&Settings>, draft: &Draft) -> Vec<&'static str> {
    let mut bindings = settings.into_iter().flat_map(|settings| &settings.bindings);
    match bindings.any(|binding| draft.without.contains(&binding.name.as_str())) {
        true => Vec::new(),
        false => KEPT.to_vec(),
    }
}

/// What this version gets of the script's bindings by their names: those of somebody else, and
/// secrets of ours that nobody can read back.
fn inherited(
    kind: Kind,
    settings: Option<&Settings>,
    draft: &Draft,
    kept: &[&'static str],
) -> Vec<String> {
    let is_drafted = |name: &str| draft.bindings.iter().any(|binding| binding.name() == name);
    let is_wanted = |binding: &&SeenBinding| {
        let (name, kind_of) = (binding.name.as_str(), binding.kind.as_str());
        let is_foreign = !own_bindings(kind).contains(&name);
        !kept.contains(&kind_of)
            && (is_foreign || KEPT.contains(&kind_of))
            && !draft.without.contains(&name)
            && !is_drafted(name)
    };
    let bindings = settings.into_iter().flat_map(|settings| &settings.bindings);
    bindings.filter(is_wanted).map(|binding| binding.name.clone()).collect()
}

/// What somebody else has set of a script.
fn foreign(kind: Kind, settings: Option<&Settings>) -> impl Iterator<Item = &SeenBinding> {
    let all = settings.into_iter().flat_map(|settings| &settings.bindings);
    all.filter(move |binding| !own_bindings(kind).contains(&binding.name.as_str()))
}

impl<S: Supplies> Plane<'_, S> {
    /// The script's settings; `None` if it is not there.
    ///
    /// # Errors
    /// It is somebody else's.
    pub(super) async fn own_settings(&self, kind: Kind) -> Result<Option<Settings>> {
        let name = self.name(kind);
        let settings = self.cloudflare.settings(self.account, &name).await?;
        match settings {
            Some(settings) if !settings.tags.contains(&self.scripts.tag()) => {
                Err(Error::failed(format!("the Worker {name} is not ours"))
                    .cause(format!("it has no tag {}", self.scripts.tag()))
                    .hint("delete it at Cloudflare, or choose another name for the app"))
            }
            settings => Ok(settings),
        }
    }

    /// A version of the script with this content, which takes no request that went to another one.
    /// One that is there already, from an interrupted run, is as good.
    pub(super) async fn ensure_version(
        &self,
        kind: Kind,
        settings: Option<&Settings>,
        mut draft: Draft,
    ) -> Result<VersionId> {
        let name = self.name(kind);
        // A version from before somebody set something is not as good.
        let others: Vec<_> = foreign(kind, settings).map(|it| it.name.as_str()).collect();
        if !others.is_empty() {
            draft.more.push(("set by others", others.join(" ")));
        }
        content::require_size(kind.as_str(), &draft.modules)?;
        let message = draft.message();
        if settings.is_some()
            && let Some(version) = self.find_version(kind, &message).await?
        {
            return Ok(version);
        }
        let upload = self.upload(kind, settings, draft, message.clone());
        match settings {
            Some(_) => match self.cloudflare.upload_version(self.account, &name, &upload).await {
                Ok(version) => Ok(version),
                // Only its answer may have been lost.
                Err(error) => match self.find_version(kind, &message).await {
                    Ok(Some(version)) => Ok(version),
                    _ => Err(error),
                },
            },
            None => {
                self.cloudflare.put_script(self.account, &name, &upload).await?;
                self.active_version(kind).await?.map(VersionId).ok_or_else(|| {
                    Error::failed(format!("the Worker {name} was uploaded and has no version"))
                })
            }
        }
    }

    async fn find_version(&self, kind: Kind, message: &str) -> Result<Option<VersionId>> {
        let versions = self.cloudflare.versions(self.account, &self.name(kind)).await?;
        // What can be read of the Hub are the settings of its newest version.
        let recent = if kind == Kind::Hub { 1 } else { RECENT };
        let same = |version: &&Version| version.message.as_deref() == Some(message);
        Ok(versions.iter().take(recent).find(same).map(|version| version.id.clone()))
    }

    /// The version of a script that takes the requests.
    pub(super) async fn active_version(&self, kind: Kind) -> Result<Option<String>> {
        let deployments = self.cloudflare.deployments(self.account, &self.name(kind)).await?;
        Ok(deployments.as_deref().and_then(active))
    }

    fn upload(
        &self,
        kind: Kind,
        settings: Option<&Settings>,
        draft: Draft,
        message: String,
    ) -> Upload {
        let kept = kept_kinds(settings, &draft);
        let inherited = inherited(kind, settings, &draft, &kept);
        let inherited = inherited.into_iter().map(|name| Binding::Inherit { name });
        Upload {
            main_module: format!("{kind}.js"),
            modules: draft.modules,
            compatibility_date: COMPATIBILITY_DATE.to_owned(),
            compatibility_flags: Vec::new(),
            bindings: draft.bindings.into_iter().chain(inherited).collect(),
            keep_bindings: kept,
            migrations: draft.migrations,
            tags: vec![self.scripts.tag()],
            tag: draft.tag.chars().take(TAG_MAX).collect(),
            message,
            observability: None,
            assets: draft.assets,
            keep_assets: false,
        }
    }

    /// Removes a script of ours; one that is gone is fine.
    pub(super) async fn delete_script(&self, kind: Kind) -> Result<()> {
        if self.own_settings(kind).await?.is_some() {
            self.cloudflare.delete_script(self.account, &self.name(kind), false).await?;
        }
        Ok(())
    }
}
