//! Takes credentials out of what an answer repeated: an app may send them back whole, and what is
//! shown of an answer is cut and quoted, so pieces of them are taken out as well.

use std::collections::HashSet;

use crate::secret::SecretValue;

/// As much of a secret in a row, in bytes, is no chance any more.
const PIECE: usize = 8;
const MASKED: &str = "***";

/// What must not be shown.
pub struct Mask<'a> {
    whole: Vec<&'a str>,
    pieces: HashSet<&'a [u8]>,
}

impl<'a> Mask<'a> {
    /// Of these secrets.
    pub fn of(secrets: &'a [SecretValue]) -> Self {
        let texts = secrets.iter().map(SecretValue::expose).filter(|secret| !secret.is_empty());
        let mut whole: Vec<&str> = texts.collect();
        // What is part of another one would leave the rest of it.
        whole.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let pieces = whole.iter().flat_map(|secret| secret.as_bytes().windows(PIECE)).collect();
        Self { whole, pieces }
    }

    /// The text without any of them.
    pub fn applied(&self, text: &str) -> String {
        let whole = |text: String, secret: &&str| text.replace(secret, MASKED);
        self.without_pieces(&self.whole.iter().fold(text.to_owned(), whole))
    }

    fn without_pieces(&self, text: &str) -> String {
        let mut hidden = vec![false; text.len()];
        for (at, window) in text.as_bytes().windows(PIECE).enumerate() {
            if self.pieces.contains(window) {
                hidden[at..at + PIECE].fill(true);
            }
        }
        let mut shown = String::with_capacity(text.len());
        let mut was_hidden = false;
        for (at, char) in text.char_indices() {
            match (hidden[at], was_hidden) {
                (false, _) => shown.push(char),
                (true, false) => shown += MASKED,
                (true, true) => {}
            }
            was_hidden = hidden[at];
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(secrets: &[&str], text: &str) -> String {
        let secrets: Vec<_> = secrets.iter().map(|it| SecretValue::new((*it).into())).collect();
        Mask::of(&secrets).applied(text)
    }

    #[test]
    fn a_secret_is_taken_out_wherever_it_stands() {
        assert_eq!(masked(&["xyz"], "you sent xyz, xyz"), "you sent ***, ***");
        assert_eq!(masked(&["", "abc", "abcdef"], "abcdef"), "***");
        assert_eq!(masked(&[], "nothing"), "nothing");
    }

    #[test]
    fn so_are_its_pieces_where_it_was_cut_or_quoted() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjF9.c2lnbmF0dXJl";
        for (shown, expected) in [
            ("Location: /?t=eyJhbGciOiJI…", "Location: /?t=***…"),
            ("and \"JzdWIiOjF9.c2lnbmF0dXJl\\\"}\"", "and \"***\\\"}\""),
            ("ü: eyJhbGciOiJIUzI1NiJ9 ü c2lnbmF0dXJl ü", "ü: *** ü *** ü"),
        ] {
            assert_eq!(masked(&[token], shown), expected);
        }
        assert_eq!(masked(&["pass\"word-of-ada"], r#""pass\"word-of-ada""#), r#""pass\***""#);
    }

    #[test]
    fn what_has_only_a_word_in_common_stays() {
        assert_eq!(masked(&["session-of-ada"], "it sets session"), "it sets session");
    }
}
