//! Values of secrets: those that are made up, and those that can be stored and handed over.

use rand::{Rng, distr::Alphanumeric};

use crate::{
    error::{Error, ErrorKind, Result},
    secret::SecretValue,
};

/// Characters of a generated secret: 50 of 62 carry 297 bits.
const GENERATED_LENGTH: usize = 50;
/// Digits of a version: no two are the same.
const VERSION_LENGTH: usize = 16;
/// What a key vault takes at most.
/// (<https://learn.microsoft.com/azure/key-vault/secrets/about-secrets>)
const MOST_BYTES: usize = 25_600;

/// A value made up.
pub(super) fn generated() -> SecretValue {
    SecretValue::new(random(GENERATED_LENGTH))
}

/// The name of a version.
pub(super) fn new_version() -> String {
    random(VERSION_LENGTH)
}

/// Refuses a value that could be stored nowhere, or that no container could be given.
pub(super) fn require_storable(name: &str, value: &SecretValue) -> Result<()> {
    let value = value.expose();
    let refused = |why: String, hint: &str| {
        Err(Error::new(ErrorKind::Usage, format!("the value of {name} {why}")).hint(hint))
    };
    if value.len() > MOST_BYTES {
        let why = format!("has {} bytes, and a key vault takes {MOST_BYTES}", value.len());
        return refused(
            why,
            "keep it in a file of a storage account, and its address in the secret",
        );
    }
    if value.contains('\0') {
        let why = "has a zero byte, which no environment variable can hold".to_owned();
        return refused(why, "encode it, e.g. as base64");
    }
    Ok(())
}

fn random(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_values_are_long_and_differ() {
        let (one, two) = (generated(), generated());
        assert_eq!(one.expose().len(), 50);
        assert!(one.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(one.expose(), two.expose());
        assert_ne!(new_version(), new_version());
    }

    #[test]
    fn a_value_that_no_container_can_be_given_is_refused() {
        let told = |value: String| match require_storable("KEY", &SecretValue::new(value)) {
            Ok(()) => "taken".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(told("a".repeat(25_600)), "taken");
        assert_eq!(
            told("é".repeat(12_801)),
            "the value of KEY has 25602 bytes, and a key vault takes 25600"
        );
        assert_eq!(
            told("canary\0".to_owned()),
            "the value of KEY has a zero byte, which no environment variable can hold"
        );
    }
}
