//! A client of the emulators that owes nothing to the SDK: what a test sees must not depend on what
//! it tests.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

use super::{REGION, xml};

/// Calls the emulators. Nothing is signed: they believe an unsigned caller, unless they check
/// authorization.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    port: u16,
    moto_port: u16,
}

/// What a service answered instead.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The HTTP status; 0 if there was no answer.
    pub status: u16,
    /// The error's code, as the service's documentation names it.
    pub code: String,
    /// The whole answer.
    pub body: String,
}

impl Client {
    /// Ports of ministack and moto on 127.0.0.1.
    pub fn new(port: u16, moto_port: u16) -> Self {
        Self { port, moto_port }
    }

    /// A call of a service that speaks JSON.
    pub fn json(&self, service: &str, action: &str, body: &Value) -> Result<Value, Refusal> {
        let target = format!("{}.{action}", json_target(service));
        let headers =
            [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", target.as_str())];
        let answer = self.send(service, "POST", "/", &headers, &body.to_string())?;
        Ok(if answer.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&answer).expect("JSON")
        })
    }

    /// A call of a service that takes a form and answers XML: the content of its result.
    pub fn query(
        &self,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Value, Refusal> {
        let fixed = [("Action", action), ("Version", query_version(service))];
        let form = serde_urlencoded::to_string(fixed.iter().chain(parameters).collect::<Vec<_>>())
            .expect("a form");
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let answer = xml::to_json(&self.send(service, "POST", "/", &headers, &form)?);
        Ok(answer.get(format!("{action}Result")).cloned().unwrap_or(answer))
    }

    /// A call of S3, without a body.
    pub fn s3(&self, method: &str, path: &str) -> Result<Value, Refusal> {
        self.send("s3", method, path, &[], "").map(|answer| xml::to_json(&answer))
    }

    /// An object of S3.
    pub fn s3_text(&self, path: &str) -> Result<String, Refusal> {
        self.send("s3", "GET", path, &[], "")
    }

    /// Puts an object into S3, or, with its region in the body, a bucket.
    pub fn s3_put(&self, path: &str, body: &str) -> Result<String, Refusal> {
        self.send("s3", "PUT", path, &[], body)
    }

    /// A call of the image registry, without a body.
    pub fn registry(&self, method: &str, path: &str) -> Result<String, Refusal> {
        self.send("ecr", method, path, &[], "")
    }

    /// The default VPC: its id and its subnets.
    pub fn default_network(&self) -> (String, Vec<String>) {
        let subnets = self.query("ec2", "DescribeSubnets", &[]).expect("the subnets");
        let subnets = subnets["subnetSet"].as_array().expect("subnets").clone();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let ids = subnets.iter().map(|subnet| text(&subnet["subnetId"])).collect();
        (text(&subnets[0]["vpcId"]), ids)
    }

    fn send(
        &self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<String, Refusal> {
        let port = if service == "application-autoscaling" { self.moto_port } else { self.port };
        let (status, answer) =
            exchange(port, service, method, path, headers, body).expect("the emulator answers");
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        Err(Refusal { status, code: error_code(&answer).unwrap_or_default(), body: answer })
    }
}

/// HTTP/1.0 needs no decoding: the end of the connection is the end of the body.
fn exchange(
    port: u16,
    service: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut head = format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request, \
         SignedHeaders=host, Signature=0\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    Ok((status.unwrap_or_default(), body.to_owned()))
}

fn json_target(service: &str) -> &'static str {
    match service {
        "ecs" => "AmazonEC2ContainerServiceV20141113",
        "ecr" => "AmazonEC2ContainerRegistry_V20150921",
        "logs" => "Logs_20140328",
        "secretsmanager" => "secretsmanager",
        "acm" => "CertificateManager",
        "ssm" => "AmazonSSM",
        "application-autoscaling" => "AnyScaleFrontendService",
        other => panic!("{other} does not speak JSON"),
    }
}

fn query_version(service: &str) -> &'static str {
    match service {
        "ec2" => "2016-11-15",
        "elasticloadbalancing" => "2015-12-01",
        "iam" => "2010-05-08",
        "sts" => "2011-06-15",
        other => panic!("{other} takes no forms"),
    }
}

/// The code in an error of any protocol.
pub fn error_code(answer: &str) -> Option<String> {
    if let Ok(json) = serde_json::from_str::<Value>(answer) {
        let code = json["__type"].as_str()?;
        return Some(code.rsplit('#').next()?.to_owned());
    }
    let (_, rest) = answer.split_once("<Code>")?;
    Some(rest.split_once("</Code>")?.0.to_owned())
}
