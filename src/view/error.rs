//! An error for a person: what happened, why, the log, what is left over, what to do next.

use std::io::{self, Write};

use owo_colors::OwoColorize;

use super::{
    clean::clean,
    style::{BAD, CARE, GOOD, QUIET},
};
use crate::error::Error;

/// Writes the error completely.
pub fn write_error(error: &Error, out: &mut impl Write) -> io::Result<()> {
    write_block(out, &"error:".style(BAD), "", &error.message)?;
    for cause in &error.causes {
        write_block(out, &"because:".style(QUIET), "  ", cause)?;
    }
    for line in &error.log {
        writeln!(out, "    {} {}", "|".style(QUIET), clean(line))?;
    }
    if !error.left_over.is_empty() {
        writeln!(out, "{}", "left over:".style(CARE))?;
        for resource in &error.left_over {
            writeln!(out, "  - {}", clean(resource))?;
        }
    }
    for hint in &error.hints {
        write_block(out, &"hint:".style(GOOD), "", hint)?;
    }
    Ok(())
}

/// A labelled text; its further lines are indented below the first.
fn write_block(
    out: &mut impl Write,
    label: &impl std::fmt::Display,
    indent: &str,
    text: &str,
) -> io::Result<()> {
    let mut lines = text.lines();
    writeln!(out, "{indent}{label} {}", clean(lines.next().unwrap_or_default()))?;
    for line in lines {
        writeln!(out, "{indent}    {}", clean(line))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample;

    #[test]
    fn everything_an_error_knows_is_told() {
        let mut error = sample::error().log(["boot\u{1b}[0m".to_owned(), "killed".to_owned()]);
        error.left_over = vec!["service web".to_owned()];
        let mut out = Vec::new();
        write_error(&error, &mut anstream::StripStream::new(&mut out)).expect("written");
        insta::assert_snapshot!(String::from_utf8_lossy(&out), @"
        error: service web did not become healthy
          because: waited 60 s for /healthz
          because: /healthz answers 502
              and nothing else
            | boot
            | killed
        left over:
          - service web
        hint: look at the log: mizan logs web
        ");
    }

    #[test]
    fn colours_are_there_for_a_terminal() {
        let mut out = Vec::new();
        write_error(&Error::failed("no"), &mut out).expect("written");
        assert_eq!(String::from_utf8_lossy(&out), "\u{1b}[31;1merror:\u{1b}[0m no\n");
    }
}
