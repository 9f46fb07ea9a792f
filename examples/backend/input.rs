//! CSV files: where they come from, and what is wrong with them.

use std::path::{Path, PathBuf};

use csv::{Position, ReaderBuilder, StringRecord, Trim};

use crate::moment;
use crate::queries::Point;

const HEADER: [&str; 2] = ["timestamp", "value"];

/// Where one series comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Part of the program, so that it runs from any folder.
    BuiltIn {
        file: &'static str,
        text: &'static str,
    },
    File(PathBuf),
}

impl Source {
    pub(crate) fn built_in() -> Vec<Self> {
        vec![
            Self::BuiltIn { file: "nyc_taxi.csv", text: include_str!("data/nyc_taxi.csv") },
            Self::BuiltIn {
                file: "ec2_request_latency_system_failure.csv",
                text: include_str!("data/ec2_request_latency_system_failure.csv"),
            },
        ]
    }

    pub(crate) fn file(&self) -> String {
        match self {
            Self::BuiltIn { file, .. } => (*file).to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// The file's name without folder and ending.
    pub(crate) fn series(&self) -> String {
        let file = self.file();
        Path::new(&file).file_stem().map_or_else(|| file.clone(), |stem| stem.to_string_lossy().into_owned())
    }

    pub(crate) async fn read(&self) -> Result<Vec<u8>, InputError> {
        match self {
            Self::BuiltIn { text, .. } => Ok(text.as_bytes().to_vec()),
            Self::File(path) => tokio::fs::read(path)
                .await
                .map_err(|cause| InputError { file: self.file(), problem: Problem::Unreadable(cause) }),
        }
    }
}

/// A file that cannot be loaded, and why.
#[derive(Debug, thiserror::Error)]
#[error("{file}{problem}")]
pub(crate) struct InputError {
    pub(crate) file: String,
    pub(crate) problem: Problem,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error(" cannot be read: {0}: check the path")]
    Unreadable(std::io::Error),
    #[error(", line 1: the header is `{0}` and must be `timestamp,value`")]
    Header(String),
    #[error(", line {line}: {fields} fields, and there must be 2: timestamp,value")]
    Fields { line: u64, fields: usize },
    #[error(", line {line}, field `timestamp`: `{found}` is not a moment from 1970 on such as 2014-07-01 00:30:00")]
    Timestamp { line: u64, found: String },
    #[error(", line {line}, field `value`: `{found}` is not a finite number such as 12.5")]
    Value { line: u64, found: String },
    #[error(", line {line}: not readable as CSV in UTF-8: save the file as UTF-8 text")]
    Text { line: u64 },
    #[error(" has a header but no rows: add rows such as 2014-07-01 00:30:00,12.5")]
    Empty,
    #[error(" would load as series `{series}`, as does {other}: rename one of the two")]
    SameSeries { series: String, other: String },
}

/// Reads every row, or says what is wrong with the first bad one.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Point>, Problem> {
    // Some programs begin their CSV files with a byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(bytes);
    let header = reader.headers().map_err(|_| Problem::Text { line: 1 })?;
    if !header.iter().eq(HEADER) {
        return Err(Problem::Header(excerpt(&header.iter().collect::<Vec<_>>().join(","))));
    }
    let mut points = Vec::new();
    for record in reader.into_records() {
        let record = record.map_err(|error| Problem::Text { line: line(bytes, error.position()) })?;
        points.push(point(&record, line(bytes, record.position()))?);
    }
    if points.is_empty() { Err(Problem::Empty) } else { Ok(points) }
}

fn point(record: &StringRecord, line: u64) -> Result<Point, Problem> {
    let [timestamp, value] = record.iter().collect::<Vec<_>>()[..] else {
        return Err(Problem::Fields { line, fields: record.len() });
    };
    let at = moment::parse(timestamp).ok_or_else(|| Problem::Timestamp { line, found: excerpt(timestamp) })?;
    match value.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Point { at, value }),
        _ => Err(Problem::Value { line, found: excerpt(value) }),
    }
}

/// The line of a record. The reader names the first of the blank lines before it, if there are any.
fn line(bytes: &[u8], position: Option<&Position>) -> u64 {
    let Some(position) = position else { return 0 };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let blank = bytes.iter().skip(start).take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

/// Enough of a bad value to find it, and nothing that upsets a terminal.
fn excerpt(text: &str) -> String {
    const LENGTH: usize = 40;
    let shown: String = text.chars().take(LENGTH).flat_map(char::escape_debug).collect();
    if text.chars().nth(LENGTH).is_some() { format!("{shown}..") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let problem = parse(text.as_bytes()).expect_err("it was accepted");
        InputError { file: "some.csv".to_owned(), problem }.to_string()
    }

    #[test]
    fn the_built_in_files_are_whole() {
        let rows: Vec<usize> = Source::built_in()
            .iter()
            .map(|source| match source {
                Source::BuiltIn { text, .. } => parse(text.as_bytes()).expect("a good file").len(),
                Source::File(_) => 0,
            })
            .collect();
        assert_eq!(rows, [10_320, 4_032]);
        assert_eq!(Source::built_in()[0].series(), "nyc_taxi");
    }

    #[test]
    fn a_problem_names_the_line_and_the_field() {
        let good = "timestamp,value\n2014-07-01 00:00:00,1\n";
        assert_eq!(
            problem(&format!("{good}2014-07-01 00:30:00,many\n")),
            "some.csv, line 3, field `value`: `many` is not a finite number such as 12.5"
        );
        assert_eq!(
            problem(&format!("{good}\n01/07/2014,5\n")),
            "some.csv, line 4, field `timestamp`: `01/07/2014` is not a moment from 1970 on such as 2014-07-01 00:30:00"
        );
        assert_eq!(problem(&format!("{good}5\n")), "some.csv, line 3: 1 fields, and there must be 2: timestamp,value");
        assert!(problem(&format!("{good}2014-07-01 00:30:00,inf\n")).contains("line 3, field `value`: `inf`"));
        assert_eq!(problem("time,n\n1,2\n"), "some.csv, line 1: the header is `time,n` and must be `timestamp,value`");
        assert!(problem("").contains("line 1: the header is ``"));
        assert!(problem("timestamp,value\n").contains("no rows"));
    }

    #[test]
    fn what_spreadsheets_write_is_accepted() {
        let points = parse(b"\xef\xbb\xbftimestamp,value\r\n\"2014-07-01 00:00:00\", 1.5\r\n").expect("a good file");
        assert_eq!(points, [Point { at: 1_404_172_800, value: 1.5 }]);
    }

    #[test]
    fn text_that_is_not_utf_8_is_refused_with_its_line() {
        let bytes = b"timestamp,value\n2014-07-01 00:00:00,1\n2014-07-01 00:30:00,\xff\n";
        assert!(matches!(parse(bytes), Err(Problem::Text { line: 3 })));
    }
}
