//! The few calls of EC2 that a deploy needs: networks are looked at, security groups are made.

mod query;
#[cfg(test)]
mod tests;
mod types;

use aws_credential_types::provider::SharedCredentialsProvider;
use serde::de::DeserializeOwned;

pub use types::{
    Association, GroupRef, Ipv4Range, Ipv6Range, NetworkInterface, Permission, Route, RouteTable,
    SecurityGroup, Subnet, Tags, Vpc, Zone,
};

use self::{
    query::Query,
    types::{CreatedGroup, Page},
};
use super::{ApiError, Call, Endpoint, SignedClient};
use crate::{
    error::{Context, ErrorKind},
    http::{Http, Method},
};

/// A filter of a describing call: a name and the values one of which must match.
pub type Filter<'a> = (&'a str, &'a [&'a str]);

/// A group to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroup<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is for; letters, digits and a few signs only.
    pub description: &'a str,
    /// The network it is to be part of.
    pub vpc: &'a str,
    /// Its tags.
    pub tags: &'a Tags,
}

/// EC2 in one region.
#[derive(Debug, Clone)]
pub struct Ec2 {
    client: SignedClient,
}

impl Ec2 {
    /// The client for a region; the credentials should be [`super::kept`].
    pub fn new(http: Http, credentials: SharedCredentialsProvider, region: &str) -> Self {
        Self::at(http, credentials, Endpoint::new("ec2", region))
    }

    /// The client for an address of one's own.
    pub fn at(http: Http, credentials: SharedCredentialsProvider, endpoint: Endpoint) -> Self {
        Self { client: SignedClient::new(http, credentials, endpoint) }
    }

    /// The networks that match all filters.
    ///
    /// # Errors
    /// AWS refuses, or cannot be reached; so it is for all calls here.
    pub async fn vpcs(&self, filters: &[Filter<'_>]) -> Result<Vec<Vpc>, ApiError> {
        self.describe("DescribeVpcs", filters).await
    }

    /// The subnets that match all filters.
    ///
    /// # Errors
    /// See [`Ec2::vpcs`].
    pub async fn subnets(&self, filters: &[Filter<'_>]) -> Result<Vec<Subnet>, ApiError> {
        self.describe("DescribeSubnets", filters).await
    }

    /// The route tables that match all filters.
    ///
    /// # Errors
    /// See [`Ec2::vpcs`].
    pub async fn route_tables(&self, filters: &[Filter<'_>]) -> Result<Vec<RouteTable>, ApiError> {
        self.describe("DescribeRouteTables", filters).await
    }

    /// The security groups that match all filters.
    ///
    /// # Errors
    /// See [`Ec2::vpcs`].
    pub async fn security_groups(
        &self,
        filters: &[Filter<'_>],
    ) -> Result<Vec<SecurityGroup>, ApiError> {
        self.describe("DescribeSecurityGroups", filters).await
    }

    /// The network interfaces that match all filters.
    ///
    /// # Errors
    /// See [`Ec2::vpcs`].
    pub async fn network_interfaces(
        &self,
        filters: &[Filter<'_>],
    ) -> Result<Vec<NetworkInterface>, ApiError> {
        self.describe("DescribeNetworkInterfaces", filters).await
    }

    /// The region's zones that match all filters.
    ///
    /// # Errors
    /// See [`Ec2::vpcs`].
    pub async fn zones(&self, filters: &[Filter<'_>]) -> Result<Vec<Zone>, ApiError> {
        self.describe("DescribeAvailabilityZones", filters).await
    }

    /// Makes a security group and returns its id.
    ///
    /// # Errors
    /// `InvalidGroup.Duplicate` if there is one of that name, be it ours from a call whose answer
    /// got lost; see [`Ec2::vpcs`].
    pub async fn create_security_group(&self, group: &NewGroup<'_>) -> Result<String, ApiError> {
        let query = Query::new("CreateSecurityGroup")
            .with("GroupName", group.name)
            .with("GroupDescription", group.description)
            .with("VpcId", group.vpc)
            .tags("security-group", group.tags);
        Ok(self.send::<CreatedGroup>(query).await?.id)
    }

    /// Lets in what `permissions` say; what is let in already stays so.
    ///
    /// # Errors
    /// See [`Ec2::vpcs`].
    pub async fn authorize_ingress(
        &self,
        group: &str,
        permissions: &[Permission],
    ) -> Result<(), ApiError> {
        self.each_ingress(
            "AuthorizeSecurityGroupIngress",
            "InvalidPermission.Duplicate",
            group,
            permissions,
        )
        .await
    }

    /// Lets in no longer what `permissions` say.
    ///
    /// # Errors
    /// See [`Ec2::vpcs`].
    pub async fn revoke_ingress(
        &self,
        group: &str,
        permissions: &[Permission],
    ) -> Result<(), ApiError> {
        self.each_ingress(
            "RevokeSecurityGroupIngress",
            "InvalidPermission.NotFound",
            group,
            permissions,
        )
        .await
    }

    /// Deletes a security group; one that is gone is deleted already.
    ///
    /// # Errors
    /// `DependencyViolation` while something is in it; see [`Ec2::vpcs`].
    pub async fn delete_security_group(&self, group: &str) -> Result<(), ApiError> {
        let query = Query::new("DeleteSecurityGroup").with("GroupId", group);
        match self.text(query).await {
            Err(error) if error.is("InvalidGroup.NotFound") => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// One call for each permission: a call with several fails as a whole if one is `done`.
    async fn each_ingress(
        &self,
        action: &'static str,
        done: &str,
        group: &str,
        permissions: &[Permission],
    ) -> Result<(), ApiError> {
        for permission in permissions {
            let query = Query::new(action).with("GroupId", group).permission(permission);
            match self.text(query).await {
                Err(error) if !error.is(done) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    async fn describe<T: DeserializeOwned>(
        &self,
        action: &'static str,
        filters: &[Filter<'_>],
    ) -> Result<Vec<T>, ApiError> {
        let mut things = Vec::new();
        let mut next = None;
        loop {
            let mut query = Query::new(action).filters(filters);
            if let Some(next) = next {
                query = query.with("NextToken", next);
            }
            let page: Page<T> = self.send(query).await?;
            things.extend(page.things);
            next = page.next.filter(|next| !next.is_empty());
            if next.is_none() {
                return Ok(things);
            }
        }
    }

    async fn send<T: DeserializeOwned>(&self, query: Query) -> Result<T, ApiError> {
        let action = query.action;
        let text = self.text(query).await?;
        quick_xml::de::from_str(&text)
            .context(ErrorKind::Failed, || {
                format!("EC2 gave an answer to {action} that makes no sense")
            })
            .map_err(ApiError::Failed)
    }

    async fn text(&self, query: Query) -> Result<String, ApiError> {
        let action = query.action;
        let body = query.encode().map_err(ApiError::Failed)?;
        let url = format!("{}/", self.client.endpoint().url);
        let call = Call::new(action, Method::POST, url)
            .body("application/x-www-form-urlencoded; charset=utf-8", body);
        let answer = self.client.send(&call).await?;
        Ok(String::from_utf8_lossy(answer.body()).into_owned())
    }
}
