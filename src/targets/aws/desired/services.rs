//! The services, the release step and autoscaling.

use std::{collections::BTreeMap, time::Duration};

use super::Draft;
use crate::{
    error::{Error, ErrorKind, Result},
    model::{Role, Service},
    plan::Late,
    targets::{
        EnvSpec, add_env,
        aws::{
            fargate::Size,
            spec::{
                Architecture, Deployment, Kind, ReleaseSpec, Scaling, ServiceSpec, TaskSpec, Wiring,
            },
        },
    },
};

/// Seconds that a new task may fail the balancer's checks, at least.
const GRACE: u64 = 60;
/// Seconds that the app keeps running after the balancer has let go of it.
const AFTER_DRAIN: u64 = 5;
/// Seconds between the stop signal and the kill, at most: Fargate allows no more.
pub(in super::super) const STOP_TIMEOUT_MAX: u64 = 120;

type Env = BTreeMap<String, EnvSpec>;

impl Draft<'_> {
    pub(super) fn services(&self) -> Result<BTreeMap<String, ServiceSpec>> {
        let shared = self.shared_env()?;
        let mut services = BTreeMap::new();
        for (name, service) in &self.app.services {
            let Some((kind, deployment)) = kind_of(service) else { continue };
            let spec = ServiceSpec {
                task: self.task(name.as_str(), service, &kind, &shared)?,
                count: if kind == Kind::Singleton { 1 } else { service.scale.min },
                scaled: kind != Kind::Singleton && is_scaled(service),
                deployment,
                wiring: self.wiring(&kind),
                role: kind,
            };
            services.insert(name.to_string(), spec);
        }
        Ok(services)
    }

    fn task(&self, name: &str, service: &Service, kind: &Kind, shared: &Env) -> Result<TaskSpec> {
        let size = Size::choose(service.cpu, service.memory).map_err(|_| {
            Error::new(ErrorKind::Invalid, format!("Fargate has no such size for service {name}"))
        })?;
        let mut env = shared.clone();
        let port = match kind {
            Kind::Web { port, .. } => Some(*port),
            Kind::Worker | Kind::Singleton => None,
        };
        if let Some(port) = port {
            env.insert("PORT".to_owned(), EnvSpec::Literal(port.to_string()));
        }
        add_env(&mut env, &service.env, self.inputs.caller)?;
        let execution = self.target.execution_role.clone();
        let task = self.target.task_role.clone();
        Ok(TaskSpec {
            image: self.inputs.image.clone(),
            command: service.command.as_ref().map(|command| command.0.clone()),
            env,
            references: self.references(),
            cpu: size.cpu,
            memory: size.memory,
            architecture: self.architecture(),
            port,
            stop_timeout: stop_timeout(service),
            execution_role: execution.unwrap_or_else(|| self.scope.execution_role()),
            task_role: task.unwrap_or_else(|| self.scope.task_role()),
        })
    }

    fn architecture(&self) -> Architecture {
        match self.app.build.platform.as_str() {
            "linux/arm64" => Architecture::Arm,
            _ => Architecture::X86,
        }
    }

    /// The secrets that somebody else keeps.
    fn references(&self) -> BTreeMap<String, String> {
        let secrets = self.app.secrets.iter();
        secrets.filter_map(|(name, spec)| Some((name.clone(), spec.from.clone()?))).collect()
    }

    fn wiring(&self, kind: &Kind) -> Wiring {
        let (subnets, public_ip) = self.task_subnets();
        Wiring {
            subnets,
            groups: [self.scope.tasks_group()].into(),
            public_ip,
            target_group: matches!(kind, Kind::Web { .. }).then(|| self.scope.target_group()),
        }
    }

    /// The variables that every service gets.
    fn shared_env(&self) -> Result<Env> {
        let hosts: Vec<String> = [self.app.domain.clone(), self.host().filter(|_| self.has_edge())]
            .into_iter()
            .flatten()
            .chain(["{}".to_owned()])
            .collect();
        let mut env = BTreeMap::from([
            ("MIZAN_URL".to_owned(), self.url_env()),
            ("MIZAN_HOSTS".to_owned(), self.with_balancer_dns(&hosts.join(","))),
        ]);
        for name in self.app.secrets.keys() {
            let fingerprint = (self.inputs.secret)(name);
            env.insert(name.clone(), EnvSpec::Secret { fingerprint });
        }
        add_env(&mut env, &self.app.env_vars, self.inputs.caller)?;
        Ok(env)
    }

    fn url_env(&self) -> EnvSpec {
        match self.url() {
            Late::Known(url) => EnvSpec::Literal(url),
            Late::After(_) => self.with_balancer_dns("http://{}"),
        }
    }

    /// A text with the load balancer's own host name in place of `{}`, now or once it exists.
    fn with_balancer_dns(&self, text: &str) -> EnvSpec {
        match self.balancer_dns() {
            Some(dns) => EnvSpec::Literal(text.replace("{}", dns)),
            None => EnvSpec::Late {
                text: text.to_owned(),
                step: self.balancer_id().step_id(),
                output: "dns".to_owned(),
            },
        }
    }

    /// The release step sees what the web service sees, and is reached by nobody.
    pub(super) fn release_step(
        &self,
        services: &BTreeMap<String, ServiceSpec>,
    ) -> Option<ReleaseSpec> {
        let step = self.app.release.as_ref()?;
        let web = services.values().find(|spec| spec.is_web())?;
        Some(ReleaseSpec {
            task: TaskSpec {
                command: Some(step.command.0.clone()),
                port: None,
                ..web.task.clone()
            },
            timeout: step.timeout.as_secs(),
            wiring: Wiring { target_group: None, ..web.wiring.clone() },
        })
    }

    pub(super) fn scalings(&self) -> impl Iterator<Item = Scaling> {
        let services = self.app.services.iter();
        let scaled = services.filter(|(_, service)| {
            matches!(service.role, Role::Web { .. } | Role::Worker) && is_scaled(service)
        });
        scaled.map(|(name, service)| Scaling {
            service: name.to_string(),
            min: service.scale.min,
            max: service.scale.max,
            cpu: service.scale.cpu,
        })
    }
}

/// True if something decides how many tasks run.
fn is_scaled(service: &Service) -> bool {
    service.scale.max > service.scale.min || service.scale.cpu.is_some()
}

/// What it is for and how it is rolled out. Accessories do not run on a cloud.
fn kind_of(service: &Service) -> Option<(Kind, Deployment)> {
    let beside = |grace| Deployment { min_healthy: 100, max: 200, circuit_breaker: true, grace };
    match &service.role {
        Role::Web { port, health, health_timeout, .. } => {
            let health_timeout = health_timeout.as_secs();
            let kind = Kind::Web { port: *port, health: health.clone(), health_timeout };
            Some((kind, beside(Some(seconds(health_timeout.max(GRACE))))))
        }
        Role::Worker => Some((Kind::Worker, beside(None))),
        Role::Singleton => {
            let deployment =
                Deployment { min_healthy: 0, max: 100, circuit_breaker: true, grace: None };
            Some((Kind::Singleton, deployment))
        }
        Role::Accessory { .. } => None,
    }
}

/// A web service outlives its drain, so that no request is cut off.
fn stop_timeout(service: &Service) -> u32 {
    let drain = match &service.role {
        Role::Web { drain, .. } => drain.0.as_secs() + AFTER_DRAIN,
        Role::Worker | Role::Singleton | Role::Accessory { .. } => 0,
    };
    seconds(whole(service.stop_timeout).max(drain).min(STOP_TIMEOUT_MAX))
}

/// Seconds, rounded up.
fn whole(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn seconds(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
