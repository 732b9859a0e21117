//! Which action a request is. Azure derives it from method and path, and so is done here; where it
//! departs from its own rule, an exception says so.
//! (<https://learn.microsoft.com/azure/role-based-access-control/role-definitions>)

/// Kinds of things that are no resources of a provider, by how their paths begin.
const ROOT: &str = "Microsoft.Resources/subscriptions";
/// A request whose action has another name than the rule says: where the storage provider tells the
/// end of something.
const EXCEPTION: (&str, &str) =
    ("Microsoft.Storage/locations/asyncoperations/read", "Microsoft.Storage/operations/read");

/// The action that a request needs, by its method and path; `None` if it needs no permission or is
/// none of Azure's.
pub fn action_of(method: &str, path: &str) -> Option<String> {
    let path = path.split('?').next().unwrap_or(path).trim_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    if let Some(at) = parts.iter().position(|it| matches!(*it, "secrets" | "deletedsecrets")) {
        return secret_action(method, &parts[at..]).map(str::to_owned);
    }
    match parts.as_slice() {
        ["v2", ..] => registry_action(method).map(str::to_owned),
        [first, rest @ ..] if first.eq_ignore_ascii_case("subscriptions") => {
            let action = resource_action(method, rest)?;
            let (rule, name) = EXCEPTION;
            Some(if rule.eq_ignore_ascii_case(&action) { name.to_owned() } else { action })
        }
        _ => None,
    }
}

/// `rest` is what follows `/subscriptions/`.
fn resource_action(method: &str, rest: &[&str]) -> Option<String> {
    let provider = rest.iter().rposition(|part| part.eq_ignore_ascii_case("providers"));
    let (namespace, kinds) = match provider {
        Some(at) => (*rest.get(at + 1)?, rest.get(at + 2..)?),
        None => (ROOT, rest.get(1..)?),
    };
    // A provider is not a resource of itself.
    match kinds {
        [] if provider.is_some() => {
            return Some(format!("{ROOT}/providers/{}", verb(method)?));
        }
        ["register"] if provider.is_some() => return Some(format!("{namespace}/register/action")),
        _ => {}
    }
    // Kinds and names take turns. A kind without a name is a list, or what is to be done.
    let kind: Vec<&str> = kinds.iter().step_by(2).copied().collect();
    let kind = std::iter::once(namespace).chain(kind).collect::<Vec<_>>().join("/");
    match method {
        "POST" => Some(format!("{kind}/action")),
        _ => Some(format!("{kind}/{}", verb(method)?)),
    }
}

fn verb(method: &str) -> Option<&'static str> {
    match method {
        "GET" | "HEAD" => Some("read"),
        "PUT" | "PATCH" => Some("write"),
        "DELETE" => Some("delete"),
        _ => None,
    }
}

/// Requests to a registry, which are actions of the registry in Resource Manager.
/// (<https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-overview>)
fn registry_action(method: &str) -> Option<&'static str> {
    match method {
        "GET" | "HEAD" => Some("Microsoft.ContainerRegistry/registries/pull/read"),
        "PUT" | "POST" | "PATCH" => Some("Microsoft.ContainerRegistry/registries/push/write"),
        "DELETE" => Some("Microsoft.ContainerRegistry/registries/artifacts/delete"),
        _ => None,
    }
}

