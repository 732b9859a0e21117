//! What is allowed in a schema and is probably not meant: it costs caching, or a change that is seen
//! late. What is plainly wrong is refused by `check`.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    locate,
    policy::{Facts, ParamType, param_type},
    types::{AuthLevel, CacheScope, Context, Function, FunctionKind, Schema},
};
use crate::config::Position;

/// Headers by which the answer of every context varies: the Edge heeds them in its keys.
const HEEDED: [&str; 3] = ["authorization", "cookie", "accept-encoding"];

/// How much it matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Probably not what was meant.
    Warning,
    /// Good to know.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// The kinds of lints, as messages name them.
type Kind = (Severity, &'static str);
const MIXED_AUTH: Kind = (Severity::Warning, "mixed-auth");
const GUARDED_PUBLIC: Kind = (Severity::Warning, "guarded-public");
const UNSHARED: Kind = (Severity::Warning, "unshared-param");
const VARY: Kind = (Severity::Warning, "uncached-vary");
const BEYOND: Kind = (Severity::Warning, "beyond-window");
const STALE_BEYOND: Kind = (Severity::Note, "beyond-window");
const REALTIME: Kind = (Severity::Note, "uncached-realtime");
const NEVER_PURGED: Kind = (Severity::Note, "never-purged");
const SPELLINGS: Kind = (Severity::Note, "many-spellings");
const SILENT: Kind = (Severity::Note, "affects-nothing");

/// Something that is probably not meant, with both of its places: a file is read by line, what an
/// image printed by its JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// How much it matters.
    pub severity: Severity,
    /// Its kind.
    pub code: &'static str,
    /// What it is about, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// Where that stands in the text.
    pub position: Option<Position>,
    /// What is so, in one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// All lints of a checked schema, in the order of its text. No entry of the Edge outlives
/// `longest` seconds; of WebSocket changes to the contexts in `announced` the server tells it.
pub fn lint(schema: &Schema, text: &str, longest: u64, announced: &[String]) -> Vec<Lint> {
    let mut members: HashMap<_, Vec<_>> = HashMap::new();
    for function in &schema.functions {
        if let Some(context) = function.context.as_deref() {
            members.entry(context).or_default().push((function.name.as_str(), function.auth));
        }
    }
    let facts = Facts::of(schema);
    let lints = Ground { schema, facts, members, longest, announced, found: Vec::new() };
    let mut lints = lints.collect();
    let places = locate::positions(text, lints.iter().map(|lint| lint.pointer.as_str()));
    for lint in &mut lints {
        lint.position = places.get(&lint.pointer).copied();
    }
    lints.sort_by(|one, other| (one.position, &one.message).cmp(&(other.position, &other.message)));
    lints
}

struct Ground<'a> {
    schema: &'a Schema,
    facts: Facts<'a>,
    /// The functions of each context with their levels.
    members: HashMap<&'a str, Vec<(&'a str, AuthLevel)>>,
    longest: u64,
    /// The contexts whose WebSocket changes are announced.
    announced: &'a [String],
    found: Vec<Lint>,
}

