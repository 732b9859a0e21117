//! Static assets: only what the account does not have yet is sent.

use std::{collections::BTreeSet, fs};

use super::{Plane, Supplies};
use crate::{
    cloudflare::{AssetManifest, AssetsPart, HtmlHandling, NotFoundHandling},
    engine::StepContext,
    error::{Context as _, Error, ErrorKind, Result},
    images::Artifacts,
    workers::cloud::names::Kind,
};

impl<S: Supplies> Plane<'_, S> {
    /// Cloudflare has all of them; what is served, and the token that says so.
    pub(super) async fn send_assets(
        &self,
        artifacts: &Artifacts,
        own: &AssetManifest,
        served: AssetManifest,
        context: &StepContext<'_>,
    ) -> Result<(AssetManifest, Option<AssetsPart>)> {
        if own.is_empty() {
            return Ok((AssetManifest::new(), None));
        }
        let name = self.name(Kind::Edge);
        let mut served = served;
        let mut session = self.cloudflare.assets_session(self.account, &name, &served).await?;
        let wanted: BTreeSet<String> = session.buckets.iter().flatten().cloned().collect();
        let at_hand = |hash: &String| own.values().any(|asset| asset.hash == *hash);
        if wanted.iter().any(|hash| !at_hand(hash)) {
            // Cloudflare has forgotten an asset of an earlier release, and nobody here has it.
            served.retain(|path, asset| own.contains_key(path) || !wanted.contains(&asset.hash));
            session = self.cloudflare.assets_session(self.account, &name, &served).await?;
        }
        let missing: usize = session.buckets.iter().map(Vec::len).sum();
        if missing > 0 {
            context.progress(format!("sending {missing} of {} assets", served.len()));
        }
        let folder = artifacts.assets_dir();
        let read = |hash: &str| {
            let found = own.iter().find(|(_, asset)| asset.hash == hash);
            let (path, _) =
                found.ok_or_else(|| Error::failed(format!("no asset has the hash {hash}")))?;
            let file = folder.join(path.trim_start_matches('/'));
            let content = fs::read(&file)
                .context(ErrorKind::Failed, || format!("cannot read {}", file.display()))?;
            Ok((content.into(), "application/octet-stream".to_owned()))
        };
        let jwt = self.cloudflare.upload_assets(&session, &read).await?;
        let part = AssetsPart {
            jwt,
            html_handling: HtmlHandling::None,
            not_found_handling: NotFoundHandling::None,
            run_worker_first: true,
        };
        Ok((served, Some(part)))
    }
}
