//! Quotas that a first deploy runs into, asked of Service Quotas where that is allowed.

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;

use super::super::{
    api::{Call, Endpoint, SignedClient},
    clients::Clients,
    names::Scope,
};
use crate::{
    error::{Error, ErrorKind, Result},
    http::Method,
    model::App,
    targets::Check,
};

const NAME: &str = "quotas";
/// Without `cpu`, a task has a quarter of a core.
const LEAST_CPU: u32 = 256;

/// A quota, and how much of it an environment needs.
struct Quota {
    service: &'static str,
    code: &'static str,
    what: &'static str,
    needed: f64,
}

/// The codes are those of `aws service-quotas list-service-quotas`.
fn quotas(app: &App) -> [Quota; 3] {
    [
        Quota {
            service: "fargate",
            code: "L-3032A538",
            what: "vCPUs on Fargate",
            needed: cores(app),
        },
        Quota {
            service: "elasticloadbalancing",
            code: "L-53DA6B97",
            what: "application load balancers",
            needed: 1.0,
        },
        Quota { service: "vpc", code: "L-E79EC296", what: "security groups", needed: 2.0 },
    ]
}

/// The cores of all tasks at most; twice, as old and new ones run side by side.
fn cores(app: &App) -> f64 {
    let units = app.services.values().map(|service| {
        service.cpu.map_or(LEAST_CPU, |cpu| cpu.0 * 1024 / 1000) * service.scale.max
    });
    2.0 * f64::from(units.sum::<u32>()) / 1024.0
}

/// One check for each quota.
pub async fn checks(clients: &Clients, scope: &Scope, app: &App) -> Vec<Check> {
    let endpoint = Endpoint::new("servicequotas", &scope.region);
    let client = SignedClient::new(clients.http.clone(), clients.credentials.clone(), endpoint);
    let quotas = quotas(app);
    join_all(quotas.iter().map(|quota| check(&client, quota))).await
}

async fn check(client: &SignedClient, quota: &Quota) -> Check {
    let Quota { what, needed, .. } = quota;
    match value(client, quota).await {
        Ok(allowed) if allowed < *needed => Check::failed(
            NAME,
            ErrorKind::Failed,
            format!("{what}: {allowed} are allowed, {needed} are needed while releases change"),
        )
        .hint("https://console.aws.amazon.com/servicequotas: ask for more"),
        Ok(allowed) => Check::ok(NAME, format!("{what}: {allowed} are allowed, {needed} needed")),
        Err(error) => Check::skipped(NAME, format!("{what}: {error}")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    quota: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Value {
    value: f64,
}

async fn value(client: &SignedClient, quota: &Quota) -> Result<f64> {
    let body = json!({"ServiceCode": quota.service, "QuotaCode": quota.code}).to_string();
    let url = format!("{}/", client.endpoint().url);
    let mut call =
        Call::new("GetServiceQuota", Method::POST, url).body("application/x-amz-json-1.1", body);
    call.headers.push(("x-amz-target", "ServiceQuotasV20190624.GetServiceQuota".to_owned()));
    let answer = client.send(&call).await.map_err(Error::from)?;
    let answer: Answer = serde_json::from_slice(answer.body())
        .map_err(|error| Error::failed("the answer cannot be read").because(&error))?;
    Ok(answer.quota.value)
}
