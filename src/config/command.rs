//! Commands written as one string: split into words as a shell would, but without a shell. What
//! only a shell could do is refused rather than passed on as a literal.

/// Why a string is no command.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("the command is empty")]
    Empty,
    #[error("the quote {0} is not closed")]
    Unclosed(char),
    #[error("the command ends with a backslash")]
    Backslash,
    #[error("{0} needs a shell, and commands run without one")]
    Shell(String),
    #[error("{0}=... before a command needs a shell, and commands run without one")]
    Assignment(String),
}

impl CommandError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "leave it out to run the image's own command",
            Self::Unclosed(_) | Self::Backslash => {
                "close it, or write the command as a list of words"
            }
            Self::Shell(_) => {
                "write [\"sh\", \"-c\", \"...\"], or quote it if it is meant literally"
            }
            Self::Assignment(_) => "set variables under `env`",
        }
    }
}

/// Splits a command into words.
pub(crate) fn split(text: &str) -> Result<Vec<String>, CommandError> {
    let mut words = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (word, after) = word(rest)?;
        words.push(word);
        rest = after.trim_start_matches([' ', '\t']);
    }
    match words.first() {
        None => Err(CommandError::Empty),
        Some(first) => match assignment(first) {
            Some(name) => Err(CommandError::Assignment(name.to_owned())),
            None => Ok(words),
        },
    }
}

/// The name in `NAME=value`.
fn assignment(word: &str) -> Option<&str> {
    let (name, _) = word.split_once('=')?;
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (begins && name.chars().all(valid)).then_some(name)
}

/// Reads one word; what follows it comes back with it.
fn word(text: &str) -> Result<(String, &str), CommandError> {
    let mut word = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let rest = &text[at..];
        match c {
            ' ' | '\t' => return Ok((word, rest)),
            '\'' | '"' => {
                let (quoted, after) = quoted(&rest[1..], c)?;
                word += &quoted;
                chars = char_indices_at(text, text.len() - after.len());
            }
            '\\' => word.push(chars.next().ok_or(CommandError::Backslash)?.1),
            _ => match operator(rest) {
                Some(operator) => return Err(CommandError::Shell(operator)),
                None => word.push(c),
            },
        }
    }
    Ok((word, ""))
}

/// The characters of a text from a byte position on, with their positions in the whole text.
fn char_indices_at(text: &str, start: usize) -> std::str::CharIndices<'_> {
    let mut chars = text.char_indices();
    while chars.offset() < start && chars.next().is_some() {}
    chars
}

/// Reads up to the closing quote; what follows the quote comes back with it.
fn quoted(text: &str, quote: char) -> Result<(String, &str), CommandError> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((out, &text[at + 1..])),
            // In double quotes a shell takes the backslash before these characters only.
            '\\' if quote == '"' => match chars.clone().next() {
                Some((_, next)) if "\"\\$`".contains(next) => {
                    chars.next();
                    out.push(next);
                }
                _ => out.push(c),
            },
            '$' | '`' if quote == '"' => {
                if let Some(expansion) = operator(&text[at..]) {
                    return Err(CommandError::Shell(expansion));
                }
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    Err(CommandError::Unclosed(quote))
}

/// What a shell would act on at the beginning of the text.
fn operator(text: &str) -> Option<String> {
    const OPERATORS: [&str; 13] =
        ["&&", "||", ">>", "<<", "|", "&", ";", "<", ">", "(", ")", "`", "\n"];
    if let Some(operator) = OPERATORS.iter().find(|operator| text.starts_with(**operator)) {
        let shown = if *operator == "\n" { "a second line" } else { operator };
        return Some(if shown.len() > 2 { shown.to_owned() } else { format!("`{shown}`") });
    }
    let after = text.strip_prefix('$')?;
    let name: String =
        after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    match after.chars().next() {
        Some('{') => Some("`${...}`".into()),
        Some('(') => Some("`$(...)`".into()),
        _ if !name.is_empty() => Some(format!("`${name}`")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str) -> Result<Vec<String>, CommandError> {
        Err(CommandError::Shell(text.into()))
    }

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        let cases: [(&str, &[&str]); 8] = [
            ("celery -A board worker", &["celery", "-A", "board", "worker"]),
            ("  a\t b ", &["a", "b"]),
            ("a 'b c' d", &["a", "b c", "d"]),
            ("a \"b \\\"c\\\" \\n\"", &["a", "b \"c\" \\n"]),
            (r"a\ b c", &["a b", "c"]),
            ("a'b'\"c\"d ''", &["abcd", ""]),
            ("a --opt=x 'x && y' '$HOME'", &["a", "--opt=x", "x && y", "$HOME"]),
            ("prix 5$ 'ö'ü", &["prix", "5$", "öü"]),
        ];
        for (text, words) in cases {
            assert_eq!(split(text).as_deref(), Ok(words.map_to_strings().as_slice()), "{text}");
        }
    }

    trait MapToStrings {
        fn map_to_strings(&self) -> Vec<String>;
    }

    impl MapToStrings for &[&str] {
        fn map_to_strings(&self) -> Vec<String> {
            self.iter().map(|word| (*word).to_owned()).collect()
        }
    }

    #[test]
    fn what_needs_a_shell_is_refused() {
        assert_eq!(split("a && b"), shell("`&&`"));
        assert_eq!(split("a | b"), shell("`|`"));
        assert_eq!(split("a > /tmp/b"), shell("`>`"));
        assert_eq!(split("a $PORT"), shell("`$PORT`"));
        assert_eq!(split("a \"${PORT}\""), shell("`${...}`"));
        assert_eq!(split("a $(b)"), shell("`$(...)`"));
        assert_eq!(split("a\nb"), shell("a second line"));
        assert_eq!(split("DEBUG=1 a"), Err(CommandError::Assignment("DEBUG".into())));
    }

    #[test]
    fn what_is_open_is_refused() {
        assert_eq!(split("a 'b"), Err(CommandError::Unclosed('\'')));
        assert_eq!(split("a \"b"), Err(CommandError::Unclosed('"')));
        assert_eq!(split("a \\"), Err(CommandError::Backslash));
        assert_eq!(split("  "), Err(CommandError::Empty));
    }
}
