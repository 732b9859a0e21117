//! Asks the web service whether it is healthy, the way its visitors do: through the load balancer.

use std::time::Duration;

use bytes::Bytes;

use super::{
    super::{desired, failure::failure, overrides},
    AwsExecutor,
};
use crate::{
    engine::StepContext,
    error::{Error, Result},
    http::{Http, Request, Timeouts},
    plan::ResourceId,
    secret::SecretValue,
    targets::Health,
};

/// One question may take this long.
const LIMIT: Duration = Duration::from_secs(5);

/// The way to the web service, through the load balancer.
pub(super) struct Way {
    /// What is connected to: scheme and host.
    pub connect: String,
    scheme: &'static str,
    host: String,
}

impl Way {
    /// What is called by it: scheme and host.
    pub fn address(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }
}

/// The question, ready to be asked.
pub(super) struct Probe {
    http: Http,
    url: String,
    host: String,
    /// The header by which the load balancer knows the Edge, and its value.
    secret: Option<(String, SecretValue)>,
}

impl Probe {
    /// Asks once.
    pub async fn ask(&self) -> Health {
        let mut request = Request::get(&self.url).header("host", &self.host);
        if let Some((header, value)) = &self.secret {
            request = request.header(header, value.expose());
        }
        let request = match request.body(Bytes::new()) {
            Ok(request) => request,
            Err(error) => return Health::Silent(error.to_string()),
        };
        match self.http.fetch(request).await {
            Ok(answer) => {
                let status = answer.status();
                Health::of(status, &String::from_utf8_lossy(answer.body()))
            }
            Err(error) => Health::Silent(error.to_string()),
        }
    }
}

impl AwsExecutor {
    /// The question that `Desired` describes.
    pub(super) async fn load_balancer_probe(&self, context: &StepContext<'_>) -> Result<Probe> {
        let secret = match &self.described_probe()?.secret {
            Some((secret, header)) => Some((header.clone(), self.secret_value(secret).await?)),
            None => None,
        };
        self.probe(&self.way(context).await?, secret)
    }

    /// The question for the health path, by this way and with this header.
    pub(super) fn probe(&self, way: &Way, secret: Option<(String, SecretValue)>) -> Result<Probe> {
        let timeouts = Timeouts { connect: LIMIT, read: LIMIT };
        Ok(Probe {
            http: Http::with_timeouts(timeouts)?,
            url: format!("{}{}", way.connect, self.described_probe()?.path),
            host: way.host.clone(),
            secret,
        })
    }

    fn described_probe(&self) -> Result<&desired::Probe> {
        let probe = self.desired()?.probe.as_ref();
        probe.ok_or_else(|| Error::failed("there is no health path to ask"))
    }

    /// The way that `Desired` describes.
    pub(super) async fn way(&self, context: &StepContext<'_>) -> Result<Way> {
        let probe = self.described_probe()?;
        let dns = self.dns_of(&probe.balancer, context).await?;
        let host = probe.host.clone().unwrap_or_else(|| dns.clone());
        let connect = match overrides::load_balancer() {
            Some(base) => base.trim_end_matches('/').to_owned(),
            // The certificate is for the host, whose record points to the load balancer.
            None if probe.port == 443 => format!("https://{host}"),
            None => format!("http://{dns}:{}", probe.port),
        };
        Ok(Way {
            connect,
            scheme: if probe.port == 443 { "https" } else { "http" },
            host: match probe.port {
                80 | 443 => host,
                port => format!("{host}:{port}"),
            },
        })
    }

    /// The DNS name of the load balancer: of ours, or of one that was given by its ARN.
    async fn dns_of(&self, balancer: &str, context: &StepContext<'_>) -> Result<String> {
        let id = ResourceId::new("load-balancer", balancer);
        if let Some(dns) = self.found(&id, "dns", context) {
            return Ok(dns);
        }
        let describe = self.clients.elb.describe_load_balancers();
        let describe = match balancer.starts_with("arn:") {
            true => describe.load_balancer_arns(balancer),
            false => describe.names(balancer),
        };
        let answer = describe.send().await;
        let answer = answer.map_err(|error| failure(format!("cannot look at the {id}"), error))?;
        let found = answer.load_balancers().first().and_then(|it| it.dns_name.clone());
        found.ok_or_else(|| Error::failed(format!("the {id} has no DNS name")))
    }

    pub(super) async fn secret_value(&self, name: &str) -> Result<SecretValue> {
        let answer = self.clients.secrets.get_secret_value().secret_id(name).send().await;
        let answer =
            answer.map_err(|error| failure(format!("cannot read secret {name}"), error))?;
        let value = answer.secret_string;
        value.map(SecretValue::new).ok_or_else(|| Error::failed(format!("secret {name} is empty")))
    }
}
