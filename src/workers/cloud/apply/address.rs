//! What leads to the Edge: a host name of a zone, or its own below `workers.dev`.

use super::{Plane, Supplies};
use crate::{cloudflare::ScriptSubdomain, error::Result, workers::cloud::names::Kind};

impl<S: Supplies> Plane<'_, S> {
    /// The host name leads to the Edge, unless somebody else has it.
    pub(super) async fn put_domain(&self, hostname: &str, zone: &str) -> Result<()> {
        let edge = self.name(Kind::Edge);
        self.cloudflare.put_domain(self.account, zone, hostname, &edge).await.map(drop)
    }

    /// The host name does not lead to the Edge any more. What it leads to otherwise stays.
    pub(super) async fn delete_domain(&self, hostname: &str) -> Result<()> {
        let edge = self.name(Kind::Edge);
        let found = self.cloudflare.domains(self.account, Some(hostname), None).await?;
        for domain in found.iter().filter(|it| it.hostname == hostname && it.service == edge) {
            self.cloudflare.delete_domain(self.account, &domain.id).await?;
        }
        Ok(())
    }

    /// The Edge answers below `workers.dev`, or does not; so do its versions, in any case.
    pub(super) async fn put_subdomain(&self, enabled: bool) -> Result<()> {
        let edge = self.name(Kind::Edge);
        let wanted = ScriptSubdomain { enabled, previews_enabled: true };
        match self.cloudflare.script_subdomain(self.account, &edge).await? {
            Some(now) if now != wanted => {
                self.cloudflare.set_script_subdomain(self.account, &edge, wanted).await
            }
            _ => Ok(()),
        }
    }

    /// Versions of the Edge can be asked before they take requests.
    pub(super) async fn allow_previews(&self) -> Result<()> {
        if self.seen.previews {
            return Ok(());
        }
        let edge = self.name(Kind::Edge);
        let now = self.cloudflare.script_subdomain(self.account, &edge).await?;
        let enabled = now.as_ref().is_some_and(|now| now.enabled && self.seen.on_subdomain);
        if now.is_some_and(|now| now.previews_enabled && now.enabled == enabled) {
            return Ok(());
        }
        let subdomain = ScriptSubdomain { enabled, previews_enabled: true };
        self.cloudflare.set_script_subdomain(self.account, &edge, subdomain).await
    }
}
