//! Asks a new version of the Edge, before anybody else does: is the app healthy behind it, does it
//! serve the public contexts, does it render a page?

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{Plane, Supplies, VERSION};
use crate::{
    engine::StepContext,
    error::{Error, Result},
    http::{Http, Request, Response, StatusCode, Timeouts, header},
    workers::cloud::{content::Content, names::Kind, observe::no_subdomain, traffic_url},
};

const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2)];
/// One question may take this long.
const LIMIT: Duration = Duration::from_secs(15);
/// Digits of a version in the host name under which it is asked.
/// (<https://developers.cloudflare.com/workers/configuration/previews/>)
const PREFIX: usize = 8;
/// By it the Edge of a preview says that the page's own code threw: its browser would have to render.
const RENDER_ERROR: &str = "mizan-render-error";
/// Contexts that are asked: enough to see that policy and origin fit each other.
const CONTEXTS: usize = 5;

/// A question to the new version.
struct Question {
    what: String,
    path: String,
    expects: Expects,
}

#[derive(Clone, Copy)]
enum Expects {
    /// Any 2xx.
    Success,
    /// 200 with a JSON object.
    Object,
    /// 200 with a document.
    Page,
}

impl<S: Supplies> Plane<'_, S> {
    /// The version answers as it should.
    ///
    /// # Errors
    /// It does not, within half a minute; with what it answered last.
    pub(super) async fn probe(
        &self,
        version: Option<&str>,
        health: Option<&str>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let uploaded = context.output(&self.step(Kind::Edge), VERSION);
        let version = version.or(uploaded);
        let version =
            version.ok_or_else(|| Error::failed("no version of the Edge was uploaded"))?;
        let subdomain = self.cloudflare.account_subdomain(self.account).await?;
        let subdomain = subdomain.ok_or_else(no_subdomain)?;
        let prefix: String = version.chars().take(PREFIX).collect();
        let host = format!("{prefix}-{}.{subdomain}.workers.dev", self.name(Kind::Edge));
        let http = Http::with_timeouts(Timeouts { connect: LIMIT, read: LIMIT })?;
        let deadline = Instant::now() + traffic_url::patience();
        let is_new = Some(version) == uploaded;
        for question in self.questions(is_new, health, context).await? {
            context.progress(format!("asking for {}", question.what));
            ask_until(&http, &host, &question, deadline, context).await?;
        }
        Ok(())
    }

    /// Health, and, where the policy is at hand, contexts and a page that need no parameter.
    async fn questions(
        &self,
        is_new: bool,
        health: Option<&str>,
        context: &StepContext<'_>,
    ) -> Result<Vec<Question>> {
        let data = match is_new {
            true => {
                let artifacts = self.supplies.artifacts(context).await?;
                Content::read(self.spec()?, &artifacts)?.data
            }
            false => Value::Null,
        };
        let health = health.or(data["health"].as_str()).map(|path| Question {
            what: path.to_owned(),
            path: path.to_owned(),
            expects: Expects::Success,
        });
        Ok(health.into_iter().chain(of_policy(&data)).collect())
    }
}

fn of_policy(data: &Value) -> Vec<Question> {
    let list = |name: &str| data[name].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let contexts = list("contexts").into_iter().filter(|context| {
        let needs = context["params"].as_array().is_some_and(|params| {
            params.iter().any(|param| param["required"].as_bool().unwrap_or(true))
        });
        context["scope"] == "public" && !needs
    });
    let contexts = contexts.take(CONTEXTS).map(|context| Question {
        what: format!("the context {}", text(&context["name"])),
        path: text(&context["path"]),
        expects: Expects::Object,
    });
    let is_public = |name: &Value| {
        list("contexts")
            .iter()
            .any(|context| context["name"] == *name && context["scope"] == "public")
    };
    let page = list("routes").into_iter().find(|route| {
        let uses = route["contexts"].as_array().cloned().unwrap_or_default();
        route["render"] == "edge"
            && !text(&route["path"]).contains('{')
            && uses.iter().all(|used| is_public(&used["name"]))
    });
    let page = page.map(|route| Question {
        what: format!("the page {}", text(&route["path"])),
        path: text(&route["path"]),
        expects: Expects::Page,
    });
    contexts.chain(page).collect()
}

