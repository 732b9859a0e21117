//! Tells an Edge from outside that something has changed: the signed request of `mizan edge purge`,
//! which Celery or the admin send as well.

mod request;
mod selection;
mod signature;

pub use request::{Purged, Recorded, send};
pub use selection::{Invalidation, Selection};

pub use crate::model::PURGE_KEY;
use crate::secret::SecretValue;

/// The key that signs.
pub fn signing_key(keys: &SecretValue) -> Option<SecretValue> {
    let mut keys = keys.expose().split(',').map(str::trim).filter(|key| !key.is_empty());
    keys.next().map(|key| SecretValue::new(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_signs() {
        let first = |keys: &str| {
            signing_key(&SecretValue::new(keys.to_owned())).map(|key| key.expose().to_owned())
        };
        assert_eq!(first("new, old").as_deref(), Some("new"));
        assert_eq!(first(" ,only").as_deref(), Some("only"));
        assert_eq!(first(" , "), None);
    }
}
