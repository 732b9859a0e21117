//! Task definitions as they go over the wire.

use std::sync::{Arc, Mutex};

use aws_sdk_ecs::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

use super::*;
use crate::{
    model::{AppName, EnvName},
    plan::Late,
};

/// Keeps what was sent, and answers that nothing came of it.
#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Value>>>);

impl HttpConnector for Recorder {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        let sent = serde_json::from_slice(body).expect("JSON");
        self.0.lock().expect("no panic before").push(sent);
        let status = 200.try_into().expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from("{}"))))
    }
}

/// The request as JSON.
async fn sent(request: RegisterTaskDefinitionInputBuilder) -> Value {
    let recorder = Recorder::default();
    let connector = SharedHttpConnector::new(recorder.clone());
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    request.send_with(&Client::from_conf(config)).await.expect("an answer");
    let mut sent = recorder.0.lock().expect("no panic before");
    sent.pop().expect("a request")
}

/// The options of a log driver have no order of their own.
fn sorted() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_sort_maps(true);
    settings
}

fn scope() -> Scope {
    Scope {
        account: "123456789012".into(),
        partition: "aws".into(),
        region: "eu-west-1".into(),
        app: AppName::new("board").expect("a name"),
        env: EnvName::new("production").expect("a name"),
    }
}

fn task() -> TaskSpec {
    TaskSpec {
        image: Late::Known("0123456789abcdef".into()),
        command: None,
        env: BTreeMap::from([
            ("SECRET_KEY".into(), EnvSpec::Secret { fingerprint: Some("v1".into()) }),
            ("MIZAN_URL".into(), EnvSpec::Literal("https://board.example".into())),
            (
                "SENTRY_DSN".into(),
                EnvSpec::Caller { from: "DSN".into(), fingerprint: "ab12".into() },
            ),
        ]),
        references: BTreeMap::new(),
        cpu: 256,
        memory: 512,
        architecture: Architecture::Arm,
        port: Some(8000),
        stop_timeout: 60,
        execution_role: "mizan-board-production-execution".into(),
        task_role: "arn:aws:iam::123456789012:role/given".into(),
    }
}

fn around<'a>(scope: &'a Scope, secrets: &'a SecretRefs, service: &'a str) -> Surroundings<'a> {
    let caller = |name: &str| (name == "DSN").then(|| "https://sentry.example/1".to_owned());
    Surroundings {
        scope,
        service,
        release: ReleaseId(7),
        image: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mizan/board/production@sha256:ab"
            .into(),
        secrets,
        env: plain_values(&task().env, caller).expect("values"),
        hash: "feed".into(),
    }
}

fn secrets() -> SecretRefs {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mizan/board/production/SECRET_KEY-a1B2c3";
    SecretRefs::from([("SECRET_KEY".to_owned(), arn.to_owned())])
}

#[tokio::test]
async fn the_web_service() {
    let (scope, secrets) = (scope(), secrets());
    let request = definition(&task(), &around(&scope, &secrets, "web")).expect("a definition");
    let sent = sent(request).await;
    sorted().bind(|| insta::assert_json_snapshot!(sent));
}

#[tokio::test]
async fn the_release_step() {
    let (scope, secrets) = (scope(), secrets());
    let command = ["python", "manage.py", "migrate"].map(str::to_owned).to_vec();
    let spec = TaskSpec { command: Some(command), port: None, ..task() };
    let request = definition(&spec, &around(&scope, &secrets, "release-step"));
    let sent = sent(request.expect("a definition")).await;
    sorted().bind(|| insta::assert_json_snapshot!(sent));
}

#[test]
fn a_variable_of_the_caller_that_is_not_set_is_named() {
    let error = plain_values(&task().env, |_| None).expect_err("DSN is not set");
    assert_eq!(error.message, "env SENTRY_DSN: DSN is not set");
}

#[test]
fn an_environment_that_ecs_would_refuse_is_refused_before() {
    let (scope, secrets) = (scope(), secrets());
    let mut around = around(&scope, &secrets, "web");
    around.env.insert("LARGE".into(), "x".repeat(LARGEST));
    let error = definition(&task(), &around).expect_err("too large");
    assert_eq!(error.message, "the environment of web is too large for a task definition");
    assert_eq!(error.hints, ["the largest variable is LARGE: read it from a file"]);
}
