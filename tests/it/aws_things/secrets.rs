//! The store of secrets: what was removed comes back with another value, what others keep is looked
//! at and never written.

use mizan::{
    secret::SecretValue,
    targets::aws::{Op, secrets::Store},
};

use super::world::{World, worlds};

async fn open(world: &World) -> Store {
    Store::open(world.clients(), world.scope()).await.unwrap()
}

fn value(text: &str) -> SecretValue {
    SecretValue::new(text.to_owned())
}

#[tokio::test]
async fn a_secret_is_set_replaced_removed_and_set_again() {
    for world in worlds("secrets") {
        let mut store = open(&world).await;
        store.set("KEY", value("one")).await.unwrap();
        let first = open(&world).await.version("KEY").unwrap().to_owned();
        store.set("KEY", value("two")).await.unwrap();
        let second = open(&world).await.version("KEY").unwrap().to_owned();
        assert_ne!(first, second);
        let staged = open(&world).await.versions(&world.scope().secret("KEY"));
        assert_eq!(staged, [first, second].into_iter().collect());
        assert!(store.unset("KEY").await.unwrap());
        assert!(!open(&world).await.unset("KEY").await.unwrap());
        assert_eq!(open(&world).await.version("KEY"), None);
        store.set("KEY", value("three")).await.unwrap();
        assert_eq!(open(&world).await.value("KEY").await.unwrap().expose(), "three");
        world.run(Op::DeleteSecrets, "secrets/all").await.unwrap();
        assert_eq!(open(&world).await.version("KEY"), None);
    }
}

#[tokio::test]
async fn a_reference_is_looked_at_and_must_be_there() {
    for world in worlds("references") {
        let name = format!("{}-theirs", world.scope().prefix());
        let call = world.clients().secrets.create_secret().name(&name).secret_string("theirs");
        let made = call.send().await.unwrap();
        let store = open(&world).await;
        let with_key = format!("{}:password::", made.arn.unwrap());
        assert_eq!(store.check_reference(&with_key).await.unwrap(), made.version_id);
        let missing = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:none-AbCdEf";
        let error = store.check_reference(missing).await.unwrap_err();
        assert_eq!(error.message, format!("there is no {missing}"));
    }
}
