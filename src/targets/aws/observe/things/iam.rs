//! The IAM roles, with the policies that are written into them.

use std::collections::BTreeMap;

use aws_sdk_iam::types::Role;
use futures_util::future::try_join_all;

use super::{
    super::{
        super::{
            clients::Clients,
            names::Scope,
            spec::{Role as RoleSpec, Thing},
        },
        answer::{Read, answer, tags, unless_missing},
        document,
    },
    thing,
};
use crate::targets::aws::SeenThing;

const GONE: [&str; 1] = ["NoSuchEntity"];

/// A role.
pub async fn role(clients: &Clients, scope: &Scope, name: &str) -> Read<Option<SeenThing>> {
    let what = format!("cannot read the role {name}");
    let (found, policies) = tokio::join!(
        clients.iam.get_role().role_name(name).send(),
        policies(clients, name, &what),
    );
    let Some(found) = unless_missing(&what, &GONE, found)?.and_then(|found| found.role) else {
        return Ok(None);
    };
    let tagged = scope.tags_here(role_tags(clients, &found, &what).await?);
    let spec = RoleSpec {
        name: name.to_owned(),
        trust: document::from_url(found.assume_role_policy_document.as_deref().unwrap_or_default()),
        policies: policies?,
    };
    Ok(Some(thing(scope, Thing::Role(spec), Some(found.arn), &tagged)))
}

/// The policies that are written into the role, by name.
async fn policies(clients: &Clients, role: &str, what: &str) -> Read<BTreeMap<String, String>> {
    let listed = clients.iam.list_role_policies().role_name(role).send().await;
    let names = unless_missing(what, &GONE, listed)?.map(|listed| listed.policy_names);
    let policies = names.unwrap_or_default().into_iter().map(async |name| {
        let request = clients.iam.get_role_policy().role_name(role).policy_name(&name);
        let found = unless_missing(what, &GONE, request.send().await)?;
        Read::Ok(found.map(|found| (name, document::from_url(&found.policy_document))))
    });
    Ok(try_join_all(policies).await?.into_iter().flatten().collect())
}

/// The answer has the role's tags; where it has none, they are asked for (the emulator leaves them
/// out).
async fn role_tags(clients: &Clients, role: &Role, what: &str) -> Read<BTreeMap<String, String>> {
    let found = match role.tags.as_deref().unwrap_or_default() {
        [] => {
            let listed = clients.iam.list_role_tags().role_name(&role.role_name).send().await;
            answer(what, listed)?.tags
        }
        known => known.to_vec(),
    };
    Ok(tags(found.into_iter().map(|tag| (tag.key, tag.value))))
}
