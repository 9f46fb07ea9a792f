//! A table in columns, cut to the terminal where there is one.

use crate::output::Look;
use crate::show::clean;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The room between columns.
const GAP: usize = 2;
/// The narrowest that a column of text is cut to.
const NARROWEST: usize = 12;
/// The room that a column of text should keep, where columns of figures can be left out for it.
const READABLE: usize = 40;

/// A table: columns with headings, and rows.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    /// Columns that a narrow terminal is not shown, the first to go first.
    optional: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Column {
    heading: &'static str,
    form: Form,
}

/// The form of a column's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// On the right, and never cut.
    Number,
    /// Cut at its end.
    Words,
    /// Cut in its middle: names of series differ at their ends.
    Name,
}

/// A cell: a text without control characters, and its look.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) look: Look,
}

impl Cell {
    pub(crate) fn new(text: &str, look: Look) -> Self {
        Self { text: clean(text), look }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text, Look::Plain)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl Table {
    /// A table of these columns; a heading that begins with `#` is one of numbers, with `~` one of names.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        let column = |heading: &&'static str| match (heading.strip_prefix('#'), heading.strip_prefix('~')) {
            (Some(heading), _) => Column { heading, form: Form::Number },
            (_, Some(heading)) => Column { heading, form: Form::Name },
            _ => Column { heading, form: Form::Words },
        };
        Self { columns: headings.iter().map(column).collect(), rows: Vec::new(), optional: Vec::new() }
    }

    /// Names columns that may be left out where a terminal has not the room, the first to go first.
    pub(crate) fn optional(mut self, columns: &[usize]) -> Self {
        self.optional = columns.to_vec();
        self
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows, each one line of fields parted by tabs.
    pub(crate) fn plain(&self) -> impl Iterator<Item = String> {
        self.rows.iter().map(|row| row.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join("\t"))
    }

    /// The lines for people, the headings first, each of cells padded to their columns.
    pub(crate) fn lines(&self, room: Option<usize>) -> Vec<Vec<Cell>> {
        let widths = self.widths(room);
        let headings = self.columns.iter().map(|column| Cell::new(column.heading, Look::Dim)).collect();
        let last = widths.iter().rposition(Option::is_some);
        let padded = |(place, (cell, (column, width))): (usize, (&Cell, (&Column, &Option<usize>)))| {
            width.map(|width| padded(cell, *column, width, Some(place) == last))
        };
        let line =
            |row: &Vec<Cell>| row.iter().zip(self.columns.iter().zip(&widths)).enumerate().filter_map(padded).collect();
        std::iter::once(&headings).chain(&self.rows).map(line).collect()
    }

    /// The columns that are shown there, by their places.
    pub(crate) fn shown(&self, room: usize) -> Vec<usize> {
        self.widths(Some(room)).iter().enumerate().filter_map(|(place, width)| width.map(|_| place)).collect()
    }

    /// The widths of the columns, `None` of those left out: of their widest cells, the widest columns of text less where the terminal has
    /// not the room.
    fn widths(&self, room: Option<usize>) -> Vec<Option<usize>> {
        let mut widths: Vec<Option<usize>> = self.columns.iter().map(|column| Some(column.heading.width())).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = width.map(|width| width.max(cell.text.width()));
            }
        }
        let Some(room) = room else { return widths };
        for column in &self.optional {
            if self.least(&widths) <= room {
                break;
            }
            if let Some(width) = widths.get_mut(*column) {
                *width = None;
            }
        }
        while taken(widths.iter().copied()) > room {
            let texts = widths.iter_mut().zip(&self.columns).filter(|(_, column)| column.form != Form::Number);
            let texts = texts.filter_map(|(width, _)| width.as_mut()).filter(|width| **width > NARROWEST);
            let Some(widest) = texts.max() else { break };
            *widest -= 1;
        }
        widths
    }

    /// The least room in which every column of text can be read.
    fn least(&self, widths: &[Option<usize>]) -> usize {
        let narrowed = widths.iter().zip(&self.columns);
        taken(narrowed.map(|(width, column)| {
            width.map(|width| if column.form == Form::Number { width } else { width.min(READABLE) })
        }))
    }
}

/// The room that columns take with the gaps between them.
fn taken(widths: impl Iterator<Item = Option<usize>>) -> usize {
    widths.flatten().map(|width| width + GAP).sum::<usize>().saturating_sub(GAP)
}

/// A cell as wide as its column, with the gap after it.
fn padded(cell: &Cell, column: Column, width: usize, is_last: bool) -> Cell {
    let text = if column.form == Form::Name { shortened(&cell.text, width) } else { cut(&cell.text, width) };
    let room = " ".repeat(width.saturating_sub(text.width()));
    let gap = if is_last { String::new() } else { " ".repeat(GAP) };
    let text = match (column.form, is_last) {
        (Form::Number, _) => format!("{room}{text}{gap}"),
        (_, true) => text,
        (_, false) => format!("{text}{room}{gap}"),
    };
    Cell { text, look: cell.look }
}

/// A text that fits, with an ellipsis at its end where something is left out.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    format!("{}…", beginning(text.chars(), width.saturating_sub(1)))
}

/// A name that fits, with an ellipsis in its middle where something is left out.
fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let end: Vec<char> = beginning(text.chars().rev(), room - room / 3).chars().rev().collect();
    format!("{}…{}", beginning(text.chars(), room / 3), end.iter().collect::<String>())
}

/// The characters that fit.
fn beginning(characters: impl Iterator<Item = char>, mut room: usize) -> String {
    let fits = |character: &char| {
        let left = room.checked_sub(character.width().unwrap_or(0));
        room = left.unwrap_or(room);
        left.is_some()
    };
    characters.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::{Cell, Table, cut, shortened};
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn columns_stand_below_each_other_and_the_widest_gives_way() {
        let mut table = Table::new(&["~SERIES", "#CALLS"]);
        table.row([Cell::from("db_operation{operation=select,table=users}"), Cell::from("12")]);
        table.row([Cell::from("short"), Cell::from("1")]);
        let text = |room| -> Vec<String> {
            table.lines(room).into_iter().map(|line| line.into_iter().map(|cell| cell.text).collect()).collect()
        };
        assert!(text(Some(40))[1].starts_with("db_operati…on=select,table=users}"), "{:?}", text(Some(40)));
        let whole = text(None);
        assert_eq!(whole[1], "db_operation{operation=select,table=users}     12");
        assert!(text(Some(30)).iter().all(|line| line.width() <= 30), "{:?}", text(Some(30)));
        assert_eq!(table.plain().nth(1).unwrap(), "short\t1");
    }

    #[test]
    fn figures_are_left_out_before_names_are_unreadable() {
        let mut table = Table::new(&["SERIES", "#CALLS", "#MEAN", "#P95"]).optional(&[2, 1]);
        table.row([&"x".repeat(60), "12", "4.03 ms", "20 ms"].map(Cell::from));
        assert_eq!(table.shown(100), [0, 1, 2, 3]);
        assert_eq!(table.shown(55), [0, 1, 3]);
        assert_eq!(table.shown(10), [0, 3], "what is not optional stays");
        let lines = table.lines(Some(55));
        assert!(
            lines.iter().all(|line| line.len() == 3 && line.iter().map(|cell| cell.text.width()).sum::<usize>() <= 55)
        );
    }

    #[test]
    fn wide_characters_are_not_cut_in_half() {
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(shortened("日本語日本語", 8), "日…本語");
        assert_eq!(cut("abc", 3), "abc");
    }
}
