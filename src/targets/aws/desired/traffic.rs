//! The way of a request to the web service.
//!
//! A load balancer of ours has a listener for HTTPS and one that redirects to it, or, without a
//! domain, one for HTTP. Of a given one we have a rule on its listener. With the Edge in front
//! nobody gets through without its secret. A new release is checked behind a rule and a target group
//! of its own: whoever says the secret in the header of checks gets to that release or to nobody.

use std::collections::{BTreeMap, BTreeSet};

use super::{CHECK_HEADER, Draft, Probe};
use crate::{
    model::Role,
    plan::{Late, ResourceId},
    targets::{
        ORIGIN_SECRET_HEADER,
        aws::spec::{
            Certificate, Condition, DefaultAction, DnsRecord, Listener, LoadBalancer, Rule,
            TargetGroup, Thing,
        },
    },
};

const HTTP: u16 = 80;
const HTTPS: u16 = 443;

/// Seconds between two health checks, for one, and how many in a row decide: a broken task is
/// noticed in 10 s.
const CHECK_INTERVAL: u32 = 5;
const CHECK_TIMEOUT: u32 = 3;
const CHECK_THRESHOLD: u32 = 2;
/// The balancer's check carries the task's address as `Host`, which Django refuses with 400 however
/// healthy it is. Whether a release answers as it should is judged by our own probe.
const CHECK_CODES: &str = "200-299,400";
/// Seconds that a connection may be silent. The keep-alive of the app must be longer.
const IDLE_SECONDS: u32 = 60;

