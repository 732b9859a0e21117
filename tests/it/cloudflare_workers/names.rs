//! Where a Worker answers: domains, routes, workers.dev; and its secrets, which go with its name.

use mizan::{
    cloudflare::{Account, ScriptSubdomain, Upload},
    secret::SecretValue,
};

use super::{client, worker};
use crate::support::cloudflare_fake::{ACCOUNT, Fake};

#[tokio::test]
async fn a_domain_is_given_once_and_taken_back() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    let zone_id = fake.add_zone("example.org").await;
    let zone = cloudflare.zone_of("board.example.org").await.unwrap();
    assert_eq!((zone.id, zone.account.id.as_str()), (zone_id.clone(), ACCOUNT));
    cloudflare.put_script(ACCOUNT, "board-edge", &worker("edge")).await.unwrap();

    let put = cloudflare.put_domain(ACCOUNT, &zone_id, "board.example.org", "board-edge").await;
    let domain = put.unwrap();
    assert_eq!((domain.zone_name.as_str(), domain.service.as_str()), ("example.org", "board-edge"));
    fake.take_calls().await;
    let again = cloudflare.put_domain(ACCOUNT, &zone_id, "board.example.org", "board-edge").await;
    assert_eq!(again.unwrap(), domain);
    assert_eq!(fake.take_calls().await, ["GET /workers/domains"]);

    let of_worker = cloudflare.domains(ACCOUNT, None, Some("board-edge")).await.unwrap();
    assert_eq!(of_worker, std::slice::from_ref(&domain));
    assert_eq!(cloudflare.domains(ACCOUNT, Some("x.example.org"), None).await.unwrap(), []);
    assert!(cloudflare.delete_domain(ACCOUNT, &domain.id).await.unwrap());
    assert!(!cloudflare.delete_domain(ACCOUNT, &domain.id).await.unwrap());
}

#[tokio::test]
async fn a_domain_is_taken_from_nobody() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    let zone = fake.add_zone("example.org").await;
    fake.add_record("example.org", "A", "www.example.org", "192.0.2.7").await;
    for script in ["shop", "board-edge"] {
        cloudflare.put_script(ACCOUNT, script, &worker(script)).await.unwrap();
    }
    cloudflare.put_domain(ACCOUNT, &zone, "shop.example.org", "shop").await.unwrap();
    let before = fake.state().await;

    let error = cloudflare.put_domain(ACCOUNT, &zone, "www.example.org", "board-edge").await;
    let error = error.unwrap_err();
    assert!(error.to_string().ends_with("(code 100117)"), "{error}");
    assert!(error.hints[0].contains("stay as they are"), "{:?}", error.hints);

    let error = cloudflare.put_domain(ACCOUNT, &zone, "shop.example.org", "board-edge").await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "cannot make the Worker board-edge answer shop.example.org: the Worker shop has it"
    );
    let after = fake.state().await;
    assert_eq!((&after["dns"], &after["domains"]), (&before["dns"], &before["domains"]));
}

#[tokio::test]
async fn routes_are_added_changed_and_removed_one_by_one() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    let zone = fake.add_zone("example.org").await;
    for script in ["shop", "board-edge"] {
        cloudflare.put_script(ACCOUNT, script, &worker(script)).await.unwrap();
    }
    let other = cloudflare.create_route(&zone, "shop.example.org/*", "shop").await.unwrap();

    let made = cloudflare.create_route(&zone, "example.org/*", "board-edge").await.unwrap();
    let again = cloudflare.create_route(&zone, "example.org/*", "board-edge").await.unwrap();
    assert_eq!(again, made);
    let taken = cloudflare.create_route(&zone, "shop.example.org/*", "board-edge").await;
    let taken = taken.unwrap_err();
    assert!(taken.to_string().ends_with("(code 10020)"), "{taken}");
    assert!(taken.hints[0].contains("another Worker"), "{:?}", taken.hints);

    let changed = cloudflare.update_route(&zone, &made.id, "example.org/b/*", "board-edge").await;
    assert_eq!(changed.unwrap().pattern, "example.org/b/*");
    assert_eq!(cloudflare.routes(&zone).await.unwrap().len(), 2);
    assert!(cloudflare.delete_route(&zone, &made.id).await.unwrap());
    assert!(!cloudflare.delete_route(&zone, &made.id).await.unwrap());
    assert_eq!(cloudflare.routes(&zone).await.unwrap(), [other]);
}