async fn ask_until(
    http: &Http,
    host: &str,
    question: &Question,
    deadline: Instant,
    context: &StepContext<'_>,
) -> Result<()> {
    let mut pauses = PAUSES.into_iter();
    let mut pause = PAUSES[0];
    let mut told = String::new();
    loop {
        let refusal = match ask(http, host, question).await {
            None => return Ok(()),
            Some(refusal) => refusal,
        };
        if Instant::now() >= deadline {
            return Err(unfit(host, question, refusal));
        }
        if refusal != told {
            context.progress(format!("asking for {}: {refusal}", question.what));
            told.clone_from(&refusal);
        }
        pause = pauses.next().unwrap_or(pause);
        tokio::select! {
            () = sleep(pause) => {}
            () = context.cancel.cancelled() => return Err(unfit(host, question, refusal)),
        }
    }
}

/// What is wrong with the answer, if anything is.
async fn ask(http: &Http, host: &str, question: &Question) -> Option<String> {
    let url = format!("{}{}", traffic_url::base(host), question.path);
    let request = Request::get(url).header(header::HOST, host).body(Bytes::new());
    let request = match request {
        Ok(request) => request,
        Err(error) => return Some(error.to_string()),
    };
    match http.fetch(request).await {
        Err(error) => Some(error.to_string()),
        Ok(answer) => objection(&answer, question.expects),
    }
}

fn objection(answer: &Response<Bytes>, expects: Expects) -> Option<String> {
    let status = answer.status();
    let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is = |wanted: &str| kind.is_some_and(|kind| kind.starts_with(wanted));
    if let (Expects::Page, Some(error)) = (expects, answer.headers().get(RENDER_ERROR)) {
        return Some(format!("the server bundle failed: {}", error.to_str().unwrap_or_default()));
    }
    let fits = match expects {
        Expects::Success => status.is_success(),
        Expects::Object => {
            status == StatusCode::OK
                && serde_json::from_slice::<Value>(answer.body()).is_ok_and(|body| body.is_object())
        }
        Expects::Page => status == StatusCode::OK && is("text/html"),
    };
    if fits {
        return None;
    }
    let body = String::from_utf8_lossy(answer.body());
    let first = body.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let first: String = first.chars().take(160).collect();
    // A page says nothing in its first line.
    match first.is_empty() || first.starts_with('<') {
        true => Some(format!("{status}, {}", kind.unwrap_or("no content type"))),
        false => Some(format!("{status}: {first}")),
    }
}

fn unfit(host: &str, question: &Question, refusal: String) -> Error {
    Error::failed(format!("the new version does not answer for {}", question.what))
        .cause(refusal)
        .hint(format!("it was asked at https://{host}{}; no visitor was sent there", question.path))
        .hint("does the origin answer the Edge? Its address is in the plan, under `hub`")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, kind: &str, body: &'static str) -> Response<Bytes> {
        let answer = Response::builder().status(status).header(header::CONTENT_TYPE, kind);
        answer.body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    #[test]
    fn each_question_expects_its_own_kind_of_answer() {
        let page = answer(200, "text/html; charset=utf-8", "<!doctype html>");
        assert_eq!(objection(&page, Expects::Page), None);
        assert_eq!(objection(&page, Expects::Success), None);
        assert_eq!(
            objection(&page, Expects::Object).as_deref(),
            Some("200 OK, text/html; charset=utf-8")
        );
        let object = answer(200, "application/json", "{}");
        assert_eq!(objection(&object, Expects::Object), None);
        let mut failed = answer(200, "text/html; charset=utf-8", "<!doctype html>");
        let error = "TypeError: no such component".parse().unwrap();
        failed.headers_mut().insert(RENDER_ERROR, error);
        assert_eq!(
            objection(&failed, Expects::Page).as_deref(),
            Some("the server bundle failed: TypeError: no such component")
        );
        let failed = answer(502, "text/plain", "the application did not answer\n");
        assert_eq!(
            objection(&failed, Expects::Success).as_deref(),
            Some("502 Bad Gateway: the application did not answer")
        );
    }

    #[test]
    fn what_needs_a_parameter_or_a_user_is_not_asked() {
        let data = json!({
            "contexts": [
                {"name": "posts", "path": "/api/posts/", "scope": "public", "params": [{"required": false}]},
                {"name": "post", "path": "/api/post/", "scope": "public", "params": [{"required": true}]},
                {"name": "me", "path": "/api/me/", "scope": "private", "params": []},
            ],
            "routes": [
                {"path": "/me/", "render": "edge", "contexts": [{"name": "me"}]},
                {"path": "/posts/{id}/", "render": "edge", "contexts": []},
                {"path": "/admin/", "render": "origin", "contexts": []},
                {"path": "/", "render": "edge", "contexts": [{"name": "posts"}]},
            ],
        });
        let paths: Vec<_> = of_policy(&data).into_iter().map(|question| question.path).collect();
        assert_eq!(paths, ["/api/posts/", "/"]);
    }
}
