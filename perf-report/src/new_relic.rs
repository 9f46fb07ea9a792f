//! Bodies of New Relic's `POST /metric/v1`.

use crate::datadog::{Bodies, metric_name};
use crate::lines;
use crate::moment::millis;
use crate::report::Report;
use crate::words;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// The most bytes of a body: New Relic takes 1,000,000.
pub(crate) const MOST_BYTES: usize = 990_000;
/// The most attributes of a metric.
const MOST_ATTRIBUTES: usize = 100;
/// The most characters of a name, and of a value.
const MOST_NAME: usize = 255;
const MOST_VALUE: usize = 1_000;

/// Writes bodies, each a line of JSON and small enough to be sent as it is. New Relic itself drops points that are older than 48
/// hours.
///
/// Counts are of the type count, of their step; everything else is a gauge whose name ends with the statistic.
pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let interval = u64::try_from(report.step().as_millis()).unwrap_or(u64::MAX);
    let mut common = Map::new();
    if let Some(service) = &report.service {
        let texts = [("service.name", Some(&service.name)), ("service.version", service.version.as_ref())];
        let texts = texts.into_iter().chain([("service.instance.id", service.instance.as_ref())]);
        common.extend(texts.filter_map(|(name, text)| Some((name.to_owned(), json!(words::line(text?, MOST_VALUE))))));
    }
    let open = format!(r#"[{{"common":{{"attributes":{}}},"metrics":["#, Value::Object(common));
    let mut bodies = Bodies { out, open: open.as_bytes(), close: b"]}]", most: MOST_BYTES, body: Vec::new() };
    lines::each(report, |line| {
        let name = words::line(&metric_name(line), MOST_NAME);
        let attribute =
            |(name, value): &(&str, &str)| (words::line(name, MOST_NAME), json!(words::line(value, MOST_VALUE)));
        let attributes: Map<String, Value> = line.labels.iter().take(MOST_ATTRIBUTES).map(attribute).collect();
        // A count is of a whole interval: of a step that is not over, nobody knows it yet.
        for (start, value) in line.points.iter().filter(|(start, _)| report.is_over(*start)) {
            let mut entry = json!({
                "name": name,
                "type": if line.adds_up { "count" } else { "gauge" },
                "value": value,
                "timestamp": millis(*start),
                "attributes": attributes,
            });
            if let (true, Some(fields)) = (line.adds_up, entry.as_object_mut()) {
                fields.insert("interval.ms".to_owned(), json!(interval));
            }
            bodies.add(&entry)?;
        }
        Ok(())
    })?;
    bodies.end()
}