impl Ground<'_> {
    fn collect(mut self) -> Vec<Lint> {
        for (index, context) in self.schema.contexts.iter().enumerate() {
            let at = format!("/x-mizan-contexts/{index}");
            self.auth(&at, context);
            self.unshared(&at, context);
            if self.is_stored(context) {
                self.vary(&at, context);
                self.lifetime(&at, context);
                self.purges(&at, context);
                self.spellings(&at, context);
            }
        }
        for (index, function) in self.schema.functions.iter().enumerate() {
            self.silent_mutation(&format!("/x-mizan-functions/{index}"), function);
        }
        self.found
    }

    fn add(
        &mut self,
        (severity, code): Kind,
        pointer: String,
        message: String,
        hint: impl Into<String>,
    ) {
        let hint = hint.into();
        self.found.push(Lint { severity, code, pointer, position: None, message, hint });
    }

    /// True if answers of the context are shared between visitors.
    fn is_stored(&self, context: &Context) -> bool {
        context.scope == CacheScope::Public
            && self.levels(context).iter().all(|(_, it)| it.is_open())
    }

    /// The functions of a context with their levels, and the levels that only the context names.
    fn levels<'b>(&'b self, context: &'b Context) -> Vec<(&'b str, AuthLevel)> {
        let mut levels = self.members.get(context.name.as_str()).cloned().unwrap_or_default();
        for level in &context.auth {
            if !levels.iter().any(|(_, known)| known == level) {
                levels.push((&context.name, *level));
            }
        }
        levels
    }

    /// One GET answers for all functions of a context, so the strictest guard is that of all.
    fn auth(&mut self, at: &str, context: &Context) {
        let levels = self.levels(context);
        let distinct: BTreeSet<&str> = levels.iter().map(|(_, level)| level.word()).collect();
        let some_open = levels.iter().any(|(_, level)| level.is_open());
        let guarded = levels.iter().any(|(_, level)| !level.is_open());
        let who = levels.iter().map(|(name, level)| format!("`{name}` {}", level.word()));
        let who = who.collect::<Vec<_>>().join(", ");
        let name = &context.name;
        if distinct.len() > 1 {
            let message = format!("the context `{name}` mixes who may call its functions: {who}");
            let hint = if some_open {
                "who may not call one gets none of them, and nothing is shared between visitors; \
                 move what everyone may see to a context of its own"
            } else {
                "who may not call one gets none of them; split the context by who may see it"
            };
            self.add(MIXED_AUTH, format!("{at}/auth"), message, hint);
        } else if guarded && context.scope == CacheScope::Public {
            let message = format!("the context `{name}` is public and guarded: {who}");
            let hint = "a guarded answer is never shared between visitors; make the scope private, \
                        or take the guard away";
            self.add(GUARDED_PUBLIC, format!("{at}/cache/scope"), message, hint);
        }
    }

    fn unshared(&mut self, at: &str, context: &Context) {
        for (index, param) in context.params.iter().enumerate() {
            if !param.required || param.elevated != Some(false) {
                continue;
            }
            let message = format!(
                "the parameter `{}` of `{}` has no default, and not every function takes it",
                param.name, context.name
            );
            let hint = "without it no function of the context answers; give it a default, or make \
                        every function take it";
            self.add(UNSHARED, format!("{at}/params/{index}"), message, hint);
        }
    }

    fn vary(&mut self, at: &str, context: &Context) {
        let heeded = |header: &String| HEEDED.contains(&header.to_ascii_lowercase().as_str());
        let others: Vec<_> =
            context.vary.iter().filter(|header| !heeded(header)).map(String::as_str).collect();
        if others.is_empty() {
            return;
        }
        let message = format!(
            "the context `{}` varies by {}: it is never stored",
            context.name,
            others.join(", ")
        );
        let hint = "make what it depends on a parameter";
        self.add(VARY, format!("{at}/cache/vary"), message, hint);
    }

    fn lifetime(&mut self, at: &str, context: &Context) {
        let Context { name, max_age, stale_while_revalidate: stale, .. } = context;
        let longest = self.longest;
        let hint = || format!("no entry lives longer than {longest} s at the Edge");
        if *max_age > longest {
            let message = format!("the context `{name}` is meant to be fresh for {max_age} s");
            self.add(BEYOND, format!("{at}/cache/maxAge"), message, hint());
        } else if max_age.saturating_add(*stale) > longest {
            let message = format!("the context `{name}` is meant to be used stale for {stale} s");
            self.add(STALE_BEYOND, format!("{at}/cache/staleWhileRevalidate"), message, hint());
        }
    }

    /// Whether changes are heard of, and how.
    fn purges(&mut self, at: &str, context: &Context) {
        let name = &context.name;
        if self.facts.realtime.contains(name.as_str()) {
            if self.announced.contains(name) {
                return;
            }
            let message =
                format!("the context `{name}` changes over a WebSocket: it is never stored");
            let hint = "let a mutation change it: of its calls the Edge hears; or announce its \
                        changes, and name it under `edge.announced`";
            self.add(REALTIME, at.to_owned(), message, hint);
            return;
        }
        let age = context.max_age.saturating_add(context.stale_while_revalidate).min(self.longest);
        if age > 0 && !self.facts.declared.contains_key(name.as_str()) {
            let message =
                format!("no mutation affects the context `{name}`: a change shows after {age} s");
            let hint = "name it under `affects` of what changes it, or purge it with `mizan edge \
                        purge`";
            self.add(NEVER_PURGED, at.to_owned(), message, hint);
        }
    }

    /// A value that can be spelled in two ways cannot say which entries change.
    fn spellings(&mut self, at: &str, context: &Context) {
        let Some(sets) = self.facts.declared.get(context.name.as_str()) else { return };
        let scoping: BTreeSet<String> = sets.iter().flatten().cloned().collect();
        for (index, param) in context.params.iter().enumerate() {
            if param_type(&param.schema) != ParamType::Other || !scoping.contains(&param.name) {
                continue;
            }
            let message = format!(
                "values of `{}` of `{}` have more than one spelling: a mutation that names one \
                 purges all of the context",
                param.name, context.name
            );
            let hint = "integers, booleans, numbers and texts without a format have one spelling";
            self.add(SPELLINGS, format!("{at}/params/{index}/schema"), message, hint);
        }
    }

    /// What it changes is known by its answer alone: where that is lost, nothing is purged.
    fn silent_mutation(&mut self, at: &str, function: &Function) {
        if function.kind != FunctionKind::Mutation || !function.affects.is_empty() {
            return;
        }
        let message = format!("the mutation `{}` affects no context", function.name);
        let hint = "if it changes what a context shows, name that under `affects`";
        self.add(SILENT, format!("{at}/affects"), message, hint);
    }
}

impl AuthLevel {
    fn is_open(self) -> bool {
        self == Self::None
    }

    /// The word for it in the schema.
    fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::User => "user",
            Self::Staff => "staff",
            Self::Superuser => "superuser",
            Self::Custom => "custom",
        }
    }
}

#[cfg(test)]
mod tests;
