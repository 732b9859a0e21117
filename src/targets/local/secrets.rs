//! The local secret store: one file that only its owner can read.

use std::{collections::BTreeMap, fs, io::ErrorKind as IoErrorKind, path::PathBuf};

use rand::{Rng, RngCore, distr::Alphanumeric};
use sha2::{Digest, Sha256};

use super::{
    names::hex,
    state::{StateDir, write_private},
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    secret::SecretValue,
};

/// Secret values of one environment, by name, and the key of their fingerprints.
#[derive(Debug)]
pub struct SecretStore {
    path: PathBuf,
    values: BTreeMap<String, SecretValue>,
    key: SecretValue,
}

/// Characters of a generated secret: 50 of 62 carry 297 bits.
const GENERATED_LENGTH: usize = 50;

impl SecretStore {
    /// Reads the store; a missing file is an empty store.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn open(state: &StateDir) -> Result<Self> {
        let path = state.secrets();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == IoErrorKind::NotFound => "{}".to_owned(),
            Err(error) => {
                return Err(
                    Error::failed(format!("cannot read {}", path.display())).because(&error)
                );
            }
        };
        // The parser's words could quote a value; the position alone is told.
        let mut values: BTreeMap<String, String> =
            serde_json::from_str(&text).map_err(|error| {
                Error::failed(format!("{} is damaged", path.display()))
                    .cause(format!("line {}, column {}", error.line(), error.column()))
                    .hint("repair it, or remove it and set the secrets again")
            })?;
        let key = values.remove(KEY).unwrap_or_default();
        let values = values.into_iter().map(|(name, value)| (name, SecretValue::new(value)));
        Ok(Self { path, values: values.collect(), key: SecretValue::new(key) })
    }

    /// The value of a secret.
    pub fn get(&self, name: &str) -> Option<&SecretValue> {
        self.values.get(name)
    }

    /// A keyed hash of a secret's value: tells that it changed, not what it is.
    pub fn fingerprint(&self, name: &str) -> Option<String> {
        Some(self.fingerprint_of(self.values.get(name)?.expose()))
    }

    /// A keyed hash of any value that is not for print.
    pub fn fingerprint_of(&self, value: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(self.key.expose().as_bytes());
        hash.update([0]);
        hash.update(value.as_bytes());
        hex(&hash.finalize()[..12])
    }

    /// Sets a value. Nothing is written before [`Self::save`].
    pub fn set(&mut self, name: &str, value: SecretValue) {
        self.values.insert(name.to_owned(), value);
    }

    /// Removes a value; false if there was none.
    pub fn unset(&mut self, name: &str) -> bool {
        self.values.remove(name).is_some()
    }

    /// Makes up a value.
    pub fn generate(&mut self, name: &str) {
        let value: String =
            rand::rng().sample_iter(Alphanumeric).take(GENERATED_LENGTH).map(char::from).collect();
        self.set(name, SecretValue::new(value));
    }

    /// Makes the key of the fingerprints, once.
    pub fn ensure_key(&mut self) -> bool {
        if !self.key.expose().is_empty() {
            return false;
        }
        let mut bytes = [0; 32];
        rand::rng().fill_bytes(&mut bytes);
        self.key = SecretValue::new(hex(&bytes));
        true
    }

    /// Writes the store, readable by its owner only.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> Result<()> {
        let mut file: BTreeMap<&str, &str> = BTreeMap::from([(KEY, self.key.expose())]);
        file.extend(self.values.iter().map(|(name, value)| (name.as_str(), value.expose())));
        let json = serde_json::to_vec_pretty(&file)
            .context(ErrorKind::Failed, || "cannot write the secrets".into())?;
        write_private(&self.path, &json)
    }
}

/// The fingerprints' key lies beside the secrets; no variable can have this name.
const KEY: &str = "fingerprint key";
