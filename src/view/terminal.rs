//! A terminal for tests.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use indicatif::TermLike;

/// A terminal that keeps its lines: enough of one for what indicatif draws. A full line wraps
/// when the next character comes.
#[derive(Debug, Clone)]
pub(super) struct Terminal(Arc<Mutex<Grid>>);

#[derive(Debug)]
struct Grid {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    width: usize,
    /// Within an escape sequence; those that come only choose colours and end in `m`.
    colouring: bool,
}

impl Grid {
    fn put(&mut self, c: char) {
        match c {
            _ if self.colouring => self.colouring = c != 'm',
            '\u{1b}' => self.colouring = true,
            '\n' => (self.row, self.column) = (self.row + 1, 0),
            '\r' => self.column = 0,
            c => {
                if self.column == self.width {
                    (self.row, self.column) = (self.row + 1, 0);
                }
                let column = self.column;
                self.line()[column] = c;
                self.column += 1;
            }
        }
    }

    fn line(&mut self) -> &mut Vec<char> {
        while self.rows.len() <= self.row {
            self.rows.push(vec![' '; self.width]);
        }
        &mut self.rows[self.row]
    }
}

impl Terminal {
    /// An empty one, so many characters wide.
    pub(super) fn new(width: usize) -> Self {
        let grid = Grid { rows: Vec::new(), row: 0, column: 0, width, colouring: false };
        Self(Arc::new(Mutex::new(grid)))
    }

    fn with(&self, change: impl FnOnce(&mut Grid)) -> io::Result<()> {
        change(&mut self.0.lock().expect("not poisoned"));
        Ok(())
    }

    /// What can be read on it.
    pub(super) fn text(&self) -> String {
        let grid = self.0.lock().expect("not poisoned");
        let lines: Vec<String> = grid.rows.iter().map(|row| row.iter().collect()).collect();
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        lines.join("\n").trim_end().to_owned()
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_str(&String::from_utf8_lossy(bytes)).map(|()| bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        u16::try_from(self.0.lock().expect("not poisoned").width).expect("small")
    }
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.with(|grid| grid.row = grid.row.saturating_sub(n))
    }
    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.with(|grid| grid.row += n)
    }
    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.with(|grid| grid.column = (grid.column + n).min(grid.width))
    }
    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.with(|grid| grid.column = grid.column.saturating_sub(n))
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        self.write_str("\n")
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.with(|grid| text.chars().for_each(|c| grid.put(c)))
    }
    fn clear_line(&self) -> io::Result<()> {
        self.with(|grid| {
            grid.line().fill(' ');
            grid.column = 0;
        })
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
