//! `rules`: how they stand, whether a file of settings is right, and when one would have fired.

use super::{FINE, HOLDS, Parameters};
use crate::args::Range;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::{Cell, Table};
use perf_runtime::Monitor;
use serde::Deserialize;
use serde_json::json;
use std::path::Path;

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
        table.row([
            Cell::from(rule.id),
            state,
            Cell::from(pending.to_string()),
            Cell::from(firing.to_string()),
            Cell::from(rule.name),
        ]);
    }
    output.table(&table, "There are no rules.")?;
    Ok(FINE)
}

/// Reads a file as a service would at its start. Sections of parts are known to the parts alone: their names are checked here, what is in
/// them is not.
pub(super) fn check(file: &Path, output: &mut Output<'_>) -> Result<u8, Failure> {
    let shown = file.display();
    if let Err(error) = std::fs::metadata(file) {
        return Err(Failure::Unreachable(format!("{shown}: {error}")));
    }
    let built = Monitor::builder().config_file(file).build();
    let wrong = built.as_ref().err().map(ToString::to_string);
    let rules = built.as_ref().map(|monitor| monitor.alerts().statistics().rules).ok();
    let document = json!({"file": shown.to_string(), "error": wrong, "rules": rules});
    let code = if wrong.is_some() { HOLDS } else { FINE };
    if output.document(&document.to_string())? {
        return Ok(code);
    }
    match (wrong, rules) {
        (Some(wrong), _) => output.say(Look::Bad, &format!("{shown}: {wrong}"))?,
        (None, rules) => output.say(
            Look::Good,
            &format!(
                "{shown} is right: {} rules. Sections of parts are read by the service.",
                rules.unwrap_or_default()
            ),
        )?,
    }
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
        output.say(Look::Bold, summary)?;
    }
    let mut table = Table::new(&["SEVERITY", "FROM", "#LASTED"]);
    for firing in &run.firings {
        let from = run.since.map_or_else(
            || format!("{} after the start", show::seconds(Some(firing.from))),
            |since| moment_of(since + firing.from),
        );
        let lasted = firing.until.map_or("goes on".to_owned(), |until| show::seconds(Some(until - firing.from)));
        table.row([Cell::from(firing.severity.as_str()), Cell::from(from), Cell::from(lasted)]);
    }
    output.table(&table, "It would not have fired.")?;
    Ok(FINE)
}

fn moment_of(unix_seconds: f64) -> String {
    let since = std::time::Duration::try_from_secs_f64(unix_seconds).ok();
    let at = since.and_then(|since| std::time::UNIX_EPOCH.checked_add(since));
    at.map_or(show::UNKNOWN.to_owned(), show::moment)
}
