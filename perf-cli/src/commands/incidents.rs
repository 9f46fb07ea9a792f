//! `incidents` and `why`: what belongs together, and its cause.

use super::status::Alerts;
use super::{FINE, Parameters, look_of_severity};
use crate::args::{Format, Incidents};
use crate::cell::Cell;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::Table;
use perf_runtime::alert::{Alert, Severity};
use perf_runtime::text;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::SystemTime;

/// The answer of `GET /api/v1/incidents`.
#[derive(Debug, Deserialize)]
struct Listed {
    enabled: bool,
    incidents: Vec<Incident>,
    /// Since when those that ended are known. Absent in answers of versions before.
    #[serde(default, with = "text::moment_or_none")]
    known_since: Option<SystemTime>,
}

/// An incident, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Incident {
    id: String,
    headline: String,
    severity: Severity,
    sureness: String,
    #[serde(with = "text::moment")]
    began: SystemTime,
    #[serde(with = "text::moment_or_none")]
    ended: Option<SystemTime>,
    alerts: Vec<Folded>,
    #[serde(default)]
    more_alerts: u64,
    folded_into: Option<String>,
    #[serde(default)]
    left_out: u64,
    causes: Vec<Cause>,
    checked: Vec<Check>,
}

/// An alert of an incident.
#[derive(Debug, Deserialize)]
struct Folded {
    fingerprint: String,
    id: u64,
    rule: String,
    message: String,
    state: String,
}

