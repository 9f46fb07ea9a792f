//! `report`: the reports that a service keeps, and one of any range.

use super::{FINE, Parameters, compare, export};
use crate::args::{Format, Report};
use crate::cell::Cell;
use crate::choice::{ExportFormat, Period, word};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::Table;
use perf_report::Comparison;
use serde::Deserialize;
use serde_json::json;

const ALL: &str = "/api/v1/reports";

/// The answer of `GET /api/v1/reports`.
#[derive(Debug, Deserialize)]
struct Kept {
    off: Option<String>,
    reports: Vec<One>,
    next: Option<Next>,
    /// The ids of those that are due, and of whose time nothing is known.
    #[serde(default)]
    not_known: Vec<String>,
    trouble: Option<Trouble>,
}

#[derive(Debug, Deserialize)]
struct One {
    id: String,
    kind: String,
    from: String,
    to: String,
    /// Of a comparison, the range before.
    before: Option<Between>,
    made: String,
    files: Vec<File>,
}

#[derive(Debug, Deserialize)]
struct Between {
    from: String,
    to: String,
}

#[derive(Debug, Deserialize)]
struct File {
    format: String,
    bytes: u64,
}

#[derive(Debug, Deserialize)]
struct Next {
    id: String,
    at: String,
}

#[derive(Debug, Deserialize)]
struct Trouble {
    at: String,
    error: String,
}

pub(super) fn report(client: &Client, args: &Report, output: &mut Output<'_>) -> Result<u8, Failure> {
    if args.format == Some(ExportFormat::Grafana) {
        return Err(Failure::Usage("a dashboard is no report: `perf-cli export grafana` makes one".to_owned()));
    }
    let is_json = output.format == Format::Json;
    let is_comparison = args.kind == Some(Period::Comparison);
    if is_comparison && args.make {
        return Err(Failure::Usage("two ranges are needed: `perf-cli compare A B --keep` has them kept".to_owned()));
    }
    // Of a comparison there is no summary: it is shown as `compare` shows it, or written as a page.
    let is_shown = is_comparison && args.format.is_none() && args.output.is_none() && !is_json;
    let usual = match args.kind {
        _ if is_json || is_shown => ExportFormat::Json,
        Some(Period::Comparison) => ExportFormat::Html,
        _ => ExportFormat::Summary,
    };
    let format = args.format.unwrap_or(usual);
    let parameters = Parameters::default().with("format", Some(word(format)));
    let Some(kind) = args.kind else {
        if args.range.from.is_none() && args.range.to.is_none() {
            return list(client, args, output);
        }
        return export::save("/api/v1/export", &parameters.within(&args.range), args.output.as_deref(), client, output);
    };
    let kind = word(kind);
    let id = match &args.id {
        Some(id) => id.clone(),
        None if args.make => client.post(ALL, &[("kind", &kind)], &json!({}))?.read::<One>()?.id,
        None => {
            let kept: Kept = client.get(ALL, &[])?.read()?;
            // Of comparisons, which are of any time, the one that was made last.
            let at = |one: &One| if is_comparison { one.made.clone() } else { one.to.clone() };
            let found = kept.reports.into_iter().filter(|one| one.kind == kind).max_by_key(at);
            let missing = || {
                if is_comparison {
                    return "no comparison is kept: `perf-cli compare A B --keep` has one kept".to_owned();
                }
                format!("no report of a {kind} is kept: --make has one made, and [report] of the settings by itself")
            };
            found.ok_or_else(|| Failure::Missing(kept.off.unwrap_or_else(missing)))?.id
        }
    };
    let id: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
    let path = format!("{ALL}/{}", id.replace('+', "%20"));
    if is_shown {
        let compared: Comparison = client.get(&path, &parameters.pairs())?.read()?;
        return compare::tell(&compared, output).map(|()| FINE);
    }
    export::save(&path, &parameters, args.output.as_deref(), client, output)
}

fn list(client: &Client, args: &Report, output: &mut Output<'_>) -> Result<u8, Failure> {
    if args.format.is_some() || args.output.is_some() {
        let text = "--format and --output are of one report: say day, week or session, or --from and --to";
        return Err(Failure::Usage(text.to_owned()));
    }
    let answer = client.get(ALL, &[])?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let kept: Kept = answer.read()?;
    if let Some(off) = &kept.off {
        return output.told(Look::Warning, &format!("{off}."), ["off", off].map(Cell::from)).map(|()| FINE);
    }
    if let Some(Trouble { at, error }) = &kept.trouble {
        output.note(&format!("One that is due is not made ({at}): {error}"))?;
    }
    if !kept.not_known.is_empty() {
        output.note(&format!("Due, but nothing is known of their time: {}", kept.not_known.join(", ")))?;
    }
    if let Some(Next { id, at }) = &kept.next {
        output.note(&format!("The next is {id}, due {at}."))?;
    }
    let mut table = Table::new(&["=ID", "KIND", "=FROM", "=TO", "=MADE", "FORMATS", "#BYTES"]);
    for one in &kept.reports {
        let formats: Vec<&str> = one.files.iter().map(|file| file.format.as_str()).collect();
        let bytes: u64 = one.files.iter().map(|file| file.bytes).sum();
        table.row([
            Cell::from(one.id.as_str()),
            Cell::from(one.kind.as_str()),
            both(one.before.as_ref().map(|before| &before.from), &one.from),
            both(one.before.as_ref().map(|before| &before.to), &one.to),
            Cell::from(one.made.as_str()),
            Cell::from(formats.join(", ").as_str()),
            Cell::shown(show::bytes(bytes as f64), Some(bytes.to_string())),
        ]);
    }
    output.table(&table, "No report is kept.")?;
    Ok(FINE)
}

/// A time of a report; of a comparison, that of both ranges.
fn both(before: Option<&String>, after: &str) -> Cell {
    before.map_or_else(|| Cell::from(after), |before| Cell::from(format!("{before}, {after}").as_str()))
}