impl Draft<'_> {
    pub(super) fn traffic(&self) -> Vec<Thing> {
        let mut things: Vec<Thing> = self.target_groups().map(Thing::TargetGroup).collect();
        if self.inputs.balancer.is_none() {
            things.push(Thing::LoadBalancer(self.load_balancer()));
            things.extend(self.certificate().map(Thing::Certificate));
            things.extend(self.dns_records().map(Thing::DnsRecord));
            things.extend(self.listeners().map(Thing::Listener));
        }
        things.extend(self.rules().map(Thing::Rule));
        things
    }

    fn target_groups(&self) -> impl Iterator<Item = TargetGroup> {
        let web = self.app.web().and_then(|(_, web)| match &web.role {
            Role::Web { health, drain, .. } => Some((health, drain.0.as_secs())),
            _ => None,
        });
        let visited =
            web.map(|(health, drain)| self.target_group(self.scope.target_group(), health, drain));
        // Nobody waits for an answer of what was checked.
        let checked = web.filter(|_| self.check().is_some());
        let checked =
            checked.map(|(health, _)| self.target_group(self.scope.check_group(), health, 0));
        visited.into_iter().chain(checked)
    }

    fn target_group(&self, name: String, health: &str, drain: u64) -> TargetGroup {
        TargetGroup {
            name,
            vpc: self.inputs.network.vpc.clone(),
            health_path: health.to_owned(),
            matcher: CHECK_CODES.to_owned(),
            interval: CHECK_INTERVAL,
            timeout: CHECK_TIMEOUT,
            threshold: CHECK_THRESHOLD,
            attributes: attributes([("deregistration_delay.timeout_seconds", &drain.to_string())]),
        }
    }

    fn load_balancer(&self) -> LoadBalancer {
        LoadBalancer {
            name: self.scope.balancer(),
            internal: false,
            subnets: self.balancer_subnets(),
            groups: BTreeSet::from([self.scope.balancer_group()]),
            attributes: attributes([
                ("idle_timeout.timeout_seconds", &IDLE_SECONDS.to_string()),
                ("routing.http.drop_invalid_header_fields.enabled", "true"),
            ]),
        }
    }

    /// A certificate of ours for the balancer's host name, unless one is given.
    fn certificate(&self) -> Option<Certificate> {
        let domain = self.host().filter(|_| self.target.certificate.is_none())?;
        Some(Certificate { domain })
    }

    /// The balancer's host name is set by us where we own what it is for: for the Edge, or with a
    /// certificate of ours.
    fn dns_records(&self) -> impl Iterator<Item = DnsRecord> {
        let certificate = self.certificate();
        let ours = self.has_edge() || certificate.is_some();
        let validation = certificate.map(|it| DnsRecord::Validation { domain: it.domain });
        let origin = self
            .host()
            .filter(|_| ours)
            .map(|name| DnsRecord::Origin { name, balancer: self.scope.balancer() });
        validation.into_iter().chain(origin)
    }

    pub(super) fn listener_ports(&self) -> impl Iterator<Item = u16> {
        let https = self.host().map(|_| HTTPS);
        https.into_iter().chain([HTTP])
    }

    fn listeners(&self) -> impl Iterator<Item = Listener> {
        let certificate = self.target.certificate.clone().or_else(|| self.host());
        let https = self.host().is_some();
        self.listener_ports().map(move |port| Listener {
            balancer: self.scope.balancer(),
            port,
            certificate: certificate.clone().filter(|_| port == HTTPS),
            default: match port {
                HTTP if https => DefaultAction::RedirectToHttps,
                _ if self.has_edge() => DefaultAction::Forbid,
                _ => DefaultAction::Forward(self.scope.target_group()),
            },
        })
    }

    /// What lets requests through: those of visitors, and those of a check.
    fn rules(&self) -> impl Iterator<Item = Rule> {
        let name = self.scope.prefix();
        let visits = self.rule(name, ORIGIN_SECRET_HEADER, self.scope.target_group());
        let checks = self
            .check()
            .and_then(|_| self.rule(self.scope.check(), CHECK_HEADER, self.scope.check_group()));
        visits.into_iter().chain(checks)
    }

    /// What lets a request through: on our own listener the Edge's secret, on a given one the host
    /// name too. Without the Edge our own listener lets everything through by itself.
    fn rule(&self, name: String, header: &str, target_group: String) -> Option<Rule> {
        let secret = self.origin_secret().map(|secret| Condition::SecretHeader {
            name: header.to_owned(),
            secret,
            versions: self.inputs.origin_secret_versions.clone(),
        });
        let host = self.inputs.balancer.is_some().then(|| self.host()).flatten();
        let conditions: BTreeSet<Condition> =
            secret.into_iter().chain(host.map(Condition::Host)).collect();
        (!conditions.is_empty()).then(|| Rule {
            name,
            balancer: self.balancer(),
            port: self.port(),
            conditions,
            target_group,
        })
    }

    /// The load balancer, by name or, if it was given, by its ARN.
    fn balancer(&self) -> String {
        self.inputs.balancer.as_ref().map_or_else(|| self.scope.balancer(), |it| it.arn.clone())
    }

    /// The port at which the app is reached.
    fn port(&self) -> u16 {
        let https = match &self.inputs.balancer {
            Some(given) => given.ports.contains(&HTTPS),
            None => self.host().is_some(),
        };
        if https { HTTPS } else { HTTP }
    }

    pub(super) fn probe(&self) -> Option<Probe> {
        let (_, web) = self.app.web()?;
        let Role::Web { health, health_timeout, .. } = &web.role else { return None };
        Some(Probe {
            balancer: self.balancer(),
            port: self.port(),
            path: health.clone(),
            host: self.host(),
            secret: self.origin_secret().map(|name| (name, ORIGIN_SECRET_HEADER.to_owned())),
            timeout: health_timeout.as_secs(),
        })
    }

    /// The public URL. The Edge has a certificate for the domain whatever the origin has.
    pub(super) fn url(&self) -> Late<String> {
        let scheme = if self.has_edge() || self.port() == HTTPS { "https" } else { "http" };
        if let Some(place) = &self.inputs.place {
            return Late::Known(place.public_url.clone());
        }
        match (&self.app.domain, self.balancer_dns()) {
            (Some(domain), _) => Late::Known(format!("{scheme}://{domain}")),
            (None, Some(dns)) => Late::Known(format!("http://{dns}")),
            (None, None) => Late::After(self.balancer_id().step_id()),
        }
    }

    /// The host name that AWS gave the load balancer, if it exists.
    pub(super) fn balancer_dns(&self) -> Option<&String> {
        let given = self.inputs.balancer.as_ref().map(|given| &given.dns);
        given.or(self.inputs.balancer_dns.as_ref())
    }

    pub(super) fn balancer_id(&self) -> ResourceId {
        ResourceId::new("load-balancer", self.scope.balancer())
    }
}

fn attributes<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