#[tokio::test]
async fn a_worker_is_on_workers_dev_or_not() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    assert_eq!(cloudflare.account_subdomain(ACCOUNT).await.unwrap().as_deref(), Some("somebody"));
    assert_eq!(cloudflare.script_subdomain(ACCOUNT, "board-edge").await.unwrap(), None);
    cloudflare.put_script(ACCOUNT, "board-edge", &worker("edge")).await.unwrap();

    let previews = ScriptSubdomain { enabled: false, previews_enabled: true };
    cloudflare.set_script_subdomain(ACCOUNT, "board-edge", previews).await.unwrap();
    let seen = cloudflare.script_subdomain(ACCOUNT, "board-edge").await.unwrap();
    assert_eq!(seen, Some(previews));
}

#[tokio::test]
async fn secrets_are_written_listed_and_kept_by_the_next_version() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    assert_eq!(cloudflare.secrets(ACCOUNT, "board-edge").await.unwrap(), [""; 0]);
    let secret = SecretValue::new("canary-secret".into());
    let error = cloudflare.put_secret(ACCOUNT, "board-edge", "KEY", &secret).await.unwrap_err();
    assert!(!format!("{error:?}").contains("canary"));
    cloudflare.put_script(ACCOUNT, "board-edge", &worker("edge")).await.unwrap();

    cloudflare.put_secret(ACCOUNT, "board-edge", "KEY", &secret).await.unwrap();
    cloudflare.put_script(ACCOUNT, "board-edge", &worker("edge 2")).await.unwrap();
    assert_eq!(cloudflare.secrets(ACCOUNT, "board-edge").await.unwrap(), ["KEY"]);
    let settings = cloudflare.settings(ACCOUNT, "board-edge").await.unwrap().unwrap();
    assert_eq!(settings.bindings[0].kind, "secret_text");
    assert_eq!(settings.bindings[0].text, None);

    assert!(cloudflare.delete_secret(ACCOUNT, "board-edge", "KEY").await.unwrap());
    assert!(!cloudflare.delete_secret(ACCOUNT, "board-edge", "KEY").await.unwrap());
}

#[tokio::test]
async fn a_version_from_before_a_secret_was_changed_is_deployed_only_if_that_is_meant() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    let secret = |text: &str| SecretValue::new(text.to_owned());
    cloudflare.put_script(ACCOUNT, "board-edge", &worker("edge")).await.unwrap();
    cloudflare.put_secret(ACCOUNT, "board-edge", "KEY", &secret("old")).await.unwrap();
    let with_old = cloudflare.versions(ACCOUNT, "board-edge").await.unwrap()[0].id.clone();
    cloudflare.put_secret(ACCOUNT, "board-edge", "KEY", &secret("new")).await.unwrap();

    let back = [(with_old, 100.0)];
    let error = cloudflare.deploy(ACCOUNT, "board-edge", &back, "back").await.unwrap_err();
    assert!(error.to_string().ends_with("(code 10220)"), "{error}");
    cloudflare.deploy_with_old_secrets(ACCOUNT, "board-edge", &back, "back").await.unwrap();
    let deployments = cloudflare.deployments(ACCOUNT, "board-edge").await.unwrap().unwrap();
    assert_eq!(deployments[0].versions, back);
}

#[tokio::test]
async fn accounts_are_seen_and_the_token_is_verified() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    let name = "Somebody's account".to_owned();
    assert_eq!(cloudflare.accounts().await.unwrap(), [Account { id: ACCOUNT.into(), name }]);
    let state = cloudflare.verify_token().await.unwrap();
    assert_eq!((state.status.as_str(), state.expires_on), ("active", None));
    assert_eq!(cloudflare.verify_account_token(ACCOUNT).await.unwrap(), state);
    let error = super::client_with(&fake, "canary-wrong").verify_token().await.unwrap_err();
    assert!(error.to_string().contains("Invalid API Token (code 1000)"), "{error}");
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn what_a_worker_is_bound_to_must_be_there() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    let service = mizan::cloudflare::Binding::Service {
        name: "RENDER".into(),
        service: "board-render".into(),
    };
    let edge = Upload { bindings: vec![service], ..worker("edge") };
    let error = cloudflare.put_script(ACCOUNT, "board-edge", &edge).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot upload the Worker board-edge: "), "{error}");
    assert!(error.to_string().ends_with("(code 10143)"), "{error}");
}