/// Requests to a vault.
/// (<https://learn.microsoft.com/azure/key-vault/general/rbac-guide>)
fn secret_action(method: &str, parts: &[&str]) -> Option<&'static str> {
    match (method, parts) {
        ("GET", ["secrets" | "deletedsecrets"] | [_, _, "versions"] | ["deletedsecrets", _]) => {
            Some("Microsoft.KeyVault/vaults/secrets/readMetadata/action")
        }
        ("GET", ["secrets", ..]) => Some("Microsoft.KeyVault/vaults/secrets/getSecret/action"),
        ("PUT", ["secrets", _]) => Some("Microsoft.KeyVault/vaults/secrets/setSecret/action"),
        ("DELETE", ["secrets", _]) => Some("Microsoft.KeyVault/vaults/secrets/delete"),
        ("DELETE", ["deletedsecrets", _]) => Some("Microsoft.KeyVault/vaults/secrets/purge/action"),
        ("POST", ["deletedsecrets", _, "recover"]) => {
            Some("Microsoft.KeyVault/vaults/secrets/recover/action")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(method: &str, path: &str) -> String {
        action_of(method, path).unwrap_or_default()
    }

    #[test]
    fn an_action_is_derived_as_azure_does() {
        let group = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerInstance\
                     /containerGroups/board-r1";
        let of = |method, tail: &str| action(method, &format!("{group}{tail}?api-version=2023"));
        assert_eq!(of("PUT", ""), "Microsoft.ContainerInstance/containerGroups/write");
        assert_eq!(of("POST", "/stop"), "Microsoft.ContainerInstance/containerGroups/stop/action");
        assert_eq!(
            of("GET", "/containers/web/logs"),
            "Microsoft.ContainerInstance/containerGroups/containers/logs/read"
        );
        let list = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerInstance\
                    /containerGroups";
        assert_eq!(action("GET", list), "Microsoft.ContainerInstance/containerGroups/read");
    }

    #[test]
    fn subscription_providers_and_resource_groups_have_names_of_their_own() {
        assert_eq!(action("GET", "/subscriptions/s"), "Microsoft.Resources/subscriptions/read");
        let provider = "/subscriptions/s/providers/Microsoft.KeyVault";
        assert_eq!(action("GET", provider), "Microsoft.Resources/subscriptions/providers/read");
        assert_eq!(
            action("POST", &format!("{provider}/register")),
            "Microsoft.KeyVault/register/action"
        );
        let group = "/subscriptions/s/resourcegroups/g";
        for (method, verb) in [("HEAD", "read"), ("PUT", "write"), ("DELETE", "delete")] {
            let expected = format!("Microsoft.Resources/subscriptions/resourcegroups/{verb}");
            assert_eq!(action(method, group), expected);
        }
        assert_eq!(
            action("GET", &format!("{group}/resources")),
            "Microsoft.Resources/subscriptions/resourcegroups/resources/read"
        );
        assert_eq!(
            action("GET", "/subscriptions/s/operationresults/eyJ"),
            "Microsoft.Resources/subscriptions/operationresults/read"
        );
    }

    #[test]
    fn an_extension_of_a_resource_counts_and_not_the_resource() {
        let on = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v\
                  /providers/Microsoft.Authorization/roleAssignments/uuid";
        assert_eq!(action("PUT", on), "Microsoft.Authorization/roleAssignments/write");
    }

    #[test]
    fn a_vault_and_a_registry_are_asked_without_resource_manager() {
        assert_eq!(
            action("GET", "/vaults/v/secrets"),
            "Microsoft.KeyVault/vaults/secrets/readMetadata/action"
        );
        assert_eq!(
            action("GET", "/secrets/env-KEY/0123"),
            "Microsoft.KeyVault/vaults/secrets/getSecret/action"
        );
        assert_eq!(
            action("DELETE", "/deletedsecrets/env-KEY"),
            "Microsoft.KeyVault/vaults/secrets/purge/action"
        );
        let manifest = "/v2/app/manifests/1";
        assert_eq!(action("HEAD", manifest), "Microsoft.ContainerRegistry/registries/pull/read");
        assert_eq!(
            action("DELETE", manifest),
            "Microsoft.ContainerRegistry/registries/artifacts/delete"
        );
    }

    #[test]
    fn tokens_need_no_permission() {
        assert_eq!(action_of("POST", "/tenant/oauth2/v2.0/token"), None);
        assert_eq!(action_of("POST", "/oauth2/exchange"), None);
    }
}
