//! The types of a plan. `O` is the operation type of the executors (a target's `Op`); a plan never
//! looks inside it, so the planner depends on no target.

use std::{borrow::Cow, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::PolicyReport;

/// What a look at the world told about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen<T> {
    /// It does not exist.
    Absent,
    /// It exists like this.
    Present(T),
    /// Nobody could tell; the text says why.
    Unknown(String),
}

impl<T> Seen<T> {
    /// The thing, if it was seen.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(thing) => Some(thing),
            Self::Absent | Self::Unknown(_) => None,
        }
    }
}

/// Names a step within its plan, e.g. `service/web`. Stable from plan to plan.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct StepId(pub String);

impl StepId {
    /// The id `kind/name`.
    pub fn new(kind: &str, name: &str) -> Self {
        Self(format!("{kind}/{name}"))
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a resource to a person: its kind ("service", "network") and its name in `mizan.yaml` or
/// on the platform.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct ResourceId {
    /// The kind, lower case, singular.
    pub kind: Cow<'static, str>,
    /// The name within its kind.
    pub name: String,
}

impl ResourceId {
    /// The resource `kind name`.
    pub fn new(kind: impl Into<Cow<'static, str>>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }

    /// The id of the step that handles this resource.
    pub fn step_id(&self) -> StepId {
        StepId::new(&self.kind, &self.name)
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// A value that is known now, or only after another step has run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Late<T> {
    /// Known while planning.
    Known(T),
    /// Known after this step: "(known after build)".
    After(StepId),
}

/// One side of a field's difference, as a person may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldValue {
    /// The field is not set on this side.
    Unset,
    /// The value, fit to be printed.
    Known(String),
    /// It differs, but its value is not for print.
    Masked,
    /// Known only after the named step.
    After(StepId),
}

impl From<&str> for FieldValue {
    fn from(value: &str) -> Self {
        Self::Known(value.to_owned())
    }
}

impl From<&Late<String>> for FieldValue {
    fn from(value: &Late<String>) -> Self {
        match value {
            Late::Known(text) => Self::Known(text.clone()),
            Late::After(step) => Self::After(step.clone()),
        }
    }
}

impl From<String> for FieldValue {
    fn from(value: String) -> Self {
        Self::Known(value)
    }
}

/// A field that differs between what is and what should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldDiff {
    /// The field, in the words of `mizan.yaml` where it stands there, e.g. `cpu`, `env.DEBUG`.
    pub field: String,
    /// What is.
    pub before: FieldValue,
    /// What will be.
    pub after: FieldValue,
}

/// What happens to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Change {
    /// It does not exist and will be created: `+`.
    Create {
        /// What it will be like, for the reader.
        fields: Vec<FieldDiff>,
    },
    /// It exists and will be changed in place: `~`.
    Update {
        /// What differs.
        fields: Vec<FieldDiff>,
    },
    /// It exists and must be made anew: `-/+`.
    Replace {
        /// Why a change in place is not possible, e.g. "a container cannot change its image".
        why: String,
        /// What differs.
        fields: Vec<FieldDiff>,
    },
    /// It exists and will be removed: `-`.
    Delete {
        /// Why it goes, e.g. "no longer in mizan.yaml".
        why: String,
    },
    /// Something is done once, nothing is created that stays (a migration, the switch of
    /// traffic): `>`.
    Run {
        /// What is done, in a few words, e.g. "python manage.py migrate".
        what: String,
    },
}

/// How a step is taken back when a later one fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "snake_case")]
pub enum Undo<O> {
    /// What the step created is deleted.
    Delete,
    /// This operation brings back what was.
    Restore {
        /// The operation.
        op: Box<O>,
    },
    /// Nothing can or need be done.
    None {
        /// Why, as the plan prints it.
        why: Cow<'static, str>,
    },
}

/// One unit of work on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step<O> {
    /// Its name within the plan.
    pub id: StepId,
    /// What it works on.
    pub resource: ResourceId,
    /// What happens to it.
    pub change: Change,
    /// The steps that must be done before it starts.
    pub needs: Vec<StepId>,
    /// What to execute.
    pub op: O,
    /// How it is taken back.
    pub undo: Undo<O>,
    /// True for the steps after the commit point (traffic has moved): their failure no longer
    /// takes the release back, it is reported with what is left over.
    #[serde(default)]
    pub after_commit: bool,
}

/// Something the reader should know that is not a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "level", content = "text", rename_all = "snake_case")]
pub enum Note {
    /// Good to know.
    Info(String),
    /// Probably not what was meant.
    Warning(String),
}

/// What would change, in an order that respects every `needs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan<O> {
    /// The steps, topologically ordered by construction.
    pub steps: Vec<Step<O>>,
    /// The resources that are as they should be.
    pub unchanged: Vec<ResourceId>,
    /// What else the reader should know.
    pub notes: Vec<Note>,
    /// What the Edge will do with each context, where there is an Edge and its schema is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyReport>,
}

/// The figures of the totals line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Resources to create.
    pub create: usize,
    /// Resources to change in place.
    pub update: usize,
    /// Resources to make anew.
    pub replace: usize,
    /// Resources to delete.
    pub delete: usize,
    /// Things done once.
    pub run: usize,
    /// Resources left as they are.
    pub unchanged: usize,
}

impl<O> Plan<O> {
    /// True if nothing would change.
    pub fn is_noop(&self) -> bool {
        self.steps.is_empty()
    }

    /// The policy of the Edge, if a reader who does not ask for it should see it: it changed, or
    /// comes with a release that cannot be compared with any.
    pub fn news(&self) -> Option<&PolicyReport> {
        let is_news = |policy: &&PolicyReport| {
            !policy.changes.is_empty() || policy.since.is_none() && !self.is_noop()
        };
        self.policy.as_ref().filter(is_news)
    }

    /// The figures of the totals line.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals { unchanged: self.unchanged.len(), ..Totals::default() };
        for step in &self.steps {
            match step.change {
                Change::Create { .. } => totals.create += 1,
                Change::Update { .. } => totals.update += 1,
                Change::Replace { .. } => totals.replace += 1,
                Change::Delete { .. } => totals.delete += 1,
                Change::Run { .. } => totals.run += 1,
            }
        }
        totals
    }

    /// The step of this id.
    pub fn step(&self, id: &StepId) -> Option<&Step<O>> {
        self.steps.iter().find(|step| &step.id == id)
    }
}
