//! Bodies of Datadog's `POST /api/v2/series`.

use crate::lines::{self, Line};
use crate::moment::millis;
use crate::report::Report;
use crate::words;
use serde_json::{Value, json};
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
pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let host = report.service.as_ref().and_then(|service| service.instance.clone());
    let service = report.service.as_ref().map(|service| tag("service", &service.name));
    let version = report.service.as_ref().and_then(|service| Some(tag("version", service.version.as_ref()?)));
    let common: Vec<String> = service.into_iter().chain(version).collect();
    let mut bodies = Bodies { out, open: br#"{"series":["#, close: b"]}", most: MOST_BYTES, body: Vec::new() };
    lines::each(report, |line| {
        let tags = line.labels.iter().map(|(name, value)| tag(name, value));
        let tags: Vec<String> = common.iter().cloned().chain(tags).collect();
        for points in line.points.chunks(MOST_POINTS) {
            bodies.add(&entry(report, line, points, &tags, host.as_deref()))?;
        }
        Ok(())
    })?;
    bodies.end()
}

fn entry(
    report: &Report,
    line: &Line<'_>,
    points: &[(std::time::SystemTime, f64)],
    tags: &[String],
    host: Option<&str>,
) -> Value {
    // A count is of a whole interval: of a step that is not over, nobody knows it yet.
    let points: Vec<Value> = points
        .iter()
        .filter(|(start, _)| report.is_over(*start))
        .map(|(start, value)| json!({"timestamp": millis(*start) / 1_000, "value": value}))
        .collect();
    let mut entry = json!({
        "metric": metric_name(line),
        "type": if line.adds_up { COUNT } else { GAUGE },
        "points": points,
        "tags": tags,
    });
    let mut add =
        |name: &str, value: Value| entry.as_object_mut().and_then(|fields| fields.insert(name.to_owned(), value));
    if line.adds_up {
        add("interval", json!(report.step().as_secs().max(1)));
    }
    if let Some(host) = host {
        add("resources", json!([{"type": "host", "name": words::line(host, MOST_TAG)}]));
    }
    let unit = match line.unit {
        Some("seconds") => Some("second"),
        Some("bytes") => Some("byte"),
        _ => None,
    };
    if let Some(unit) = unit {
        add("unit", json!(unit));
    }
    entry
}

/// The name of a line: that of the metric, with the statistic where it is not the plain value.
pub(crate) fn metric_name(line: &Line<'_>) -> String {
    let plain = |one: char| if one.is_ascii_alphanumeric() || matches!(one, '_' | '.') { one } else { '_' };
    let name: String = line.metric.chars().take(MOST_TAG - 10).map(plain).collect();
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
    pub(crate) fn add(&mut self, entry: &Value) -> io::Result<()> {
        let text = serde_json::to_vec(entry)?;
        if !self.body.is_empty() && self.body.len() + text.len() + self.close.len() + 1 > self.most {
            self.end()?;
        }
        self.body.extend_from_slice(if self.body.is_empty() { self.open } else { b"," });
        self.body.extend_from_slice(&text);
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
