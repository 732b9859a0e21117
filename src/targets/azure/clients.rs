//! The clients of every API of Azure that is used: one HTTP client, one way to tokens.

use super::{
    api::{
        Arm, Bearer, Cloud, ContainerGroups, Credentials,
        credentials::{Variables, environment},
    },
    names::Scope,
};
use crate::{error::Result, http::Http};

/// The clients of one subscription. Clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Which Azure it is.
    pub cloud: Cloud,
    /// Who we are.
    pub credentials: Credentials,
    /// Resource Manager.
    pub arm: Arm,
    /// The subscription's id.
    pub subscription: String,
    /// For what is asked without Resource Manager.
    pub http: Http,
}

impl Clients {
    /// With the caller's credentials. Azure is not asked yet.
    ///
    /// # Errors
    /// There are none, or no subscription is named.
    pub async fn new() -> Result<Self> {
        Self::named(&environment).await
    }

    /// With the credentials that these variables name.
    ///
    /// # Errors
    /// As above.
    pub async fn named(variables: Variables<'_>) -> Result<Self> {
        let (http, cloud) = (Http::new()?, Cloud::named(variables));
        let credentials = Credentials::named(&http, &cloud, variables)?;
        let subscription = credentials.subscription().await?;
        let arm = Arm::new(http.clone(), credentials.clone(), &cloud);
        Ok(Self { cloud, credentials, arm, subscription, http })
    }

    /// The container groups of an environment.
    pub fn groups(&self, scope: &Scope) -> ContainerGroups {
        ContainerGroups::new(self.arm.clone(), &self.subscription, &scope.resource_group())
    }

    /// What asks key vaults.
    pub fn vaults(&self) -> Bearer {
        Bearer::new(self.http.clone(), self.credentials.clone(), self.cloud.vault())
    }
}