#[derive(Debug, Deserialize)]
struct Cause {
    sentence: String,
    sureness: String,
    #[serde(default)]
    evidence: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Check {
    words: String,
    found: bool,
}

pub(super) fn list(client: &Client, args: &Incidents, output: &mut Output<'_>) -> Result<u8, Failure> {
    let parameters = Parameters::default().with("state", args.open.then_some("open")).with("limit", Some(args.limit));
    let parameters = parameters.within(&args.range);
    let answer = client.get("/api/v1/incidents", &parameters.pairs())?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let listed: Listed = answer.read()?;
    let mut table = Table::new(&["=ID", "=BEGAN (UTC)", "#LASTED", "#ALERTS", "=STATE", "=SURENESS", "INCIDENT"]);
    // One that was open when a service was stopped lasted so long at least.
    let now = client.end_of_history().unwrap_or_else(SystemTime::now);
    for incident in &listed.incidents {
        let end = incident.ended.unwrap_or(now);
        let state = match (&incident.folded_into, incident.ended) {
            (Some(other), _) => format!("part of {other}"),
            (None, Some(_)) => "over".to_owned(),
            (None, None) => "open".to_owned(),
        };
        table.row([
            Cell::from(incident.id.as_str()),
            Cell::moment(Some(incident.began)),
            Cell::seconds(end.duration_since(incident.began).ok().map(|span| span.as_secs_f64())),
            Cell::count(incident.alerts.len() as u64 + incident.more_alerts),
            Cell::from(state),
            Cell::from(words(&incident.sureness)),
            Cell::new(&incident.headline, look_of_severity(incident.severity)),
        ]);
    }
    let none = match (listed.enabled, args.open) {
        (false, _) => "Incidents are switched off: `[insight] enabled = true` has alerts explained.",
        (true, true) => "No incident is open.",
        (true, false) => "No incident is remembered.",
    };
    output.table(&table, none)?;
    // A list that is full ends later than that.
    let is_whole = listed.enabled && (listed.incidents.len() as u64) < args.limit;
    if let Some(since) = listed.known_since.filter(|_| is_whole) {
        output.note(&format!("Those that ended before {} are not known.", show::moment(since)))?;
    }
    Ok(FINE)
}

/// Explains an alert: by its incident where there is one, else by its own words.
pub(super) fn why(client: &Client, wanted: &str, output: &mut Output<'_>) -> Result<u8, Failure> {
    let mut alerts = client.get("/api/v1/alerts", &[])?.read::<Alerts>()?.alerts;
    alerts.extend(client.get("/api/v1/alerts", &[("state", "resolved")])?.read::<Alerts>()?.alerts);
    let fits =
        |id: u64, fingerprint: &str, rule: &str| wanted == rule || wanted == fingerprint || wanted.parse() == Ok(id);
    let mut fitting = alerts.iter().filter(|alert| fits(alert.id, &alert.fingerprint.to_string(), &alert.rule));
    let (alert, others) = (fitting.next(), fitting.collect::<Vec<_>>());
    let incidents = match client.get("/api/v1/incidents", &[("limit", "200")]) {
        Ok(answer) => answer.read::<Listed>().map(Some)?,
        // The part may be missing: the alert's own words are left.
        Err(Failure::Missing(_)) => None,
        Err(failure) => return Err(failure),
    };
    // A series that fires again has another number: the incident of the time before does not explain it.
    let is_of = |one: &Folded| match alert {
        Some(alert) => one.id == alert.id && one.fingerprint == alert.fingerprint.to_string(),
        None => fits(one.id, &one.fingerprint, &one.rule),
    };
    let all = incidents.iter().flat_map(|listed| &listed.incidents);
    let incident = all.clone().find(|incident| incident.folded_into.is_none() && incident.alerts.iter().any(is_of));
    let incident = incident.or_else(|| all.clone().find(|incident| incident.alerts.iter().any(is_of)));
    if alert.is_none() && incident.is_none() {
        return Err(Failure::Usage(format!(
            "ALERT: {wanted:?} is not known; allowed is the number, the fingerprint or the rule of an alert that `perf-cli alerts` lists"
        )));
    }
    let is_enabled = incidents.as_ref().is_some_and(|listed| listed.enabled);
    if output.document(&document(alert, incident, is_enabled).to_string())? {
        return Ok(FINE);
    }
    if output.format == Format::Plain {
        return plain(alert, incident, output).map(|()| FINE);
    }
    if let Some(alert) = alert {
        tell_alert(alert, output)?;
    }
    match incident {
        Some(incident) => tell_incident(incident, output)?,
        None if is_enabled => {
            output.say(Look::Plain, "No incident explains it: no cause was looked for, or none is remembered.")?;
        }
        None => {
            output
                .say(Look::Plain, "Its cause is not known: incidents are not enabled in this service (`[insight]`).")?;
        }
    }
    if !others.is_empty() {
        let numbers: Vec<String> = others.iter().map(|alert| format!("{} ({})", alert.id, alert.series)).collect();
        output.note(&format!("Other alerts that fit: {}. `perf-cli why` takes the number.", numbers.join(", ")))?;
    }
    Ok(FINE)
}

fn document(alert: Option<&Alert>, incident: Option<&Incident>, is_enabled: bool) -> Value {
    let cause =
        |cause: &Cause| json!({"sentence": cause.sentence, "sureness": cause.sureness, "evidence": cause.evidence});
    let causes: Vec<Value> = incident.map_or(Vec::new(), |incident| incident.causes.iter().map(cause).collect());
    let incident = incident
        .map(|incident| json!({"id": incident.id, "headline": incident.headline, "sureness": incident.sureness}));
    json!({"alert": alert, "incident": incident, "insight_enabled": is_enabled, "causes": causes})
}

/// The alert, the incident and the causes, a line each.
fn plain(alert: Option<&Alert>, incident: Option<&Incident>, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut table = Table::new(&["ABOUT", "NAME", "WORDS"]);
    if let Some(alert) = alert {
        table.row(["alert", &alert.rule, &alert.message].map(Cell::from));
    }
    if let Some(incident) = incident {
        table.row(["incident", &incident.id, &incident.headline].map(Cell::from));
        for cause in &incident.causes {
            table.row(["cause", &cause.sureness, &cause.sentence].map(Cell::from));
        }
    }
    output.table(&table, "")
}

fn tell_alert(alert: &Alert, output: &mut Output<'_>) -> Result<(), Failure> {
    let until = alert.resolved_at.unwrap_or_else(SystemTime::now);
    let state = format!("{} {}: {}", alert.state, alert.rule, alert.message);
    output.say(look_of_severity(alert.severity), &state)?;
    let length = show::ago(alert.since, until);
    output.say(Look::Dim, &format!("alert {} on {}, for {length}", alert.id, alert.series))?;
    if !alert.description.is_empty() {
        output.say(Look::Plain, &alert.description)?;
    }
    match &alert.runbook {
        Some(runbook) => output.say(Look::Plain, &format!("Instructions: {runbook}")),
        None => Ok(()),
    }
}

fn tell_incident(incident: &Incident, output: &mut Output<'_>) -> Result<(), Failure> {
    let ended = incident.ended.map_or(String::new(), |ended| format!(", ended {}", show::moment(ended)));
    output.say(Look::Bold, &format!("Incident {}: {}{ended}", incident.id, incident.headline))?;
    if let Some(other) = &incident.folded_into {
        output.say(Look::Dim, &format!("It is a part of incident {other} now."))?;
    }
    for cause in &incident.causes {
        output.say(Look::Plain, &format!("{}: {}", words(&cause.sureness), cause.sentence))?;
        for evidence in &cause.evidence {
            output.say(Look::Dim, &format!("  - {evidence}"))?;
        }
    }
    if incident.causes.is_empty() {
        output.say(Look::Plain, "No cause was found.")?;
    }
    if incident.left_out > 0 {
        output.say(Look::Dim, &format!("{} further causes, evidence and checks were not kept.", incident.left_out))?;
    }
    let all = incident.alerts.len() as u64 + incident.more_alerts;
    if all > 1 {
        output.say(Look::Plain, &format!("Its alerts ({all}):"))?;
        for alert in &incident.alerts {
            output.say(Look::Dim, &format!("  - {} {}: {}", alert.state, alert.rule, alert.message))?;
        }
    }
    let unfound = incident.checked.iter().filter(|check| !check.found).map(|check| check.words.as_str());
    let unfound: Vec<&str> = unfound.collect();
    if !unfound.is_empty() {
        output.say(Look::Dim, &format!("Looked at without a finding: {}", unfound.join("; ")))?;
    }
    Ok(())
}

/// A word of the API for people.
fn words(word: &str) -> String {
    word.replace('_', " ")
}
