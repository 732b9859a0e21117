//! Fills in variables as `FROM` and `ARG` do: `$NAME`, `${NAME}`, `${NAME:-default}` and
//! `${NAME:+instead}`; quotes are dropped.

/// The text with its variables filled in; the error is the name of one without a value.
pub(super) fn expand(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '"' | '\'' => {}
            '$' if rest.starts_with('{') => {
                let end = closing_brace(rest).ok_or_else(|| rest.to_owned())?;
                out.push_str(&braced(&rest[1..end], lookup)?);
                rest = &rest[end + 1..];
            }
            '$' => {
                let end = name_end(rest);
                out.push_str(&lookup(&rest[..end]).ok_or_else(|| rest[..end].to_owned())?);
                rest = &rest[end..];
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

/// The value of what stands between braces.
fn braced(inner: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let (name, modifier) = inner.split_at(name_end(inner));
    let value = lookup(name);
    let filled = value.clone().filter(|value| !value.is_empty());
    // With a colon an empty value counts as none.
    let (present, word) = match modifier.strip_prefix(':') {
        Some(word) => (filled, word),
        None => (value.clone(), modifier),
    };
    match (word.chars().next(), present) {
        (None, _) => value.ok_or_else(|| name.to_owned()),
        (Some('-'), Some(value)) => Ok(value),
        (Some('-'), None) => expand(&word[1..], lookup),
        (Some('+'), Some(_)) => expand(&word[1..], lookup),
        (Some('+'), None) => Ok(String::new()),
        (Some(_), _) => Err(inner.to_owned()),
    }
}

fn name_end(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// Where the brace that opens `text` closes; a default may contain braces of its own.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_defaults_and_alternatives() {
        let lookup = |name: &str| match name {
            "V" => Some("3.12".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (text, expected) in [
            ("python:$V-slim", Ok("python:3.12-slim")),
            ("python:${V}-slim", Ok("python:3.12-slim")),
            ("x:${NONE:-1}", Ok("x:1")),
            ("x:${NONE:-$V}", Ok("x:3.12")),
            ("x:${NONE:-${V}}!", Ok("x:3.12!")),
            ("x${EMPTY}", Ok("x")),
            ("x:${EMPTY:-1}", Ok("x:1")),
            ("x:${EMPTY-1}", Ok("x:")),
            ("x${V:+-slim}", Ok("x-slim")),
            ("x${NONE:+-slim}", Ok("x")),
            ("\"x:1\"", Ok("x:1")),
            ("x:$NONE", Err("NONE")),
            ("x:${NONE}", Err("NONE")),
            ("x:${V", Err("{V")),
        ] {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(expand(text, &lookup), expected, "{text}");
        }
    }
}
