//! Environments override: maps are merged, single values and lists replaced, an empty value takes
//! away what it would inherit. Nodes keep the places they stand at.

use super::node::{Entry, Kind, Node};

/// The base with the overrides of one environment.
pub(crate) fn merge(base: &Node, overrides: &Node) -> Node {
    let (Kind::Map(below), Kind::Map(above)) = (&base.kind, &overrides.kind) else {
        return without_empty(overrides);
    };
    let mut merged: Vec<Entry> = Vec::with_capacity(below.len() + above.len());
    for entry in below {
        match overrides.entry(&entry.key) {
            None => merged.push(entry.clone()),
            Some(over) if over.value.is_null() => {}
            Some(over) => {
                let value = merge(&entry.value, &over.value);
                merged.push(Entry { key: over.key.clone(), span: over.span, value });
            }
        }
    }
    let added = above.iter().filter(|over| base.entry(&over.key).is_none());
    merged.extend(added.filter_map(present));
    Node { span: overrides.span, kind: Kind::Map(merged) }
}

/// Where nothing is inherited, an empty value has nothing to take away.
pub(crate) fn without_empty(node: &Node) -> Node {
    match &node.kind {
        Kind::Map(entries) => {
            let entries = entries.iter().filter_map(present).collect();
            Node { span: node.span, kind: Kind::Map(entries) }
        }
        Kind::List(_) | Kind::Scalar { .. } => node.clone(),
    }
}

fn present(entry: &Entry) -> Option<Entry> {
    let Entry { key, span, value } = entry;
    let filled = Entry { key: key.clone(), span: *span, value: without_empty(value) };
    (!value.is_null()).then_some(filled)
}

/// A map without some of its keys.
pub(crate) fn without(node: &Node, keys: &[&str]) -> Node {
    let mut node = node.clone();
    if let Kind::Map(entries) = &mut node.kind {
        entries.retain(|entry| !keys.contains(&entry.key.as_str()));
    }
    node
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{
        diagnostic::{Problems, Span},
        node,
    };

    fn tree(text: &str) -> Node {
        node::parse(text, &mut Problems::default()).unwrap()
    }

    /// The tree without its places.
    fn plain(node: &Node) -> String {
        match &node.kind {
            Kind::Scalar { text, .. } => text.clone(),
            Kind::List(items) => {
                format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", "))
            }
            Kind::Map(entries) => {
                let pairs = entries.iter().map(|e| format!("{}: {}", e.key, plain(&e.value)));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
            }
        }
    }

    #[test]
    fn maps_merge_and_the_rest_is_replaced() {
        let base = tree("{a: {b: 1, c: [1, 2]}, d: 1, e: 1}");
        let overrides = tree("{a: {c: [3], f: 4}, d: {x: 1}, e: ~, g: ~}");
        assert_eq!(plain(&merge(&base, &overrides)), "{a: {b: 1, c: [3], f: 4}, d: {x: 1}}");
    }

    #[test]
    fn a_value_keeps_the_place_it_stands_at() {
        let merged = merge(&tree("a: 1\nb: 2\n"), &tree("\n\nb: 3\n"));
        assert_eq!(merged.get("a").unwrap().span.start.line, 1);
        assert_eq!(merged.get("b").unwrap().span.start.line, 3);
    }

    fn any_node() -> impl Strategy<Value = Node> {
        let scalar = prop_oneof!["[a-c]", Just("~".to_owned())]
            .prop_map(|text| Node { span: Span::START, kind: Kind::Scalar { text, plain: true } });
        scalar.prop_recursive(3, 24, 4, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..3).prop_map(Kind::List);
            let map = prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|pairs| {
                let entry = |(key, value)| Entry { key, span: Span::START, value };
                Kind::Map(pairs.into_iter().map(entry).collect())
            });
            prop_oneof![list, map].prop_map(|kind| Node { span: Span::START, kind })
        })
    }

    proptest! {
        #[test]
        fn overriding_twice_changes_nothing_more(base in any_node(), overrides in any_node()) {
            let once = merge(&base, &overrides);
            prop_assert_eq!(merge(&once, &overrides), once);
        }

        #[test]
        fn an_empty_override_changes_nothing(base in any_node()) {
            let empty = Node { span: base.span, kind: Kind::Map(Vec::new()) };
            if matches!(base.kind, Kind::Map(_)) {
                prop_assert_eq!(merge(&base, &empty), base);
            }
        }
    }
}
