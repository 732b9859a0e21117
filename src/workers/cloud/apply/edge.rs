//! The Edge: a version per release, with the policy, the assets and the version of Render that
//! belong to it.

use rand::RngCore as _;

use super::{ASSETS, FORESEEN, HEALTH, POLICY, Plane, Supplies, VERSION, upload::Draft};
use crate::{
    cloudflare::{AssetManifest, AssetsPart, Binding, Settings},
    engine::{StepContext, StepOutput},
    error::{Context as _, ErrorKind, Result},
    model::ReleaseId,
    plan::Late,
    schema::PolicyFacts,
    secret::SecretValue,
    workers::cloud::{
        content::Content,
        names::Kind,
        observe::{PURGE_KEY, SIGNING_KEY},
    },
};

/// Bytes of the key by which the Edge knows its own cookies.
const KEY_BYTES: usize = 32;

impl<S: Supplies> Plane<'_, S> {
    /// There is a version of the Edge for this release; nobody is sent to it yet.
    pub(super) async fn upload_edge(
        &self,
        release: ReleaseId,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let artifacts = self.supplies.artifacts(context).await?;
        let content = Content::read(self.spec()?, &artifacts)?;
        let earlier = self.supplies.earlier().await?;
        let served = content.served_assets(earlier.iter().map(|recorded| &recorded.assets));
        let settings = self.own_settings(Kind::Edge).await?;
        // The session is the script's, which has to be there.
        let (served, assets) =
            self.send_assets(&artifacts, &content.assets, served, context).await?;
        let draft = self.edge_draft(release, &content, served, assets, settings.as_ref(), context);
        let version = self.ensure_version(Kind::Edge, settings.as_ref(), draft.await?).await?;
        self.allow_previews().await?;
        let own = serde_json::to_string(&content.assets)
            .context(ErrorKind::Failed, || "cannot describe the assets".into())?;
        let mut output =
            StepOutput::from([(VERSION.to_owned(), version.0), (ASSETS.to_owned(), own)]);
        if let Ok(foreseen) = serde_json::to_string(&content.foresee()) {
            output.insert(FORESEEN.to_owned(), foreseen);
        }
        let policy = PolicyFacts::of(&content.data);
        if let Some(policy) = policy.and_then(|policy| serde_json::to_string(&policy).ok()) {
            output.insert(POLICY.to_owned(), policy);
        }
        if let Some(health) = content.data["health"].as_str() {
            output.insert(HEALTH.to_owned(), health.to_owned());
        }
        Ok(output)
    }

    async fn edge_draft(
        &self,
        release: ReleaseId,
        content: &Content,
        served: AssetManifest,
        assets: Option<AssetsPart>,
        settings: Option<&Settings>,
        context: &StepContext<'_>,
    ) -> Result<Draft> {
        let spec = self.spec()?;
        let origin = self.supplies.origin(&spec.origin, context)?;
        let render = match spec.config.render {
            true => self.render_pin(context),
            false => None,
        };
        let mut bindings = vec![
            Binding::Service { name: "HUB".into(), service: self.name(Kind::Hub) },
            Binding::PlainText { name: "PUBLIC_URL".into(), text: spec.public_url.clone() },
            Binding::PlainText { name: "FALLBACK_ORIGIN".into(), text: origin.clone() },
        ];
        if let Some(pin) = &render {
            let service = self.name(Kind::Render);
            bindings.push(Binding::Service { name: "RENDER".into(), service });
            bindings.push(Binding::PlainText { name: "RENDER_VERSION".into(), text: pin.clone() });
        }
        if assets.is_some() {
            bindings.push(Binding::Assets { name: "ASSETS".into() });
        }
        bindings.extend(new_key(settings));
        if let Some(secret) = self.supplies.origin_secret().await? {
            bindings.push(Binding::Secret { name: "ORIGIN_SECRET".into(), text: secret });
        }
        if spec.purge_key.is_some()
            && let Some(keys) = self.supplies.purge_key().await?
        {
            bindings.push(Binding::Secret { name: PURGE_KEY.into(), text: keys });
        }
        let manifest = serde_json::to_string(&served)
            .context(ErrorKind::Failed, || "cannot describe the assets".into())?;
        Ok(Draft {
            modules: content.edge_modules(&release.to_string(), &served),
            bindings,
            more: vec![
                ("url", spec.public_url.clone()),
                ("origin", origin),
                ("render", render.unwrap_or_default()),
                ("assets", manifest),
                ("origin secret", spec.origin_secret.clone().unwrap_or_default()),
                ("purge key", self.purge_key_version(context)?),
            ],
            // A key that mizan.yaml does not name any more opens nothing any more.
            without: if spec.purge_key.is_none() { &[PURGE_KEY] } else { &[] },
            tag: release.to_string(),
            migrations: None,
            assets,
        })
    }

    /// Another value of the key is another version of the Edge.
    fn purge_key_version(&self, context: &StepContext<'_>) -> Result<String> {
        Ok(match &self.spec()?.purge_key {
            None => String::new(),
            Some(Late::Known(version)) => format!("is {version}"),
            Some(Late::After(step)) => {
                format!("is {}", context.output(step, VERSION).unwrap_or_default())
            }
        })
    }

    /// How the Edge asks for the Render it belongs to: a dictionary of scripts and versions.
    fn render_pin(&self, context: &StepContext<'_>) -> Option<String> {
        let uploaded = context.output(&self.step(Kind::Render), VERSION);
        let recorded = self.live.and_then(|live| live.recorded.render.as_deref());
        let version = uploaded.or(recorded)?;
        Some(format!("{}=\"{version}\"", self.name(Kind::Render)))
    }
}

/// The key is made once; nobody needs it outside of the Edge, so it is kept there alone.
fn new_key(settings: Option<&Settings>) -> Option<Binding> {
    let mut bindings = settings.into_iter().flat_map(|settings| &settings.bindings);
    if bindings.any(|binding| binding.name == SIGNING_KEY) {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    rand::rng().fill_bytes(&mut key);
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Binding::Secret { name: SIGNING_KEY.into(), text: SecretValue::new(text) })
}
