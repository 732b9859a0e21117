//! What there is on Cloudflare of an environment. Nothing is changed.

use std::{collections::BTreeMap, env};

use futures_util::future::try_join_all;

use super::{
    desired::{CloudSpec, Domain},
    names::{Kind, Scripts},
    record::LivePlane,
    seen::{SeenDomain, SeenPlane, SeenScript},
};
use crate::{
    cloudflare::{Cloudflare, Deployment, Script, SeenBinding, Settings, VersionId},
    error::{Error, ErrorKind, Result},
    model::ReleaseId,
    plan::Late,
};

/// Names the account, where the token can see several.
const ACCOUNT: &str = "CLOUDFLARE_ACCOUNT_ID";

/// Where an environment's Workers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The account's id.
    pub account: String,
    /// The host name's zone, if there is a host name.
    pub domain: Option<Domain>,
    /// The public URL.
    pub public_url: String,
}

/// Where an environment's Workers are: as recorded, if the host name is still the same, else as the
/// token sees it.
///
/// # Errors
/// The token sees no zone for the host name, or no account, or several.
pub async fn place(
    cloudflare: &Cloudflare,
    scripts: &Scripts,
    hostname: Option<&str>,
    live: Option<&CloudSpec>,
) -> Result<Place> {
    if let Some((live, named)) = live.zip(named_account())
        && live.account != named
    {
        return Err(elsewhere(scripts, &live.account, &named));
    }
    let recorded =
        live.filter(|live| live.domain.as_ref().map(|domain| domain.hostname.as_str()) == hostname);
    if let Some(live) = recorded {
        return Ok(Place {
            account: live.account.clone(),
            domain: live.domain.clone(),
            public_url: live.public_url.clone(),
        });
    }
    match hostname {
        Some(hostname) => in_zone(cloudflare, hostname).await,
        None => below_workers_dev(cloudflare, scripts).await,
    }
}

/// The live release's Workers would be forgotten, and go on answering.
fn elsewhere(scripts: &Scripts, recorded: &str, named: &str) -> Error {
    let message = format!("{} of {} is in another Cloudflare account", scripts.env, scripts.app);
    Error::new(ErrorKind::Invalid, message)
        .cause(format!("it is in {recorded}, and {ACCOUNT} says {named}"))
        .hint(format!("unset {ACCOUNT}; to move, `mizan destroy` first, where it is"))
}

async fn in_zone(cloudflare: &Cloudflare, hostname: &str) -> Result<Place> {
    let zone = cloudflare.zone_of(hostname).await?;
    if let Some(named) = named_account().filter(|named| *named != zone.account.id) {
        let message = format!("the zone {} is not in the account {named}", zone.name);
        return Err(Error::new(ErrorKind::Invalid, message)
            .cause(format!("it is in the account {}", zone.account.id))
            .hint(format!("change or unset {ACCOUNT}")));
    }
    Ok(Place {
        account: zone.account.id,
        public_url: format!("https://{hostname}"),
        domain: Some(Domain { hostname: hostname.to_owned(), zone: zone.id, zone_name: zone.name }),
    })
}

async fn below_workers_dev(cloudflare: &Cloudflare, scripts: &Scripts) -> Result<Place> {
    let account = match named_account() {
        Some(account) => account,
        None => only_account(cloudflare).await?,
    };
    let subdomain = cloudflare.account_subdomain(&account).await?.ok_or_else(no_subdomain)?;
    let public_url = format!("https://{}.{subdomain}.workers.dev", scripts.name(Kind::Edge));
    Ok(Place { account, domain: None, public_url })
}

fn named_account() -> Option<String> {
    env::var(ACCOUNT).ok().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty())
}

async fn only_account(cloudflare: &Cloudflare) -> Result<String> {
    let accounts = cloudflare.accounts().await?;
    match accounts.as_slice() {
        [account] => Ok(account.id.clone()),
        [] => {
            Err(Error::new(ErrorKind::Denied, "the token of CLOUDFLARE_API_TOKEN sees no account")
                .hint("give it the permission Workers Scripts Edit for an account"))
        }
        several => {
            let list: Vec<_> = several
                .iter()
                .map(|account| format!("{} ({})", account.id, account.name))
                .collect();
            let message = "the token of CLOUDFLARE_API_TOKEN sees several accounts";
            Err(Error::new(ErrorKind::Usage, message)
                .cause(list.join(", "))
                .hint(format!("export {ACCOUNT}=… with the one that the Workers belong to")))
        }
    }
}

