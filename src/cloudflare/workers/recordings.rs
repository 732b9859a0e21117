//! What wrangler sends and is answered: the recordings among the test data.

use std::{env, fs, path::PathBuf};

use serde_json::Value;

/// One request of a recording, with its answer.
#[derive(Debug)]
pub struct Exchange(Value);

impl Exchange {
    /// The request of this number.
    pub fn of(recording: &str, number: usize) -> Self {
        let data = env::var("MIZAN_TEST_DATA").unwrap_or_else(|_| "../shared/data".to_owned());
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(data);
        let file = folder.join("cloudflare/recordings").join(format!("{recording}.jsonl"));
        let text = fs::read_to_string(&file)
            .unwrap_or_else(|_| panic!("{recording} is missing: MIZAN_TEST_DATA"));
        Self(serde_json::from_str(text.lines().nth(number - 1).unwrap()).unwrap())
    }

    /// The result that was answered.
    pub fn result(&self) -> Value {
        self.0["response"]["body"]["result"].clone()
    }

    /// A part of the request: 0 is the metadata.
    pub fn part(&self, index: usize) -> &Value {
        &self.0["parts"][index]
    }

    /// The JSON of the request.
    pub fn json(&self) -> &Value {
        &self.0["json"]
    }

    /// The bytes of the request's body.
    pub fn length(&self) -> usize {
        self.0["headers"]["content-length"].as_str().unwrap().parse().unwrap()
    }
}
