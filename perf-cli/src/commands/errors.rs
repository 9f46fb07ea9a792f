//! `errors`: failures by kind, of each series that failed.

use super::{FINE, Parameters};
use crate::args::Errors;
use crate::cell::Cell;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::table::Table;
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
    let mut table = Table::new(&["#COUNT", "#LAST SEEN", "~SERIES", "PLACE", "ERROR"]);
    for series in &failed.series {
        for group in &series.groups {
            let kind = group.error_type.as_deref().or(group.type_name.as_deref()).unwrap_or(group.outcome.as_str());
            let error = group.text.as_deref().map_or(kind.to_owned(), |text| format!("{kind}: {text}"));
            let look = if group.expected { Look::Dim } else { Look::Plain };
            table.row([
                Cell::count(group.count),
                Cell::ago(group.last_seen, now),
                Cell::from(series.id.to_string()),
                Cell::known(group.place.as_deref()),
                Cell::new(&error, look),
            ]);
        }
        if series.others > 0 {
            table.row([
                Cell::count(series.others),
                Cell::known(None),
                Cell::from(series.id.to_string()),
                Cell::known(None),
                Cell::from("other kinds of failure"),
            ]);
        }
    }
    let none = if failed.enabled {
        "Nothing failed in this time."
    } else {
        "Kinds of failures are not kept: `[errors] enabled = true` keeps them."
    };
    output.table(&table, none)?;
    if failed.next.is_some() {
        output.note(&format!("Only the first {} series: --limit asks for more.", failed.series.len()))?;
    }
    Ok(FINE)
}
