//! What has to be there for Workers on Cloudflare: a token, its permissions, account, zone, a host
//! name that is free. Nothing is changed.

use super::{
    desired::Domain,
    names::{Kind, Scripts},
    observe::{Place, no_subdomain, place},
};
use crate::{
    cloudflare::{Cloudflare, Permission},
    error::{Error, ErrorKind, Result},
    targets::Check,
};

/// Days before the end of a token that are worth a word.
const SOON_DAYS: i64 = 14;

/// All checks of an environment with this host name.
pub async fn checks(
    cloudflare: Result<Option<Cloudflare>>,
    scripts: &Scripts,
    hostname: Option<&str>,
) -> Vec<Check> {
    let cloudflare = match cloudflare {
        Ok(Some(cloudflare)) => cloudflare,
        Ok(None) => return vec![Check::error("cloudflare", &missing_token())],
        Err(error) => return vec![Check::error("cloudflare", &error)],
    };
    let token = token(&cloudflare).await;
    let place = match place(&cloudflare, scripts, hostname, None).await {
        Ok(place) => place,
        Err(error) => return vec![token, Check::error("cloudflare account", &error)],
    };
    let account = Check::ok("cloudflare account", place.account.clone());
    let (zone, workers, address, name) = tokio::join!(
        async { zone(place.domain.as_ref()) },
        workers(&cloudflare, &place, scripts),
        subdomain(&cloudflare, &place),
        hostname_is_free(&cloudflare, &place, scripts),
    );
    vec![token, account, zone, workers, address, name]
}

/// The error about a token that is not set.
pub fn missing_token() -> Error {
    let needed = [
        Permission::WorkersScriptsEdit,
        Permission::AccountSettingsRead,
        Permission::WorkersTailRead,
        Permission::WorkersRoutesEdit,
        Permission::ZoneRead,
        Permission::DnsEdit,
    ];
    let names: Vec<_> = needed.iter().map(|permission| permission.name()).collect();
    Error::new(ErrorKind::Denied, "CLOUDFLARE_API_TOKEN is not set").hint(format!(
        "make a token with the permissions {} at https://dash.cloudflare.com/profile/api-tokens",
        names.join(", ")
    ))
}

async fn token(cloudflare: &Cloudflare) -> Check {
    const NAME: &str = "cloudflare token";
    let state = match cloudflare.verify_token().await {
        Ok(state) => state,
        Err(error) => return Check::error(NAME, &error),
    };
    if state.status != "active" {
        return Check::failed(NAME, ErrorKind::Denied, format!("it is {}", state.status))
            .hint("make another one at https://dash.cloudflare.com/profile/api-tokens");
    }
    let left =
        state.expires_on.map(|end| end.duration_since(jiff::Timestamp::now()).as_hours() / 24);
    match left {
        Some(days) if days < SOON_DAYS => {
            Check::warning(NAME, format!("active, for {days} more days"))
        }
        _ => Check::ok(NAME, "active"),
    }
}

fn zone(domain: Option<&Domain>) -> Check {
    const NAME: &str = "cloudflare zone";
    match domain {
        Some(domain) => Check::ok(NAME, format!("{} is in {}", domain.hostname, domain.zone_name)),
        None => Check::skipped(NAME, "no host name is set: the Edge answers below workers.dev"),
    }
}

async fn workers(cloudflare: &Cloudflare, place: &Place, scripts: &Scripts) -> Check {
    const NAME: &str = "cloudflare workers";
    let listed = match cloudflare.scripts(&place.account).await {
        Ok(listed) => listed,
        Err(error) => return Check::error(NAME, &error),
    };
    let names = Kind::ALL.map(|kind| scripts.name(kind));
    let foreign = listed
        .iter()
        .find(|script| names.contains(&script.name) && !script.tags.contains(&scripts.tag()));
    match foreign {
        Some(script) => {
            let what = format!("the Worker {} exists and is not ours", script.name);
            Check::failed(NAME, ErrorKind::Failed, what)
                .hint("delete it, or choose another name for the app")
        }
        None => Check::ok(NAME, format!("{} in the account", listed.len())),
    }
}

/// New versions are asked there before visitors come.
async fn subdomain(cloudflare: &Cloudflare, place: &Place) -> Check {
    const NAME: &str = "workers.dev";
    match cloudflare.account_subdomain(&place.account).await {
        Ok(Some(subdomain)) => Check::ok(NAME, format!("{subdomain}.workers.dev")),
        Ok(None) => Check::error(NAME, &no_subdomain()),
        Err(error) => Check::error(NAME, &error),
    }
}

/// Neither another Worker has the host name, nor does a route of the zone take its requests.
async fn hostname_is_free(cloudflare: &Cloudflare, place: &Place, scripts: &Scripts) -> Check {
    const NAME: &str = "host name";
    let Some(domain) = &place.domain else { return Check::skipped(NAME, "none is set") };
    let (domains, routes) = tokio::join!(
        cloudflare.domains(&place.account, Some(&domain.hostname), None),
        cloudflare.routes(&domain.zone),
    );
    let (domains, routes) = match (domains, routes) {
        (Ok(domains), Ok(routes)) => (domains, routes),
        (Err(error), _) | (_, Err(error)) => return Check::error(NAME, &error),
    };
    let edge = scripts.name(Kind::Edge);
    if let Some(other) = domains.iter().find(|other| other.service != edge) {
        let what = format!("{} leads to the Worker {}", domain.hostname, other.service);
        return Check::failed(NAME, ErrorKind::Failed, what)
            .hint("remove it there, or choose another host name under `edge.domain`");
    }
    // A route comes before a custom domain.
    match routes.iter().find(|route| matches(&route.pattern, &domain.hostname)) {
        Some(route) => Check::warning(
            NAME,
            format!("the route {} takes requests of {}", route.pattern, domain.hostname),
        )
        .hint("routes come before custom domains: the Edge does not see those requests"),
        None => Check::ok(NAME, format!("{} is free or ours", domain.hostname)),
    }
}

/// True if a route's pattern covers any request of a host.
/// (<https://developers.cloudflare.com/workers/configuration/routing/routes/#matching-behavior>)
fn matches(pattern: &str, hostname: &str) -> bool {
    let pattern = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
    let host = pattern.split('/').next().unwrap_or_default();
    match host.strip_prefix('*') {
        Some(rest) => hostname.ends_with(rest),
        None => host.eq_ignore_ascii_case(hostname),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_cover_hosts_with_and_without_a_star() {
        for pattern in [
            "board.example.com/*",
            "https://board.example.com/api/*",
            "*.example.com/*",
            "*example.com/*",
        ] {
            assert!(matches(pattern, "board.example.com"), "{pattern}");
        }
        for pattern in ["www.example.com/*", "example.com/*", "*.other.com/*"] {
            assert!(!matches(pattern, "board.example.com"), "{pattern}");
        }
    }
}
