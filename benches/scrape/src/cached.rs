//! The writer that a scrape is compared with: the same text, of which all but the numbers was known before.
//!
//! Two writers, by how much they keep. The one keeps each line's bytes, and so holds the whole text in memory; nothing
//! that puts a number on each line can be faster. The other keeps the labels of each series, once.

use itoa::Buffer;
use std::collections::HashMap;
use std::ops::Range;

/// Writes a text of which it knows all but the numbers.
pub(crate) struct CachedWriter {
    /// All bytes that stay.
    fixed: Vec<u8>,
    /// Which of them stand before each number, one after the other.
    pieces: Vec<Range<usize>>,
    cells: Vec<Cell>,
    /// The text after the last number.
    rest: Range<usize>,
}

/// A number, and where the pieces before it end.
struct Cell {
    pieces: usize,
    number: Number,
}

enum Number {
    Whole(u64),
    /// So many of its digits stand behind the point.
    Decimal(u64, u8),
}

impl CachedWriter {
    /// Keeps each line: one copy and one number a line.
    pub(crate) fn of_lines(text: &str) -> Self {
        Self::new(text, |fixed, pieces, line| {
            let start = fixed.len();
            fixed.extend_from_slice(line.as_bytes());
            pieces.push(start..fixed.len());
        })
    }

    /// Keeps each name, each series' labels and each bound once: three copies and one number a line.
    pub(crate) fn of_labels(text: &str) -> Self {
        let mut kept: HashMap<String, Range<usize>> = HashMap::new();
        Self::new(text, |fixed, pieces, line| {
            let labels = line.rfind('{').map_or(line.len(), |brace| brace + 1);
            let end = line.rfind(",le=").or(line.rfind('}')).unwrap_or(line.len()).max(labels);
            let keep = |piece: &str| {
                let start = fixed.len();
                let range = kept.entry(piece.to_owned()).or_insert_with(|| {
                    fixed.extend_from_slice(piece.as_bytes());
                    start..fixed.len()
                });
                range.clone()
            };
            pieces.extend([&line[..labels], &line[labels..end], &line[end..]].map(keep));
        })
    }

    /// Cuts a text in the Prometheus format. What is no plain number belongs to what is kept.
    fn new(text: &str, mut keep: impl FnMut(&mut Vec<u8>, &mut Vec<Range<usize>>, &str)) -> Self {
        let mut this = Self { fixed: Vec::new(), pieces: Vec::new(), cells: Vec::new(), rest: 0..0 };
        let mut kept = 0;
        for (start, line) in lines(text) {
            let line = line.trim_end();
            let place = line.rfind(' ').map_or(0, |space| space + 1);
            if let Some(number) = Number::parse(&line[place..]).filter(|_| !line.starts_with('#')) {
                keep(&mut this.fixed, &mut this.pieces, &text[kept..start + place]);
                this.cells.push(Cell { pieces: this.pieces.len(), number });
                kept = start + line.len();
            }
        }
        let start = this.fixed.len();
        this.fixed.extend_from_slice(&text.as_bytes()[kept..]);
        this.rest = start..this.fixed.len();
        this
    }

    /// How many numbers it writes.
    pub(crate) fn numbers(&self) -> usize {
        self.cells.len()
    }

    /// Writes the text.
    pub(crate) fn write(&self, text: &mut Vec<u8>) {
        text.clear();
        let mut digits = Buffer::new();
        let mut written = 0;
        for Cell { pieces, number } in &self.cells {
            for piece in &self.pieces[written..*pieces] {
                text.extend_from_slice(&self.fixed[piece.clone()]);
            }
            written = *pieces;
            match *number {
                Number::Whole(number) => text.extend_from_slice(digits.format(number).as_bytes()),
                Number::Decimal(number, places) => {
                    let one = 10_u64.pow(u32::from(places));
                    text.extend_from_slice(digits.format(number / one).as_bytes());
                    // A one in front keeps the zeros; the point takes its place.
                    let point = text.len();
                    text.extend_from_slice(digits.format(one + number % one).as_bytes());
                    text[point] = b'.';
                }
            }
        }
        text.extend_from_slice(&self.fixed[self.rest.clone()]);
    }
}

/// The lines, each with where it starts.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |next, line| {
        let start = *next;
        *next += line.len();
        Some((start, line))
    })
}

impl Number {
    fn parse(text: &str) -> Option<Self> {
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        let Some((whole, behind)) = text.split_once('.') else { return text.parse().ok().map(Self::Whole) };
        let places = u8::try_from(behind.len()).ok().filter(|places| (1..=18).contains(places))?;
        let number = [whole, behind].concat().parse().ok()?;
        Some(Self::Decimal(number, places))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_comes_out_as_it_went_in() {
        let text = "# HELP a b 1\n# TYPE a counter\na{x=\"{\",le=\"0.5\"} 0\na{x=\"}\"} 17\na_sum 0.000000170\na_sum 3.5e-7\n\
                    a NaN\na -1\na 18446744073709551615\na_sum{x=\"1 2\"} 12.050000000\n# EOF\n";
        for writer in [CachedWriter::of_lines(text), CachedWriter::of_labels(text)] {
            let mut written = Vec::new();
            writer.write(&mut written);
            assert_eq!(String::from_utf8(written).unwrap(), text);
            assert_eq!(writer.numbers(), 5);
        }
    }
}
