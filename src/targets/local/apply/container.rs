//! Containers: made from a specification, started, stopped and removed; each call means "ensure".

use std::{
    collections::{BTreeMap, HashMap},
    net::TcpListener,
    time::Duration,
};

use bollard::{
    Docker,
    container::LogOutput,
    errors::Error as DockerError,
    models::{
        ContainerCreateBody, ContainerInspectResponse, EndpointSettings, HostConfig, Mount,
        MountType, NetworkingConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum,
    },
    query_parameters::{
        CreateContainerOptionsBuilder, InspectContainerOptions, LogsOptionsBuilder,
        RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptions,
    },
};
use futures_util::StreamExt;
use tokio::time::{Instant, sleep};

use super::super::{
    names::{Labels, Scope},
    observe::{ContainerRole, is_conflict, is_own, networks, require_own_checkout},
};
use crate::{
    docker::is_missing,
    error::{Context, Error, ErrorKind, Result},
    model::ReleaseId,
};

/// Lines of a container's log that a failure shows.
const LOG_TAIL: usize = 20;
/// How long another call may take to remove a container: an engine that is busy takes its time.
const REMOVAL_LIMIT: Duration = Duration::from_secs(60);

/// A container to be, with the values of its secrets.
pub struct Blueprint {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: ContainerRole,
    /// The service's name in `mizan.yaml`.
    pub service: String,
    /// The release it belongs to.
    pub release: Option<ReleaseId>,
    /// The resolved specification, as JSON for the label.
    pub spec: String,
    /// The image.
    pub image: String,
    /// The command; the image's own if absent.
    pub command: Option<Vec<String>>,
    /// The environment, secret values included: never printed.
    pub env: Vec<String>,
    /// CPU limit in thousandths of a core.
    pub cpu: Option<u32>,
    /// Memory limit in bytes.
    pub memory: Option<u64>,
    /// Volume names on the engine, to paths in the container.
    pub volumes: BTreeMap<String, String>,
    /// The port inside that is published on a free port of 127.0.0.1.
    pub publish: Option<u16>,
    /// It comes back after a crash or a restart of the machine.
    pub restarts: bool,
    /// Seconds between the stop signal and the kill.
    pub stop_timeout: u64,
}

/// What a container is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerState {
    /// It runs and has not crashed since it was started.
    pub running: bool,
    /// How often the engine had to start it again.
    pub restarts: i64,
    /// The exit code, once it has ended.
    pub exit_code: i64,
    /// Killed for using more memory than its limit.
    pub out_of_memory: bool,
    /// The label with its specification.
    pub spec: Option<String>,
    /// The port it is published on.
    pub host_port: Option<u16>,
    /// True once it was started at all.
    pub started: bool,
}

/// The containers of one scope on one engine.
pub struct Containers<'a> {
    /// The engine.
    pub docker: &'a Docker,
    /// Whose containers they are.
    pub scope: &'a Scope,
}

