//! Contexts that mizan.yaml says are announced (`edge.announced`), held against the schema: a name
//! that is none, or that no WebSocket function changes, is a mistake that nobody would see.

use super::{Schema, policy::Facts};
use crate::config::suggestion;

/// What is wrong with one of the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistaken<'a> {
    /// The name.
    pub context: &'a str,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// The names among `announced` that are mistakes.
pub fn mistaken<'a>(
    schema: &Schema,
    announced: impl IntoIterator<Item = &'a str>,
) -> Vec<Mistaken<'a>> {
    let facts = Facts::of(schema);
    let known: Vec<&str> = schema.contexts.iter().map(|context| context.name.as_str()).collect();
    let mistake = |context: &'a str| {
        let (message, hint) = if !known.contains(&context) {
            let message = format!("the schema has no context `{context}` to announce");
            (message, suggestion(context, &known, "contexts"))
        } else if !facts.realtime.contains(context) {
            let message = format!("no WebSocket function changes the context `{context}`");
            (
                message,
                "take it off the list: mutations alone change it, and of those the Edge hears"
                    .to_owned(),
            )
        } else {
            return None;
        };
        Some(Mistaken { context, message, hint })
    };
    announced.into_iter().filter_map(mistake).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Affects, parse};

    const EXAMPLE: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/valid/schema.json"));

    #[test]
    fn only_what_a_websocket_function_changes_is_announced() {
        let mut schema = parse("schema.json", EXAMPLE).unwrap();
        let ticks = schema.functions.iter_mut().find(|f| f.name == "ticks").unwrap();
        ticks.affects.push(Affects { context: "posts".into(), params: Vec::new() });
        let told: Vec<_> = mistaken(&schema, ["posts", "psots", "me"])
            .into_iter()
            .map(|it| format!("{}: {}; {}", it.context, it.message, it.hint))
            .collect();
        assert_eq!(
            told,
            [
                "psots: the schema has no context `psots` to announce; did you mean `posts`?",
                "me: no WebSocket function changes the context `me`; take it off the list: mutations \
                 alone change it, and of those the Edge hears",
            ]
        );
    }
}
