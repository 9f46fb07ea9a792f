//! Kept reports over HTTP: their list, each of them, and those that somebody wants.

use perf_report::{Format, InvalidId, KeptReport, MakeError, Report, ReportId, ReportKind, ReportsView, Wanted};
use perf_runtime::Monitor;
use perf_server::Extension;
use perf_server::axum::Json;
use perf_server::axum::extract::Path;
use perf_server::axum::extract::rejection::PathRejection;
use perf_server::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use perf_server::axum::response::{IntoResponse, Response};
use perf_server::axum::routing::{delete, get, post};
use perf_server::openapi::utoipa::openapi::path::HttpMethod;
use perf_server::openapi::utoipa::openapi::schema::Type;
use perf_server::openapi::{self, Description, Fields, Operations, object};
use perf_server::respond::{self, Params, Problem, ProblemKind};
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Write};
use std::time::UNIX_EPOCH;

const ALL: &str = "/api/v1/reports";
const ONE: &str = "/api/v1/reports/{id}";

type Id = Result<Path<String>, PathRejection>;

/// Adds the routes.
pub(super) fn routes(extension: Extension, monitor: &Monitor, view: &ReportsView) -> Extension {
    let [of_list, of_one, of_making, of_removal] = [(); 4].map(|()| view.clone());
    let monitor = monitor.clone();
    let list = async move |params: Params, headers: HeaderMap| {
        params.only(&[])?;
        respond::past_json(&headers, move || of_list.overview().map_err(problem)).await
    };
    let one = async move |id: Id, params: Params, headers: HeaderMap| one(of_one, id, params, headers).await;
    let make = async move |params: Params| make(&monitor, of_making, params).await;
    let remove = async move |id: Id, params: Params| remove(of_removal, id, params).await;
    extension.read(ALL, get(list)).read(ONE, get(one)).admin(ALL, post(make)).admin(ONE, delete(remove))
}

/// The id, which is no path: it reads as one of ours, or it is refused.
fn id_of(id: Id) -> Result<ReportId, Problem> {
    let id = id.map_or_else(|rejection| rejection.body_text(), |Path(id)| id);
    id.parse().map_err(|_| Problem::invalid("id", &id, InvalidId::ALLOWED))
}

fn unknown(id: ReportId) -> Problem {
    Problem::new(ProblemKind::UnknownEntry, format!("there is no report {id}: GET {ALL} lists them"))
}

/// `GET /api/v1/reports/{id}`: a report as a file, in a format that it is kept in, or made of its JSON.
async fn one(view: ReportsView, id: Id, params: Params, headers: HeaderMap) -> Result<Response, Problem> {
    let id = id_of(id)?;
    let params = params.only(&["format"])?;
    let wanted = params.choice("format", Format::ALL.map(|format| (format.as_str(), format)))?;
    let asked = headers.clone();
    let made = respond::streamed(move || {
        let report = view.get(id).map_err(problem)?.ok_or_else(|| unknown(id))?;
        let there: Vec<Format> = report.files.iter().map(|file| file.format).collect();
        let page = || there.iter().copied().find(|format| *format == Format::Html).or(there.first().copied());
        let format = wanted.or_else(page).ok_or_else(|| unknown(id))?;
        let tag = tag(&report, format);
        let is_known = respond::is_known(&asked, &tag);
        let source = if is_known { Source::Known } else { Source::open(&view, id, format)? };
        Ok(((format, tag), move |out: &mut dyn Write| source.write(format, out)))
    });
    let ((format, tag), body) = made.await?;
    let name = format!("{id}.{}", format.ending());
    Ok(super::routes::as_file(&headers, Some(&tag), body, format, &name))
}

/// A tag of a report in a format: it stays the same until the report is made anew, or another version of ours writes what is made of its JSON.
fn tag(report: &KeptReport, format: Format) -> String {
    let made = report.made.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    format!("W/\"{}-{made}-{}-{format}-{}\"", report.id, report.bytes(), env!("CARGO_PKG_VERSION"))
}

/// A report as it is kept, or that it is made of again.
enum Source {
    /// The client has it.
    Known,
    File(File),
    Read(Box<Report>),
}

