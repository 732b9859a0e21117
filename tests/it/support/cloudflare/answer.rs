//! An answer in the vendor's envelope: `{success, errors, messages, result}`.

use serde_json::{Value, json};

use crate::support::server::Answer;

impl Answer {
    /// A result.
    pub fn ok(result: Value) -> Self {
        Self::envelope(
            200,
            &json!({"success": true, "errors": [], "messages": [], "result": result}),
        )
    }

    /// A page of a list, which is all of it.
    pub fn list(result: Vec<Value>) -> Self {
        let count = result.len();
        let info = json!({"page": 1, "per_page": count.max(20), "count": count,
                          "total_count": count, "total_pages": 1});
        Self::envelope(
            200,
            &json!({"success": true, "errors": [], "messages": [],
                    "result_info": info, "result": result}),
        )
    }

    /// A failure with one of the vendor's codes.
    pub fn error(status: u16, code: u32, message: &str) -> Self {
        let errors = json!([{"code": code, "message": message}]);
        Self::envelope(
            status,
            &json!({"success": false, "errors": errors, "messages": [], "result": null}),
        )
    }

    /// What something in front of the API says: no envelope.
    pub fn plain(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: body.to_owned() }
    }

    /// With one more header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn envelope(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string() }
    }
}
