//! From the positioned tree to typed values. Every problem is collected; nothing stops at the
//! first one.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{
    diagnostic::{Problems, Span, suggestion},
    node::{Entry, Kind, Node, Scalar},
};

/// A value with the place it stands at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// An optional value with its place.
pub(crate) type Opt<T> = Option<Spanned<T>>;

/// Can be read from a node. `None` means that a problem was added.
pub(crate) trait FromNode: Sized {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self>;
}

impl<T: FromNode> FromNode for Spanned<T> {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let value = T::from_node(node, problems)?;
        Some(Self { value, span: node.place() })
    }
}

impl<T: FromNode> FromNode for Vec<Spanned<T>> {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            return expected("a list", node, problems);
        };
        // Every item is read before any failure counts, so that all problems are reported.
        let items: Vec<_> = items.iter().map(|item| Spanned::from_node(item, problems)).collect();
        items.into_iter().collect()
    }
}

impl FromNode for bool {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.scalar() {
            Some(Scalar::Bool(value)) => Some(value),
            _ => expected("true or false", node, problems),
        }
    }
}

/// A map with free keys, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entries<K, V>(pub(crate) Vec<(Spanned<K>, Spanned<V>)>);

impl<K, V> Entries<K, V> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Spanned<K>, Spanned<V>)> {
        self.0.iter()
    }
}

impl<K: FromNode, V: FromNode> FromNode for Entries<K, V> {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            return expected("a map", node, problems);
        };
        let pairs: Vec<_> = entries.iter().map(|entry| pair(entry, problems)).collect();
        pairs.into_iter().collect::<Option<_>>().map(Self)
    }
}

fn pair<K: FromNode, V: FromNode>(
    entry: &Entry,
    problems: &mut Problems,
) -> Option<(Spanned<K>, Spanned<V>)> {
    let kind = Kind::Scalar { text: entry.key.clone(), plain: false };
    let key = Spanned::from_node(&Node { span: entry.span, kind }, problems);
    let value = Spanned::from_node(&entry.value, problems);
    Some((key?, value?))
}

/// Says what was expected and what stands there.
pub(crate) fn expected<T>(what: &str, node: &Node, problems: &mut Problems) -> Option<T> {
    problems.add(node.place(), format!("expected {what}, found {}", node.describe()));
    None
}

/// The fields of a map that are read one by one; what is left over is unknown.
pub(crate) struct Fields<'a> {
    node: &'a Node,
    entries: &'a [Entry],
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(node: &'a Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Map(entries) => Some(Self { node, entries, known: Vec::new() }),
            Kind::List(_) | Kind::Scalar { .. } => expected("a map", node, problems),
        }
    }

    /// The node of a field, unless it is absent or empty.
    fn find(&mut self, name: &'static str) -> Option<&'a Node> {
        self.known.push(name);
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        Some(&entry.value).filter(|value| !value.is_null())
    }

    /// Reports every field that nobody asked for.
    pub(crate) fn finish(self, problems: &mut Problems) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let message = format!("unknown field `{}`", entry.key);
            problems.hint(entry.span, message, self.advice(&entry.key));
        }
    }

    fn advice(&self, key: &str) -> String {
        match key {
            "<<" => "merge keys are not part of YAML 1.2; overrides go below `environments`".into(),
            _ => suggestion(key, &self.known, "fields"),
        }
    }
}

/// A field of a record: required or optional by its type.
pub(crate) trait Field: Sized {
    fn take(fields: &mut Fields<'_>, name: &'static str, problems: &mut Problems) -> Option<Self>;
}

impl<T: FromNode> Field for Opt<T> {
    fn take(fields: &mut Fields<'_>, name: &'static str, problems: &mut Problems) -> Option<Self> {
        match fields.find(name) {
            Some(node) => Spanned::from_node(node, problems).map(Some),
            None => Some(None),
        }
    }
}

impl<T: FromNode> Field for Spanned<T> {
    fn take(fields: &mut Fields<'_>, name: &'static str, problems: &mut Problems) -> Option<Self> {
        if let Some(node) = fields.find(name) {
            return Spanned::from_node(node, problems);
        }
        let place = fields.node.place();
        problems.add(place, format!("the field `{name}` is missing"));
        None
    }
}

/// Defines a map with known fields: the type, its JSON Schema and its decoder from one text.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name { $($(#[$field_meta])* pub(crate) $field: $type,)* }

        impl $crate::config::decode::FromNode for $name {
            fn from_node(
                node: &$crate::config::node::Node,
                problems: &mut $crate::config::diagnostic::Problems,
            ) -> Option<Self> {
                use $crate::config::decode::{Field, Fields};
                let mut fields = Fields::of(node, problems)?;
                $(let $field = <$type as Field>::take(&mut fields, stringify!($field), problems);)*
                fields.finish(problems);
                Some(Self { $($field: $field?,)* })
            }
        }
    };
}

/// Defines a choice of words: the type, its JSON Schema and its decoder from one text.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
        pub(crate) enum $name { $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)* }

        impl $crate::config::decode::FromNode for $name {
            fn from_node(
                node: &$crate::config::node::Node,
                problems: &mut $crate::config::diagnostic::Problems,
            ) -> Option<Self> {
                const WORDS: &[(&str, $name)] = &[$(($word, $name::$variant),)*];
                $crate::config::decode::word(node, WORDS, problems)
            }
        }
    };
}

pub(crate) use {choice, record};

/// One of the words of a choice.
pub(crate) fn word<T: Copy>(
    node: &Node,
    words: &[(&'static str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    let Some(Scalar::Text(written)) = node.scalar() else {
        return expected(&names.join(" or "), node, problems);
    };
    if let Some((_, value)) = words.iter().find(|(name, _)| *name == written) {
        return Some(*value);
    }
    let message = format!("unknown value {written:?}");
    problems.hint(node.place(), message, suggestion(written, &names, "one of"));
    None
}

// The JSON Schema knows nothing of places.
macro_rules! schema_of {
    ($outer:ty => $inner:ty, $($param:ident),*) => {
        impl<$($param: JsonSchema),*> JsonSchema for $outer {
            fn inline_schema() -> bool {
                <$inner>::inline_schema()
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                <$inner>::schema_name()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                <$inner>::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$inner>::json_schema(generator)
            }
        }
    };
}
schema_of!(Spanned<T> => T, T);
// In an override, an empty value takes away what it would inherit.
schema_of!(Entries<K, V> => BTreeMap<K, Option<V>>, K, V);
