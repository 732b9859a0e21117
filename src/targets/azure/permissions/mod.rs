//! What a person or a machine that deploys to Azure has to be allowed: one table, from which the
//! custom role, the documentation and the questions of `mizan doctor` are made.

mod call;
mod github;
mod granted;
mod reference;
mod role;
mod table;

pub use call::action_of;
pub use github::{FederatedCredential, GithubLogin};
pub use granted::Granted;
pub use reference::markdown;
pub use role::{CustomRole, condition};
pub use table::TABLE;

/// One action that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// The action, as roles name it: `Microsoft.ContainerInstance/containerGroups/write`.
    pub action: &'static str,
    /// Where it is needed.
    pub at: At,
    /// What needs it.
    pub purpose: Purpose,
    /// How it comes to be asked for.
    pub asked: Asked,
}

/// Where an action is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// In the subscription itself.
    Subscription,
    /// In the environment's resource group, which a deploy makes.
    Environment,
    /// In the resource group of the ledgers.
    Ledgers,
    /// In the environment's vault, whose role a deploy gives to who deploys.
    Vault,
}

/// How an action comes to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A request of ours: its path and method say which action it is.
    Call,
    /// No request of ours: Azure asks for it when something else is requested, or Docker does.
    Implied(&'static str),
}

/// What needs a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// What a subscription has to be prepared with.
    Subscription,
    /// Resource groups.
    Groups,
    /// Lock and releases.
    Ledger,
    /// The registry, and images in it.
    Images,
    /// The identity that container groups pull images with, and its role.
    Identity,
    /// The vault.
    Vault,
    /// Secrets.
    Secrets,
    /// Container groups.
    Containers,
    /// What may be used of a location.
    Limits,
    /// `mizan doctor`, which does without if it has to.
    Doctor,
}

impl Purpose {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Subscription,
        Self::Groups,
        Self::Ledger,
        Self::Images,
        Self::Identity,
        Self::Vault,
        Self::Secrets,
        Self::Containers,
        Self::Limits,
        Self::Doctor,
    ];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Subscription => "resource providers, which are registered once per subscription",
            Self::Groups => "resource groups",
            Self::Ledger => "lock and releases, in the ledgers' storage account",
            Self::Images => "the registry, and images in it",
            Self::Identity => "the identity that pulls images, and the roles that are given",
            Self::Vault => "the vault",
            Self::Secrets => "the secrets in it",
            Self::Containers => "container groups: services, the release step, logs",
            Self::Limits => "what a location has left",
            Self::Doctor => "`mizan doctor` (optional)",
        }
    }
}

impl Permission {
    /// True if it has to be in the custom role. What a vault's own role allows comes with that
    /// role.
    pub fn is_in_role(&self) -> bool {
        self.at != At::Vault
    }
}

/// The permission that a request asks for, by its method and path. Tokens, and files in a storage
/// account, need none.
pub fn of_call(method: &str, path: &str) -> Option<&'static Permission> {
    let action = action_of(method, path)?;
    TABLE.iter().find(|permission| permission.action.eq_ignore_ascii_case(&action))
}
