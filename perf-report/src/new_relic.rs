//! Bodies of New Relic's `POST /metric/v1`.

use crate::datadog::{Bodies, metric_name};
use crate::lines;
use crate::moment::millis;
use crate::source::Source;
use crate::words;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The most bytes of a body: New Relic takes 1,000,000.
pub(crate) const MOST_BYTES: usize = 990_000;
/// The most attributes of a metric, beside the three of all.
const MOST_ATTRIBUTES: usize = 97;
/// The most characters of a name, and of a value.
const MOST_NAME: usize = 255;
const MOST_VALUE: usize = 1_000;

/// Writes bodies, each a line of JSON and small enough to be sent as it is. New Relic itself drops points that are older than 48
/// hours.
///
/// Counts are of the type count, of their step; everything else is a gauge whose name ends with the statistic.
pub(crate) fn write(source: Source<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = source.report;
    let interval = u64::try_from(report.step().as_millis()).unwrap_or(u64::MAX);
    let mut common = Map::new();
    if let Some(service) = &report.service {
        let texts = [("service.name", Some(&service.name)), ("service.version", service.version.as_ref())];
        let texts = texts.into_iter().chain([("service.instance.id", service.instance.as_ref())]);
        common.extend(texts.filter_map(|(name, text)| Some((name.to_owned(), json!(words::line(text?, MOST_VALUE))))));
    }
    let open = format!(r#"[{{"common":{{"attributes":{}}},"metrics":["#, Value::Object(common));
    let mut bodies = Bodies { out, open: open.as_bytes(), close: b"]}]", most: MOST_BYTES, body: Vec::new() };
    lines::each(source, |line| {
        let name = words::line(&metric_name(line), MOST_NAME);
        let attribute = |(name, value): &(&str, &str)| (words::line(name, MOST_NAME), words::line(value, MOST_VALUE));
        let attributes: BTreeMap<String, String> = line.labels.iter().take(MOST_ATTRIBUTES).map(attribute).collect();
        // A count is of a whole interval: of a step that is not over, nobody knows it yet.
        // A number that is none has no place in JSON.
        let over = line.points.iter().filter(|(start, value)| report.is_over(*start) && value.is_finite());
        for (start, value) in over {
            bodies.add(&Metric {
                name: &name,
                kind: if line.adds_up { "count" } else { "gauge" },
                value: *value,
                timestamp: millis(*start),
                interval: line.adds_up.then_some(interval),
                attributes: &attributes,
            })?;
        }
        Ok(())
    })?;
    bodies.end()
}

/// A point of a body.
#[derive(Serialize)]
struct Metric<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    value: f64,
    timestamp: u64,
    #[serde(rename = "interval.ms", skip_serializing_if = "Option::is_none")]
    interval: Option<u64>,
    attributes: &'a BTreeMap<String, String>,
}
