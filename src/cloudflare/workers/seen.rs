//! What a Worker looks like from outside: bindings and settings, without any secret.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// A binding of a version that exists. The value of a secret is not taken, whatever the answer
/// says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "AnsweredBinding")]
pub struct SeenBinding {
    /// Its name in the environment.
    pub name: String,
    /// Its type: `plain_text`, `secret_text`, `service`, `kv_namespace`, …
    pub kind: String,
    /// The text of a `plain_text`.
    pub text: Option<String>,
    /// The value of a `json`.
    pub json: Option<Value>,
    /// The Worker of a `service`.
    pub service: Option<String>,
    /// The class of a `durable_object_namespace`.
    pub class_name: Option<String>,
    /// The Worker that has the class, if it is another one.
    pub script_name: Option<String>,
}

#[derive(Deserialize)]
struct AnsweredBinding {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<Value>,
    #[serde(default)]
    json: Option<Value>,
    #[serde(default)]
    service: Option<String>,
    #[serde(default)]
    class_name: Option<String>,
    #[serde(default)]
    script_name: Option<String>,
}

impl From<AnsweredBinding> for SeenBinding {
    fn from(answered: AnsweredBinding) -> Self {
        let is_plain = answered.kind == "plain_text";
        let text = answered.text.filter(|_| is_plain);
        Self {
            text: text.and_then(|text| text.as_str().map(str::to_owned)),
            json: answered.json.filter(|_| answered.kind == "json"),
            name: answered.name,
            kind: answered.kind,
            service: answered.service,
            class_name: answered.class_name,
            script_name: answered.script_name,
        }
    }
}

/// The settings of a script, of its latest version where they are a version's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Settings {
    /// What the code finds in its environment.
    #[serde(default, deserialize_with = "or_default")]
    pub bindings: Vec<SeenBinding>,
    /// A date, `2026-11-01`; `None` if it was never set.
    #[serde(default)]
    pub compatibility_date: Option<String>,
    /// Exceptions to what the date says.
    #[serde(default, deserialize_with = "or_default")]
    pub compatibility_flags: Vec<String>,
    /// The tags of the script.
    #[serde(default, deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// How much of its logs is kept, as the API has it.
    #[serde(default)]
    pub observability: Option<Value>,
    /// Its logs are pushed elsewhere.
    #[serde(default)]
    pub logpush: Option<bool>,
    /// The Workers that get its logs.
    #[serde(default, deserialize_with = "or_default")]
    pub tail_consumers: Vec<TailConsumer>,
    /// How far the classes of its Durable Objects are migrated.
    #[serde(default)]
    pub migration_tag: Option<String>,
    /// Where it runs, as the API has it.
    #[serde(default, deserialize_with = "unless_empty")]
    pub placement: Option<Value>,
    /// How much it may use, as the API has it.
    #[serde(default, deserialize_with = "unless_empty")]
    pub limits: Option<Value>,
}

/// A Worker that gets the logs of another one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TailConsumer {
    /// The Worker.
    pub service: String,
}

/// `null` stands for what is empty: Cloudflare writes both.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// `{}` stands for what is not set: Cloudflare writes both.
fn unless_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.filter(|value| value.as_object().is_none_or(|fields| !fields.is_empty())))
}
