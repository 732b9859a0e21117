//! The exported schema as types.

use std::collections::BTreeSet;

use serde_json::Value;

/// Everything the tool uses of an exported schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// The hash of the content that the app computed.
    pub version: String,
    /// The URL prefix of the protocol, e.g. `/api/mizan/`.
    pub base: String,
    /// The URL prefix of channels, if the app has any.
    pub websocket_path: Option<String>,
    /// The path that answers 2xx when the app is healthy.
    pub health: String,
    /// What marks a request as a certain user's.
    pub credentials: Credentials,
    /// Functions.
    pub functions: Vec<Function>,
    /// Contexts.
    pub contexts: Vec<Context>,
    /// Pages, in the order in which they are matched.
    pub routes: Vec<Route>,
}

/// What marks a request as a certain user's, and how forged requests are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Request headers.
    pub headers: Vec<String>,
    /// Cookies.
    pub cookies: Vec<String>,
    /// The cookie with the CSRF token.
    pub csrf_cookie: String,
    /// The header that repeats it.
    pub csrf_header: String,
    /// The path that gives one.
    pub csrf_path: String,
}

/// A function that the app opens to its clients.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: FunctionKind,
    /// The context it belongs to.
    pub context: Option<String>,
    /// True if it is called over a WebSocket.
    pub websocket: bool,
    /// Who may call it.
    pub auth: AuthLevel,
    /// What it changes.
    pub affects: Vec<Affects>,
    /// Its parameters.
    pub params: Vec<Param>,
    /// The names of its result's fields, where its schema tells them and something asks for them.
    pub result: Option<BTreeSet<String>>,
}

/// What a function is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    /// Reads.
    Query,
    /// Writes.
    Mutation,
    /// Streams over a WebSocket.
    Channel,
}

/// Who may call a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthLevel {
    /// Everyone.
    None,
    /// Who is signed in.
    User,
    /// Staff.
    Staff,
    /// Superusers.
    Superuser,
    /// A guard of the app decides.
    Custom,
}

/// What a call of a function changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affects {
    /// The context.
    pub context: String,
    /// Which of its entries: parameter of the context to `args.x` or `result.y`.
    pub params: Vec<(String, String)>,
}

/// A context: what one GET answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// The names of its functions.
    pub functions: Vec<String>,
    /// The auth levels of its functions.
    pub auth: Vec<AuthLevel>,
    /// Its parameters.
    pub params: Vec<Param>,
    /// The author's promise about the answer.
    pub scope: CacheScope,
    /// Seconds for which the answer is fresh.
    pub max_age: u64,
    /// Seconds for which it may be used while a fresh one is fetched.
    pub stale_while_revalidate: u64,
    /// The request headers that the answer varies by.
    pub vary: Vec<String>,
}

/// On what the answer of a context depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheScope {
    /// On the parameters alone.
    Public,
    /// Also on who asks.
    Private,
}

/// A parameter of a context or function.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// False if there is a default.
    pub required: bool,
    /// Every function of the context takes it; unknown where the schema does not say.
    pub elevated: Option<bool>,
    /// Its JSON Schema.
    pub schema: Value,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its path, e.g. `/posts/{post_id}/`.
    pub path: String,
    /// The component that renders it.
    pub component: String,
    /// The contexts it shows.
    pub contexts: Vec<RouteContext>,
    /// Where it is rendered.
    pub render: RenderPlace,
}

/// A context that a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteContext {
    /// The context's name.
    pub name: String,
    /// Parameter of the context to `path.x`.
    pub params: Vec<(String, String)>,
}

/// Where a page is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenderPlace {
    /// By Render, at the edge.
    Edge,
    /// By the app.
    Origin,
}

impl Schema {
    /// The schema of an app that exports none: nothing is cached or rendered, every request goes
    /// to the app. The names are Django's own.
    pub fn none() -> Self {
        Self {
            version: "none".into(),
            base: "/api/mizan/".into(),
            websocket_path: None,
            health: "/healthz".into(),
            credentials: Credentials {
                headers: vec!["Authorization".into()],
                cookies: vec!["sessionid".into()],
                csrf_cookie: "csrftoken".into(),
                csrf_header: "X-CSRFToken".into(),
                csrf_path: "/api/mizan/csrf/".into(),
            },
            functions: Vec::new(),
            contexts: Vec::new(),
            routes: Vec::new(),
        }
    }
}
