//! The proxy before the web service: it has a certificate for the group's host name and lets in the
//! Edge alone. (<https://caddyserver.com/docs/caddyfile>)

use azure_mgmt_containerinstance::models::{
    Container, ContainerPort, ContainerProperties, EnvironmentVariable,
};

use super::{SIDECAR, render::requirements};
use crate::{
    secret::SecretValue,
    targets::{
        ORIGIN_SECRET_HEADER,
        azure::instances::spec::{SIDECAR as SIZE, TLS_PORT},
    },
};

/// Its configuration comes in a variable, as groups have no files.
const CONFIGURATION: &str = "CADDYFILE";
/// What it runs. Certificates are its own: another group has another host name.
const COMMAND: &str = r#"printf '%s' "$CADDYFILE" >/tmp/Caddyfile && exec caddy run --adapter caddyfile --config /tmp/Caddyfile"#;

/// What it is told.
pub(super) struct Proxy<'a> {
    /// Its image, as the registry has it.
    pub image: String,
    /// The group's host name.
    pub host: &'a str,
    /// The port of the web service.
    pub port: u16,
    /// How many secrets it accepts.
    pub secrets: usize,
    /// A stand-in runs it: there is no authority that would give it a certificate.
    pub is_local: bool,
}

impl Proxy<'_> {
    /// As a container, with these secrets.
    pub fn container(&self, secrets: &[SecretValue]) -> Container {
        let mut variables = vec![EnvironmentVariable {
            value: Some(self.configuration()),
            ..EnvironmentVariable::new(CONFIGURATION.to_owned())
        }];
        variables.extend(secrets.iter().enumerate().map(|(at, secret)| EnvironmentVariable {
            secure_value: Some(secret.expose().to_owned()),
            ..EnvironmentVariable::new(variable(at))
        }));
        let properties = ContainerProperties {
            image: Some(self.image.clone()),
            command: ["/bin/sh", "-c", COMMAND].map(str::to_owned).into(),
            ports: vec![ContainerPort::new(i32::from(TLS_PORT))],
            environment_variables: variables,
            resources: Some(requirements(SIZE)),
            ..ContainerProperties::default()
        };
        Container::new(SIDECAR.to_owned(), properties)
    }

    /// What the Edge says of its visitors is believed, as only the Edge gets in.
    fn configuration(&self) -> String {
        let Self { host, port, .. } = self;
        // Another port for HTTPS, or Caddy would not speak plain HTTP at this one.
        let (site, more) = match self.is_local {
            true => (format!("http://:{TLS_PORT}"), "\thttps_port 444\n"),
            false => (format!("https://{host}:{TLS_PORT}"), ""),
        };
        let edges: String = (0..self.secrets)
            .map(|at| {
                format!(
                    "\t@edge{at} header {ORIGIN_SECRET_HEADER} \"{{${}}}\"\n\
                     \thandle @edge{at} {{\n\
                     \t\trequest_header -{ORIGIN_SECRET_HEADER}\n\
                     \t\treverse_proxy 127.0.0.1:{port} {{\n\
                     \t\t\ttrusted_proxies 0.0.0.0/0 ::/0\n\
                     \t\t\tflush_interval -1\n\
                     \t\t}}\n\
                     \t}}\n",
                    variable(at)
                )
            })
            .collect();
        format!(
            "{{\n\tadmin off\n\tauto_https disable_redirects\n{more}}}\n{site} {{\n{edges}\thandle {{\n\
             \t\trespond \"only the edge is let in\" 403\n\t}}\n}}\n"
        )
    }
}

fn variable(at: usize) -> String {
    format!("ORIGIN_SECRET_{at}")
}
