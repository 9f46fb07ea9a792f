//! One tidy table of all points: RFC 4180, UTF-8, one number a row.

use crate::lines;
use crate::source::Source;
use perf_runtime::text::rfc3339;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::SystemTime;

const COLUMNS: [&str; 6] = ["time", "series", "metric", "statistic", "value", "unit"];
/// The first characters of what a spreadsheet may take for a formula, and the mark that says it is none (OWASP, "CSV Injection").
const FORMULAS: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '\'', '＝', '＋', '－', '＠'];
/// The end of a row.
const END: &[u8] = b"\r\n";
/// So many bytes are written at once.
const AT_ONCE: usize = 1 << 15;
/// Before the names of columns of labels, so that none is called as another column.
const LABEL: &str = "label_";

/// Writes the table: a row for each number of each step, and a column for each label that any series has. `time` is when the step
/// begins. Without buckets: those are in JSON and OpenMetrics.
pub(crate) fn write(source: Source<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = source.report;
    let of_calls = report.tracks.series.iter().flat_map(|track| track.labels.pairs());
    let of_metrics = report.tracks.metrics.iter().flat_map(|track| track.labels.pairs());
    let mut names: BTreeSet<&str> = of_calls.chain(of_metrics).map(|(name, _)| name).collect();
    names.insert("outcome");
    let header = COLUMNS.iter().map(|&column| Cow::Borrowed(column));
    let header = header.chain(names.iter().map(|name| Cow::Owned(format!("{LABEL}{name}"))));
    let mut text = record(header)?;
    text.extend_from_slice(END);
    // All series have the same steps, and a time takes as long to write as the rest of its row.
    let mut times: BTreeMap<SystemTime, String> = BTreeMap::new();
    lines::each(source, |line| {
        let label = |name: &&str| line.labels.iter().find(|(own, _)| own == name).map_or("", |(_, value)| *value);
        // The text before the number and after it is the same in all rows of a line.
        let before = record([guarded(line.series), guarded(line.metric), Cow::Borrowed(line.statistic)])?;
        let unit = guarded(line.unit.unwrap_or_default());
        let after = record([unit].into_iter().chain(names.iter().map(|name| guarded(label(name)))))?;
        for (start, value) in line.points {
            let time = times.entry(*start).or_insert_with(|| rfc3339(*start));
            text.extend_from_slice(time.as_bytes());
            text.push(b',');
            text.extend_from_slice(&before);
            write!(text, ",{value},")?;
            text.extend_from_slice(&after);
            text.extend_from_slice(END);
            if text.len() >= AT_ONCE {
                out.write_all(&text)?;
                text.clear();
            }
        }
        Ok(())
    })?;
    out.write_all(&text)?;
    out.flush()
}

/// Fields of a row, in quotes where they need it: without the end of the row.
fn record<'a>(fields: impl IntoIterator<Item = Cow<'a, str>>) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(fields.into_iter().map(Cow::into_owned)).map_err(io::Error::from)?;
    let mut text = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    text.truncate(text.len().saturating_sub(END.len()));
    Ok(text)
}

/// A text that no spreadsheet takes for a formula: with a `'` before it where it begins as one. A text that begins with `'` gets one
/// more, so that taking one off gives every text back.
fn guarded(text: &str) -> Cow<'_, str> {
    if text.starts_with(FORMULAS) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_as_a_formula_is_text() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "＝1"] {
            assert_eq!(guarded(text), format!("'{text}"));
        }
        assert_eq!(guarded("a=1"), "a=1");
        assert_eq!(guarded(""), "");
    }
}
