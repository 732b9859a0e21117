//! What is to be purged, checked against the policy of the Edge before anything is sent: what it does
//! not understand, an Edge takes for everything.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{
    config::suggestion,
    error::{Error, ErrorKind, Result},
    schema::{ContextFacts, ParamFacts, ParamType, PolicyFacts},
};

/// What a person wants purged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Everything.
    All,
    /// A context, or its entries with these values.
    Context {
        /// Its name.
        name: String,
        /// Names of parameters and values.
        params: Vec<(String, String)>,
    },
}

/// An item of the list that an Edge takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Invalidation {
    /// A whole context, or `*`.
    Whole(String),
    /// The entries of a context with these values.
    Entries {
        /// The context.
        context: String,
        /// Values by the names of parameters.
        params: BTreeMap<String, String>,
    },
}

impl Invalidation {
    /// A context, or those of its entries that have these values.
    pub fn of(context: &str, params: &BTreeMap<String, String>) -> Self {
        match params.is_empty() {
            true => Self::Whole(context.to_owned()),
            false => Self::Entries { context: context.to_owned(), params: params.clone() },
        }
    }
}

impl fmt::Display for Invalidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(name) if name == EVERYTHING => f.write_str("everything"),
            Self::Whole(name) => write!(f, "all of {name}"),
            Self::Entries { context, params } => {
                let pairs = params.iter().map(|(name, value)| format!("{name}={value}"));
                write!(f, "{context} with {}", pairs.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The name that stands for every context.
const EVERYTHING: &str = "*";

impl Selection {
    /// What an Edge with this policy is told.
    ///
    /// # Errors
    /// It has no such context or parameter, or a value is not of its type.
    pub fn invalidation(&self, policy: &PolicyFacts) -> Result<Invalidation> {
        let (name, params) = match self {
            Self::All => return Ok(Invalidation::Whole(EVERYTHING.to_owned())),
            Self::Context { name, params } => (name, params),
        };
        let context = policy.context(name).ok_or_else(|| unknown_context(name, policy))?;
        let mut values = BTreeMap::new();
        for (param, value) in params {
            let known = context.params.iter().find(|known| known.name == *param);
            let known = known.ok_or_else(|| unknown_param(param, context))?;
            require_type(known, value)?;
            if values.insert(param.clone(), value.clone()).is_some() {
                let message = format!("the parameter {param} is given twice");
                return Err(Error::new(ErrorKind::Usage, message)
                    .hint("one purge is of one value; run the command for each"));
            }
        }
        Ok(Invalidation::of(name, &values))
    }

    /// What the reader should know: that the Edge has nothing of it, or purges more than was asked.
    pub fn remark(&self, policy: &PolicyFacts) -> Option<String> {
        let Self::Context { name, params } = self else { return None };
        let context = policy.context(name)?;
        if !context.is_stored() {
            return Some(format!(
                "the edge stores nothing of {name}: {}",
                context.words(policy.window)
            ));
        }
        let mut names: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let loose = context
            .params
            .iter()
            .any(|param| param.kind == ParamType::Other && names.contains(&param.name.as_str()));
        let declared = context.purged_by.iter().any(|purge| purge.params == names);
        (!names.is_empty() && (loose || !declared)).then(|| {
            format!(
                "no mutation tells entries of {name} apart by {}: all of it is purged",
                names.join(", ")
            )
        })
    }
}

fn unknown_context(name: &str, policy: &PolicyFacts) -> Error {
    let known: Vec<&str> = policy.contexts.iter().map(|context| context.name.as_str()).collect();
    Error::new(ErrorKind::Usage, format!("there is no context `{name}`")).hint(
        match known.is_empty() {
            true => "the schema has no contexts".to_owned(),
            false => suggestion(name, &known, "contexts"),
        },
    )
}

fn unknown_param(param: &str, context: &ContextFacts) -> Error {
    let known: Vec<&str> = context.params.iter().map(|known| known.name.as_str()).collect();
    let message = format!("the context `{}` has no parameter `{param}`", context.name);
    Error::new(ErrorKind::Usage, message).hint(match known.is_empty() {
        true => "it has no parameters: leave --param out".to_owned(),
        false => suggestion(param, &known, "parameters"),
    })
}

/// A value that is spelled as no entry is would purge nothing.
fn require_type(param: &ParamFacts, value: &str) -> Result<()> {
    let (fits, expected) = match param.kind {
        ParamType::Integer => (is_integer(value), "an integer: digits without leading zeros"),
        ParamType::Boolean => (matches!(value, "true" | "false"), "`true` or `false`"),
        ParamType::Number => (is_number(value), "a number without superfluous zeros"),
        ParamType::String | ParamType::Other => (true, "a text"),
    };
    if fits {
        return Ok(());
    }
    let message = format!("{value:?} is no value of `{}`", param.name);
    Err(Error::new(ErrorKind::Usage, message).hint(format!("it is {expected}")))
}

/// As the Edge spells integers.
fn is_integer(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && (value == "0" || !digits.starts_with('0'))
}

/// As JavaScript, and so the Edge, spells numbers; large and small ones are left to it.
fn is_number(value: &str) -> bool {
    let spelled = |number: f64| value.contains(['e', 'E']) || number.to_string() == value;
    value.parse::<f64>().is_ok_and(|number| number.is_finite() && spelled(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Purge, Storage};

    fn policy() -> PolicyFacts {
        let param = |name: &str, kind| ParamFacts { name: name.into(), required: true, kind };
        let context = |name: &str, storage, params| ContextFacts {
            name: name.into(),
            storage,
            params,
            max_age: 0,
            stale_while_revalidate: 300,
            purged_by: vec![Purge { mutation: "edit".into(), params: vec!["post_id".into()] }],
            announced: false,
        };
        let params = vec![
            param("post_id", ParamType::Integer),
            param("draft", ParamType::Boolean),
            param("score", ParamType::Number),
            param("day", ParamType::Other),
        ];
        PolicyFacts {
            contexts: vec![
                context("post", Storage::Public, params),
                context("me", Storage::Private, Vec::new()),
            ],
            window: 300,
        }
    }

    fn of(name: &str, params: &[(&str, &str)]) -> Selection {
        let params = params.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Selection::Context { name: name.into(), params: params.collect() }
    }

    fn sent(selection: &Selection) -> String {
        serde_json::to_string(&selection.invalidation(&policy()).unwrap()).unwrap()
    }

    fn refusal(selection: &Selection) -> (String, Vec<String>) {
        let error = selection.invalidation(&policy()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Usage);
        (error.message, error.hints)
    }

    #[test]
    fn an_edge_is_told_everything_a_context_or_some_of_it() {
        assert_eq!(sent(&Selection::All), r#""*""#);
        assert_eq!(sent(&of("post", &[])), r#""post""#);
        let entry = of("post", &[("post_id", "5")]);
        assert_eq!(sent(&entry), r#"{"context":"post","params":{"post_id":"5"}}"#);
    }

    #[test]
    fn names_that_nobody_knows_are_refused_with_the_nearest() {
        let (message, hints) = refusal(&of("posst", &[]));
        assert_eq!(message, "there is no context `posst`");
        assert_eq!(hints, ["did you mean `post`?"]);
        let (message, hints) = refusal(&of("post", &[("postid", "5")]));
        assert_eq!(message, "the context `post` has no parameter `postid`");
        assert_eq!(hints, ["did you mean `post_id`?"]);
        let (_, hints) = refusal(&of("me", &[("id", "5")]));
        assert_eq!(hints, ["it has no parameters: leave --param out"]);
    }

    #[test]
    fn values_are_spelled_as_entries_are() {
        for (param, value) in [
            ("post_id", "05"),
            ("post_id", "-0"),
            ("post_id", ""),
            ("post_id", "5.0"),
            ("draft", "True"),
            ("score", "many"),
            ("score", "inf"),
            ("score", "0.50"),
        ] {
            let (message, _) = refusal(&of("post", &[(param, value)]));
            assert_eq!(message, format!("{value:?} is no value of `{param}`"));
        }
        for (param, value) in [
            ("post_id", "0"),
            ("post_id", "-12"),
            ("post_id", "9007199254740993"),
            ("draft", "false"),
            ("score", "0.5"),
            ("score", "1e30"),
            ("day", "2026-11-29"),
        ] {
            assert!(of("post", &[(param, value)]).invalidation(&policy()).is_ok(), "{value}");
        }
        let (message, _) = refusal(&of("post", &[("post_id", "5"), ("post_id", "6")]));
        assert_eq!(message, "the parameter post_id is given twice");
    }

    #[test]
    fn a_purge_of_more_or_of_nothing_is_remarked() {
        let remark = |selection: Selection| selection.remark(&policy());
        assert_eq!(remark(of("post", &[("post_id", "5")])), None);
        assert_eq!(remark(of("post", &[])), None);
        let more = "no mutation tells entries of post apart by draft: all of it is purged";
        assert_eq!(remark(of("post", &[("draft", "true")])).as_deref(), Some(more));
        let nothing = "the edge stores nothing of me: private, never stored";
        assert_eq!(remark(of("me", &[])).as_deref(), Some(nothing));
    }
}
