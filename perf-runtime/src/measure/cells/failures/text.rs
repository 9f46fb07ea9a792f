//! The text of an error, written into memory of fixed size.

use crate::guarded::run_guarded;
use std::fmt::{self, Display, Write};

/// So many bytes of a text are kept, for the hook that redacts it to see; less is shown.
pub(crate) const MAX_TEXT: usize = 512;

/// The text in place of one whose `Display` panicked.
const PANICKED: &str = "(its Display panicked)";

/// The first bytes of a text, cut between characters.
pub(super) struct Text {
    bytes: [u8; MAX_TEXT],
    length: usize,
    is_full: bool,
}

impl Text {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; MAX_TEXT], length: 0, is_full: false }
    }

    /// Writes what is shown. A panic of the user's `Display` ends here.
    pub(super) fn write<D: Display + ?Sized>(&mut self, shown: &D) {
        if run_guarded(|| write!(self, "{shown}")).is_none() {
            (self.length, self.is_full) = (0, false);
            let _ = self.write_str(PANICKED);
        }
    }

    /// The text; `None` where there is none.
    pub(super) fn as_str(&self) -> Option<&str> {
        let text = std::str::from_utf8(self.bytes.get(..self.length)?).ok()?;
        (!text.is_empty()).then_some(text)
    }
}

/// Text that does not fit is left out, and no error: there are `Display`s that panic of one.
impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.is_full {
            return Ok(());
        }
        let room = MAX_TEXT - self.length;
        let fitting = cut(text, room);
        self.is_full = fitting.len() < text.len();
        let end = self.length + fitting.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(fitting.as_bytes());
            self.length = end;
        }
        Ok(())
    }
}

/// The beginning of a text, of so many bytes at most, cut between characters.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}
