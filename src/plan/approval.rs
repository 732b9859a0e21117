//! A saved plan is an approval, not a program: it is never executed. The plan is computed anew
//! and executed only if it is still what was approved, on the same grounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Plan, ResourceId};
use crate::error::{Context, Error, ErrorKind, Result};

/// The version of the file; it changes when a tool that reads the old one would be misled.
const VERSION: u32 = 1;

/// What a plan stands on, by name as a sentence takes it ("the configuration", "the observed
/// state of service web"), to its hash.
pub type Basis = BTreeMap<String, String>;

/// A plan that somebody looked at and saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval<O> {
    /// The version of this format.
    format_version: u32,
    /// The version of the tool that made the plan.
    tool_version: String,
    /// When it was saved.
    created: Timestamp,
    /// From when on it is void.
    expires: Timestamp,
    /// What it stands on.
    basis: Basis,
    /// What was approved.
    plan: Plan<O>,
}

/// The part of the file that says whether the rest can be read.
#[derive(Deserialize)]
struct Header {
    format_version: u32,
}

/// A way in which the world moved on since the plan was approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Departure {
    /// Its time is over.
    Expired(Timestamp),
    /// Another version of the tool may plan or execute differently.
    Tool {
        /// Which made the plan.
        approved: String,
        /// Which runs now.
        running: String,
    },
    /// Something the plan stands on is not as it was.
    Changed(String),
    /// Something the plan stands on did not exist then.
    Appeared(String),
    /// Something the plan stands on exists no more.
    Vanished(String),
    /// A step that was not approved.
    StepAdded(ResourceId),
    /// An approved step that is no longer planned.
    StepRemoved(ResourceId),
    /// A step that would do something else.
    StepChanged(ResourceId),
    /// The same steps, in another order.
    Reordered,
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(when) => write!(f, "it expired at {when}"),
            Self::Tool { approved, running } => {
                write!(f, "it was made by mizan {approved}, and this is mizan {running}")
            }
            Self::Changed(what) => write!(f, "{what} has changed"),
            Self::Appeared(what) => write!(f, "{what} was not there before"),
            Self::Vanished(what) => write!(f, "{what} is not there any more"),
            Self::StepAdded(resource) => write!(f, "a step for {resource} would be added"),
            Self::StepRemoved(resource) => write!(f, "the step for {resource} would be left out"),
            Self::StepChanged(resource) => write!(f, "the step for {resource} would differ"),
            Self::Reordered => f.write_str("the steps would run in another order"),
        }
    }
}

impl<O> Approval<O> {
    /// Approves `plan`, made by `tool_version`, from `now` on for `lifetime`.
    pub fn new(
        plan: Plan<O>,
        basis: Basis,
        tool_version: impl Into<String>,
        now: Timestamp,
        lifetime: SignedDuration,
    ) -> Self {
        Self {
            format_version: VERSION,
            tool_version: tool_version.into(),
            created: now,
            // A lifetime beyond the end of the calendar never ends.
            expires: now.checked_add(lifetime).unwrap_or(Timestamp::MAX),
            basis,
            plan,
        }
    }

    /// When it was saved.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// The plan that was approved, to be shown; what is executed is always computed anew.
    pub fn plan(&self) -> &Plan<O> {
        &self.plan
    }
}

impl<O: PartialEq> Approval<O> {
    /// How a plan computed `now` from `basis` departs from what was approved; empty if it does
    /// not, and only then may it be executed.
    pub fn departures(
        &self,
        plan: &Plan<O>,
        basis: &Basis,
        tool_version: &str,
        now: Timestamp,
    ) -> Vec<Departure> {
        let mut departures = Vec::new();
        if now >= self.expires {
            departures.push(Departure::Expired(self.expires));
        }
        if tool_version != self.tool_version {
            departures.push(Departure::Tool {
                approved: self.tool_version.clone(),
                running: tool_version.to_owned(),
            });
        }
        departures.extend(basis_departures(&self.basis, basis));
        // What the plan stands on says it all; the steps follow from it.
        if departures.is_empty() {
            departures.extend(step_departures(&self.plan, plan));
        }
        departures
    }

    /// As [`Self::departures`], told as the error that refuses to execute the plan.
    pub fn check(
        &self,
        plan: &Plan<O>,
        basis: &Basis,
        tool_version: &str,
        now: Timestamp,
    ) -> Result<()> {
        let departures = self.departures(plan, basis, tool_version, now);
        if departures.is_empty() {
            return Ok(());
        }
        let refusal = Error::failed("the saved plan is not what would be done now")
            .hint("look at a new plan, and save it again");
        Err(departures.iter().fold(refusal, Error::cause))
    }
}

impl<O: Serialize> Approval<O> {
    /// The file's content.
    pub fn to_json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self)
            .context(ErrorKind::Failed, || "could not write the plan".to_owned())?;
        Ok(text + "\n")
    }
}

impl<O: DeserializeOwned> Approval<O> {
    /// Reads a file's content; `file` names it in errors.
    pub fn from_json(file: &str, text: &str) -> Result<Self> {
        let unusable = || format!("{file} is not a saved plan that can be used");
        let header: Header = serde_json::from_str(text).context(ErrorKind::Invalid, unusable)?;
        if header.format_version != VERSION {
            let found = header.format_version;
            return Err(Error::new(ErrorKind::Invalid, unusable())
                .cause(format!("it has format version {found}, this mizan reads {VERSION}"))
                .hint("make the plan again with this version"));
        }
        serde_json::from_str(text).context(ErrorKind::Invalid, unusable)
    }
}

