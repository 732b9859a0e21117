//! The way to an app that its address alone does not lead to: something before it lets through only
//! who says a word.

use crate::{http::header::HeaderName, secret::SecretValue};

/// How an app is reached.
#[derive(Debug, Clone, Default)]
pub struct Passage {
    /// A URL that is connected to in place of the address, which is still named as the host.
    pub connect: Option<String>,
    /// What every question carries. Its value is told nowhere.
    pub word: Option<(HeaderName, SecretValue)>,
}
