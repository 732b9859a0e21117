//! The policy of the Edge in words, one line for each context, and what differs between two of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    facts::{ContextFacts, ParamFacts, PolicyFacts, Purge, Storage},
    policy::ParamType,
};

/// How the server's own word for a change over a WebSocket is called among what purges a context.
const ANNOUNCEMENTS: &str = "announcements of WebSocket changes";

/// Something that the Edge does differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyChange {
    /// The context; absent if it is about all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// What was and what is.
    pub words: String,
}

impl ContextFacts {
    /// What the Edge does with it: `public, by post_id, limit; purged by add_comment(post_id)`.
    pub fn words(&self, window: u64) -> String {
        let stored = match self.storage {
            Storage::Private => return "private, never stored".to_owned(),
            Storage::Realtime => {
                return "never stored: it changes over a WebSocket, past the Edge".to_owned();
            }
            Storage::PerUser => "per user",
            Storage::Public => "public",
        };
        let by = match self.params.as_slice() {
            [] => String::new(),
            params => format!(", by {}", names(params)),
        };
        let announced = self.announced.then(|| ANNOUNCEMENTS.to_owned());
        let purges: Vec<String> = self.purged_by.iter().map(call).chain(announced).collect();
        let purges = match purges.as_slice() {
            [] => format!("nothing purges it: a change shows after {} s", self.age(window)),
            purges => format!("purged by {}", purges.join(", ")),
        };
        format!("{stored}{by}; {purges}")
    }

    /// Seconds that an entry may be old.
    fn age(&self, window: u64) -> u64 {
        self.max_age.saturating_add(self.stale_while_revalidate).min(window)
    }
}

/// What differs, context by context.
pub fn compare(before: &PolicyFacts, after: &PolicyFacts) -> Vec<PolicyChange> {
    let mut changes = Vec::new();
    for now in &after.contexts {
        let words = match before.context(&now.name) {
            None => vec!["is new".to_owned()],
            Some(then) => differences(then, now),
        };
        changes.extend(words.into_iter().map(|words| change(Some(&now.name), words)));
    }
    let gone = before.contexts.iter().filter(|then| after.context(&then.name).is_none());
    changes.extend(gone.map(|then| change(Some(&then.name), "is gone".to_owned())));
    if before.window != after.window {
        let words =
            format!("no entry lives longer than {} s, was {} s", after.window, before.window);
        changes.push(change(None, words));
    }
    changes
}

fn change(context: Option<&str>, words: String) -> PolicyChange {
    PolicyChange { context: context.map(str::to_owned), words }
}

fn differences(then: &ContextFacts, now: &ContextFacts) -> Vec<String> {
    let mut words = Vec::new();
    if then.storage != now.storage {
        words.push(format!("was {}, is {}", storage(then.storage), storage(now.storage)));
    }
    if names(&then.params) != names(&now.params) {
        words.push(format!("was {}, is {}", by(&then.params), by(&now.params)));
    }
    for param in &now.params {
        let then = then.params.iter().find(|it| it.name == param.name && it.kind != param.kind);
        words.extend(then.map(|then| {
            format!("`{}` was {}, is {}", param.name, kind(then.kind), kind(param.kind))
        }));
    }
    if now.is_stored() {
        let new = now.purged_by.iter().filter(|purge| !then.purged_by.contains(purge));
        words.extend(new.map(|purge| format!("is purged by {} now", call(purge))));
        let old = then.purged_by.iter().filter(|purge| !now.purged_by.contains(purge));
        words.extend(old.map(|purge| format!("is not purged by {} any more", call(purge))));
        match (then.announced, now.announced) {
            (false, true) => words.push(format!("is purged by {ANNOUNCEMENTS} now")),
            (true, false) => words.push(format!("is not purged by {ANNOUNCEMENTS} any more")),
            (true, true) | (false, false) => {}
        }
        if lifetime(then) != lifetime(now) {
            words.push(format!("was {}, is {}", lifetime(then), lifetime(now)));
        }
    }
    words
}

fn storage(storage: Storage) -> &'static str {
    match storage {
        Storage::Public => "public",
        Storage::PerUser => "per user",
        Storage::Private => "private",
        Storage::Realtime => "never stored (WebSocket)",
    }
}

