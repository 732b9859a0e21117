//! What a command that runs once has written, and the exit code that its last line tells.

use super::super::logs::{Cursor, Line};
use crate::error::Result;

/// What the last line of a command begins with that has ended.
const MARK: &str = "mizan-exit-code: ";

/// How a command has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// Its exit code.
    pub code: i64,
    /// The last lines that it wrote.
    pub tail: Vec<String>,
}

/// What a command has written so far.
#[derive(Default)]
pub(super) struct Output {
    cursor: Cursor,
    /// The last lines.
    pub tail: Vec<String>,
    /// The last line was an empty one: it may be that which comes before the exit code.
    is_held: bool,
    /// Its exit code, once it has told it.
    pub code: Option<i64>,
}

impl Output {
    const TAIL: usize = 30;

    /// Hands on what is new in a log.
    pub fn take(&mut self, content: &str, show: &mut impl FnMut(&str) -> Result<()>) -> Result<()> {
        for Line { text, .. } in self.cursor.take(content) {
            if let Some(code) = text.strip_prefix(MARK) {
                // Before it a line ends, of output that ends without that, or an empty one.
                (self.code, self.is_held) = (code.trim().parse().ok(), false);
                continue;
            }
            if std::mem::take(&mut self.is_held) {
                self.tell(String::new(), show)?;
            }
            match text.is_empty() {
                true => self.is_held = true,
                false => self.tell(text, show)?,
            }
        }
        Ok(())
    }

    fn tell(&mut self, text: String, show: &mut impl FnMut(&str) -> Result<()>) -> Result<()> {
        show(&text)?;
        self.tail.push(text);
        let more = self.tail.len().saturating_sub(Self::TAIL);
        self.tail.drain(..more);
        Ok(())
    }

    /// It has ended with this.
    pub fn ended(self, code: i64) -> Ended {
        Ended { code, tail: self.tail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of these logs, and the exit code.
    fn shown(logs: &[&str]) -> (String, Option<i64>) {
        let (mut output, mut shown) = (Output::default(), String::new());
        for log in logs {
            let mut show = |line: &str| {
                shown += line;
                shown += "|";
                Ok(())
            };
            output.take(log, &mut show).expect("it is shown");
        }
        (shown, output.code)
    }

    #[test]
    fn the_empty_line_before_the_exit_code_is_ours_and_every_other_one_is_not() {
        for (log, told) in [
            ("a\nmizan-exit-code: 0\n", "a|"),
            ("a\n\nmizan-exit-code: 0\n", "a|"),
            ("\n\na\n\n\nmizan-exit-code: 0\n", "||a||"),
            ("\nmizan-exit-code: 0\n", ""),
        ] {
            assert_eq!(shown(&[log]), (told.to_owned(), Some(0)), "{log:?}");
        }
    }

    #[test]
    fn an_empty_line_waits_for_what_comes_next() {
        let [one, two] =
            ["2026-11-29T12:00:00Z a\n2026-11-29T12:00:01Z \n", "2026-11-29T12:00:02Z b\n"];
        assert_eq!(shown(&[one]), ("a|".to_owned(), None));
        assert_eq!(shown(&[one, &format!("{one}{two}")]), ("a||b|".to_owned(), None));
    }
}