/// New versions are asked below `workers.dev` before they take requests.
pub(super) fn no_subdomain() -> Error {
    Error::failed("the Cloudflare account has no name below workers.dev yet")
        .cause("new versions are asked there before they take requests")
        .hint("choose one, once, at https://dash.cloudflare.com/?to=/:account/workers/subdomain")
}

/// What there is of the environment's Workers. `expected` are versions that a plan wants to use.
///
/// # Errors
/// Cloudflare refuses, or cannot be reached.
pub async fn observe(
    cloudflare: &Cloudflare,
    account: &str,
    scripts: &Scripts,
    live: Option<&LivePlane>,
    expected: &[(Kind, String)],
) -> Result<SeenPlane> {
    let edge = scripts.name(Kind::Edge);
    let deployments = try_join_all(Kind::ALL.map(|kind| {
        let name = scripts.name(kind);
        async move { Ok::<_, Error>((kind, cloudflare.deployments(account, &name).await?)) }
    }));
    let (listed, deployments, domains, address) = tokio::try_join!(
        cloudflare.scripts(account),
        deployments,
        cloudflare.domains(account, None, None),
        address(cloudflare, account, &edge),
    )?;
    let mut seen =
        SeenPlane { on_subdomain: address.0, previews: address.1, ..SeenPlane::default() };
    seen.domains = domains
        .into_iter()
        .map(|it| SeenDomain { id: it.id, hostname: it.hostname, service: it.service })
        .collect();
    let found = |kind| listed.iter().find(|script| script.name == scripts.name(kind));
    let ours = |script: &Script| script.tags.contains(&scripts.tag());
    for (kind, deployments) in deployments {
        let Some(script) = found(kind) else { continue };
        let version = deployments.as_deref().and_then(active);
        let ours = ours(script);
        seen.scripts.insert(kind, SeenScript { ours, version, ..SeenScript::default() });
    }
    let (hub, settings, lost, newest) = tokio::try_join!(
        hub_bindings(cloudflare, account, scripts, &seen, live),
        unrecorded_settings(cloudflare, account, scripts, &seen, live),
        lost_versions(cloudflare, account, scripts, &seen, live, expected),
        newest_release(cloudflare, account, &edge, &seen, live),
    )?;
    seen.newest = newest;
    let origin = recorded_origin(&seen, live);
    if let Some(script) = seen.scripts.get_mut(&Kind::Hub) {
        describe(Kind::Hub, script, &hub.unwrap_or_default());
        script.vars.extend(origin.map(|origin| ("ORIGIN".to_owned(), origin)));
    }
    for (kind, settings) in settings {
        if let Some(script) = seen.scripts.get_mut(&kind) {
            describe(kind, script, &settings.bindings);
        }
    }
    seen.lost_versions = lost.into_iter().collect();
    Ok(seen)
}

/// Whether the Edge answers below `workers.dev`, and whether its versions do.
async fn address(cloudflare: &Cloudflare, account: &str, edge: &str) -> Result<(bool, bool)> {
    let found = cloudflare.script_subdomain(account, edge).await?;
    Ok(found.map_or((false, false), |found| (found.enabled, found.previews_enabled)))
}

/// The version that takes all requests, if one does.
pub(super) fn active(deployments: &[Deployment]) -> Option<String> {
    let versions = &deployments.first()?.versions;
    let whole = versions.iter().find(|(_, percentage)| *percentage >= 100.0);
    whole.map(|(version, _)| version.0.clone())
}

/// What the Hub's version that takes the requests is set to. A script's settings would be those of
/// its newest version, which an interrupted run may have left without a request. The version that
/// the live release recorded is known: it names the release's origin.
async fn hub_bindings(
    cloudflare: &Cloudflare,
    account: &str,
    scripts: &Scripts,
    seen: &SeenPlane,
    live: Option<&LivePlane>,
) -> Result<Option<Vec<SeenBinding>>> {
    let Some(version) = seen.version(Kind::Hub) else { return Ok(None) };
    if recorded_origin(seen, live).is_some() {
        return Ok(None);
    }
    let id = VersionId(version.to_owned());
    let found = cloudflare.version(account, &scripts.name(Kind::Hub), &id).await?;
    Ok(found.map(|found| found.bindings))
}

