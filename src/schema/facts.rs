//! What the Edge does with each context, as data: made from the value of `mizan-data.js`, so that
//! the policy of a new schema and that of a release that runs are read the same way.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::policy::ParamType;

/// The policy of an Edge.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyFacts {
    /// The contexts, by name.
    pub contexts: Vec<ContextFacts>,
    /// Seconds that no entry outlives.
    pub window: u64,
}

/// What the Edge does with a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContextFacts {
    /// Its name.
    pub name: String,
    /// For whom its answers are stored.
    pub storage: Storage,
    /// What makes one entry another one: required parameters first.
    pub params: Vec<ParamFacts>,
    /// Seconds for which an entry is fresh.
    pub max_age: u64,
    /// Seconds for which it may be used after that, while a fresh one is fetched.
    pub stale_while_revalidate: u64,
    /// What makes entries stale, by name.
    pub purged_by: Vec<Purge>,
    /// It changes over a WebSocket too, and the server announces that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub announced: bool,
}

/// For whom answers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// For everyone.
    Public,
    /// For each credential by itself.
    PerUser,
    /// For nobody: they depend on who asks.
    Private,
    /// For nobody: they change over a WebSocket, past the Edge, and nobody announces that.
    Realtime,
}

/// A parameter of a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParamFacts {
    /// Its name.
    pub name: String,
    /// False if there is a default.
    pub required: bool,
    /// How its values are spelled.
    #[serde(rename = "type")]
    pub kind: ParamType,
}

/// A mutation that makes entries of a context stale.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Purge {
    /// Its name.
    pub mutation: String,
    /// The parameters that say which entries; none is all of them.
    pub params: Vec<String>,
}

/// The part of `mizan-data.js` that says what is stored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Module {
    contexts: Vec<ModuleContext>,
    mutations: Vec<ModuleMutation>,
    window: u64,
    #[serde(default)]
    per_user: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ModuleContext {
    name: String,
    scope: String,
    max_age: u64,
    stale_while_revalidate: u64,
    realtime: bool,
    #[serde(default)]
    announced: bool,
    params: Vec<ParamFacts>,
}

#[derive(Deserialize)]
struct ModuleMutation {
    name: String,
    affects: Vec<ModuleAffects>,
}

#[derive(Deserialize)]
struct ModuleAffects {
    context: String,
    params: Vec<String>,
}

impl PolicyFacts {
    /// What the value of a generated module says; `None` if it is of another version of mizan.
    pub fn of(data: &Value) -> Option<Self> {
        let module = Module::deserialize(data).ok()?;
        let mut purges = module.purges();
        let contexts = module.contexts.iter().map(|context| {
            let purged_by = purges.remove(context.name.as_str()).unwrap_or_default();
            context.facts(module.per_user, purged_by)
        });
        Some(Self { contexts: contexts.collect(), window: module.window })
    }

    /// The context of this name.
    pub fn context(&self, name: &str) -> Option<&ContextFacts> {
        self.contexts.iter().find(|context| context.name == name)
    }
}

impl Module {
    /// What makes entries stale, by context.
    fn purges(&self) -> HashMap<&str, Vec<Purge>> {
        let mut purges: HashMap<&str, Vec<Purge>> = HashMap::new();
        for mutation in &self.mutations {
            for affects in &mutation.affects {
                let (mutation, params) = (mutation.name.clone(), affects.params.clone());
                purges.entry(&affects.context).or_default().push(Purge { mutation, params });
            }
        }
        purges.values_mut().for_each(|purges| purges.sort());
        purges
    }
}

impl ModuleContext {
    fn facts(&self, per_user: bool, purged_by: Vec<Purge>) -> ContextFacts {
        let mut params = self.params.clone();
        params
            .sort_by(|one, other| (!one.required, &one.name).cmp(&(!other.required, &other.name)));
        ContextFacts {
            name: self.name.clone(),
            storage: match (self.realtime && !self.announced, self.scope.as_str(), per_user) {
                (true, _, _) => Storage::Realtime,
                (_, "public", _) => Storage::Public,
                (_, _, true) => Storage::PerUser,
                (_, _, false) => Storage::Private,
            },
            params,
            max_age: self.max_age,
            stale_while_revalidate: self.stale_while_revalidate,
            purged_by,
            announced: self.realtime && self.announced,
        }
    }
}

impl ContextFacts {
    /// True if answers are kept at all.
    pub fn is_stored(&self) -> bool {
        matches!(self.storage, Storage::Public | Storage::PerUser)
    }
}
