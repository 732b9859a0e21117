//! The questions to the path that mutations are called by. None of them calls anything.

use serde_json::{Value, json};

use crate::{
    check::{
        ask::Asker,
        exchange::{Asked, Exchange},
        question::Question,
        sample::NONSENSE,
    },
    http::Method,
    schema::Schema,
};

/// A site that nobody trusts.
const FOREIGN: &str = "https://mizan-check.invalid";

/// What was asked.
#[derive(Debug)]
pub struct CallSeen {
    /// A function that does not exist, without the CSRF token.
    pub no_token: Exchange,
    /// The same with it, from a page of another site.
    pub foreign: Asked<Exchange>,
    /// The same with it, from a page of this site.
    pub unknown: Asked<Exchange>,
    /// Something that is no JSON.
    pub malformed: Asked<Exchange>,
}

/// What proves that a call comes from a page of this site.
#[derive(Debug, Clone)]
pub struct Token {
    cookie: String,
    header: String,
    value: String,
}

impl Token {
    /// Asks for one, as the app's own pages do.
    ///
    /// # Errors
    /// The app gives none.
    pub async fn get(asker: &Asker, schema: &Schema, signed_in: bool) -> Asked<Self> {
        let credentials = &schema.credentials;
        let question = Question::get(credentials.csrf_path.clone()).signed_in(signed_in);
        let exchange = asker.ask(question).await;
        let told = format!("{} gives no CSRF token", exchange.request);
        let answer = exchange.answer.map_err(|error| format!("{told}: {error}"))?;
        let mut cookies = answer.set_cookies();
        let found = cookies.find(|(name, _)| *name == credentials.csrf_cookie);
        let (cookie, value) = found.ok_or_else(|| format!("{told} ({})", answer.status))?;
        Ok(Self { cookie, header: credentials.csrf_header.clone(), value })
    }

    /// The question with the token.
    pub fn on(&self, question: Question) -> Question {
        question
            .cookie(&self.cookie, &self.value)
            .quietly(&self.header, &self.value)
            .told(&format!("{}: its value", self.header))
    }
}

/// The path of all calls.
pub fn call_path(schema: &Schema) -> String {
    format!("{}call/", schema.base)
}

/// A call that is sent as JSON.
pub fn call(schema: &Schema, function: &str, params: &Value) -> Question {
    let body = json!({ "function": function, "params": params }).to_string();
    post(schema, body).told(&format!("function {function}"))
}

fn post(schema: &Schema, body: String) -> Question {
    let question = Question::new(Method::POST, call_path(schema));
    question.quietly("Content-Type", "application/json").body(body)
}

impl CallSeen {
    /// Asks everything.
    pub async fn gather(asker: &Asker, schema: &Schema) -> Self {
        let nothing = call(schema, NONSENSE, &json!({}));
        let own = asker.public_origin();
        let no_token = asker.ask(nothing.clone().quietly("Origin", &own)).await;
        let token = Token::get(asker, schema, false).await;
        let with = async |question: Question, origin: &str| match &token {
            Ok(token) => Ok(asker.ask(token.on(question.header("Origin", origin))).await),
            Err(reason) => Err(reason.clone()),
        };
        Self {
            no_token,
            foreign: with(nothing.clone(), FOREIGN).await,
            unknown: with(nothing, &own).await,
            malformed: with(post(schema, "{".to_owned()).told("no JSON"), &own).await,
        }
    }
}