fn basis_departures(approved: &Basis, now: &Basis) -> Vec<Departure> {
    let names: BTreeSet<&String> = approved.keys().chain(now.keys()).collect();
    let judge = |name: &String| match (approved.get(name), now.get(name)) {
        (Some(then), Some(now)) if then == now => None,
        (Some(_), Some(_)) => Some(Departure::Changed(name.clone())),
        (None, _) => Some(Departure::Appeared(name.clone())),
        (_, None) => Some(Departure::Vanished(name.clone())),
    };
    names.into_iter().filter_map(judge).collect()
}

fn step_departures<O: PartialEq>(approved: &Plan<O>, now: &Plan<O>) -> Vec<Departure> {
    let mut departures = Vec::new();
    for step in &approved.steps {
        match now.step(&step.id) {
            None => departures.push(Departure::StepRemoved(step.resource.clone())),
            Some(same) if same == step => {}
            Some(_) => departures.push(Departure::StepChanged(step.resource.clone())),
        }
    }
    let added = now.steps.iter().filter(|step| approved.step(&step.id).is_none());
    departures.extend(added.map(|step| Departure::StepAdded(step.resource.clone())));
    if departures.is_empty() && approved.steps != now.steps {
        departures.push(Departure::Reordered);
    }
    departures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Change, PlanBuilder, Step, Undo};

    fn step(name: &str, op: u8) -> Step<u8> {
        let resource = ResourceId::new("service", name);
        Step {
            id: resource.step_id(),
            resource,
            change: Change::Create { fields: Vec::new() },
            needs: Vec::new(),
            op,
            undo: Undo::Delete,
            after_commit: false,
        }
    }

    fn plan(steps: &[(&str, u8)]) -> Plan<u8> {
        let mut builder = PlanBuilder::default();
        steps.iter().for_each(|(name, op)| builder.step(step(name, *op)));
        builder.build().expect("a plan")
    }

    fn basis(entries: &[(&str, &str)]) -> Basis {
        entries.iter().map(|(name, hash)| ((*name).to_owned(), (*hash).to_owned())).collect()
    }

    fn noon() -> Timestamp {
        "2026-05-01T12:00:00Z".parse().expect("a timestamp")
    }

    fn minutes(minutes: i64) -> SignedDuration {
        SignedDuration::from_mins(minutes)
    }

    fn approval() -> Approval<u8> {
        let basis = basis(&[("the configuration", "c1"), ("the image", "i1")]);
        Approval::new(plan(&[("web", 1), ("worker", 2)]), basis, "1.0.0", noon(), minutes(60))
    }

    fn departures(plan: &Plan<u8>, basis: &Basis, tool: &str, now: Timestamp) -> Vec<String> {
        let found = approval().departures(plan, basis, tool, now);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_same_plan_on_the_same_grounds_in_time_is_still_approved() {
        let Approval { plan, basis, .. } = approval();
        let last = noon() + minutes(59);
        assert_eq!(approval().check(&plan, &basis, "1.0.0", last), Ok(()));
    }

    #[test]
    fn it_is_void_when_its_time_is_over() {
        let Approval { plan, basis, .. } = approval();
        let told = departures(&plan, &basis, "1.0.0", noon() + minutes(60));
        assert_eq!(told, ["it expired at 2026-05-01T13:00:00Z"]);
    }

    #[test]
    fn another_tool_might_do_something_else() {
        let Approval { plan, basis, .. } = approval();
        let told = departures(&plan, &basis, "1.1.0", noon());
        assert_eq!(told, ["it was made by mizan 1.0.0, and this is mizan 1.1.0"]);
    }

    #[test]
    fn every_change_of_what_it_stands_on_is_named() {
        let now = basis(&[("the configuration", "c2"), ("the observed state of service web", "w")]);
        let told = departures(&approval().plan, &now, "1.0.0", noon());
        assert_eq!(
            told,
            [
                "the configuration has changed",
                "the image is not there any more",
                "the observed state of service web was not there before",
            ]
        );
    }

    #[test]
    fn every_change_of_the_steps_is_named() {
        let now = plan(&[("web", 9), ("beat", 3)]);
        let told = departures(&now, &approval().basis, "1.0.0", noon());
        assert_eq!(
            told,
            [
                "the step for service web would differ",
                "the step for service worker would be left out",
                "a step for service beat would be added",
            ]
        );
        let now = plan(&[("worker", 2), ("web", 1)]);
        let told = departures(&now, &approval().basis, "1.0.0", noon());
        assert_eq!(told, ["the steps would run in another order"]);
    }

    #[test]
    fn the_refusal_names_all_reasons_and_what_to_do() {
        let Approval { plan, .. } = approval();
        let error = approval().check(&plan, &Basis::new(), "1.0.0", noon()).expect_err("refused");
        assert_eq!(error.causes.len(), 2, "{error}");
        assert_eq!(error.hints, ["look at a new plan, and save it again"]);
    }

    #[test]
    fn it_is_read_back_as_it_was_written() {
        let text = approval().to_json().expect("JSON");
        assert_eq!(Approval::from_json("plan.json", &text), Ok(approval()));
    }

    #[test]
    fn a_file_that_is_none_is_refused_by_name() {
        for text in ["", "{}", r#"{"format_version": 7}"#, r#"{"format_version": 1}"#] {
            let error = Approval::<u8>::from_json("plan.json", text).expect_err(text);
            assert_eq!(error.kind, ErrorKind::Invalid);
            assert_eq!(error.message, "plan.json is not a saved plan that can be used");
        }
    }
}
