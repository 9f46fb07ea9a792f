//! `forecast`: the values that come, and when a limit is reached.

use super::compare::value;
use super::{FINE, Parameters};
use crate::args::Forecast;
use crate::cell::Cell;
use crate::choice::word;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::Table;
use perf_runtime::{Kind, text};
use serde::Deserialize;
use std::time::SystemTime;

/// The answer of `GET /api/v1/insight/forecasts`.
#[derive(Debug, Deserialize)]
struct Forecasts {
    series: Vec<OfSeries>,
    left_out: u64,
}

#[derive(Debug, Deserialize)]
struct OfSeries {
    name: String,
    series: String,
    why_not: Option<String>,
    found: Option<Found>,
}

#[derive(Debug, Deserialize)]
struct Found {
    forecast: Values,
    reaches: Option<Reaches>,
}

#[derive(Debug, Deserialize)]
struct Values {
    points: Vec<Point>,
}

#[derive(Debug, Deserialize)]
struct Point {
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
enum Reaches {
    Already,
    At {
        #[serde(with = "text::moment")]
        time: SystemTime,
    },
    NotInSight,
}

pub(super) fn forecast(client: &Client, args: &Forecast, output: &mut Output<'_>) -> Result<u8, Failure> {
    let parameters = Parameters::default()
        .all("series", &args.series)
        .of(&args.of)
        .with("figure", Some(word(args.figure)))
        .with("ahead", Some(word(args.ahead)))
        .with("reaches", args.reaches);
    let answer = client.get("/api/v1/insight/forecasts", &parameters.pairs())?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let forecasts: Forecasts = answer.read()?;
    let mut table = Table::new(&["~SERIES", "#NEXT", "#AT THE END", "#LOW", "#HIGH", "LIMIT REACHED"]);
    // The figure of calls has a unit; a metric's own is not told here.
    let is_of_calls = |series: &str| Kind::ALL.iter().any(|kind| series.split('{').next() == Some(kind.as_str()));
    let shown =
        |series: &str, number| if is_of_calls(series) { value(args.figure, number) } else { Cell::number(number) };
    for series in &forecasts.series {
        let Some(found) = &series.found else { continue };
        let (Some(first), Some(last)) = (found.forecast.points.first(), found.forecast.points.last()) else { continue };
        let reached = match &found.reaches {
            None => Cell::known(None),
            Some(Reaches::Already) => Cell::from("already"),
            Some(Reaches::At { time }) => Cell::moment(Some(*time)),
            Some(Reaches::NotInSight) => Cell::from("not in sight"),
        };
        let figures = [first.value, last.value, last.low, last.high].map(|number| shown(&series.series, number));
        table.row([Cell::from(series.name.as_str())].into_iter().chain(figures).chain([reached]));
    }
    output.table(
        &table,
        if forecasts.series.is_empty() {
            "Nothing fits: `perf-cli query` lists the series."
        } else {
            "No forecast can be made."
        },
    )?;
    for series in &forecasts.series {
        if let Some(why_not) = &series.why_not {
            output.note(&format!("{}: {why_not}", series.name))?;
        }
    }
    if forecasts.left_out > 0 {
        output.note(&format!(
            "{} more series were left out: name them, or choose by --kind and --label.",
            forecasts.left_out
        ))?;
    }
    Ok(FINE)
}
