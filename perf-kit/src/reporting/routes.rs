//! Exports, reports and dashboards over HTTP.

use super::Sources;
#[cfg(feature = "insight")]
use super::compared::{COMPARE, compare};
use perf_report::{Alongside, Export, Format, Report, ReportsView, dashboard, dashboard_names, range_of};
use perf_runtime::series::TimeRange;
use perf_runtime::text::parse_duration;
use perf_runtime::{ConfigError, Monitor};
use perf_server::axum::body::Body;
use perf_server::axum::extract::Path;
use perf_server::axum::extract::rejection::PathRejection;
use perf_server::axum::http::{HeaderMap, HeaderValue, header};
use perf_server::axum::response::Response;
use perf_server::axum::routing::get;
use perf_server::openapi::utoipa::openapi::OpenApi;
use perf_server::openapi::utoipa::openapi::path::HttpMethod;
use perf_server::openapi::{self, Description, Operations, object};
use perf_server::respond::{self, Params, Problem, ProblemKind};
use perf_server::{Extension, Page, Place};
use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

const EXPORT: &str = "/api/v1/export";
const GRAFANA: &str = "/api/v1/grafana/{name}";
#[cfg(feature = "insight")]
const SCRIPT: &str = concat!("const COMPARES = true;\n", include_str!("page.js"));
#[cfg(not(feature = "insight"))]
const SCRIPT: &str = concat!("const COMPARES = false;\n", include_str!("page.js"));
/// The range unless one is asked for.
const RANGE: Duration = Duration::from_secs(3_600);
/// The longest range, as of comparisons.
const LONGEST: Duration = Duration::from_secs(800 * 86_400);

/// The routes and the page of reports.
pub(crate) fn extension(
    monitor: &Monitor,
    sources: Sources,
    kept: ReportsView,
) -> impl Fn() -> Extension + Send + Sync + 'static {
    let monitor = monitor.clone();
    move || {
        let (of_export, of_grafana, sources) = (monitor.clone(), monitor.clone(), sources.clone());
        let of_sections = sources.clone();
        let export =
            async move |params: Params, headers: HeaderMap| export(of_export, of_sections, params, headers).await;
        let grafana = async move |name: Name, params: Params, headers: HeaderMap| {
            params.only(&[])?;
            grafana(of_grafana, name, &headers).await
        };
        let extension = super::kept::routes(Extension::new("report"), &monitor, &kept);
        #[cfg(feature = "insight")]
        let extension = {
            let (monitor, sources) = (monitor.clone(), sources.clone());
            let compare =
                async move |params: Params, headers: HeaderMap| compare(monitor, sources, params, headers).await;
            extension.read(COMPARE, get(compare))
        };
        extension
            .read(EXPORT, get(export))
            .read(GRAFANA, get(grafana))
            .page(Page::new("reports", "Reports", SCRIPT).place(Place::Now))
            .openapi(described())
    }
}

type Name = Result<Path<String>, PathRejection>;

async fn export(monitor: Monitor, sources: Sources, params: Params, headers: HeaderMap) -> Result<Response, Problem> {
    let params = params.only(&["format", "from", "to", "step"])?;
    let formats = Format::ALL.map(|format| (format.as_str(), format));
    let format = params.choice("format", formats)?.unwrap_or(Format::Json);
    let range = range(&monitor, &params)?;
    let asked = headers.clone();
    let made = respond::streamed(move || {
        // The sections of other parts cost a look at the past, and stand in three formats alone.
        let has_sections = matches!(format, Format::Json | Format::Summary | Format::Html);
        let alongside = if has_sections { sources.of(&monitor, range) } else { Alongside::default() };
        let export = Export::of(&monitor, range, alongside);
        let tag = export.fingerprint(format).map(|print| format!("W/\"{print:016x}\""));
        let is_known = tag.as_ref().is_some_and(|tag| respond::is_known(&asked, tag));
        let name = export.file_name(format);
        let write = move |out: &mut dyn Write| if is_known { Ok(()) } else { export.write(format, out) };
        Ok(((name, tag), write))
    });
    let ((name, tag), body) = made.await?;
    Ok(as_file(&headers, tag.as_deref(), body, format, &name))
}

