//! Policy documents as AWS gives them back, in the one form in which they are compared.

use serde_json::Value;

use crate::plan;

/// The document with sorted keys and without blanks; what is no JSON stays as it is, and so
/// differs from every document that we write.
pub(super) fn canonical(text: &str) -> String {
    let value: Result<Value, _> = serde_json::from_str(text);
    value.ok().and_then(|value| plan::canonical(&value).ok()).unwrap_or_else(|| text.to_owned())
}

/// A document of IAM, which encodes them as parts of URLs (RFC 3986).
pub(super) fn from_url(encoded: &str) -> String {
    canonical(&decode(encoded))
}

fn decode(encoded: &str) -> String {
    let bytes = encoded.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = || u8::from_str_radix(encoded.get(at + 1..at + 3)?, 16).ok();
        match (byte, hex()) {
            (b'%', Some(value)) => {
                decoded.push(value);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_iam_is_decoded_and_sorted() {
        assert_eq!(
            from_url("%7B%22b%22%3A%20%22x%2By%22%2C%22a%22%3A1%7D"),
            r#"{"a":1,"b":"x+y"}"#
        );
        assert_eq!(from_url(r#"{"b":"100%","a":1}"#), r#"{"a":1,"b":"100%"}"#);
    }

    #[test]
    fn what_is_no_document_stays_different() {
        assert_eq!(canonical("not json"), "not json");
    }
}
