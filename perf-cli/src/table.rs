//! A table in columns, fitted to the terminal where there is one.

use crate::cell::Cell;
use crate::output::Look;
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
    /// Never cut: an id or a moment that is to be given to another command.
    Id,
    /// Cut at its end.
    Words,
    /// Cut in its middle: names of series differ at their ends.
    Name,
}

impl Form {
    fn is_cut(self) -> bool {
        matches!(self, Self::Words | Self::Name)
    }
}

impl Table {
    /// A table of these columns. A heading that begins with `#` is one of numbers, with `=` one of ids and moments, with `~` one of names.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        let forms = [('#', Form::Number), ('=', Form::Id), ('~', Form::Name)];
        let column = |heading: &&'static str| {
            let form = forms.iter().find_map(|(sign, form)| Some((heading.strip_prefix(*sign)?, *form)));
            let (heading, form) = form.unwrap_or((heading, Form::Words));
            Column { heading, form }
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

    /// The rows for scripts, each one line of fields parted by tabs.
    pub(crate) fn plain(&self) -> impl Iterator<Item = String> {
        self.rows.iter().map(|row| row.iter().map(Cell::plain).collect::<Vec<_>>().join("\t"))
    }

    /// The lines for people, one a row, the headings first, each of cells padded to their columns.
    pub(crate) fn lines(&self, room: Option<usize>) -> Vec<Vec<Cell>> {
        let widths = self.widths(room);
        let headings = self.headings();
        std::iter::once(&headings).chain(&self.rows).map(|row| self.line(row, &widths)).collect()
    }

    /// The same with as many lines a row as its last cell needs, where that is one of words.
    pub(crate) fn wrapped(&self, room: Option<usize>) -> Vec<Vec<Cell>> {
        let widths = self.widths(room);
        let Some((last, width)) = widths.iter().enumerate().rev().find_map(|(place, width)| Some((place, (*width)?)))
        else {
            return Vec::new();
        };
        let wraps = self.columns.get(last).is_some_and(|column| column.form == Form::Words);
        let before = taken(widths.iter().take(last).copied().chain([Some(0)]));
        let mut lines = vec![self.line(&self.headings(), &widths)];
        for row in &self.rows {
            let mut parts = match row.get(last) {
                Some(cell) if wraps => folded(&cell.text, width).into_iter(),
                _ => Vec::new().into_iter(),
            };
            let mut first = row.clone();
            if let (Some(cell), Some(part)) = (first.get_mut(last), parts.next()) {
                *cell = cell.fitted(part);
            }
            lines.push(self.line(&first, &widths));
            let look = row.get(last).map_or(Look::Plain, |cell| cell.look);
            lines.extend(parts.map(|part| vec![Cell::from(" ".repeat(before)), Cell::new(&part, look)]));
        }
        lines
    }

    fn headings(&self) -> Vec<Cell> {
        self.columns.iter().map(|column| Cell::new(column.heading, Look::Dim)).collect()
    }

    fn line(&self, row: &[Cell], widths: &[Option<usize>]) -> Vec<Cell> {
        let last = widths.iter().rposition(Option::is_some);
        let cells = row.iter().zip(self.columns.iter().zip(widths)).enumerate();
        cells
            .filter_map(|(place, (cell, (column, width)))| {
                width.map(|width| padded(cell, *column, width, Some(place) == last))
            })
            .collect()
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
            let texts = widths.iter_mut().zip(&self.columns).filter(|(_, column)| column.form.is_cut());
            let texts = texts.filter_map(|(width, _)| width.as_mut()).filter(|width| **width > NARROWEST);
            let Some(widest) = texts.max() else { break };
            *widest -= 1;
        }
        widths
    }

    /// The least room in which every column of text can be read.
    fn least(&self, widths: &[Option<usize>]) -> usize {
        let narrowed = widths.iter().zip(&self.columns);
        taken(
            narrowed.map(|(width, column)| {
                width.map(|width| if column.form.is_cut() { width.min(READABLE) } else { width })
            }),
        )
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
    cell.fitted(text)
}

