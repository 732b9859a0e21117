//! One operation of a spec: which requests are meant for it, and what is wrong with a request or
//! with an answer.

use std::{collections::BTreeMap, path::PathBuf};

use regex::Regex;
use serde_json::Value;

use super::{
    documents::{Documents, Node, beside},
    schema::{Direction, problems},
};

/// The values of the parameters in the path.
pub type PathValues = BTreeMap<String, String>;

/// An operation, as its spec describes it.
pub struct Operation {
    /// Such as `ContainerGroups_Get`.
    pub id: &'static str,
    /// The API's version.
    pub version: &'static str,
    pub method: String,
    /// How many pieces of the path are no parameters: the more, the closer a match.
    pub literals: usize,
    documents: &'static Documents,
    template: Regex,
    parameters: Vec<Node<'static>>,
    node: Node<'static>,
}

impl Operation {
    /// The operation of this method and path. `path` is as the spec writes it.
    pub fn new(
        documents: &'static Documents,
        document: Node<'static>,
        (path, method): (&'static str, &'static str),
        node: Node<'static>,
    ) -> Self {
        let parameters: Vec<_> =
            node.list("parameters").map(|parameter| documents.follow(parameter)).collect();
        let version = document.get("info").and_then(|info| info.text("version"));
        Self {
            id: node.text("operationId").expect("an operation has an id"),
            version: version.expect("a spec has a version"),
            method: method.to_uppercase(),
            literals: path.split('/').filter(|piece| !piece.starts_with('{')).count(),
            template: template(path, &parameters),
            documents,
            parameters,
            node,
        }
    }

    /// The values in the path if it is one of this operation's. ARM does not mind the case.
    pub fn match_path(&self, path: &str) -> Option<PathValues> {
        let found = self.template.captures(path)?;
        let names = self.template.capture_names().flatten();
        Some(names.map(|name| (name.to_owned(), found[name].to_owned())).collect())
    }

    /// What is wrong with a request.
    pub fn request_problems(
        &self,
        path: &PathValues,
        query: &[(String, String)],
        body: Option<&Value>,
    ) -> Vec<String> {
        let mut told = Vec::new();
        for parameter in &self.parameters {
            let name = parameter.text("name").expect("a parameter has a name");
            let given = match parameter.text("in") {
                Some("path") => path.get(name).cloned().map(Value::String),
                Some("query") => query_value(*parameter, query, name),
                Some("body") => body.cloned(),
                _ => continue,
            };
            told.extend(self.parameter_problems(*parameter, name, given));
        }
        told.extend(self.strangers(query, body));
        told
    }

    /// What is wrong with an answer. An error that the spec says nothing about has the shape of all
    /// errors of ARM.
    pub fn answer_problems(&self, status: u16, body: Option<&Value>) -> Vec<String> {
        let responses = self.node.get("responses").expect("an operation has responses");
        let described = responses
            .get(&status.to_string())
            .or_else(|| responses.get("default").filter(|_| status >= 400));
        let schema = match described {
            Some(described) => described.get("schema"),
            None if status >= 400 => Some(super::common_error(self.documents)),
            None => return vec![format!("{}: no answer has the status {status}", self.id)],
        };
        match (schema, body) {
            (Some(schema), Some(body)) => self.told(schema, Direction::Answer, body, "answer"),
            (Some(_), None) if self.method != "HEAD" => vec![format!("{}: no body", self.id)],
            (None, Some(_)) => vec![format!("{}: {status} has no body in the spec", self.id)],
            _ => Vec::new(),
        }
    }

    /// The files of the examples that the spec gives.
    pub fn examples(&self) -> Vec<PathBuf> {
        let examples = self.node.members("x-ms-examples");
        examples.filter_map(|(_, it)| Some(beside(it.file, it.text("$ref")?))).collect()
    }

    /// The names of the parameters at this place.
    pub fn parameter_names(&self, place: &str) -> impl Iterator<Item = &'static str> {
        let here = self.parameters.iter().filter(move |it| it.text("in") == Some(place));
        here.filter_map(|parameter| parameter.text("name"))
    }

    fn parameter_problems(
        &self,
        parameter: Node<'static>,
        name: &str,
        given: Option<Value>,
    ) -> Vec<String> {
        let schema = parameter.get("schema").unwrap_or(parameter);
        match given {
            Some(given) => self.told(schema, Direction::Request, &given, name),
            None if parameter.is("required") => vec![format!("{}: {name} is missing", self.id)],
            None => Vec::new(),
        }
    }

    /// What the operation does not take.
    fn strangers(&self, query: &[(String, String)], body: Option<&Value>) -> Vec<String> {
        let mut told = Vec::new();
        for (name, _) in query {
            if !self.parameter_names("query").any(|known| known == name) {
                told.push(format!("{}: unknown query parameter {name}", self.id));
            }
        }
        if body.is_some() && self.parameter_names("body").next().is_none() {
            told.push(format!("{}: it takes no body", self.id));
        }
        told
    }

    fn told(
        &self,
        schema: Node<'static>,
        direction: Direction,
        value: &Value,
        what: &str,
    ) -> Vec<String> {
        let found = problems(self.documents, schema, direction, value);
        found.into_iter().map(|problem| format!("{}: {what}: {problem}", self.id)).collect()
    }
}

/// A parameter of the query in the type that the spec gives it; what is not of that type stays a
/// text, which the check refuses.
fn query_value(parameter: Node<'_>, query: &[(String, String)], name: &str) -> Option<Value> {
    let (_, text) = query.iter().find(|(key, _)| key == name)?;
    let typed = match parameter.text("type") {
        Some("integer" | "boolean" | "number") => serde_json::from_str(text).ok(),
        _ => None,
    };
    Some(typed.unwrap_or_else(|| Value::String(text.clone())))
}

/// What matches the paths that a template describes. A parameter that is not encoded may be many
/// pieces long.
fn template(path: &str, parameters: &[Node<'_>]) -> Regex {
    let is_long = |name: &str| {
        let named = parameters.iter().find(|parameter| parameter.text("name") == Some(name));
        named.is_some_and(|parameter| parameter.is("x-ms-skip-url-encoding"))
    };
    let mut pattern = String::from("(?i)^");
    for piece in path.trim_start_matches('/').split('/') {
        let name = piece.strip_prefix('{').and_then(|piece| piece.strip_suffix('}'));
        pattern += &match name {
            Some(name) if is_long(name) => format!("/(?<{name}>.+)"),
            Some(name) => format!("/(?<{name}>[^/]+)"),
            None => format!("/{}", regex::escape(piece)),
        };
    }
    Regex::new(&format!("{pattern}$")).expect("a path makes a pattern")
}