/// The answer that is a file: `304` without it, where the client has what has this tag.
pub(super) fn as_file(request: &HeaderMap, tag: Option<&str>, body: Body, format: Format, name: &str) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    // As a file: a page with a style of its own is none of the dashboard's, whose policy forbids it.
    if format != Format::Summary {
        let how = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
        headers.extend(how.map(|how| (header::CONTENT_DISPOSITION, how)));
    }
    match tag {
        Some(tag) => respond::with_tag(request, tag, response),
        None => response,
    }
}

/// The range that `from`, `to` and `step` name: the last hour by default.
fn range(monitor: &Monitor, params: &Params) -> Result<TimeRange, Problem> {
    let now = monitor.time_of_day();
    let to = params.moment("to", now)?.unwrap_or(now);
    let from = params.moment("from", now)?.or_else(|| to.checked_sub(RANGE)).unwrap_or(UNIX_EPOCH);
    if to.duration_since(from).is_ok_and(|length| length > LONGEST) {
        return Err(Problem::invalid("from", params.get("from").unwrap_or_default(), "a range of at most 800 days"));
    }
    let step = params.get("step").map(|text| {
        let step = parse_duration(text).or_else(|| text.parse().ok().map(Duration::from_secs));
        step.ok_or_else(|| Problem::invalid("step", text, "a second or more, such as 30s or 5m"))
    });
    let given = |error: ConfigError| {
        Problem::invalid(&error.field, params.get(&error.field).unwrap_or_default(), error.allowed)
    };
    range_of(from, to, step.transpose()?).map_err(given)
}

async fn grafana(monitor: Monitor, name: Name, headers: &HeaderMap) -> Result<Response, Problem> {
    let name = name.map_or_else(|rejection| rejection.body_text(), |Path(name)| name);
    let file = HeaderValue::try_from(format!("attachment; filename=\"perf-{}.json\"", name.replace('_', "-")));
    let made = respond::of_the_past(move || {
        let now = monitor.time_of_day();
        let from = now.checked_sub(RANGE).unwrap_or(UNIX_EPOCH);
        // A dashboard is made of names alone.
        let report = Report::of(&monitor, range_of(from, now, Some(RANGE)).ok()?, Alongside::default());
        let text = dashboard(&report, &name).and_then(|found| serde_json::to_vec_pretty(&found).ok());
        Some(text.ok_or_else(|| unknown(&name, &report)))
    });
    let made = made.await?.ok_or_else(|| Problem::new(ProblemKind::Internal, "the answer could not be made"))?;
    let mut response = respond::tagged(headers, "application/json", made?);
    response.headers_mut().extend(file.map(|how| (header::CONTENT_DISPOSITION, how)));
    Ok(response)
}

fn unknown(name: &str, report: &Report) -> Problem {
    let there = dashboard_names(report).join(", ");
    Problem::new(ProblemKind::UnknownEntry, format!("there is no dashboard {name:?}; there are {there}"))
}

fn described() -> OpenApi {
    let formats = Format::ALL.map(Format::as_str);
    let export = openapi::read("series", "All that is known of a range of time, as a file")
        .query("format", "The format; `json` unless said.", openapi::choice(&formats))
        .query("from", "The start; an hour before the end unless said.", openapi::text())
        .query("to", "The end; now unless said.", openapi::text())
        .query(
            "step",
            "The length of a step, such as `5m`: as many as are round unless said, 288 at most.",
            openapi::text(),
        )
        .json("RangeReport");
    let grafana = openapi::read("series", "A dashboard for Grafana, in its classic model").json("GrafanaDashboard");
    let description = super::kept::described(Description::new());
    #[cfg(feature = "insight")]
    let description = super::compared::described(description);
    description
        .operation(HttpMethod::Get, EXPORT, export)
        .operation(HttpMethod::Get, GRAFANA, grafana)
        .schema("RangeReport", object("A report, `perf.report/1`. The other formats are texts, tables or a page, each with a media type of its own."))
        .schema("GrafanaDashboard", object("A dashboard that Grafana imports."))
        .build()
}
