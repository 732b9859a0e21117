//! What has to be there for Workers before an app that runs elsewhere: the app answers, and an
//! engine does where something is taken out of an image.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;

use crate::{
    check::Gate,
    error::{Error, ErrorKind, Result},
    http::{Http, Request, Response, Timeouts},
    images::ArtifactRequest,
    model::App,
    targets::{Check, Health, local},
};

const NAME: &str = "origin";
/// An app that takes longer for its health path takes long for visitors, too.
const PATIENCE: Duration = Duration::from_secs(10);

/// Engine and origin. The health path is that of the schema, if that is known.
pub async fn checks(app: &App, url: &str, health: Option<&str>) -> Vec<Check> {
    let (engine, origin) = join(engine(app), origin(app, url, health)).await;
    vec![engine, origin]
}

async fn engine(app: &App) -> Check {
    match ArtifactRequest::of(app).needs_image() {
        true => local::doctor::engine().await,
        false => Check::skipped("engine", "nothing is built: the schema is in a file"),
    }
}

async fn origin(app: &App, url: &str, health: Option<&str>) -> Check {
    let address = format!("{url}{}", health.unwrap_or("/"));
    let answer = match ask(url, &address).await {
        Ok(answer) => answer,
        Err(error) => return silent(app, &error),
    };
    let body = String::from_utf8_lossy(answer.body());
    match (Health::of(answer.status(), &body), health) {
        (Health::Healthy, _) => Check::ok(NAME, format!("{address} answers {}", answer.status())),
        (Health::Unhealthy(seen), Some(_)) => {
            Check::failed(NAME, ErrorKind::Failed, format!("{address} answers {seen}"))
                .hint("the health path that the schema names has to answer 2xx")
        }
        (Health::Unhealthy(seen), None) if answer.status().is_server_error() => {
            Check::warning(NAME, format!("{address} answers {seen}"))
                .hint("the health path is known when the schema is: after the first build")
        }
        (Health::Unhealthy(_) | Health::Silent(_), _) => {
            Check::ok(NAME, format!("{address} answers {}", answer.status()))
        }
    }
}

/// The check of a deploy asks from this machine. Without it only the Edge does, which may reach what
/// we do not.
fn silent(app: &App, error: &Error) -> Check {
    match Gate::of(app).is_some_and(|gate| gate.blocks) {
        true => Check::error(NAME, error),
        false => Check::warning(NAME, error.to_string())
            .hint("the Edge has to reach it; this machine need not, as a deploy does not insist"),
    }
}

async fn ask(url: &str, address: &str) -> Result<Response<Bytes>> {
    let unreachable = |cause: &(dyn std::error::Error + 'static)| {
        Error::new(ErrorKind::Unavailable, format!("{url} does not answer"))
            .because(cause)
            .hint("is it the right address, under `target: {origin: …}`, and does the app run?")
    };
    let request = Request::get(address).body(Bytes::new()).map_err(|error| unreachable(&error))?;
    let http = Http::with_timeouts(Timeouts { read: PATIENCE, ..Timeouts::default() })?;
    http.fetch(request).await.map_err(|error| unreachable(&error))
}
