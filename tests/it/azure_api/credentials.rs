//! Every way to a token, and that no error tells one.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use mizan::{
    error::{Error, ErrorKind},
    http::Http,
    targets::azure::{
        Clients,
        api::{Cloud, Credentials},
    },
};
use serde_json::json;

use super::{
    Variables, clients,
    little::{Little, say, token},
    principal,
};

const ARM: &str = "https://management.azure.com";
const ENTRA: &str = "POST /tenant/oauth2/v2.0/token";

fn entra() -> Little {
    Little::start(|heard, _| token(&heard.field("scope").unwrap_or_default()))
}

/// A principal without its secret, and these variables.
fn without_secret(endpoint: &str, more: &[(&'static str, String)]) -> Variables {
    let mut variables = principal(endpoint);
    variables.remove("AZURE_CLIENT_SECRET");
    variables.extend(more.iter().cloned());
    variables
}

/// What cannot be had, as a user sees it: and no secret in it.
async fn refused(variables: &Variables) -> (ErrorKind, String) {
    let error = clients(variables).await.credentials.token(ARM).await.unwrap_err();
    let told = format!("{error:?}");
    assert!(!told.contains("canary"), "{told}");
    (error.kind, told)
}

#[tokio::test]
async fn a_secret_gives_a_token_which_is_kept() {
    let entra = entra();
    let clients = clients(&principal(&entra.url())).await;
    let (one, two) =
        tokio::join!(clients.credentials.token(ARM), clients.credentials.identity(ARM));
    assert!(one.unwrap().expose().ends_with("canary-entra-token"));
    let identity = two.unwrap();
    assert_eq!((identity.tenant.as_str(), identity.object.as_str()), ("tenant", "object"));
    assert_eq!(entra.lines(), [ENTRA]);
    let asked = &entra.all()[0];
    assert_eq!(asked.field("scope").unwrap(), format!("{ARM}/.default"));
    assert_eq!(asked.field("client_secret").as_deref(), Some("canary-client-secret"));

    clients.credentials.forget(ARM).await;
    clients.credentials.token(ARM).await.unwrap();
    clients.credentials.token("https://vault.azure.net").await.unwrap();
    assert_eq!(entra.lines().len(), 3, "one that is forgotten and another audience are asked for");
}

#[tokio::test]
async fn a_wrong_secret_is_told_with_what_to_do() {
    let entra = Little::start(|_, _| {
        let told = "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1";
        say(401, &json!({"error": "invalid_client", "error_description": told}))
    });
    let (kind, told) = refused(&principal(&entra.url())).await;
    assert_eq!(kind, ErrorKind::Denied);
    assert!(told.contains("AADSTS7000215: Invalid client secret provided."), "{told}");
    assert!(told.contains("AZURE_CLIENT_SECRET") && !told.contains("Trace ID"), "{told}");
}

#[tokio::test]
async fn a_secret_without_its_principal_is_refused_at_once() {
    let mut variables = principal("http://127.0.0.1:1");
    variables.remove("AZURE_TENANT_ID");
    let named = |name: &str| variables.get(name).cloned();
    let error = Clients::named(&named).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.hints[0].contains("AZURE_TENANT_ID"), "{error:?}");
}

#[tokio::test]
async fn a_federated_token_ends_where_its_line_ends() {
    let (entra, folder) = (entra(), tempfile::tempdir().unwrap());
    let file = folder.path().join("token");
    fs::write(&file, "canary-assertion\n").unwrap();
    let path = file.display().to_string();
    let variables = without_secret(&entra.url(), &[("AZURE_FEDERATED_TOKEN_FILE", path)]);
    clients(&variables).await.credentials.token(ARM).await.unwrap();
    let asked = &entra.all()[0];
    assert_eq!(asked.field("client_assertion").as_deref(), Some("canary-assertion"));
    assert!(asked.field("client_assertion_type").unwrap().ends_with(":jwt-bearer"));
    assert_eq!(asked.field("client_secret"), None);

    fs::remove_file(&file).unwrap();
    let (kind, told) = refused(&variables).await;
    assert_eq!(kind, ErrorKind::Denied);
    assert!(told.contains("AZURE_FEDERATED_TOKEN_FILE"), "{told}");
}

#[tokio::test]
async fn github_gives_its_word_to_a_job_that_may_ask() {
    let entra = entra();
    let github = Little::start(|heard, _| match heard.header("authorization") {
        "Bearer canary-job" => say(200, &json!({"value": "canary-word"})),
        _ => say(401, &json!({"message": "no"})),
    });
    let of = |token: &str| {
        without_secret(
            &entra.url(),
            &[
                ("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/token?api=1", github.url())),
                ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token.to_owned()),
            ],
        )
    };
    clients(&of("canary-job")).await.credentials.token(ARM).await.unwrap();
    assert_eq!(github.all()[0].query, "api=1&audience=api://AzureADTokenExchange");
    assert_eq!(entra.all()[0].field("client_assertion").as_deref(), Some("canary-word"));

    let (kind, told) = refused(&of("canary-other")).await;
    assert_eq!(kind, ErrorKind::Denied);
    assert!(told.contains("id-token: write"), "{told}");
}

