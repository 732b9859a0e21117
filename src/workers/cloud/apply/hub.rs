//! The Hub: made once with its Durable Object, changed with the origin.

use super::{Plane, Supplies, VERSION, upload::Draft};
use crate::{
    cloudflare::{Binding, Migrations, Settings},
    engine::{StepContext, StepOutput},
    error::Result,
    model::ReleaseId,
    plan::Late,
    workers::cloud::{
        content::{self, HUB_CLASS},
        names::Kind,
    },
};

/// The tag of the migration that makes the Durable Object.
const MIGRATION: &str = "v1";

impl<S: Supplies> Plane<'_, S> {
    /// The Hub runs this version's code and names the origin.
    pub(super) async fn put_hub(
        &self,
        origin: &Late<String>,
        mark: Option<ReleaseId>,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let origin = self.supplies.origin(origin, context)?;
        let settings = self.own_settings(Kind::Hub).await?;
        // The mark only ever grows: going back would be a change of everything once more.
        let before = settings.as_ref().and_then(mark_of).unwrap_or(0);
        let mark = mark.map_or(before, |release| release.0.max(before));
        let draft = Draft {
            modules: content::hub_modules(),
            bindings: vec![
                Binding::DurableObject {
                    name: "HUB_OBJECT".into(),
                    class_name: HUB_CLASS.into(),
                    script_name: None,
                },
                Binding::PlainText { name: "ORIGIN".into(), text: origin.clone() },
                Binding::PlainText { name: "MARK".into(), text: mark.to_string() },
            ],
            more: vec![("origin", origin), ("mark", mark.to_string())],
            tag: "hub".to_owned(),
            migrations: settings.is_none().then(|| Migrations {
                old_tag: None,
                new_tag: MIGRATION.into(),
                new_sqlite_classes: vec![HUB_CLASS.into()],
            }),
            assets: None,
            without: &[],
        };
        let version = self.ensure_version(Kind::Hub, settings.as_ref(), draft).await?;
        self.deploy_whole(Kind::Hub, &version, "mizan hub").await?;
        Ok(StepOutput::from([(VERSION.to_owned(), version.0)]))
    }
}

fn mark_of(settings: &Settings) -> Option<u64> {
    let mark = settings.bindings.iter().find(|binding| binding.name == "MARK")?;
    mark.text.as_deref()?.parse().ok()
}
