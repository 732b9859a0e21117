//! A text on a terminal that is drawn anew where it stands.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::clean::clean;

/// Draws over what it has drawn before; lines that are too long or too many do not break it.
pub struct Screen {
    // The library of the progress bars knows how many lines a text takes on a narrow terminal.
    bar: ProgressBar,
}

impl Screen {
    /// Draws on standard output, which must be a terminal.
    pub fn on_stdout() -> Self {
        Self::new(ProgressDrawTarget::stdout())
    }

    fn new(target: ProgressDrawTarget) -> Self {
        let style = ProgressStyle::with_template("{msg}")
            // The template is a constant, drawn by the tests.
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        Self { bar: ProgressBar::with_draw_target(None, target).with_style(style) }
    }

    /// Draws this text instead of the one before.
    pub fn show(&self, text: &str) {
        let lines: Vec<String> = text.lines().map(clean).collect();
        self.bar.set_message(lines.join("\n"));
        self.bar.force_draw();
    }

    /// Leaves the last text where it is.
    pub fn leave(&self) {
        self.bar.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::terminal::Terminal;

    fn drawn(width: usize, texts: &[&str]) -> String {
        let terminal = Terminal::new(width);
        let screen = Screen::new(ProgressDrawTarget::term_like(Box::new(terminal.clone())));
        texts.iter().for_each(|text| screen.show(text));
        screen.leave();
        terminal.text()
    }

    #[test]
    fn a_text_is_drawn_over_the_one_before() {
        assert_eq!(
            drawn(100, &["board: r1\n  web  healthy\n  beat  running\n", "board: r2\n"]),
            "board: r2"
        );
    }

    #[test]
    fn a_narrow_terminal_wraps_lines_and_is_drawn_anew_as_well() {
        assert_eq!(drawn(10, &["a line of 24 characters.\nb", "c"]), "c");
    }

    #[test]
    fn nothing_of_others_moves_the_cursor() {
        assert_eq!(drawn(100, &["web  \u{1b}[2Jgone\n"]), "web  gone");
    }
}
