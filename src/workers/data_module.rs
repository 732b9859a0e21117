//! The module `mizan-data.js`: the policy as the Edge imports it, written and read back.

use std::{fs, io, path::Path};

use serde_json::Value;

use crate::error::{Context, ErrorKind, Result};

/// Its name.
pub(super) const NAME: &str = "mizan-data.js";
const BEFORE: &str = "export default JSON.parse(";
const AFTER: &str = ");\n";

/// The policy as the module's text. It is parsed rather than written as a literal: there, a key
/// `__proto__` would mean something else than in JSON.
pub(super) fn text(data: &Value) -> String {
    // A JSON string is a JavaScript string literal (since ES2019 without exception).
    format!("{BEFORE}{}{AFTER}", Value::String(data.to_string()))
}

/// The policy in the module of a generation's folder; `None` if there is none, or it is of a version
/// of mizan that wrote it differently.
///
/// # Errors
/// The file cannot be read.
pub fn read(folder: &Path) -> Result<Option<Value>> {
    let path = folder.join(NAME);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(parse(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        failed @ Err(_) => failed
            .context(ErrorKind::Failed, || format!("cannot read {}", path.display()))
            .map(|_| None),
    }
}

fn parse(text: &str) -> Option<Value> {
    let literal = text.strip_prefix(BEFORE)?.strip_suffix(AFTER)?;
    let json: String = serde_json::from_str(literal).ok()?;
    serde_json::from_str(&json).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let data = json!({"v": 1, "__proto__": "\u{2028}</script>", "contexts": []});
        assert_eq!(parse(&text(&data)), Some(data));
    }

    #[test]
    fn a_module_of_another_kind_tells_nothing() {
        assert_eq!(parse("export default {\"v\": 1};\n"), None);
        assert_eq!(read(Path::new("/nowhere")).unwrap(), None);
    }
}
