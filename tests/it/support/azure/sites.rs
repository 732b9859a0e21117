//! What a call is about, without what Azure, a hash or a clock made up: the same in every run.

use std::sync::LazyLock;

use hyper::{Method, Uri};
use regex::Regex;

/// What is written for what was made up.
static CHANCE: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let replaced = [
        (r"%2F", "/"),
        (r"^/subscriptions/[^/]+", ""),
        (r"/providers/Microsoft\.[A-Za-z]+", ""),
        (r"^/resourceGroups/", "/"),
        // Those names end with a hash.
        (r"/(registries|vaults|storageAccounts|deletedVaults)/[^/]+", "/$1/*"),
        (r"\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", "*"),
        (r"\b[0-9a-f]{32}\b", "*"),
        (r"\br\d+\b", "rN"),
        (r"/\d+(\.json)?\b", "/N$1"),
        (r"/lock\.[^/]+", "/lock.*"),
    ];
    let compiled = |(pattern, with)| (Regex::new(pattern).expect("an expression"), with);
    replaced.map(compiled).into()
});

/// Queries that say what is asked.
const ASKED: [&str; 4] = ["restype", "comp", "prefix", "$filter"];

/// The site of a call to ARM, to a vault, to Entra or to blobs.
pub fn site(method: &Method, uri: &Uri) -> String {
    let query: Vec<(String, String)> =
        serde_urlencoded::from_str(uri.query().unwrap_or_default()).unwrap_or_default();
    let mut name = uri.path().to_owned();
    for (key, value) in query.iter().filter(|(key, _)| ASKED.contains(&key.as_str())) {
        let mark = if name.contains('?') { '&' } else { '?' };
        name += &format!("{mark}{key}={value}");
    }
    let name = CHANCE
        .iter()
        .fold(name, |name, (pattern, with)| pattern.replace_all(&name, *with).into_owned());
    format!("{method} {name}")
}

/// True if a call changes nothing: some that only ask are sent as a POST.
pub fn is_read(method: &Method, uri: &Uri) -> bool {
    const ASKING: [&str; 4] = ["/token", "/listKeys", "/checkNameAvailability", "/exchange"];
    let asks = ASKING.iter().any(|end| uri.path().ends_with(end));
    matches!(*method, Method::GET | Method::HEAD) || (*method == Method::POST && asks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(request: &str) -> String {
        let (method, uri) = request.split_once(' ').unwrap();
        site(&method.parse().unwrap(), &uri.parse().unwrap())
    }

    #[test]
    fn sites_are_the_same_in_every_run() {
        let group = "/subscriptions/a2c0ffee-0000-4000-8000-000000000001/resourceGroups/mizan-a-b";
        let groups = "providers/Microsoft.ContainerInstance/containerGroups";
        for (request, site) in [
            (
                format!("PUT {group}/{groups}/a-b-r12-worker?api-version=2023-05-01"),
                "PUT /mizan-a-b/containerGroups/a-b-rN-worker",
            ),
            (
                format!(
                    "GET {group}/providers/Microsoft.ContainerRegistry/registries/mizanab0123456789ab"
                ),
                "GET /mizan-a-b/registries/*",
            ),
            (
                "PUT /vaults/a-0123456789ab/secrets/env-KEY?api-version=7.4".to_owned(),
                "PUT /vaults/*/secrets/env-KEY",
            ),
            (
                "POST /a2c0ffee-0000-4000-8000-000000000002/oauth2/v2.0/token".to_owned(),
                "POST /*/oauth2/v2.0/token",
            ),
            (
                "PUT /mizan0123/ledgers/a/b/releases/7.json".to_owned(),
                "PUT /mizan0123/ledgers/a/b/releases/N.json",
            ),
            (
                "GET /mizan0123/ledgers?restype=container&comp=list&prefix=a%2Fb".to_owned(),
                "GET /mizan0123/ledgers?restype=container&comp=list&prefix=a/b",
            ),
        ] {
            assert_eq!(of(&request), site);
        }
    }

    #[test]
    fn some_posts_only_ask() {
        let reads =
            |method: &str, path: &str| is_read(&method.parse().unwrap(), &path.parse().unwrap());
        assert!(reads("POST", "/x/oauth2/v2.0/token") && reads("HEAD", "/x"));
        assert!(!reads("POST", "/x/stop") && !reads("PUT", "/x/token"));
    }
}