/// What gives tokens to identities that Azure keeps writes the seconds as text.
fn managed() -> Little {
    Little::start(|heard, _| {
        let proof = (heard.header("x-identity-header"), heard.header("metadata"));
        match proof {
            ("canary-header", "") | ("", "true") => {
                let body = json!({"access_token": "canary-managed", "expires_in": "86399"});
                say(200, &body)
            }
            _ => say(400, &json!({"error": "invalid_request", "error_description": "no proof"})),
        }
    })
}

#[tokio::test]
async fn an_app_has_the_identity_that_its_environment_names() {
    let managed = managed();
    let variables = Variables::from([
        ("AZURE_CLIENT_ID", "client".to_owned()),
        ("AZURE_SUBSCRIPTION_ID", "subscription".to_owned()),
        ("IDENTITY_ENDPOINT", format!("{}/msi/token", managed.url())),
        ("IDENTITY_HEADER", "canary-header".to_owned()),
    ]);
    let token = clients(&variables).await.credentials.token(ARM).await.unwrap();
    assert_eq!(token.expose(), "canary-managed");
    let asked = &managed.all()[0];
    assert_eq!(asked.line(), "GET /msi/token");
    assert_eq!(asked.field("resource").as_deref(), Some(ARM));
    assert_eq!(asked.field("client_id").as_deref(), Some("client"));
}

#[tokio::test]
async fn a_machine_has_an_identity_or_there_are_no_credentials() {
    let managed = managed();
    let of = |host: String| {
        Variables::from([
            ("AZURE_SUBSCRIPTION_ID", "subscription".to_owned()),
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", host),
        ])
    };
    let token = clients(&of(managed.url())).await.credentials.token(ARM).await.unwrap();
    assert_eq!(token.expose(), "canary-managed");
    assert_eq!(managed.lines(), ["GET /metadata/identity/oauth2/token"]);

    let (kind, told) = refused(&of("http://127.0.0.1:1".to_owned())).await;
    assert_eq!(kind, ErrorKind::Denied);
    assert!(told.contains("there are no Azure credentials") && told.contains("az login"), "{told}");
}

/// A tool of this name that says this to each of its commands.
fn fake_az(folder: &Path, script: &str) -> Variables {
    let tool = folder.join("az");
    fs::write(&tool, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    Variables::from([("PATH", folder.display().to_string())])
}

#[tokio::test]
async fn whoever_signed_in_with_az_has_its_token_and_subscription() {
    let folder = tempfile::tempdir().unwrap();
    let variables = fake_az(
        folder.path(),
        r#"case "$*" in
        "account get-access-token --resource https://management.azure.com --output json")
            echo '{"accessToken": "canary-az", "expires_on": 4102444800}' ;;
        "account show --output json") echo '{"id": "of-az"}' ;;
        *) echo "what is $*?" >&2; exit 2 ;;
        esac"#,
    );
    let clients = clients(&variables).await;
    assert_eq!(clients.subscription, "of-az");
    assert_eq!(clients.credentials.token(ARM).await.unwrap().expose(), "canary-az");
    assert!(clients.credentials.describe().contains("az login"));
}

#[tokio::test]
async fn who_is_signed_out_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo \"Please run 'az login' to setup account.\" >&2; exit 1";
    let variables = fake_az(folder.path(), script);
    let named = |name: &str| variables.get(name).cloned();
    let http = Http::new().unwrap();
    let credentials = Credentials::named(&http, &Cloud::named(&named), &named).unwrap();
    let errors: [Error; 2] =
        [credentials.token(ARM).await.unwrap_err(), credentials.subscription().await.unwrap_err()];
    for error in errors {
        assert_eq!(error.kind, ErrorKind::Denied);
        assert_eq!(error.causes, ["Please run 'az login' to setup account."]);
        assert_eq!(error.hints, ["az login"]);
    }
}
