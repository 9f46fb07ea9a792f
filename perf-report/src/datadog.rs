//! Bodies of Datadog's `POST /api/v2/series`.

use crate::lines::{self, Line};
use crate::moment::millis;
use crate::source::Source;
use crate::words;
use serde::Serialize;
use std::io::{self, Write};

/// The most bytes of a body: Datadog takes 512,000.
pub(crate) const MOST_BYTES: usize = 500_000;
/// The most points of one entry; a longer series has several.
const MOST_POINTS: usize = 1_000;
/// The most characters of a tag, and of a metric's name.
const MOST_TAG: usize = 200;
const COUNT: u8 = 1;
const GAUGE: u8 = 3;

/// Writes bodies, each a line of JSON and small enough to be sent as it is. Datadog itself takes points that are at most an hour old.
///
/// Counts are of the type count, with the step as interval; everything else is a gauge whose name ends with the statistic:
/// `operation_duration_seconds.p95`.
pub(crate) fn write(source: Source<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = source.report;
    let host = report.service.as_ref().and_then(|service| service.instance.as_ref());
    let host = host.map(|host| [Resource { kind: "host", name: words::line(host, MOST_TAG) }]);
    let service = report.service.as_ref().map(|service| tag("service", &service.name));
    let version = report.service.as_ref().and_then(|service| Some(tag("version", service.version.as_ref()?)));
    let common: Vec<String> = service.into_iter().chain(version).collect();
    let mut bodies = Bodies { out, open: br#"{"series":["#, close: b"]}", most: MOST_BYTES, body: Vec::new() };
    let mut points = Vec::new();
    lines::each(source, |line| {
        let tags = line.labels.iter().map(|(name, value)| tag(name, value));
        let tags: Vec<String> = common.iter().cloned().chain(tags).collect();
        // A count is of a whole interval: of a step that is not over, nobody knows it yet.
        // A number that is none has no place in JSON.
        let over = line.points.iter().filter(|(start, value)| report.is_over(*start) && value.is_finite());
        points.clear();
        points.extend(over.map(|(start, value)| Point { timestamp: millis(*start) / 1_000, value: *value }));
        for points in points.chunks(MOST_POINTS) {
            bodies.add(&Entry {
                metric: lettered_name(line),
                kind: if line.adds_up { COUNT } else { GAUGE },
                points,
                tags: &tags,
                interval: line.adds_up.then_some(report.step().as_secs().max(1)),
                resources: host.as_ref(),
                unit: match line.unit {
                    Some("seconds") => Some("second"),
                    Some("bytes") => Some("byte"),
                    _ => None,
                },
            })?;
        }
        Ok(())
    })?;
    bodies.end()
}

/// An entry of a body.
#[derive(Serialize)]
struct Entry<'a> {
    metric: String,
    #[serde(rename = "type")]
    kind: u8,
    points: &'a [Point],
    tags: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<&'a [Resource; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
}

#[derive(Clone, Copy, Serialize)]
struct Point {
    timestamp: u64,
    value: f64,
}

#[derive(Serialize)]
struct Resource {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
}

/// The name of a line as [`metric_name`] has it, which begins with a letter: Datadog refuses others.
fn lettered_name(line: &Line<'_>) -> String {
    let name = metric_name(line);
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) { name } else { format!("perf_{name}") }
}

/// The name of a line: that of the metric, with the statistic where it is not the plain value.
pub(crate) fn metric_name(line: &Line<'_>) -> String {
    let plain = |one: char| if one.is_ascii_alphanumeric() || matches!(one, '_' | '.') { one } else { '_' };
    let name: String = line.metric.chars().take(MOST_TAG - 15).map(plain).collect();
    match line.statistic {
        "value" => name,
        "count" if name.ends_with("_total") => name,
        statistic => format!("{name}.{statistic}"),
    }
}

fn tag(name: &str, value: &str) -> String {
    words::line(&format!("{name}:{value}"), MOST_TAG)
}

/// Entries in bodies that are not too large.
pub(crate) struct Bodies<'a> {
    pub(crate) out: &'a mut dyn Write,
    pub(crate) open: &'a [u8],
    pub(crate) close: &'a [u8],
    pub(crate) most: usize,
    pub(crate) body: Vec<u8>,
}

impl Bodies<'_> {
    pub(crate) fn add(&mut self, entry: &impl Serialize) -> io::Result<()> {
        let before = self.body.len();
        self.body.extend_from_slice(if before == 0 { self.open } else { b"," });
        serde_json::to_writer(&mut self.body, entry)?;
        if before > 0 && self.body.len() + self.close.len() > self.most {
            // It begins the next body: after the comma.
            let entry = self.body.split_off(before + 1);
            self.body.truncate(before);
            self.end()?;
            self.body.extend_from_slice(self.open);
            self.body.extend_from_slice(&entry);
        }
        Ok(())
    }

    /// Writes the body that is not yet written, if there is one.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        if self.body.is_empty() {
            return Ok(());
        }
        self.body.extend_from_slice(self.close);
        self.body.push(b'\n');
        self.out.write_all(&self.body)?;
        self.body.clear();
        Ok(())
    }
}
