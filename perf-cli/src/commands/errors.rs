//! `errors`: failures by kind, of each series that failed.

use super::{FINE, Parameters};
use crate::args::Errors;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::{Cell, Table};
use perf_runtime::series::SeriesErrors;
use serde::Deserialize;
use std::time::SystemTime;

/// The answer of `GET /api/v1/errors`.
#[derive(Debug, Deserialize)]
struct Failed {
    enabled: bool,
    series: Vec<SeriesErrors>,
    #[serde(default)]
    next: Option<String>,
}

pub(super) fn errors(client: &Client, args: &Errors, output: &mut Output<'_>) -> Result<u8, Failure> {
    let parameters = Parameters::default()
        .of(&args.of)
        .within(&args.range)
        .with("sort", Some("-failed"))
        .with("limit", Some(args.limit));
    let answer = client.get("/api/v1/errors", &parameters.pairs())?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let failed: Failed = answer.read()?;
    let now = SystemTime::now();
    let mut table = Table::new(&["#COUNT", "#LAST SEEN", "~SERIES", "ERROR", "PLACE"]);
    for series in &failed.series {
        for group in &series.groups {
            let kind = group.error_type.as_deref().or(group.type_name.as_deref()).unwrap_or(group.outcome.as_str());
            let error = group.text.as_deref().map_or(kind.to_owned(), |text| format!("{kind}: {text}"));
            let look = if group.expected { Look::Dim } else { Look::Plain };
            table.row([
                Cell::from(group.count.to_string()),
                Cell::from(show::ago(group.last_seen, now)),
                Cell::from(series.id.to_string()),
                Cell::new(&error, look),
                Cell::from(group.place.as_deref().unwrap_or(show::UNKNOWN)),
            ]);
        }
        if series.others > 0 {
            let cells = [series.others.to_string(), show::UNKNOWN.to_owned(), series.id.to_string()];
            let rest = ["other kinds of failure".to_owned(), show::UNKNOWN.to_owned()];
            table.row(cells.into_iter().chain(rest).map(Cell::from));
        }
    }
    let none = if failed.enabled {
        "Nothing failed in this time."
    } else {
        "Kinds of failures are not kept: `[errors] enabled = true` keeps them."
    };
    output.table(&table, none)?;
    if failed.next.is_some() {
        output.say(Look::Dim, &format!("Only the first {} series: --limit asks for more.", failed.series.len()))?;
    }
    Ok(FINE)
}
