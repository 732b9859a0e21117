//! Text of others (names, logs, vendors' messages), made fit for a terminal: it can neither move
//! the cursor nor colour what follows nor turn the reading direction around.

/// One line of foreign text without escape sequences and control characters; tabs become blanks.
pub(super) fn clean(text: &str) -> String {
    let stripped = anstream::adapter::strip_str(text).to_string();
    stripped
        .chars()
        .filter(|c| !is_bidi_control(*c))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// Characters that reorder the text around them (Unicode UAX #9).
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn nothing_that_moves_or_colours_is_left() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m\u{1b}[2J\tnext\r\n"), "red next");
        assert_eq!(clean("a\u{202e}b\u{7}c"), "abc");
        assert_eq!(clean("ünïcode → stays"), "ünïcode → stays");
    }
}
