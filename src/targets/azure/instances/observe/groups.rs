//! The container groups of an environment. A list does not tell what goes on in them, so each is
//! asked for by itself.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::{
    super::{
        group::{GroupTags, Reader, SIDECAR, containers_of, seen, tags_of, text_of},
        seen::SeenGroup,
    },
    Known, Records,
};
use crate::{
    error::{Error, Result},
    plan::Seen,
    targets::azure::{
        Clients,
        api::ApiError,
        names::{Scope, Tags},
        overrides,
        paths::version,
    },
};

/// Groups that are asked for at the same time.
const PARALLEL: usize = 8;

/// All groups of the resource group, by name.
pub(super) async fn groups(
    clients: &Clients,
    scope: &Scope,
    known: &Known,
    records: &Records,
) -> Result<BTreeMap<String, Seen<SeenGroup>>> {
    let client = clients.groups(scope);
    let listed = match client.list().await {
        Ok(listed) => listed,
        Err(error) if error.is_denied() => {
            // Those that were recorded are there, for all that anybody knows.
            let why = Error::from(error).to_string();
            let recorded = records.groups().into_iter();
            return Ok(recorded.map(|name| (name, Seen::Unknown(why.clone()))).collect());
        }
        Err(error) => return Err(error.into()),
    };
    if listed.is_empty() {
        return Ok(BTreeMap::new());
    }
    let server = login_server(clients, scope).await?;
    let reader = Reader {
        scope,
        login_server: server.as_deref(),
        tags: &known.tags,
        callers: &known.callers,
        fingerprint: &crate::targets::fingerprint,
        is_local: overrides::groups().is_some(),
    };
    let looks = listed.iter().map(async |group| {
        let name = text_of(&group["name"]).to_owned();
        let seen = match client.get(&name).await {
            Ok(Some(group)) => Seen::Present(seen(&reader, &group)),
            Ok(None) => Seen::Absent,
            Err(error) if error.is_denied() => Seen::Unknown(Error::from(error).to_string()),
            Err(error) => return Err(Error::from(error)),
        };
        Ok((name, seen))
    });
    stream::iter(looks).buffered(PARALLEL).try_collect().await
}

/// The host of the registry, if it is there.
pub(super) async fn login_server(clients: &Clients, scope: &Scope) -> Result<Option<String>> {
    let path = scope.registry_path(&scope.registry());
    match clients.arm.get(&path, version::REGISTRIES).await {
        Ok(found) => {
            Ok(found
                .and_then(|found| found["properties"]["loginServer"].as_str().map(str::to_owned)))
        }
        Err(error) if error.is_denied() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A container of a service, as `mizan status` shows it.
pub struct ContainerStatus {
    /// The service.
    pub service: String,
    /// The group.
    pub group: String,
    /// The container in it.
    pub container: String,
    /// The release that made the group.
    pub release: Option<String>,
    /// How it is.
    pub state: String,
}

/// How all containers of ours are, but those of commands that run once.
///
/// # Errors
/// Azure cannot be reached or refuses.
pub async fn status(clients: &Clients, scope: &Scope) -> Result<Vec<ContainerStatus>> {
    let client = clients.groups(scope);
    let listed = client.list().await?;
    let ours = listed.iter().filter(|group| {
        let tags = tags_of(group);
        scope.owns(&tags) && !tags.contains_key(GroupTags::SPEC)
    });
    let looks = ours.map(async |group| client.get(text_of(&group["name"])).await);
    let found: Vec<Option<Value>> = stream::iter(looks)
        .buffered(PARALLEL)
        .try_collect::<Vec<_>>()
        .await
        .map_err(|error: ApiError| Error::from(error))?;
    Ok(found.iter().flatten().flat_map(rows).collect())
}

fn rows(group: &Value) -> Vec<ContainerStatus> {
    let tags = tags_of(group);
    let service = tags.get(Tags::SERVICE).cloned().unwrap_or_default();
    let name = text_of(&group["name"]).to_owned();
    let stopped = text_of(&group["properties"]["instanceView"]["state"]) == "Stopped";
    let own = containers_of(group).into_iter();
    // The proxy is no service of the app: it is told of when visitors do not get past it.
    let is_in_the_way = |row: &ContainerStatus| {
        row.container != SIDECAR || !(stopped || row.state.starts_with("running"))
    };
    own.map(|container| {
        let current = &container["properties"]["instanceView"]["currentState"];
        let state = match (stopped, text_of(&current["state"]), text_of(&current["detailStatus"])) {
            (true, _, _) => "stopped, kept for a rollback".to_owned(),
            (false, "", _) => text_of(&group["properties"]["provisioningState"]).to_lowercase(),
            (false, state, "") => state.to_lowercase(),
            (false, state, detail) => format!("{} ({detail})", state.to_lowercase()),
        };
        ContainerStatus {
            service: service.clone(),
            group: name.clone(),
            container: text_of(&container["name"]).to_owned(),
            release: tags.get(Tags::RELEASE).cloned(),
            state,
        }
    })
    .filter(is_in_the_way)
    .collect()
}
