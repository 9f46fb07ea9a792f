//! The answers of the children, as a table in Markdown.

use crate::OURS;
use kit::stats::Spread;
use std::fmt::Write;

/// The most that ours may take of the cached writer's time, by the median.
const BAR: f64 = 1.5;

/// The writers that ours is compared with, of its own text.
const WRITERS: [&str; 3] = [
    "the text of perf, each line cached",
    "the text of perf, each series' labels cached",
    "the text of perf, each series' labels cached, a new buffer",
];

/// One library.
pub(crate) struct Row {
    name: String,
    lines: f64,
    bytes: f64,
    /// Seconds of each scrape.
    scrapes: Vec<f64>,
    /// Of ours: seconds of each of the cached writers, right after each scrape.
    writes: [Vec<f64>; WRITERS.len()],
}

impl Row {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), lines: 0.0, bytes: 0.0, scrapes: Vec::new(), writes: Default::default() }
    }

    /// Adds what a child answered.
    pub(crate) fn add(&mut self, numbers: &[f64]) {
        let [lines, bytes, seconds @ ..] = numbers else { return };
        (self.lines, self.bytes) = (*lines, *bytes);
        if self.name != OURS {
            self.scrapes.extend(seconds);
            return;
        }
        for samples in seconds.chunks(1 + WRITERS.len()) {
            let [scrape, writes @ ..] = samples else { continue };
            self.scrapes.push(*scrape);
            self.writes.iter_mut().zip(writes).for_each(|(writes, write)| writes.push(*write));
        }
    }
}

/// A line for each library, and one for the writer of our own text.
pub(crate) fn table(series: usize, rows: &[Row]) -> String {
    let mut text = format!(
        "| {series} series | lines | MB | min ms | median ms | p10–p90 | ns a line | ns a series | × cached |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    );
    for row in rows {
        let mut ratios = Vec::new();
        for (name, writes) in WRITERS.iter().zip(&row.writes).filter(|(_, writes)| !writes.is_empty()) {
            line(&mut text, name, series, row, writes, "");
            let ratio = Spread::of(row.scrapes.iter().zip(writes).map(|(scrape, write)| scrape / write)).median;
            ratios.push(format!("{ratio:.2}"));
        }
        let ratio = if ratios.is_empty() { String::new() } else { format!("{} (at most {BAR})", ratios.join(", ")) };
        line(&mut text, &row.name, series, row, &row.scrapes, &ratio);
    }
    text
}

fn line(text: &mut String, name: &str, series: usize, row: &Row, seconds: &[f64], ratio: &str) {
    let Spread { min, p10, median, p90, .. } = Spread::of(seconds.iter().map(|seconds| seconds * 1e3));
    let Row { lines, bytes, .. } = row;
    let _ = writeln!(
        text,
        "| {name} | {lines} | {:.1} | {min:.2} | {median:.2} | {p10:.2}–{p90:.2} | {:.0} | {:.0} | {ratio} |",
        bytes / 1e6,
        median * 1e6 / lines,
        median * 1e6 / series as f64,
    );
}
