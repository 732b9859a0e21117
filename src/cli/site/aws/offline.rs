//! An account of which nothing is known but what mizan.yaml says, for `--offline`.

use crate::{
    error::Result,
    model::{App, AwsTarget},
    targets::aws::{Egress, Network, Scope, Subnet},
};

/// What stands for the account's number where nobody asks for it.
const NO_ACCOUNT: &str = "000000000000";

/// A network of which nothing is known but what mizan.yaml says.
pub(super) fn unknown_network(target: &AwsTarget) -> Network {
    let vpc = target.vpc.clone().unwrap_or_else(|| "(the default VPC)".to_owned());
    let given = target.subnets.iter().cloned();
    let ids: Vec<String> = match target.subnets.is_empty() {
        true => vec!["(one subnet of each zone)".to_owned()],
        false => given.collect(),
    };
    let subnet = |id| Subnet { id, vpc: vpc.clone(), zone: String::new(), egress: Egress::Public };
    Network { subnets: ids.into_iter().map(subnet).collect(), vpc: vpc.clone() }
}

/// The scope of `--offline`, where nobody asks for the account's number.
pub(super) fn offline_scope(app: &App) -> Result<Scope> {
    let region = &super::target(app)?.region;
    Ok(Scope {
        account: NO_ACCOUNT.to_owned(),
        partition: Scope::partition_of(region).to_owned(),
        region: region.clone(),
        app: app.name.clone(),
        env: app.env.clone(),
    })
}
