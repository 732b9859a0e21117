//! Whose everything on Azure is, and what it is called: deterministic names, so that nothing needs to
//! be remembered to be found, and tags that prove ownership. What has our name but not our tags is
//! foreign and never touched.
//!
//! Names that must differ from everybody's in the world, or in the region, end with a hash of
//! subscription, app and environment.
//! (<https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>)

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::{AppName, EnvName, ReleaseId};

/// The tag keys.
pub struct Tags;

impl Tags {
    /// The app's name.
    pub const APP: &'static str = "mizan:app";
    /// The environment's name.
    pub const ENV: &'static str = "mizan:env";
    /// The release that made it.
    pub const RELEASE: &'static str = "mizan:release";
    /// The service's name in `mizan.yaml`.
    pub const SERVICE: &'static str = "mizan:service";
    /// The release whose step has ended well, and a hash of what that was: at the resource group.
    pub const MIGRATED: &'static str = "mizan:migrated";
    /// The hash of the versions of the secrets that were handed over: Azure never gives a secure
    /// variable back.
    pub const SECRETS: &'static str = "mizan:secrets";
}

/// Container groups, and the first label of their host names.
const GROUP_NAME: usize = 63;
/// Registries: letters and digits alone.
const REGISTRY_NAME: usize = 50;
/// Key vaults.
const VAULT_NAME: usize = 24;
/// Digits of the hash in a name that must be unique in the world.
const GLOBAL_HASH: usize = 12;
/// Digits of the hash in every other name.
const HASH: usize = 8;
/// The domain of the host names of container groups.
const GROUP_DOMAIN: &str = "azurecontainer.io";
/// What the names of our role assignments are derived from: a UUID of our own.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d69_7a61_6e00_5a7e_8000_617a_7572_6500);

/// One environment in one subscription and location: the owner of everything made for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The subscription's id.
    pub subscription: String,
    /// The location.
    pub location: String,
    /// The app.
    pub app: AppName,
    /// The environment.
    pub env: EnvName,
}

impl Scope {
    /// `mizan-<app>-<env>`: the resource group, and the identity in it.
    pub fn prefix(&self) -> String {
        format!("mizan-{}-{}", self.app, self.env)
    }

    /// The tags of everything in this scope.
    pub fn tags(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (Tags::APP.to_owned(), self.app.to_string()),
            (Tags::ENV.to_owned(), self.env.to_string()),
        ])
    }

    /// True if tags say that a thing is of this scope.
    pub fn owns(&self, tags: &BTreeMap<String, String>) -> bool {
        self.tags().iter().all(|(key, value)| tags.get(key) == Some(value))
    }

    /// The resource group, which holds everything of the environment but the ledger.
    pub fn resource_group(&self) -> String {
        self.prefix()
    }

    /// The managed identity that pulls the image.
    pub fn identity(&self) -> String {
        self.prefix()
    }

    /// The container registry, which previews do not share with production.
    pub fn registry(&self) -> String {
        let hash = self.hash("registry", GLOBAL_HASH);
        let name: String = self.prefix().chars().filter(|c| *c != '-').collect();
        let start = name.get(..REGISTRY_NAME - GLOBAL_HASH).unwrap_or(&name);
        format!("{start}{hash}")
    }

    /// The key vault.
    pub fn vault(&self) -> String {
        let hash = self.hash("vault", GLOBAL_HASH);
        let app = self.app.as_str();
        let start = app.get(..VAULT_NAME - GLOBAL_HASH - 1).unwrap_or(app).trim_end_matches('-');
        format!("{start}-{hash}")
    }

    /// A secret of `mizan.yaml` in the vault, whose names have letters, digits and hyphens.
    pub fn secret(&self, variable: &str) -> String {
        format!("env-{}", variable.replace('_', "-"))
    }

    /// The secret that the Edge sends to the origin.
    pub fn origin_secret(&self) -> String {
        "edge-origin-secret".to_owned()
    }

    /// A role assignment: the same three always have the same UUID, so a second run finds it.
    pub fn role_assignment(&self, on: &str, role: &str, identity: &str) -> String {
        let scope =
            format!("/subscriptions/{}/resourceGroups/{}", self.subscription, self.prefix());
        let name = format!("{scope}|{on}|{role}|{identity}").to_lowercase();
        Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
    }

    /// The container group of the web service in a release.
    pub fn web_group(&self, release: ReleaseId) -> String {
        fit(&format!("{}-{}-{release}", self.app, self.env), GROUP_NAME)
    }

    /// The container group of another service, or of the release step, in a release.
    pub fn group(&self, release: ReleaseId, service: &str) -> String {
        fit(&format!("{}-{}-{release}-{service}", self.app, self.env), GROUP_NAME)
    }

    /// The first label of a group's host name: no other customer in the region may have it.
    pub fn dns_label(&self, group: &str) -> String {
        let hash = self.hash(group, HASH);
        format!("{}-{hash}", fit(group, GROUP_NAME - HASH - 1))
    }

    /// The host name of a group.
    pub fn host(&self, group: &str) -> String {
        format!("{}.{}.{GROUP_DOMAIN}", self.dns_label(group), self.location)
    }

    /// The resource group of the ledgers. No environment has it: theirs have one hyphen more.
    pub fn ledgers_group(&self) -> String {
        "mizan-ledgers".to_owned()
    }

    /// The storage account of the ledgers of all apps in this subscription and location.
    pub fn storage_account(&self) -> String {
        format!("mizan{}", digits(&[&self.subscription, &self.location], GLOBAL_HASH))
    }

    /// The ledger's folder in the storage account.
    pub fn ledger_prefix(&self) -> String {
        format!("{}/{}", self.app, self.env)
    }

    fn hash(&self, what: &str, length: usize) -> String {
        digits(&[&self.subscription, self.app.as_str(), self.env.as_str(), what], length)
    }
}

