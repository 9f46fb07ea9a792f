//! `rules`: how they stand, whether a file of settings is right, and when one would have fired.

use super::{FINE, HOLDS, Parameters};
use crate::args::Range;
use crate::cell::Cell;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::Table;
use perf_runtime::{Monitor, MonitorBuilder};
use serde::Deserialize;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The sections that the parts of `perf-kit` read.
const SECTIONS: [&str; 10] =
    ["server", "host", "history", "insight", "notify", "llm", "sync", "sql", "profiler", "report"];
/// The largest file that is taken for one of settings.
const LARGEST: u64 = 1 << 20;

/// The answer of `GET /api/v1/alerts/rules`.
#[derive(Debug, Deserialize)]
struct Listed {
    rules: Vec<Standing>,
}

#[derive(Debug, Deserialize)]
struct Standing {
    rule: Named,
    state: Option<String>,
    pending: u64,
    firing: u64,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
    name: String,
    enabled: bool,
}

/// The answer of `POST /api/v1/alerts/dry-run`.
#[derive(Debug, Deserialize)]
struct DryRun {
    summary: Option<String>,
    since: Option<f64>,
    /// The time that was judged, in seconds.
    judged: Option<f64>,
    firings: Vec<Firing>,
}

#[derive(Debug, Deserialize)]
struct Firing {
    from: f64,
    until: Option<f64>,
    severity: String,
}

pub(super) fn list(client: &Client, output: &mut Output<'_>) -> Result<u8, Failure> {
    let answer = client.get("/api/v1/alerts/rules", &[])?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let listed: Listed = answer.read()?;
    let mut table = Table::new(&["RULE", "STATE", "#PENDING", "#FIRING", "NAME"]);
    for Standing { rule, state, pending, firing } in listed.rules {
        let state = if rule.enabled { state.unwrap_or(show::UNKNOWN.to_owned()) } else { "off".to_owned() };
        let look = if state == "firing" { Look::Bad } else { Look::Plain };
        let state = Cell::new(&state, look);
        table.row([Cell::from(rule.id), state, Cell::count(pending), Cell::count(firing), Cell::from(rule.name)]);
    }
    output.table(&table, "There are no rules.")?;
    Ok(FINE)
}

/// Reads a file as a service would at its start. Sections of parts are known to the parts alone: their names are checked here, what is
/// in them is not.
pub(super) fn check(file: &Path, output: &mut Output<'_>) -> Result<u8, Failure> {
    let shown = file.display();
    if let Err(error) = fs::metadata(file) {
        return Err(Failure::Unreachable(format!("{shown}: {error}")));
    }
    if fs::metadata(file).is_ok_and(|found| !found.is_file() || found.len() > LARGEST) {
        return Err(Failure::Usage(format!("{shown}: it should be a file of at most {} KiB", LARGEST >> 10)));
    }
    let builder = SECTIONS.into_iter().fold(Monitor::builder(), MonitorBuilder::section);
    let built = builder.config_file(file).build();
    let wrong = built.as_ref().err().map(ToString::to_string);
    let rules = built.as_ref().map(|monitor| monitor.alerts().statistics().rules).ok();
    let document = json!({"file": shown.to_string(), "error": wrong, "rules": rules});
    let code = if wrong.is_some() { HOLDS } else { FINE };
    if output.document(&document.to_string())? {
        return Ok(code);
    }
    let words = match wrong {
        // The error names the file.
        Some(wrong) => wrong,
        None => format!(
            "{shown} is right, with {} rules. In sections of parts only the names were read: the service reads the rest.",
            rules.unwrap_or_default()
        ),
    };
    let (look, state) = if code == FINE { (Look::Good, "right") } else { (Look::Bad, "wrong") };
    output.told(look, &words, [state, &words].map(Cell::from))?;
    Ok(code)
}

pub(super) fn backtest(
    client: &Client,
    rule: &str,
    series: &str,
    range: &Range,
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    let parameters = Parameters::default().within(range);
    let body = json!({"rule": rule, "series": series});
    let answer = client.post("/api/v1/alerts/dry-run", &parameters.pairs(), &body)?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let run: DryRun = answer.read()?;
    if let Some(summary) = &run.summary {
        output.note(summary)?;
    }
    if run.judged == Some(0.0) {
        return Err(Failure::Usage("nothing is known of the series in this range: it cannot be told".to_owned()));
    }
    let mut table = Table::new(&["=SEVERITY", "=FROM (UTC)", "#LASTED"]);
    for firing in &run.firings {
        let from = run.since.and_then(|since| moment_of(since + firing.from));
        let from = from.map_or_else(|| Cell::seconds(Some(firing.from)), |from| Cell::moment(Some(from)));
        let lasted = firing.until.map(|until| until - firing.from);
        let lasted =
            lasted.map_or_else(|| Cell::shown("goes on".to_owned(), None), |lasted| Cell::seconds(Some(lasted)));
        table.row([Cell::from(firing.severity.as_str()), from, lasted]);
    }
    output.table(&table, "It would not have fired.")?;
    Ok(FINE)
}

fn moment_of(unix_seconds: f64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(unix_seconds).ok()?)
}