impl Containers<'_> {
    /// A container made from this blueprint runs; one of this name that was made from another, or
    /// has stopped, is replaced. Answers the port it is published on.
    pub async fn ensure_running(&self, blueprint: &Blueprint) -> Result<Option<u16>> {
        if let Some(state) = self.state(&blueprint.name).await? {
            if state.running && state.spec.as_deref() == Some(&blueprint.spec) {
                return Ok(state.host_port);
            }
            self.remove(&blueprint.name).await?;
        }
        let mut attempts = 0;
        loop {
            let port = self.create(blueprint).await?;
            match self.docker.start_container(&blueprint.name, None::<StartContainerOptions>).await
            {
                Ok(()) => return Ok(port),
                // Between our choice and the engine's bind somebody else took the port.
                Err(error) if is_port_taken(&error) && attempts < 3 => {
                    attempts += 1;
                    self.remove(&blueprint.name).await?;
                }
                Err(error) if is_ambiguous(&error) && attempts < 3 => {
                    attempts += 1;
                    self.remove(&blueprint.name).await?;
                    self.one_network(&self.scope.prefix()).await?;
                }
                Err(error) => {
                    self.remove(&blueprint.name).await?;
                    return Err(
                        Error::failed(format!("cannot start {}", blueprint.name)).because(&error)
                    );
                }
            }
        }
    }

    /// Of several networks of this name one is left: one that is in use, else the oldest.
    pub async fn one_network(&self, name: &str) -> Result<()> {
        let ids = networks(self.docker, self.scope, name).await?;
        let mut left = ids.len();
        for id in ids.iter().rev() {
            // The engine refuses to remove one that is in use.
            if left > 1 && self.docker.remove_network(id).await.is_ok() {
                left -= 1;
            }
        }
        Ok(())
    }

    /// Creates it, stopped. Answers the port it will be published on.
    async fn create(&self, blueprint: &Blueprint) -> Result<Option<u16>> {
        let port = blueprint.publish.map(|_| free_port()).transpose()?;
        let options = CreateContainerOptionsBuilder::default().name(&blueprint.name).build();
        let body = self.body(blueprint, port);
        match self.docker.create_container(Some(options), body).await {
            Ok(_) => Ok(port),
            Err(error) if is_conflict(&error) => {
                self.refuse_foreign(&blueprint.name).await?;
                Err(Error::failed(format!("cannot create {}", blueprint.name)).because(&error))
            }
            Err(error) if is_missing(&error) => {
                Err(Error::failed(format!("the image {} is not there", blueprint.image))
                    .because(&error))
            }
            Err(error) => {
                Err(Error::failed(format!("cannot create {}", blueprint.name)).because(&error))
            }
        }
    }

    async fn refuse_foreign(&self, name: &str) -> Result<()> {
        let inspected = self.inspect(name).await?;
        let config = inspected.and_then(|inspected| inspected.config);
        let labels = config.and_then(|config| config.labels).unwrap_or_default();
        require_own_checkout(self.scope, &labels, &format!("container {name}"))
    }

    /// The engine's description of the container to be.
    pub fn body(&self, blueprint: &Blueprint, port: Option<u16>) -> ContainerCreateBody {
        let network = self.scope.prefix();
        let endpoint = EndpointSettings {
            aliases: Some(vec![blueprint.service.clone()]),
            ..EndpointSettings::default()
        };
        ContainerCreateBody {
            image: Some(blueprint.image.clone()),
            cmd: blueprint.command.clone(),
            env: Some(blueprint.env.clone()),
            labels: Some(self.labels(blueprint)),
            stop_timeout: i64::try_from(blueprint.stop_timeout).ok(),
            exposed_ports: blueprint.publish.map(|inside| vec![format!("{inside}/tcp")]),
            host_config: Some(host_config(blueprint, port)),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(network, endpoint)])),
            }),
            ..ContainerCreateBody::default()
        }
    }

    fn labels(&self, blueprint: &Blueprint) -> HashMap<String, String> {
        let mut labels = self.scope.labels();
        let mut set = |key: &str, value: String| labels.insert(key.to_owned(), value);
        set(Labels::ROLE, blueprint.role.label().to_owned());
        set(Labels::SERVICE, blueprint.service.clone());
        set(Labels::SPEC, blueprint.spec.clone());
        if let Some(release) = blueprint.release {
            set(Labels::RELEASE, release.to_string());
        }
        labels
    }

    async fn inspect(&self, name: &str) -> Result<Option<ContainerInspectResponse>> {
        match self.docker.inspect_container(name, None::<InspectContainerOptions>).await {
            Ok(inspected) => Ok(Some(inspected)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => {
                Err(Error::new(ErrorKind::Unavailable, format!("cannot inspect container {name}"))
                    .because(&error))
            }
        }
    }

    /// What a container is doing, or `None` if there is none of this name.
    ///
    /// # Errors
    /// The engine does not answer, or the container is not ours.
    pub async fn state(&self, name: &str) -> Result<Option<ContainerState>> {
        let Some(inspected) = self.inspect(name).await? else { return Ok(None) };
        let labels = inspected.config.and_then(|config| config.labels).unwrap_or_default();
        require_own_checkout(self.scope, &labels, &format!("container {name}"))?;
        let state = inspected.state.unwrap_or_default();
        let bindings = inspected.host_config.and_then(|host| host.port_bindings);
        let binding = bindings.unwrap_or_default().into_values().flatten().flatten().next();
        Ok(Some(ContainerState {
            running: state.running.unwrap_or(false) && !state.restarting.unwrap_or(false),
            restarts: inspected.restart_count.unwrap_or(0),
            exit_code: state.exit_code.unwrap_or(0),
            out_of_memory: state.oom_killed.unwrap_or(false),
            spec: labels.get(Labels::SPEC).cloned(),
            host_port: binding.and_then(|b| b.host_port).and_then(|port| port.parse().ok()),
            started: state.started_at.is_some_and(|at| !at.is_empty() && !at.starts_with("0001-")),
        }))
    }

    /// Starts a container that exists, if it does not run.
    pub async fn start(&self, name: &str) -> Result<()> {
        match self.docker.start_container(name, None::<StartContainerOptions>).await {
            Ok(()) => Ok(()),
            Err(error) => {
                Err(Error::failed(format!("cannot start container {name}")).because(&error))
            }
        }
    }

    /// Stops a container, if it runs; it gets the time that it was created with.
    pub async fn stop(&self, name: &str) -> Result<()> {
        match self.docker.stop_container(name, None::<StopContainerOptions>).await {
            Ok(()) => Ok(()),
            // 304: it had stopped already.
            Err(DockerError::DockerResponseServerError { status_code: 304, .. }) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => {
                Err(Error::failed(format!("cannot stop container {name}")).because(&error))
            }
        }
    }

    /// No container of ours has this name: it is stopped and removed. A foreign one is left alone.
    pub async fn remove(&self, name: &str) -> Result<()> {
        let Some(inspected) = self.inspect(name).await? else { return Ok(()) };
        let labels = inspected.config.and_then(|config| config.labels).unwrap_or_default();
        if !is_own(self.scope, &labels) {
            return Ok(());
        }
        self.stop(name).await?;
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match self.docker.remove_container(name, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            // 409: another call is removing it right now.
            Err(error) if is_conflict(&error) => self.wait_until_gone(name).await,
            Err(error) => {
                Err(Error::failed(format!("cannot remove container {name}")).because(&error))
            }
        }
    }

    async fn wait_until_gone(&self, name: &str) -> Result<()> {
        let deadline = Instant::now() + REMOVAL_LIMIT;
        while Instant::now() < deadline {
            if self.inspect(name).await?.is_none() {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err(Error::failed(format!("container {name} is being removed, but does not go away")))
    }

    /// The last lines of a container's log; empty if it cannot be read.
    pub async fn log_tail(&self, name: &str) -> Vec<String> {
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .tail(&LOG_TAIL.to_string())
            .build();
        let mut chunks = self.docker.logs(name, Some(options));
        let mut text = String::new();
        while let Some(Ok(chunk)) = chunks.next().await {
            text.push_str(&String::from_utf8_lossy(&into_bytes(chunk)));
        }
        text.lines().map(str::to_owned).collect()
    }
}

/// The bytes of a piece of log, whatever stream it came from.
pub fn into_bytes(chunk: LogOutput) -> bytes::Bytes {
    match chunk {
        LogOutput::StdErr { message }
        | LogOutput::StdOut { message }
        | LogOutput::StdIn { message }
        | LogOutput::Console { message } => message,
    }
}

fn host_config(blueprint: &Blueprint, port: Option<u16>) -> HostConfig {
    let mounts = blueprint.volumes.iter().map(|(volume, path)| Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.clone()),
        target: Some(path.clone()),
        ..Mount::default()
    });
    let binding = |port: u16| PortBinding {
        host_ip: Some("127.0.0.1".to_owned()),
        host_port: Some(port.to_string()),
    };
    let bindings = blueprint.publish.zip(port).map(|(inside, outside)| {
        HashMap::from([(format!("{inside}/tcp"), Some(vec![binding(outside)]))])
    });
    let policy = match blueprint.restarts {
        true => RestartPolicyNameEnum::UNLESS_STOPPED,
        false => RestartPolicyNameEnum::NO,
    };
    HostConfig {
        nano_cpus: blueprint.cpu.map(|millis| i64::from(millis) * 1_000_000),
        memory: blueprint.memory.and_then(|bytes| i64::try_from(bytes).ok()),
        mounts: Some(mounts.collect()),
        port_bindings: bindings,
        network_mode: None,
        restart_policy: Some(RestartPolicy { name: Some(policy), maximum_retry_count: None }),
        ..HostConfig::default()
    }
}

/// A port of 127.0.0.1 that is free right now. It is fixed for the container's life, so that a
/// restart of the engine does not move the origin away from under the Edge.
fn free_port() -> Result<u16> {
    let failed = || "cannot find a free port on 127.0.0.1".to_owned();
    let listener = TcpListener::bind(("127.0.0.1", 0)).context(ErrorKind::Failed, failed)?;
    Ok(listener.local_addr().context(ErrorKind::Failed, failed)?.port())
}

/// True if the engine has two networks of the name.
fn is_ambiguous(error: &DockerError) -> bool {
    let DockerError::DockerResponseServerError { message, .. } = error else { return false };
    message.contains("is ambiguous")
}

fn is_port_taken(error: &DockerError) -> bool {
    let DockerError::DockerResponseServerError { message, .. } = error else { return false };
    message.contains("port is already allocated") || message.contains("address already in use")
}