/// The origin that the Hub names, if its version is the one that the live release recorded.
fn recorded_origin(seen: &SeenPlane, live: Option<&LivePlane>) -> Option<String> {
    let LivePlane { spec, recorded } = live?;
    match &spec.origin {
        Late::Known(origin) if recorded.hub.as_deref() == Some(seen.version(Kind::Hub)?) => {
            Some(origin.clone())
        }
        _ => None,
    }
}

/// A version never changes: only where it is not the recorded one need its settings be read.
async fn unrecorded_settings(
    cloudflare: &Cloudflare,
    account: &str,
    scripts: &Scripts,
    seen: &SeenPlane,
    live: Option<&LivePlane>,
) -> Result<BTreeMap<Kind, Settings>> {
    let recorded = |kind| live.and_then(|live| live.recorded.version(kind));
    let unknown = seen.scripts.iter().filter(|(kind, script)| {
        let other = script.version.is_none() || recorded(**kind) != script.version.as_deref();
        other && **kind != Kind::Hub
    });
    let read = unknown.map(async |(kind, _)| {
        Ok::<_, Error>((*kind, cloudflare.settings(account, &scripts.name(*kind)).await?))
    });
    let read = try_join_all(read).await?;
    Ok(read.into_iter().filter_map(|(kind, settings)| Some((kind, settings?))).collect())
}

/// Versions that are wanted although others take the requests, and are not there any more.
async fn lost_versions(
    cloudflare: &Cloudflare,
    account: &str,
    scripts: &Scripts,
    seen: &SeenPlane,
    live: Option<&LivePlane>,
    expected: &[(Kind, String)],
) -> Result<Vec<String>> {
    let recorded = [Kind::Edge, Kind::Render].into_iter().filter_map(|kind| {
        let version = live?.recorded.version(kind)?;
        (seen.version(kind) != Some(version)).then(|| (kind, version.to_owned()))
    });
    let wanted = recorded.chain(expected.iter().cloned());
    let looks = wanted.map(async |(kind, version)| {
        let id = VersionId(version.clone());
        let found = cloudflare.version(account, &scripts.name(kind), &id).await?;
        Ok::<_, Error>(found.is_none().then_some(version))
    });
    Ok(try_join_all(looks).await?.into_iter().flatten().collect())
}

/// The highest number that a version of the Edge was uploaded for. Where the live one is as it was
/// recorded, the ledger knows better.
async fn newest_release(
    cloudflare: &Cloudflare,
    account: &str,
    edge: &str,
    seen: &SeenPlane,
    live: Option<&LivePlane>,
) -> Result<Option<ReleaseId>> {
    let recorded = live.and_then(|live| live.recorded.edge.as_deref());
    if !seen.scripts.contains_key(&Kind::Edge) || recorded == seen.version(Kind::Edge) {
        return Ok(None);
    }
    let versions = cloudflare.versions(account, edge).await?;
    Ok(versions.iter().filter_map(|version| version.tag.as_deref()?.parse().ok()).max())
}

fn describe(kind: Kind, script: &mut SeenScript, bindings: &[SeenBinding]) {
    let own = own_bindings(kind);
    for binding in bindings {
        let SeenBinding { name, kind, text, .. } = binding;
        if name == SIGNING_KEY {
            script.has_key = true;
        }
        match (own.contains(&name.as_str()), text) {
            (true, Some(text)) => drop(script.vars.insert(name.clone(), text.clone())),
            (true, None) => {}
            (false, _) => script.foreign.push(format!("{kind} {name}")),
        }
    }
    script.foreign.sort();
}

/// The binding that holds the key by which the Edge knows its own cookies.
pub(super) const SIGNING_KEY: &str = "SIGNING_KEY";

/// The binding that holds the keys by which the Edge knows who may purge.
pub(super) const PURGE_KEY: &str = "PURGE_KEY";

/// What we bind ourselves; everything else is somebody else's.
pub(super) fn own_bindings(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Hub => &["HUB_OBJECT", "ORIGIN", "MARK"],
        Kind::Render => &["VERSION"],
        Kind::Edge => &[
            "HUB",
            "RENDER",
            "ASSETS",
            "PUBLIC_URL",
            "FALLBACK_ORIGIN",
            "RENDER_VERSION",
            SIGNING_KEY,
            "ORIGIN_SECRET",
            PURGE_KEY,
        ],
    }
}
