//! Container groups, by the crate that Azure's specs were made into. What it cannot do right is done
//! here: operations are followed to their end, and what is read stays JSON, since its models lose
//! or refuse parts of what Azure answers.
//! (<https://learn.microsoft.com/rest/api/container-instances/container-groups>)

use std::sync::Arc;

use azure_core::{RetryOptions, TransportOptions, Url};
pub use azure_mgmt_containerinstance::models;
use azure_mgmt_containerinstance::{Client, models::ContainerGroup};
use bytes::Bytes;
use serde_json::Value;

use super::{
    ApiError, Arm, Patience,
    arm::{is_operation, read},
    operation::Looks,
    transport::{Carrier, NoToken},
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    http::{Method, Response},
};

/// The released version that requests are made for.
pub const VERSION: &str = "2023-05-01";
/// What is being changed takes no other change.
const BUSY: &str = "ContainerGroupTransitioning";

/// The container groups of a resource group. Clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct ContainerGroups {
    arm: Arm,
    subscription: String,
    resource_group: String,
}

impl ContainerGroups {
    /// Those of a resource group.
    pub fn new(arm: Arm, subscription: &str, resource_group: &str) -> Self {
        let (subscription, resource_group) = (subscription.to_owned(), resource_group.to_owned());
        Self { arm, subscription, resource_group }
    }

    /// A group with everything that is known of it; `None` if there is none.
    ///
    /// # Errors
    /// Azure refused, or could not be reached.
    pub async fn get(&self, name: &str) -> Result<Option<Value>, ApiError> {
        self.arm.get(&self.path(name), VERSION).await
    }

    /// All groups, without what goes on in them.
    ///
    /// # Errors
    /// As above.
    pub async fn list(&self) -> Result<Vec<Value>, ApiError> {
        self.arm.list(self.path("").trim_end_matches('/'), VERSION).await
    }

    /// Makes a group and waits until Azure calls it ready, which its containers may not be yet;
    /// answers what is there then.
    ///
    /// # Errors
    /// Azure refused it, it failed, or it took too long.
    pub async fn put(
        &self,
        name: &str,
        group: &ContainerGroup,
        patience: Patience,
    ) -> Result<Value, ApiError> {
        let answer = self
            .settled(patience, async |client| {
                let (subscription, resource_group) = self.names();
                let groups = client.container_groups_client();
                let put =
                    groups.create_or_update(subscription, resource_group, name, group.clone());
                put.send().await.map(Into::into)
            })
            .await?;
        self.arm
            .settled(&told(&Method::PUT, name), &self.path(name), VERSION, answer, patience)
            .await
    }

    /// Starts a group as it was when it was stopped.
    ///
    /// # Errors
    /// As above.
    pub async fn start(&self, name: &str, patience: Patience) -> Result<(), ApiError> {
        let answer = self
            .settled(patience, async |client| {
                let (subscription, resource_group) = self.names();
                let groups = client.container_groups_client();
                groups.start(subscription, resource_group, name).send().await.map(Into::into)
            })
            .await?;
        self.arm.ended(&format!("start of {name}"), &answer, patience).await.map(drop)
    }

    /// Stops a group; one that is gone has stopped.
    ///
    /// # Errors
    /// As above.
    pub async fn stop(&self, name: &str, patience: Patience) -> Result<(), ApiError> {
        let stopped = self
            .settled(patience, async |client| {
                let (subscription, resource_group) = self.names();
                let groups = client.container_groups_client();
                groups.stop(subscription, resource_group, name).send().await.map(Into::into)
            })
            .await;
        match stopped {
            Err(error) if error.is_absent() => Ok(()),
            stopped => stopped.map(drop),
        }
    }

    /// Removes a group; it may be gone already.
    ///
    /// # Errors
    /// As above.
    pub async fn delete(&self, name: &str, patience: Patience) -> Result<(), ApiError> {
        let answer = self
            .settled(patience, async |client| {
                let (subscription, resource_group) = self.names();
                let groups = client.container_groups_client();
                groups.delete(subscription, resource_group, name).send().await.map(Into::into)
            })
            .await;
        let answer = match answer {
            Err(error) if error.is_absent() => return Ok(()),
            answer => answer?,
        };
        if !is_operation(&answer) {
            return Ok(());
        }
        match self.arm.ended(&told(&Method::DELETE, name), &answer, patience).await {
            Err(error) if error.is_absent() => Ok(()),
            ended => ended.map(drop),
        }
    }

    /// The last lines that a container wrote, with the time before each; empty if it has not
    /// started. `None` if there is no such group.
    ///
    /// # Errors
    /// As above.
    pub async fn logs(
        &self,
        name: &str,
        container: &str,
        tail: Option<u32>,
    ) -> Result<Option<String>, ApiError> {
        let answer = self
            .call(async |client| {
                let (subscription, resource_group) = self.names();
                let containers = client.containers_client();
                let logs = containers.list_logs(subscription, resource_group, name, container);
                let logs = logs.timestamps(true);
                let logs = match tail.and_then(|tail| tail.try_into().ok()) {
                    Some(tail) => logs.tail(tail),
                    None => logs,
                };
                logs.send().await.map(Into::into)
            })
            .await;
        match answer {
            Ok(answer) => {
                let content = read(&answer)?["content"].as_str().unwrap_or_default().to_owned();
                Ok(Some(content))
            }
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn names(&self) -> (&str, &str) {
        (&self.subscription, &self.resource_group)
    }

    fn path(&self, name: &str) -> String {
        let (subscription, resource_group) = self.names();
        format!(
            "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/\
             Microsoft.ContainerInstance/containerGroups/{name}"
        )
    }

    /// Calls until no other change is under way.
    async fn settled(
        &self,
        patience: Patience,
        make: impl AsyncFn(Client) -> azure_core::Result<azure_core::Response>,
    ) -> Result<Response<Bytes>, ApiError> {
        let mut looks = Looks::new(patience);
        loop {
            match self.call(&make).await {
                Err(error) if error.is(BUSY) && looks.next(None).await => {}
                outcome => return outcome,
            }
        }
    }

    async fn call(
        &self,
        make: impl AsyncFn(Client) -> azure_core::Result<azure_core::Response>,
    ) -> Result<Response<Bytes>, ApiError> {
        let carrier = Carrier::new(self.arm.clone());
        let called = make(self.client(&carrier)?).await;
        match carrier.outcome() {
            Some(outcome) => outcome,
            None => {
                let error = Error::failed("a request to Container Instances could not be made");
                Err(match called {
                    Err(source) => error.because(&source),
                    Ok(_) => error,
                }
                .into())
            }
        }
    }

    fn client(&self, carrier: &Carrier) -> Result<Client> {
        let endpoint = format!("{}/?api-version={VERSION}", self.arm.endpoint());
        let invalid = || format!("{} is no address of Azure", self.arm.endpoint());
        Client::builder(Arc::new(NoToken))
            .endpoint(Url::parse(&endpoint).context(ErrorKind::Invalid, invalid)?)
            .scopes(&["https://management.azure.com/.default"])
            .retry(RetryOptions::none())
            .transport(TransportOptions::new(Arc::new(carrier.clone())))
            .build()
            .context(ErrorKind::Failed, || "the client of Container Instances has no TLS".into())
    }
}

fn told(method: &Method, name: &str) -> String {
    format!("{method} containerGroups/{name}")
}