/// The name itself if it is short enough, else its beginning and a hash of the whole.
fn fit(name: &str, max: usize) -> String {
    if name.len() <= max {
        return name.to_owned();
    }
    let start = name.get(..max - HASH - 1).unwrap_or(name).trim_end_matches('-');
    format!("{start}-{}", digits(&[name], HASH))
}

/// Hexadecimal digits of a hash of these parts.
fn digits(parts: &[&str], length: usize) -> String {
    let digest = Sha256::digest(parts.join("/").as_bytes());
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.chars().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASE: ReleaseId = ReleaseId(123_456);

    fn scope(app: &str, env: &str) -> Scope {
        Scope {
            subscription: "00000000-0000-0000-0000-000000000001".into(),
            location: "westeurope".into(),
            app: AppName::new(app).expect("a name"),
            env: EnvName::new(env).expect("a name"),
        }
    }

    /// A short one, and the longest there is, with hyphens where names are cut.
    fn scopes() -> [Scope; 3] {
        let long = "a-".repeat(AppName::MAX / 2 - 1) + "ab";
        [scope("b", "p"), scope(&long, &"e".repeat(EnvName::MAX)), scope("board", "production")]
    }

    #[test]
    fn short_names_are_left_as_they_are() {
        let scope = scope("board", "production");
        assert_eq!(scope.resource_group(), "mizan-board-production");
        assert_eq!(scope.web_group(ReleaseId(2)), "board-production-r2");
        assert_eq!(scope.group(ReleaseId(2), "beat"), "board-production-r2-beat");
        assert!(scope.registry().starts_with("mizanboardproduction"));
        assert!(scope.vault().starts_with("board-"));
        assert!(scope.host("board-production-r2").ends_with(".westeurope.azurecontainer.io"));
    }

    #[test]
    fn every_name_keeps_the_rules_of_its_kind() {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        for scope in scopes() {
            let registry = scope.registry();
            assert!(
                (5..=50).contains(&registry.len()) && registry.chars().all(plain),
                "{registry}"
            );
            let storage = scope.storage_account();
            assert!((3..=24).contains(&storage.len()) && storage.chars().all(plain), "{storage}");
            assert!((3..=24).contains(&scope.vault().len()), "{}", scope.vault());
            let group = scope.group(RELEASE, &"s".repeat(20));
            let label = scope.dns_label(&group);
            assert!(group.len() <= 63 && (5..=63).contains(&label.len()), "{group} {label}");
            assert!(scope.resource_group().len() <= 90 && scope.identity().len() <= 128);
            for name in [scope.vault(), group, label, scope.web_group(RELEASE)] {
                assert!(name.chars().all(|c| plain(c) || c == '-'), "{name}");
                assert!(name.starts_with(|c: char| c.is_ascii_lowercase()), "{name}");
                assert!(!name.contains("--") && !name.ends_with('-'), "{name}");
            }
        }
    }

    #[test]
    fn what_is_cut_or_joined_stays_different() {
        let (one, two) = (scope("an-app", "b-c"), scope("an-app-b", "c"));
        assert_ne!(one.registry(), two.registry());
        assert_ne!(one.vault(), two.vault());
        let [_, long, _] = scopes();
        assert_ne!(long.group(RELEASE, "one"), long.group(RELEASE, "two"));
        assert_ne!(long.dns_label(&long.group(RELEASE, "one")), long.dns_label("b"));
    }

    #[test]
    fn another_subscription_has_other_names_where_the_world_shares_them() {
        let ours = scope("board", "production");
        let theirs = Scope { subscription: "another".into(), ..ours.clone() };
        assert_ne!(ours.registry(), theirs.registry());
        assert_ne!(ours.vault(), theirs.vault());
        assert_ne!(ours.storage_account(), theirs.storage_account());
        assert_ne!(ours.host("board-production-r1"), theirs.host("board-production-r1"));
        assert_eq!(ours.resource_group(), theirs.resource_group());
    }

    #[test]
    fn a_role_assignment_is_a_uuid_of_version_5_and_of_its_three_alone() {
        let scope = scope("board", "production");
        let name = scope.role_assignment("registry", "AcrPull", "identity");
        let uuid = Uuid::parse_str(&name).expect("a UUID");
        assert_eq!(uuid.get_version_num(), 5);
        assert_eq!(name, scope.role_assignment("registry", "AcrPull", "identity"));
        assert_ne!(name, scope.role_assignment("registry", "AcrPush", "identity"));
        assert_ne!(name, scope.role_assignment("another", "AcrPull", "identity"));
    }

    #[test]
    fn no_variable_is_called_like_the_edges_secret() {
        let scope = scope("board", "production");
        assert_eq!(scope.secret("SECRET_KEY"), "env-SECRET-KEY");
        assert_ne!(scope.secret("edge_origin_secret"), scope.origin_secret());
    }

    #[test]
    fn a_thing_is_ours_only_with_both_tags() {
        let scope = scope("board", "production");
        assert!(scope.owns(&scope.tags()));
        let other = BTreeMap::from([(Tags::APP.to_owned(), "board".to_owned())]);
        assert!(!scope.owns(&other));
    }
}