/// A text in lines of a width, between words where there are some.
fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word = word.to_owned();
        while !word.is_empty() {
            let line = lines.last().map_or("", String::as_str);
            let gap = usize::from(!line.is_empty());
            if line.width() + gap + word.width() <= width {
                if let Some(line) = lines.last_mut() {
                    *line = if gap == 1 { format!("{line} {word}") } else { word };
                }
                break;
            }
            if !line.is_empty() {
                lines.push(String::new());
                continue;
            }
            // Longer than a whole line, or than any character fits.
            let piece = beginning(word.chars(), width);
            let taken = piece.len();
            if taken == 0 {
                return vec![text.to_owned()];
            }
            word = word.split_off(taken);
            if let Some(line) = lines.last_mut() {
                *line = piece;
            }
        }
    }
    lines
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
    use super::{Cell, Table, cut, folded, shortened};
    use unicode_width::UnicodeWidthStr;

    fn text(lines: Vec<Vec<Cell>>) -> Vec<String> {
        lines.into_iter().map(|line| line.into_iter().map(|cell| cell.text).collect()).collect()
    }

    #[test]
    fn columns_stand_below_each_other_and_the_widest_gives_way() {
        let mut table = Table::new(&["~SERIES", "#CALLS"]);
        table.row([Cell::from("db_operation{operation=select,table=users}"), Cell::count(12)]);
        table.row([Cell::from("short"), Cell::count(1)]);
        let narrow = text(table.lines(Some(40)));
        assert!(narrow[1].starts_with("db_operati…on=select,table=users}"), "{narrow:?}");
        assert_eq!(text(table.lines(None))[1], "db_operation{operation=select,table=users}     12");
        let narrower = text(table.lines(Some(30)));
        assert!(narrower.iter().all(|line| line.width() <= 30), "{narrower:?}");
        assert_eq!(table.plain().nth(1).unwrap(), "short\t1");
    }

    #[test]
    fn figures_are_left_out_before_names_are_unreadable() {
        let mut table = Table::new(&["SERIES", "#CALLS", "#MEAN", "#P95"]).optional(&[2, 1]);
        table.row([&"x".repeat(60), "12", "4.03 ms", "20 ms"].map(Cell::from));
        assert_eq!(table.shown(100), [0, 1, 2, 3]);
        assert_eq!(table.shown(55), [0, 1, 3]);
        assert_eq!(table.shown(10), [0, 3], "what is not optional stays");
        assert!(text(table.lines(Some(55))).iter().all(|line| line.width() <= 55));
    }

    #[test]
    fn words_at_the_end_go_on_in_the_next_line_and_ids_are_whole() {
        let mut table = Table::new(&["=ID", "MESSAGE"]);
        table.row(["18ec5f90beeadd", "the disk is full and nothing is written any more"].map(Cell::from));
        let wrapped = text(table.wrapped(Some(36)));
        assert_eq!(wrapped[1], "18ec5f90beeadd  the disk is full and");
        assert_eq!(wrapped[2], "                nothing is written");
        assert!(wrapped.iter().all(|line| line.width() <= 36), "{wrapped:?}");
        assert_eq!(folded("abcdef gh", 4), ["abcd", "ef", "gh"]);
        assert_eq!(folded("日本", 1), ["日本"], "what fits nowhere is not lost");
    }

    #[test]
    fn scripts_get_numbers_without_units_and_nothing_for_what_is_not_known() {
        let mut table = Table::new(&["#A", "#B", "#C", "#D"]);
        table.row([Cell::seconds(Some(0.0041)), Cell::ratio(Some(0.25)), Cell::seconds(None), Cell::count(None)]);
        assert_eq!(table.plain().next().unwrap(), "0.0041\t0.25\t\t");
        assert!(text(table.lines(None))[1].ends_with('-'));
    }

    #[test]
    fn wide_characters_are_not_cut_in_half() {
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(shortened("日本語日本語", 8), "日…本語");
        assert_eq!(cut("abc", 3), "abc");
    }
}
