//! Lines on the terminal.

use std::fmt::Write;
use std::time::Duration;

/// Prints a line to standard output. Unlike `println!` it does not panic when nobody reads any more (`| head`).
macro_rules! say {
    ($($arguments:tt)*) => {{
        use std::io::Write as _;
        // Nobody is left to tell.
        let _ = writeln!(std::io::stdout().lock(), $($arguments)*);
    }};
}
pub(crate) use say;

/// The same text without line breaks: one error, one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A time span in the unit that suits it: `830 µs`, `12.4 ms`, `1.50 s`.
pub(crate) fn show_seconds(seconds: f64) -> String {
    if seconds == 0.0 {
        "0 s".to_owned()
    } else if seconds < 0.001 {
        format!("{:.0} µs", seconds * 1e6)
    } else if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}

pub(crate) fn show_duration(duration: Duration) -> String {
    format!("{duration:?}")
}

/// Prints rows under their headings. The first columns hold names; the others are aligned to the right.
pub(crate) fn print_table(names: usize, headings: &str, rows: Vec<Vec<String>>) {
    let headings: Vec<String> = headings.split_whitespace().map(str::to_owned).collect();
    let table: Vec<Vec<String>> = std::iter::once(headings).chain(rows).collect();
    let width = |column: usize| table.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..table[0].len()).map(|column| width(column).unwrap_or(0)).collect();
    for row in &table {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            // Writing to a `String` cannot fail.
            let _ = if column < names { write!(line, "{cell:<width$}  ") } else { write!(line, "{cell:>width$}  ") };
        }
        say!("  {}", line.trim_end());
    }
}
