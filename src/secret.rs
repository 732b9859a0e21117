//! Secret values: by their type they cannot be printed, compared into a plan or serialised.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// The value of a secret. It has no `Display` and no `Serialize`; its `Debug` form is masked.
#[derive(Clone)]
pub struct SecretValue(SecretString);

impl SecretValue {
    /// Wraps a value that was read from a store, a file or standard input.
    pub fn new(value: String) -> Self {
        Self(SecretString::from(value))
    }

    /// The value itself, for the one call that hands it to a container or a store.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_value() {
        let text = format!("{:?}", Some(SecretValue::new("hunter2".into())));
        assert_eq!(text, "Some(SecretValue(***))");
    }
}
