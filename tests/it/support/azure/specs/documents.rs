//! The files of Microsoft's specs (Swagger 2.0), read once, and what a `$ref` in them points at.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// A piece of a document. The `$ref`s in it are relative to the file that it is from.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    pub value: &'a Value,
    pub file: &'a Path,
}

impl<'a> Node<'a> {
    /// Another piece of the same document.
    pub fn with(self, value: &'a Value) -> Self {
        Self { value, ..self }
    }

    /// The piece below this one.
    pub fn get(self, key: &str) -> Option<Self> {
        self.value.get(key).map(|value| self.with(value))
    }

    /// The elements of the list of this name; none if there is no such list.
    pub fn list(self, key: &str) -> impl Iterator<Item = Self> {
        let items = self.value.get(key).and_then(Value::as_array);
        items.into_iter().flatten().map(move |value| self.with(value))
    }

    /// The members of the object of this name; none if there is no such object.
    pub fn members(self, key: &str) -> impl Iterator<Item = (&'a str, Self)> {
        let members = self.value.get(key).and_then(Value::as_object);
        members.into_iter().flatten().map(move |(name, value)| (name.as_str(), self.with(value)))
    }

    /// A text.
    pub fn text(self, key: &str) -> Option<&'a str> {
        self.value.get(key).and_then(Value::as_str)
    }

    /// Whether it is set, and true.
    pub fn is(self, key: &str) -> bool {
        self.value.get(key).and_then(Value::as_bool) == Some(true)
    }
}

/// All files that were asked for, and all that those refer to.
pub struct Documents {
    root: PathBuf,
    files: BTreeMap<PathBuf, Value>,
}

impl Documents {
    /// None yet.
    pub fn new() -> Self {
        let data = env::var("MIZAN_TEST_DATA").unwrap_or_else(|_| "../shared/data".to_owned());
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(data);
        let root = root.join("azure-specs/specification").canonicalize().unwrap_or_else(|error| {
            panic!(
                "Microsoft's specs are missing: MIZAN_TEST_DATA must name the test data: {error}"
            )
        });
        Self { root, files: BTreeMap::new() }
    }

    /// Reads a file, named from the folder of Microsoft's specs or by its whole path, and those that
    /// it refers to.
    pub fn load(&mut self, path: &str) {
        self.read(&self.root.join(path));
    }

    /// The whole document of a file that was loaded.
    pub fn document(&self, path: &str) -> Node<'_> {
        self.whole(&self.root.join(path))
    }

    /// What this piece stands for: itself, or what its `$ref` points at.
    pub fn follow<'a>(&'a self, node: Node<'a>) -> Node<'a> {
        let Some(reference) = node.text("$ref") else { return node };
        let (file, pointer) = reference.split_once('#').expect("a `$ref` names a place in a file");
        let document = match file {
            "" => self.whole(node.file),
            file => self.whole(&beside(node.file, file)),
        };
        let target = document.value.pointer(pointer);
        self.follow(document.with(target.unwrap_or_else(|| panic!("nothing is at {reference}"))))
    }

    /// A name for the target of a `$ref`, which no other target has.
    pub fn name_of(&self, node: Node<'_>) -> Option<String> {
        let (file, pointer) = node.text("$ref")?.split_once('#')?;
        let file = if file.is_empty() { node.file.to_owned() } else { beside(node.file, file) };
        // Those of our own are elsewhere.
        let file = file.strip_prefix(&self.root).unwrap_or(&file);
        let name = format!("{}{pointer}", file.display());
        Some(name.replace(|it: char| !it.is_ascii_alphanumeric(), "_"))
    }

    fn whole(&self, file: &Path) -> Node<'_> {
        let (file, value) = self
            .files
            .get_key_value(file)
            .unwrap_or_else(|| panic!("{} is not loaded", file.display()));
        Node { value, file }
    }

    fn read(&mut self, file: &Path) {
        if self.files.contains_key(file) {
            return;
        }
        let document = read_json(file);
        let mut named = Vec::new();
        files_named(&document, &mut named);
        self.files.insert(file.to_owned(), document);
        for other in named {
            self.read(&beside(file, &other));
        }
    }
}

/// Reads a file of JSON.
pub fn read_json(file: &Path) -> Value {
    let text = fs::read_to_string(file)
        .unwrap_or_else(|error| panic!("{} is not readable: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The file that another one means by this relative path.
pub fn beside(file: &Path, relative: &str) -> PathBuf {
    let mut path = file.parent().expect("a file is in a folder").to_owned();
    for piece in relative.split('/') {
        match piece {
            "." => {}
            ".." => _ = path.pop(),
            piece => path.push(piece),
        }
    }
    path
}

/// The files that `$ref`s name. Those of the examples hold no schemas.
fn files_named(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| *key != "x-ms-examples") {
                match (key.as_str(), value) {
                    ("$ref", Value::String(reference)) => {
                        let file = reference.split('#').next().unwrap_or_default();
                        found.extend((!file.is_empty()).then(|| file.to_owned()));
                    }
                    _ => files_named(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| files_named(item, found)),
        _ => {}
    }
}
