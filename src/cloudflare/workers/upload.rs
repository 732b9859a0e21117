//! What is uploaded: everything that makes a version of a Worker.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::secret::SecretValue;

/// A version, as it is sent.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The name of the module with the handlers; it is one of `modules`.
    pub main_module: String,
    /// The modules.
    pub modules: Vec<ModulePart>,
    /// A date, `2026-11-01`: what the runtime behaves like.
    pub compatibility_date: String,
    /// Exceptions to what the date says.
    pub compatibility_flags: Vec<String>,
    /// What the code finds in its environment.
    pub bindings: Vec<Binding>,
    /// The types of bindings that stay although `bindings` does not have them.
    pub keep_bindings: Vec<&'static str>,
    /// Changes of Durable Object classes. Only `put_script` takes them.
    pub migrations: Option<Migrations>,
    /// The tags of the script, not of the version. Only `put_script` takes them; none leaves those
    /// that are there.
    pub tags: Vec<String>,
    /// The version's tag, 25 characters at most; an empty one is left out.
    pub tag: String,
    /// The version's message, 100 characters at most; an empty one is left out.
    pub message: String,
    /// How much of its logs is kept, as the API has it.
    pub observability: Option<Value>,
    /// The assets of this version.
    pub assets: Option<AssetsPart>,
    /// The assets stay those of the version before.
    pub keep_assets: bool,
}

/// A module of a Worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModulePart {
    /// Its name, as other modules import it.
    pub name: String,
    /// Its content.
    pub content: Bytes,
    /// What it is.
    pub kind: ModuleKind,
}

/// What a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleKind {
    /// JavaScript with `import` and `export`.
    EsModule,
    /// A text: imported, it is a string.
    Text,
    /// Bytes: imported, they are an `ArrayBuffer`.
    Data,
    /// WebAssembly: imported, it is a `WebAssembly.Module`.
    Wasm,
}

impl ModuleKind {
    /// The content type that the API knows it by.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::EsModule => "application/javascript+module",
            Self::Text => "text/plain",
            Self::Data => "application/octet-stream",
            Self::Wasm => "application/wasm",
        }
    }
}

/// Something that the code finds in its environment.
#[derive(Debug, Clone)]
pub enum Binding {
    /// A text that everybody with access to the account can read.
    PlainText {
        /// Its name in the environment.
        name: String,
        /// The text.
        text: String,
    },
    /// A value that everybody with access to the account can read.
    Json {
        /// Its name in the environment.
        name: String,
        /// The value.
        json: Value,
    },
    /// A text that nobody can read again.
    Secret {
        /// Its name in the environment.
        name: String,
        /// The text.
        text: SecretValue,
    },
    /// Another Worker.
    Service {
        /// Its name in the environment.
        name: String,
        /// The Worker.
        service: String,
    },
    /// The Durable Objects of a class.
    DurableObject {
        /// Its name in the environment.
        name: String,
        /// The class.
        class_name: String,
        /// The Worker that has the class, if it is not this one.
        script_name: Option<String>,
    },
    /// The assets of the version.
    Assets {
        /// Its name in the environment.
        name: String,
    },
    /// Id and tag of the version.
    VersionMetadata {
        /// Its name in the environment.
        name: String,
    },
    /// What the latest version has under this name.
    Inherit {
        /// Its name in the environment.
        name: String,
    },
}

impl Binding {
    /// Its name in the environment.
    pub fn name(&self) -> &str {
        match self {
            Self::PlainText { name, .. }
            | Self::Json { name, .. }
            | Self::Secret { name, .. }
            | Self::Service { name, .. }
            | Self::DurableObject { name, .. }
            | Self::Assets { name }
            | Self::VersionMetadata { name }
            | Self::Inherit { name } => name,
        }
    }
}

/// Classes of Durable Objects that the script has from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrations {
    /// The tag that the script must have; `None` if it has none yet.
    pub old_tag: Option<String>,
    /// The tag that it gets.
    pub new_tag: String,
    /// The new classes; their storage is SQLite.
    pub new_sqlite_classes: Vec<String>,
}

/// The assets of a version.
#[derive(Debug, Clone)]
pub struct AssetsPart {
    /// Says that all of them are there: the result of `upload_assets`.
    pub jwt: SecretValue,
    /// Which URLs an HTML page has.
    pub html_handling: HtmlHandling,
    /// What is answered where there is no asset.
    pub not_found_handling: NotFoundHandling,
    /// The code is asked before the assets are.
    pub run_worker_first: bool,
}

/// Which URLs an HTML page has.
/// <https://developers.cloudflare.com/workers/static-assets/routing/advanced/html-handling/>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HtmlHandling {
    /// A folder's page ends with a slash, another one does not; the other form redirects.
    #[default]
    AutoTrailingSlash,
    /// All end with a slash.
    ForceTrailingSlash,
    /// None ends with a slash.
    DropTrailingSlash,
    /// A page has the URL of its file.
    None,
}

/// What is answered where there is no asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum NotFoundHandling {
    /// The code, or an empty 404.
    #[default]
    #[serde(rename = "none")]
    None,
    /// The nearest `404.html`.
    #[serde(rename = "404-page")]
    NotFoundPage,
    /// `/index.html`, with status 200.
    #[serde(rename = "single-page-application")]
    SinglePageApplication,
}
