//! The questions to the site as a whole.

use jiff::Timestamp;

use super::call::call_path;
use crate::{
    check::{
        ask::Asker,
        exchange::{Asked, Exchange},
        question::Question,
        sample::NONSENSE,
    },
    schema::Schema,
};

/// A host that nobody answers for.
const FOREIGN_HOST: &str = "mizan-check.invalid";

/// What was asked.
#[derive(Debug)]
pub struct SiteSeen {
    /// The schema that the app serves.
    pub schema: Exchange,
    /// A context that does not exist.
    pub unknown_context: Exchange,
    /// A call by GET.
    pub get_call: Exchange,
    /// A WebSocket.
    pub upgrade: Asked<Exchange>,
    /// The health path.
    pub health: Exchange,
    /// A page that does not exist.
    pub no_page: Exchange,
    /// A path that answers, asked under a host that is not the app's.
    pub foreign_host: Asked<Exchange>,
    /// When the health path was asked, by our clock.
    pub now: Timestamp,
}

/// Where an app may serve its schema.
pub fn schema_path(schema: &Schema) -> String {
    format!("{}schema/", schema.base)
}

/// Asks everything.
pub async fn site(asker: &Asker, schema: &Schema) -> SiteSeen {
    let get = |path: String| asker.ask(Question::get(path));
    let health = get(schema.health.clone()).await;
    let now = Timestamp::now();
    SiteSeen {
        schema: get(schema_path(schema)).await,
        unknown_context: get(format!("{}ctx/{NONSENSE}/", schema.base)).await,
        get_call: get(call_path(schema)).await,
        upgrade: match &schema.websocket_path {
            Some(path) => Ok(asker.upgrade(path).await),
            None => Err("the app has no channels".to_owned()),
        },
        health,
        no_page: get(format!("/{NONSENSE}/no-such-page/")).await,
        foreign_host: foreign_host(asker, schema).await,
        now,
    }
}

/// Health paths answer any host, as balancers ask by address; so a path is asked that visitors use.
async fn foreign_host(asker: &Asker, schema: &Schema) -> Asked<Exchange> {
    let question = Question::get(schema.credentials.csrf_path.clone());
    let plain = asker.ask(question.clone()).await;
    match plain.answer {
        Ok(answer) if answer.status.is_success() => {
            Ok(asker.ask(question.at_host(FOREIGN_HOST)).await)
        }
        _ => Err(format!("{} does not answer 200", plain.request)),
    }
}
