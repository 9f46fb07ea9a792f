//! Two ranges of time side by side, as a file.

use super::Sources;
use super::routes::as_file;
use crate::explaining::asking;
use crate::explaining::described::compared;
use perf_insight::compare::{Change, ChangeClass as Class};
use perf_insight::runtime::{Comparisons, Figure, KindCompared, Question, comparisons};
use perf_report::{ChangeClass, Compared, ComparedFigure, Comparison, Format};
use perf_runtime::Monitor;
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::text::rfc3339;
use perf_server::axum::body::Body;
use perf_server::axum::http::HeaderMap;
use perf_server::axum::response::Response;
use perf_server::openapi::utoipa::openapi::path::HttpMethod;
use perf_server::openapi::utoipa::openapi::schema::Type;
use perf_server::openapi::{self, Description, Fields, Operations, object};
use perf_server::respond::{self, Params, Problem, ProblemKind};
use std::io;

pub(super) const COMPARE: &str = "/api/v1/reports/compare";

/// The figures of a comparison, with their names and units.
const FIGURES: [(Figure, &str, &str); 3] =
    [(Figure::Latency, "duration", "seconds"), (Figure::Errors, "failures", "ratio"), (Figure::Rate, "calls", "/s")];

/// `GET /api/v1/reports/compare?before=-2h/-1h&after=-1h/now`: both ranges side by side, every figure.
pub(super) async fn compare(
    monitor: Monitor,
    sources: Sources,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["format", "series", "kind", "label", "before", "after", "limit"])?;
    let formats = [Format::Html, Format::Json].map(|format| (format.as_str(), format));
    let format = params.choice("format", formats)?.unwrap_or(Format::Html);
    let (question, before, after) = asking::compared(&monitor, &params)?;
    let made = respond::of_the_past(move || {
        let compared = comparison(&monitor, &sources, &question, [before, after]);
        let mut file = Vec::new();
        match format {
            Format::Json => serde_json::to_writer(&mut file, &compared).map_err(io::Error::from)?,
            _ => compared.html(&mut file)?,
        }
        Ok(file)
    });
    let file = made.await?.map_err(|error: io::Error| Problem::new(ProblemKind::Internal, error.to_string()))?;
    Ok(as_file(&headers, None, Body::from(file), format, &format!("compared.{}", format.ending())))
}

/// All series in both ranges, as far as there is room for them.
pub(super) fn whole(monitor: &Monitor, sources: &Sources, ranges: [TimeRange; 2]) -> Comparison {
    comparison(monitor, sources, &Question::about(Selector::calls()).most(asking::MOST_SERIES), ranges)
}

fn comparison(
    monitor: &Monitor,
    sources: &Sources,
    question: &Question,
    [before, after]: [TimeRange; 2],
) -> Comparison {
    let figures = FIGURES.map(|(figure, name, unit)| {
        let found = comparisons(monitor, &question.clone().figure(figure), before, after);
        ComparedFigure { name: name.to_owned(), unit: unit.to_owned(), notes: notes(&found), rows: rows(found) }
    });
    let told = |range: TimeRange| {
        let span = format!("{} to {}", rfc3339(range.start()), rfc3339(range.end()));
        sources.version_in(range).map_or(span.clone(), |version| format!("{version} ({span})"))
    };
    let service = monitor.service().map_or_else(|| "this process".to_owned(), |service| service.name.clone());
    Comparison { service, before: told(before), after: told(after), figures: figures.into() }
}

/// The kinds that are known as a whole, and every series.
fn rows(found: Comparisons) -> Vec<Compared> {
    let row = |series, change: Change| Compared {
        series,
        class: class(change.class),
        before: Some(change.before),
        after: Some(change.after),
        between: Some(change.difference_between),
        relative: change.relative,
    };
    let of_kind = |kind: KindCompared| {
        let overall = kind.overall.map(|change| row(format!("{} (all)", kind.kind), change));
        overall.into_iter().chain(kind.series.into_iter().map(|one| row(one.series, one.change)))
    };
    found.kinds.into_iter().flat_map(of_kind).collect()
}

fn class(class: Class) -> ChangeClass {
    match class {
        Class::Improved => ChangeClass::Improved,
        Class::Regressed => ChangeClass::Regressed,
        Class::Increased => ChangeClass::Increased,
        Class::Decreased => ChangeClass::Decreased,
        Class::NoChange => ChangeClass::NoChange,
        Class::Unclear => ChangeClass::Unclear,
    }
}

fn notes(found: &Comparisons) -> Vec<String> {
    let mut notes = Vec::new();
    for kind in &found.kinds {
        for (series, when) in [(&kind.only_before, "before"), (&kind.only_after, "after")] {
            if !series.is_empty() {
                notes.push(format!("Called only {when}: {}", series.join(", ")));
            }
        }
        notes.extend(kind.why_not.as_ref().map(|why_not| format!("{}: {why_not}", kind.kind)));
    }
    if found.left_out > 0 {
        notes.push(format!("{} more series were left out: kind and label choose.", found.left_out));
    }
    notes
}

/// Describes the route.
pub(super) fn described(description: Description) -> Description {
    let summary = "Two ranges of time side by side, as a file: durations, failures and calls of every series";
    let compare = compared(openapi::read("series", summary))
        .query("format", "The format; `html` unless said.", openapi::choice(&["html", "json"]))
        .json("SideBySide");
    let row = object("A series in both ranges.")
        .has("series", openapi::text())
        .has("class", openapi::choice(&["regressed", "improved", "increased", "decreased", "unclear", "no_change"]))
        .has("before", openapi::number_or_null())
        .has("after", openapi::number_or_null())
        .has(
            "between",
            openapi::one_of(&[Type::Array, Type::Null])
                .note("The interval of the difference: its two ends, in the unit of the values."),
        )
        .has("relative", openapi::number_or_null());
    let figure = object("A figure in both ranges.")
        .has("name", openapi::text())
        .has("unit", openapi::text())
        .has("rows", openapi::list(row))
        .has("notes", openapi::list(openapi::text().note("A reason why something was not compared.")));
    let side_by_side = object("Two ranges of time side by side.")
        .has("service", openapi::text())
        .has("before", openapi::text())
        .has("after", openapi::text())
        .has("figures", openapi::list(figure));
    description.operation(HttpMethod::Get, COMPARE, compare).schema("SideBySide", side_by_side)
}
