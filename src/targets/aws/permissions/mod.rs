//! What a person or a machine that deploys to AWS has to be allowed: one table, from which the
//! policy, the documentation and the questions of `mizan doctor` are made.

mod github;
mod policy;
mod reference;
mod resources;
mod table;

pub use github::GithubRole;
pub use policy::{Policy, Statement};
pub use reference::markdown;
pub use resources::{Environment, On};
pub use table::TABLE;

/// One action that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// The action, as policies name it: `ecs:CreateService`.
    pub action: &'static str,
    /// On which resources, under which conditions.
    pub on: On,
    /// What needs it.
    pub purpose: Purpose,
    /// How it comes to be asked for.
    pub asked: Asked,
}

/// How an action comes to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A call of ours of the same name.
    Call,
    /// A call of ours with another name than its action.
    Named(&'static [&'static str]),
    /// No call of ours: AWS asks for it when something else is called, or Docker does.
    Implied(&'static str),
}

/// What needs a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Knowing whose account it is.
    Account,
    /// Lock and releases.
    Ledger,
    /// Pushing images.
    Image,
    /// The roles of tasks.
    Roles,
    /// The network, which is looked at, and the security groups, which are made.
    Network,
    /// The log group, and reading it.
    Logs,
    /// Secrets.
    Secrets,
    /// Secrets that `mizan.yaml` refers to. Without it, a change of theirs is not seen.
    GivenSecrets,
    /// Parameters of SSM that it refers to, likewise.
    GivenParameters,
    /// Load balancer, target group, listeners and rules.
    Traffic,
    /// The certificate of the origin. Only with a domain.
    Certificate,
    /// Cluster, services and tasks.
    Services,
    /// The check of a new release. Only with an edge.
    Check,
    /// Autoscaling. What changes it, only for services that scale.
    Scaling,
    /// `mizan doctor`, which does without if it has to.
    Doctor,
}

impl Purpose {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 15] = [
        Self::Account,
        Self::Ledger,
        Self::Image,
        Self::Roles,
        Self::Network,
        Self::Logs,
        Self::Secrets,
        Self::GivenSecrets,
        Self::GivenParameters,
        Self::Traffic,
        Self::Certificate,
        Self::Services,
        Self::Check,
        Self::Scaling,
        Self::Doctor,
    ];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Account => "knowing whose account it is",
            Self::Ledger => "lock and releases, in the ledger's bucket",
            Self::Image => "pushing images",
            Self::Roles => "the roles of tasks",
            Self::Network => "looking at the network, making security groups",
            Self::Logs => "the log group, and reading it",
            Self::Secrets => "secrets",
            Self::GivenSecrets => "secrets that mizan.yaml refers to",
            Self::GivenParameters => "parameters of SSM that mizan.yaml refers to",
            Self::Traffic => "load balancer, target group, listeners and rules",
            Self::Certificate => "the origin's certificate (with a domain)",
            Self::Services => "cluster, services, tasks, the release step",
            Self::Check => "the check of a new release (with the edge)",
            Self::Scaling => "autoscaling",
            Self::Doctor => "`mizan doctor` (optional)",
        }
    }
}

impl Permission {
    /// True if deploying this environment needs it.
    pub fn is_needed(&self, environment: &Environment<'_>) -> bool {
        let wanted = match self.purpose {
            Purpose::Certificate => environment.https,
            Purpose::Check => environment.check,
            Purpose::Scaling => environment.scaling || self.on == On::Any,
            Purpose::GivenSecrets => environment.refers_to(":secretsmanager:"),
            Purpose::GivenParameters => environment.refers_to(":ssm:"),
            Purpose::Doctor => false,
            _ => true,
        };
        wanted && self.on != On::Free && self.on.is_ours(environment)
    }

    /// True if a call (`ecs:CreateService`, by its signing name) asks for it.
    pub fn is_asked_by(&self, call: &str) -> bool {
        match self.asked {
            Asked::Call => self.action == call,
            Asked::Named(calls) => calls.contains(&call),
            Asked::Implied(_) => false,
        }
    }
}

/// The permission that a call asks for.
pub fn of_call(call: &str) -> Option<&'static Permission> {
    TABLE.iter().find(|permission| permission.is_asked_by(call))
}