fn kind(kind: ParamType) -> &'static str {
    match kind {
        ParamType::Integer => "an integer",
        ParamType::String => "a text",
        ParamType::Boolean => "a boolean",
        ParamType::Number => "a number",
        ParamType::Other => "a value of many spellings",
    }
}

fn lifetime(context: &ContextFacts) -> String {
    format!("fresh for {} s and stale for {} s", context.max_age, context.stale_while_revalidate)
}

fn by(params: &[ParamFacts]) -> String {
    match params {
        [] => "one entry".to_owned(),
        params => format!("by {}", names(params)),
    }
}

fn names(params: &[ParamFacts]) -> String {
    params.iter().map(|param| param.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A mutation with the parameters that say which entries: `add_comment(post_id)`.
fn call(purge: &Purge) -> String {
    match purge.params.as_slice() {
        [] => purge.mutation.clone(),
        params => format!("{}({})", purge.mutation, params.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{
        Deployment, Schema, parse,
        policy::{policy, tests::deployment},
    };

    const EXAMPLE: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/valid/schema.json"));

    fn facts(change: impl FnOnce(&mut Schema)) -> PolicyFacts {
        let mut schema = parse("schema.json", EXAMPLE).unwrap();
        change(&mut schema);
        let deployment = Deployment { window: 300, ..deployment() };
        PolicyFacts::of(&serde_json::to_value(policy(&schema, deployment)).unwrap()).unwrap()
    }

    fn told(changes: &[PolicyChange]) -> Vec<String> {
        let told = changes.iter().map(|change| match &change.context {
            Some(context) => format!("{context}: {}", change.words),
            None => change.words.clone(),
        });
        told.collect()
    }

    #[test]
    fn each_context_is_one_line() {
        let facts = facts(|_| {});
        let lines = facts.contexts.iter().map(|it| format!("{}: {}", it.name, it.words(300)));
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @"
        me: private, never stored
        post: public, by post_id, limit; purged by add_comment(post_id)
        posts: public; purged by add_comment, create_post
        ");
    }

    #[test]
    fn what_is_stored_for_nobody_or_each_by_itself_is_told() {
        let mut data = facts(|_| {});
        data.contexts[0].storage = Storage::PerUser;
        data.contexts[1].storage = Storage::Realtime;
        data.contexts[2].purged_by.clear();
        let words: Vec<_> = data.contexts.iter().map(|context| context.words(60)).collect();
        assert_eq!(
            words,
            [
                "per user; purged by mark_read",
                "never stored: it changes over a WebSocket, past the Edge",
                "public; nothing purges it: a change shows after 60 s",
            ]
        );
    }

    #[test]
    fn the_same_policy_has_no_changes() {
        assert_eq!(compare(&facts(|_| {}), &facts(|_| {})), []);
    }

    #[test]
    fn every_difference_is_told() {
        use crate::schema::{Affects, CacheScope};
        let after = facts(|schema| {
            let context = |name: &str| schema.contexts.iter().position(|it| it.name == name);
            let (me, post, posts) =
                (context("me").unwrap(), context("post").unwrap(), context("posts").unwrap());
            schema.contexts[posts].scope = CacheScope::Private;
            schema.contexts[post].max_age = 60;
            schema.contexts[post].params[1].schema = serde_json::json!({"type": "string"});
            schema.contexts[post].params.remove(0);
            schema.contexts[me].name = "profile".to_owned();
            let mark_read = schema.functions.iter_mut().find(|it| it.name == "mark_read").unwrap();
            mark_read.affects = vec![Affects { context: "post".into(), params: Vec::new() }];
        });
        let after = PolicyFacts { window: 600, ..after };
        insta::assert_snapshot!(told(&compare(&facts(|_| {}), &after)).join("\n"), @"
        post: was by post_id, limit, is by post_id
        post: `post_id` was an integer, is a text
        post: is purged by mark_read now
        post: was fresh for 0 s and stale for 300 s, is fresh for 60 s and stale for 300 s
        posts: was public, is private
        profile: is new
        me: is gone
        no entry lives longer than 600 s, was 300 s
        ");
    }

    #[test]
    fn facts_survive_the_record() {
        let facts = facts(|_| {});
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<PolicyFacts>(&text).unwrap(), facts);
    }
}