impl Source {
    /// The file in a format; where there is none, the report itself, as long as it is kept as JSON.
    fn open(view: &ReportsView, id: ReportId, format: Format) -> Result<Self, Problem> {
        if let Some((file, _)) = view.open(id, format).map_err(problem)? {
            return Ok(Self::File(file));
        }
        let missing = || {
            let detail = format!("the report {id} is not kept as {format}, nor as json, of which others are made");
            Problem::new(ProblemKind::UnknownEntry, detail)
        };
        // Of a comparison nothing else is made.
        let json =
            if id.kind() == ReportKind::Comparison { None } else { view.open(id, Format::Json).map_err(problem)? };
        let (mut file, _) = json.ok_or_else(missing)?;
        let unread = |error: &dyn Display| {
            Problem::new(ProblemKind::Unavailable, format!("the report {id} cannot be read: {error}"))
        };
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(|error| unread(&error))?;
        Ok(Self::Read(Box::new(Report::from_json(&text).map_err(|error| unread(&error))?)))
    }

    fn write(self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Known => Ok(()),
            Self::File(mut file) => io::copy(&mut file, out).map(drop),
            Self::Read(report) => format.write(&report, out),
        }
    }
}

/// `POST /api/v1/reports?kind=day`: makes a report now.
async fn make(monitor: &Monitor, view: ReportsView, params: Params) -> Result<Response, Problem> {
    let params = params.only(&["kind", "from", "to", "before", "after"])?;
    let (wanted, field) = wanted(monitor, &params)?;
    let made = respond::of_the_past(move || view.make(wanted)).await?;
    let (report, is_new) = made.map_err(|error| match error {
        MakeError::Range(allowed) => Problem::invalid(field, params.get(field).unwrap_or_default(), allowed),
        other => problem(other),
    })?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = (status, Json(&report)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The report that is wanted, and the parameter by which it is refused.
fn wanted(monitor: &Monitor, params: &Params) -> Result<(Wanted, &'static str), Problem> {
    let given = |name: &str| params.get(name).is_some();
    let kinds = [("day", Wanted::Day), ("week", Wanted::Week), ("session", Wanted::Session)];
    let kind = params.choice("kind", kinds)?;
    let (is_range, is_comparison) = (given("from") || given("to"), given("before") || given("after"));
    let field = match (kind.is_some(), is_range, is_comparison) {
        (true, false, false) => "kind",
        (false, true, false) => "from",
        (false, false, true) => "before",
        (false, false, false) => {
            return Err(Problem::invalid(
                "from",
                "",
                "kind (day, week or session), or from and to, or before and after",
            ));
        }
        _ => {
            let field = if kind.is_some() { "kind" } else { "from" };
            let value = params.get(field).unwrap_or_default();
            return Err(Problem::invalid(field, value, "either kind, or from and to, or before and after"));
        }
    };
    let now = monitor.time_of_day();
    let wanted = match kind {
        Some(kind) => kind,
        None if is_comparison => comparison(monitor, params)?,
        None => {
            let to = params.moment("to", now)?.unwrap_or(now);
            let needed = || Problem::invalid("from", "", "the start of the range");
            let from = params.moment("from", now)?.ok_or_else(needed)?;
            if to > now {
                return Err(Problem::invalid("to", params.get("to").unwrap_or_default(), "a time that is over"));
            }
            Wanted::Range(from, to)
        }
    };
    Ok((wanted, field))
}

#[cfg(feature = "insight")]
fn comparison(monitor: &Monitor, params: &Params) -> Result<Wanted, Problem> {
    let (before, after) = crate::explaining::asking::side_by_side(monitor, params)?;
    let now = monitor.time_of_day();
    if let Some((name, _)) = [("before", before), ("after", after)].into_iter().find(|(_, range)| range.end() > now) {
        return Err(Problem::invalid(name, params.get(name).unwrap_or_default(), "a range that is over"));
    }
    let [before, after] = [before, after].map(|range| [range.start(), range.end()]);
    Ok(Wanted::Comparison(before, after))
}

#[cfg(not(feature = "insight"))]
fn comparison(_: &Monitor, _: &Params) -> Result<Wanted, Problem> {
    Err(Problem::new(ProblemKind::Unavailable, "nothing compares ranges of time here: it takes the feature `insight`"))
}

/// `DELETE /api/v1/reports/{id}`: removes a report.
async fn remove(view: ReportsView, id: Id, params: Params) -> Result<Response, Problem> {
    let id = id_of(id)?;
    params.only(&[])?;
    let removed = respond::of_the_past(move || Ok::<_, MakeError>((view.remove(id)?, view.overview()?))).await?;
    let (was_there, all) = removed.map_err(problem)?;
    if was_there { Ok(Json(all).into_response()) } else { Err(unknown(id)) }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn problem(error: MakeError) -> Problem {
    let kind = match &error {
        MakeError::Busy => ProblemKind::TooManyRequests,
        MakeError::Unknown(_) => ProblemKind::UnknownEntry,
        _ => ProblemKind::Unavailable,
    };
    Problem::new(kind, error.to_string())
}

/// Describes the routes.
pub(super) fn described(description: Description) -> Description {
    let list = openapi::read("series", "The reports that are kept, and the one that is due next").json("KeptReports");
    let one = openapi::read("series", "A report that is kept, as a file")
        .path_text("id", "The id of the report, such as daily-2026-11-28.")
        .query(
            "format",
            "The format; `html` unless said, where it is kept so.",
            openapi::choice(&Format::ALL.map(Format::as_str)),
        )
        .json("RangeReport")
        .problem("404", "There is no such report, or it is kept neither in this format nor as JSON.")
        .problem("503", "No report is kept, or it cannot be read.");
    let make = openapi::admin("series", "Makes a report now and keeps it; one at a time")
        .query(
            "kind",
            "Of the last day or week that is over, or of the process before.",
            openapi::choice(&["day", "week", "session"]),
        )
        .query("from", "The start of a range, where no kind is said.", openapi::text())
        .query("to", "Its end, which is over; now unless said.", openapi::text())
        .query(
            "before",
            "Of two ranges side by side, the one before, such as `-2h/-1h`, where neither a kind nor `from` is said.",
            openapi::text(),
        )
        .query("after", "The one after, such as `-1h/now`.", openapi::text())
        .answer("201", "It is made.", "KeptReport")
        .answer("200", "It was there already.", "KeptReport")
        .refused("400", "NoQuery")
        .refused("422", "NotAllowed")
        .refused("429", "TooMany")
        .problem("404", "Nothing is known of that time.")
        .problem("503", "No report is kept, there is no room, or it cannot be written.");
    let remove = openapi::admin("series", "Removes a report that is kept")
        .path_text("id", "The id of the report.")
        .answer("200", "It is removed: those that are left.", "KeptReports")
        .refused("400", "NoQuery")
        .refused("422", "NotAllowed")
        .refused("429", "TooMany")
        .problem("404", "There is no such report.")
        .problem("503", "No report is kept, or it cannot be removed.");
    let or_null = || openapi::one_of(&[Type::Object, Type::Null]);
    let file = object("A report in one format.").has("format", openapi::text()).has("bytes", openapi::count());
    let kept = object("A report that is kept.")
        .has("id", openapi::text())
        .has("kind", openapi::choice(&ReportKind::ALL.map(ReportKind::as_str)))
        .has("from", openapi::time())
        .has("to", openapi::time())
        .has(
            "before",
            or_null()
                .note("Of a comparison the range before; null of others. `from` and `to` are those of the one after.")
                .has("from", openapi::time())
                .has("to", openapi::time()),
        )
        .has("made", openapi::time())
        .has(
            "in_order",
            openapi::one_of(&[Type::Boolean, Type::Null])
                .note("Whether the process ended in order; null where it is about no session."),
        )
        .has("files", openapi::list(file));
    let all = object("The reports that are kept, the last made first.")
        .has("off", openapi::text_or_null())
        .has("max_bytes", openapi::count())
        .has("reports", openapi::list(openapi::named("KeptReport")))
        .has(
            "next",
            or_null()
                .note("The one that is due next; null without a schedule of days or weeks.")
                .has("id", openapi::text())
                .has("at", openapi::time()),
        )
        .has(
            "not_known",
            openapi::list(openapi::text().note("The id of one that is due and of whose time nothing is known yet.")),
        )
        .has(
            "trouble",
            or_null()
                .note("Why one that is due is not made, or people are not told of it; it is tried again.")
                .has("at", openapi::time())
                .has("error", openapi::text()),
        );
    description
        .operation(HttpMethod::Get, ALL, list)
        .operation(HttpMethod::Post, ALL, make)
        .operation(HttpMethod::Get, ONE, one)
        .operation(HttpMethod::Delete, ONE, remove)
        .schema("KeptReport", kept)
        .schema("KeptReports", all)
}
