//! A stand-in for Certificate Manager that takes its time as the real one does: it names the
//! validation record only when it is asked for the second time, issues the certificate only when
//! the record is in the zone, and deletes none that a load balancer uses.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use hyper::Request;
use serde_json::{Value, json};

use super::{
    cloudflare::Cloudflare,
    server::{Answer, Server},
};

/// A certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub arn: String,
    pub domain: String,
    pub status: &'static str,
    pub failure: Option<&'static str>,
    /// The deletions that are refused before one is not.
    pub in_use: u32,
    tags: Value,
    token: String,
    looks: u32,
}

#[derive(Default)]
struct State {
    certificates: Vec<Certificate>,
    made: u32,
    refuse_next: Option<&'static str>,
}

/// A running stand-in.
pub struct Acm {
    state: Arc<Mutex<State>>,
    server: Server,
}

impl Acm {
    /// Starts one that looks for validation records in this zone's stand-in.
    pub fn start(zone: Arc<Cloudflare>) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let served = Arc::clone(&state);
        let server = Server::start(move |request| {
            serve(&mut served.lock().expect("no request panics"), &zone, request)
        });
        Self { state, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The certificates that there are.
    pub fn certificates(&self) -> Vec<Certificate> {
        self.lock().certificates.clone()
    }

    /// Changes a certificate behind everybody's back.
    pub fn change(&self, change: impl FnMut(&mut Certificate)) {
        self.lock().certificates.iter_mut().for_each(change);
    }

    /// The next certificate that is asked for fails for this reason.
    pub fn refuse_next(&self, reason: &'static str) {
        self.lock().refuse_next = Some(reason);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no request panics")
    }
}

fn serve(state: &mut State, zone: &Cloudflare, request: &Request<Bytes>) -> Answer {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let arn = body["CertificateArn"].as_str().unwrap_or_default();
    match target.and_then(|target| target.strip_prefix("CertificateManager.")) {
        Some("RequestCertificate") => ok(&json!({"CertificateArn": make(state, &body)})),
        Some("ListCertificates") => ok(&list(state)),
        Some("ListTagsForCertificate") => with(state, arn, |_, at| ok(&json!({"Tags": at.tags}))),
        Some("DescribeCertificate") => with(state, arn, |_, at| ok(&describe(at, zone))),
        Some("DeleteCertificate") => with(state, arn, delete),
        other => error("InvalidAction", &format!("{other:?}")),
    }
}

fn with(
    state: &mut State,
    arn: &str,
    work: impl FnOnce(&mut bool, &mut Certificate) -> Answer,
) -> Answer {
    let Some(place) = state.certificates.iter().position(|it| it.arn == arn) else {
        return error("ResourceNotFoundException", &format!("Could not find certificate {arn}."));
    };
    let mut gone = false;
    let answer = work(&mut gone, &mut state.certificates[place]);
    if gone {
        state.certificates.remove(place);
    }
    answer
}

/// Two requests with one token make one certificate.
fn make(state: &mut State, body: &Value) -> String {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(body["ValidationMethod"], "DNS");
    let token = text("IdempotencyToken");
    if let Some(same) = state.certificates.iter().find(|it| it.token == token) {
        return same.arn.clone();
    }
    state.made += 1;
    let arn = format!("arn:aws:acm:eu-west-1:123456789012:certificate/{:08}", state.made);
    let failure = state.refuse_next.take();
    state.certificates.push(Certificate {
        arn: arn.clone(),
        domain: text("DomainName"),
        status: "PENDING_VALIDATION",
        failure,
        in_use: 0,
        tags: body["Tags"].clone(),
        token,
        looks: 0,
    });
    arn
}

fn list(state: &State) -> Value {
    let summaries: Vec<_> = state
        .certificates
        .iter()
        .map(|it| json!({"CertificateArn": it.arn, "DomainName": it.domain, "Status": it.status}))
        .collect();
    json!({"CertificateSummaryList": summaries})
}

fn describe(certificate: &mut Certificate, zone: &Cloudflare) -> Value {
    certificate.looks += 1;
    let domain = &certificate.domain;
    let (name, value) = (format!("_proof.{domain}"), format!("_answer.{domain}.acm.test"));
    let proven = zone.records().iter().any(|record| record.name == name && record.content == value);
    if proven && certificate.status == "PENDING_VALIDATION" {
        certificate.status = if certificate.failure.is_some() { "FAILED" } else { "ISSUED" };
    }
    let mut validation = json!({"DomainName": domain, "ValidationMethod": "DNS"});
    if certificate.looks > 2 {
        let (name, value) = (format!("{name}."), format!("{value}."));
        validation["ResourceRecord"] = json!({"Name": name, "Type": "CNAME", "Value": value});
    }
    let mut detail = json!({
        "CertificateArn": certificate.arn, "DomainName": domain, "Status": certificate.status,
        "CreatedAt": 1_795_000_000, "DomainValidationOptions": [validation],
    });
    if certificate.status == "FAILED" {
        detail["FailureReason"] = json!(certificate.failure);
    }
    json!({"Certificate": detail})
}

fn delete(gone: &mut bool, certificate: &mut Certificate) -> Answer {
    if certificate.in_use > 0 {
        certificate.in_use -= 1;
        return error("ResourceInUseException", "Certificate is in use.");
    }
    *gone = true;
    ok(&json!({}))
}

fn ok(body: &Value) -> Answer {
    answer(200, body)
}

fn error(code: &str, message: &str) -> Answer {
    answer(400, &json!({"__type": code, "message": message}))
}

fn answer(status: u16, body: &Value) -> Answer {
    let headers = vec![("content-type", "application/x-amz-json-1.1".to_owned())];
    Answer { status, headers, body: body.to_string() }
}
