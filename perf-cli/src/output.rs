//! The output: data for people, for scripts or as JSON, and words about it beside it.

use crate::Environment;
use crate::args::Format;
use crate::cell::Cell;
use crate::client::Answer;
use crate::failure::Failure;
use crate::show::{clean, commands};
use crate::table::Table;
use anstyle::{AnsiColor, Style};
use serde::de::IgnoredAny;
use std::fmt::Write as _;
use std::io::Write;

/// The width of a terminal that does not say its own.
const WIDTH: usize = 80;
/// The width of a bar that shows how far it is.
const BAR: u64 = 24;

/// The look of a text on a terminal with colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Look {
    #[default]
    Plain,
    Good,
    Warning,
    Bad,
    Dim,
    Bold,
}

impl Look {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Dim => Style::new().dimmed(),
            Self::Bold => Style::new().bold(),
        }
    }
}

/// Where answers are written.
pub(crate) struct Output<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    pub(crate) format: Format,
    coloured: bool,
    width: Option<usize>,
    /// Whether a person sees the words beside the output.
    is_followed: bool,
}

/// Whether colours are wanted where a person looks: unless something says no.
pub(crate) fn is_coloured(environment: &Environment, no_color: bool) -> bool {
    !(no_color || environment.get("NO_COLOR").is_some() || environment.get("TERM") == Some("dumb"))
}

impl<'a> Output<'a> {
    pub(crate) fn new(
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
        format: Format,
        environment: &Environment,
        no_color: bool,
    ) -> Self {
        let own = || ratatui::crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns));
        let said = || environment.get("COLUMNS").and_then(|columns| columns.parse().ok());
        let width = environment.is_terminal.then(|| said().or_else(own).unwrap_or(WIDTH).max(20));
        let coloured = environment.is_terminal && is_coloured(environment, no_color);
        Self { out, err, format, coloured, width, is_followed: environment.is_error_terminal }
    }

    /// The terminal's own look is allowed.
    pub(crate) fn is_coloured(&self) -> bool {
        self.coloured
    }

    /// Writes the service's document where JSON is wanted, and says whether it was.
    pub(crate) fn json(&mut self, answer: &Answer) -> Result<bool, Failure> {
        if self.format != Format::Json {
            return Ok(false);
        }
        answer.read::<IgnoredAny>()?;
        self.document(answer.json.trim())
    }

    /// Writes a document of our own where JSON is wanted, and says whether it was.
    pub(crate) fn document(&mut self, json: &str) -> Result<bool, Failure> {
        if self.format != Format::Json {
            return Ok(false);
        }
        writeln!(self.out, "{}", harmless(json))?;
        Ok(true)
    }

    /// Writes words about the answer beside it, in every format.
    pub(crate) fn note(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.err, "{}", clean(text))?;
        Ok(())
    }

    /// Shows a bar with so much of it done, and what is done now, as [`progress`](Self::progress) does.
    pub(crate) fn bar(&mut self, done: u64, of: u64, text: &str) -> Result<(), Failure> {
        self.progress(&bar(done, of, text))
    }

    /// Shows how far it is where a person follows, in place of what was shown so before; an empty text takes it away.
    pub(crate) fn progress(&mut self, text: &str) -> Result<(), Failure> {
        if self.is_followed {
            write!(self.err, "\r\u{1b}[K{}", clean(text))?;
            self.err.flush()?;
        }
        Ok(())
    }

    /// Writes one thing that was done or found: a sentence for people, a line of fields for scripts.
    pub(crate) fn told(
        &mut self,
        look: Look,
        text: &str,
        fields: impl IntoIterator<Item = Cell>,
    ) -> Result<(), Failure> {
        if self.format == Format::Plain {
            let mut table = Table::new(&[]);
            table.row(fields);
            return self.table(&table, "");
        }
        self.say(look, text)
    }

    /// Writes a line for people: scripts do not get it.
    pub(crate) fn say(&mut self, look: Look, text: &str) -> Result<(), Failure> {
        if self.format != Format::People {
            return Ok(());
        }
        let text = clean(text);
        self.styled(look, &text)?;
        writeln!(self.out)?;
        Ok(())
    }

    /// Writes a table, or where it is empty the sentence that says so, if there is one. `--plain` writes its rows alone.
    pub(crate) fn table(&mut self, table: &Table, where_empty: &str) -> Result<(), Failure> {
        match self.format {
            Format::Json => Ok(()),
            Format::Plain => {
                for row in table.plain() {
                    writeln!(self.out, "{row}")?;
                }
                Ok(())
            }
            Format::People if table.is_empty() && where_empty.is_empty() => Ok(()),
            Format::People if table.is_empty() => self.say(Look::Plain, where_empty),
            Format::People => {
                for line in table.wrapped(self.width) {
                    for cell in line {
                        self.styled(cell.look, &cell.text)?;
                    }
                    writeln!(self.out)?;
                }
                Ok(())
            }
        }
    }

    /// The output itself, for a file that is written as it is.
    pub(crate) fn writer(&mut self) -> &mut dyn Write {
        self.out
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush()?;
        Ok(())
    }

    fn styled(&mut self, look: Look, text: &str) -> Result<(), Failure> {
        let style = look.style();
        if self.coloured && look != Look::Plain {
            write!(self.out, "{style}{text}{style:#}")?;
        } else {
            self.out.write_all(text.as_bytes())?;
        }
        Ok(())
    }
}

/// A bar with so much of it done: `[####----] 2 of 4  base: run 1 of 2`.
fn bar(done: u64, of: u64, text: &str) -> String {
    let full = done.min(of) * BAR / of.max(1);
    let (full, rest) = (usize::try_from(full).unwrap_or(0), usize::try_from(BAR - full.min(BAR)).unwrap_or(0));
    format!("[{}{}] {done} of {of}  {text}", "#".repeat(full), "-".repeat(rest))
}

/// The same document, in which no character commands a terminal: inside of texts such characters are written as `\u001b`, and outside of
/// them JSON has none but line ends.
fn harmless(json: &str) -> String {
    let mut harmless = String::with_capacity(json.len());
    for character in json.chars() {
        if !commands(character) || matches!(character, '\n' | '\r' | '\t') {
            harmless.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a `String` cannot fail.
            let _ = write!(harmless, "\\u{unit:04x}");
        }
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::{bar, harmless};
    use serde_json::{Value, from_str};

    #[test]
    fn a_bar_is_as_full_as_much_is_done() {
        assert_eq!(bar(0, 4, "base"), format!("[{}] 0 of 4  base", "-".repeat(24)));
        assert_eq!(bar(1, 4, "base"), format!("[{}{}] 1 of 4  base", "#".repeat(6), "-".repeat(18)));
        assert_eq!(bar(9, 4, ""), format!("[{}] 9 of 4  ", "#".repeat(24)));
        assert_eq!(bar(0, 0, "").len(), bar(0, 4, "").len());
    }

    #[test]
    fn a_document_stays_the_same_and_commands_nothing() {
        let json = "{\"a\": \"\u{9b}31m \u{202e} \u{7f} \u{e9} \\u001b\",\n \"b\": 1}";
        let written = harmless(json);
        assert!(written.is_ascii() || written.contains('\u{e9}'));
        assert!(!written.contains(['\u{9b}', '\u{202e}', '\u{7f}']), "{written}");
        assert_eq!(from_str::<Value>(&written).unwrap(), from_str::<Value>(json).unwrap());
    }
}
