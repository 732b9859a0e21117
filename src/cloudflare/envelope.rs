//! The envelope that every answer of the API is in.

use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Permission,
    failure::{ApiError, Failure},
};
use crate::http::Response;

/// Which page of a list an answer is. Cloudflare leaves out what it does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) struct PageInfo {
    #[serde(default)]
    pub total_pages: Option<u32>,
    #[serde(default)]
    pub total_count: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Envelope {
    success: bool,
    #[serde(default)]
    errors: Vec<ApiError>,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    result_info: Option<PageInfo>,
}

/// The result in an answer. Both the status and the envelope must say yes: there are failures with
/// status 200. Of a deletion there may be no envelope at all.
pub(super) fn result<T: DeserializeOwned>(
    answer: &Response<Bytes>,
    needs: &'static [Permission],
) -> Result<(T, Option<PageInfo>), Failure> {
    let status = answer.status();
    if status.is_success() && answer.body().is_empty() {
        let nothing = serde_json::from_value(Value::Null).map_err(Failure::Unreadable)?;
        return Ok((nothing, None));
    }
    let envelope: Result<Envelope, _> = serde_json::from_slice(answer.body());
    match envelope {
        Ok(envelope) if status.is_success() && envelope.success => {
            let result = serde_json::from_value(envelope.result).map_err(Failure::Unreadable)?;
            Ok((result, envelope.result_info))
        }
        Ok(envelope) => Err(Failure::Refused { status, errors: envelope.errors, needs }),
        Err(error) if status.is_success() => Err(Failure::Unreadable(error)),
        // Something in front of the API answered.
        Err(_) => Err(Failure::Refused { status, errors: Vec::new(), needs }),
    }
}
