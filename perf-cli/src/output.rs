//! The standard output: for people, for scripts, as JSON.

use crate::Environment;
use crate::args::Format;
use crate::client::Answer;
use crate::failure::Failure;
use crate::show::clean;
use crate::table::Table;
use anstyle::{AnsiColor, Style};
use std::io::Write;

/// The width of a terminal that does not say its own.
const WIDTH: usize = 80;

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
    pub(crate) format: Format,
    coloured: bool,
    width: Option<usize>,
}

/// Whether colours are wanted: on a terminal, unless something says no.
pub(crate) fn is_coloured(environment: &Environment, no_color: bool) -> bool {
    let refused = no_color || environment.get("NO_COLOR").is_some() || environment.get("TERM") == Some("dumb");
    environment.is_terminal && !refused
}

impl<'a> Output<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, format: Format, environment: &Environment, no_color: bool) -> Self {
        let own = || ratatui::crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns));
        let said = || environment.get("COLUMNS").and_then(|columns| columns.parse().ok());
        let width = environment.is_terminal.then(|| said().or_else(own).unwrap_or(WIDTH).max(20));
        Self { out, format, coloured: is_coloured(environment, no_color), width }
    }

    /// The terminal's own look is allowed.
    pub(crate) fn is_coloured(&self) -> bool {
        self.coloured
    }

    /// Writes the service's document where JSON is wanted, and says whether it was.
    pub(crate) fn json(&mut self, answer: &Answer) -> Result<bool, Failure> {
        self.document(&answer.json)
    }

    /// The same for a document of our own.
    pub(crate) fn document(&mut self, json: &str) -> Result<bool, Failure> {
        if self.format != Format::Json {
            return Ok(false);
        }
        writeln!(self.out, "{}", json.trim_end())?;
        Ok(true)
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

    /// Writes a table, or where it is empty the sentence that says so. `--plain` writes its rows alone.
    pub(crate) fn table(&mut self, table: &Table, where_empty: &str) -> Result<(), Failure> {
        match self.format {
            Format::Json => Ok(()),
            Format::Plain => {
                for row in table.plain() {
                    writeln!(self.out, "{row}")?;
                }
                Ok(())
            }
            Format::People if table.is_empty() => self.say(Look::Plain, where_empty),
            Format::People => {
                for line in table.lines(self.width) {
                    for cell in line {
                        self.styled(cell.look, &cell.text)?;
                    }
                    writeln!(self.out)?;
                }
                Ok(())
            }
        }
    }

    /// Writes a text as it is, such as a script for a shell.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes)?;
        Ok(())
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
