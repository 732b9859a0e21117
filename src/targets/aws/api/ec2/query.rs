//! A request of EC2 as its query protocol has it: lists are numbered from one.

use super::{Filter, Permission, Tags};
use crate::error::{Context, ErrorKind, Result};

/// The only version there is.
const VERSION: &str = "2016-11-15";

/// The parameters of a request.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) action: &'static str,
    parameters: Vec<(String, String)>,
}

impl Query {
    pub(super) fn new(action: &'static str) -> Self {
        Self { action, parameters: Vec::new() }.with("Action", action).with("Version", VERSION)
    }

    pub(super) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    pub(super) fn filters(mut self, filters: &[Filter<'_>]) -> Self {
        for ((name, values), at) in filters.iter().zip(1..) {
            self = self.with(format!("Filter.{at}.Name"), *name);
            for (value, nth) in values.iter().zip(1..) {
                self = self.with(format!("Filter.{at}.Value.{nth}"), *value);
            }
        }
        self
    }

    /// Tags for what is to be made.
    pub(super) fn tags(mut self, kind: &str, tags: &Tags) -> Self {
        if tags.is_empty() {
            return self;
        }
        self = self.with("TagSpecification.1.ResourceType", kind);
        for ((key, value), at) in tags.iter().zip(1..) {
            let tag = format!("TagSpecification.1.Tag.{at}");
            self = self.with(format!("{tag}.Key"), key).with(format!("{tag}.Value"), value);
        }
        self
    }

    pub(super) fn permission(mut self, permission: &Permission) -> Self {
        let field = |name: &str| format!("IpPermissions.1.{name}");
        self = self.with(field("IpProtocol"), &permission.protocol);
        for (name, port) in [("FromPort", permission.from_port), ("ToPort", permission.to_port)] {
            if let Some(port) = port {
                self = self.with(field(name), port.to_string());
            }
        }
        for (range, at) in permission.ipv4.iter().zip(1..) {
            self = self.with(field(&format!("IpRanges.{at}.CidrIp")), &range.cidr);
        }
        for (range, at) in permission.ipv6.iter().zip(1..) {
            self = self.with(field(&format!("Ipv6Ranges.{at}.CidrIpv6")), &range.cidr);
        }
        for (group, at) in permission.groups.iter().zip(1..) {
            self = self.with(field(&format!("Groups.{at}.GroupId")), &group.id);
        }
        self
    }

    /// The body of the request.
    pub(super) fn encode(&self) -> Result<String> {
        serde_urlencoded::to_string(&self.parameters)
            .context(ErrorKind::Failed, || format!("{} could not be written", self.action))
    }
}
