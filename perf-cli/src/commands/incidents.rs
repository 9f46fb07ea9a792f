//! `incidents` and `why`: what belongs together, and its cause.

use super::status::Alerts;
use super::{FINE, Parameters};
use crate::args::{Format, Incidents};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::{Cell, Table};
use perf_runtime::alert::{Alert, Severity};
use perf_runtime::text;
use serde::Deserialize;
use serde_json::json;
use std::time::SystemTime;

/// The answer of `GET /api/v1/incidents`.
#[derive(Debug, Deserialize)]
struct Listed {
    enabled: bool,
    incidents: Vec<Incident>,
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
    let answer = client.get("/api/v1/incidents", &parameters.pairs())?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let listed: Listed = answer.read()?;
    let mut table = Table::new(&["ID", "BEGAN", "#LASTED", "#ALERTS", "SURENESS", "INCIDENT"]);
    let now = SystemTime::now();
    for incident in &listed.incidents {
        let end = incident.ended.unwrap_or(now);
        let length = show::seconds(end.duration_since(incident.began).ok().map(|span| span.as_secs_f64()));
        let length = if incident.ended.is_some() { length } else { format!("{length}, goes on") };
        let alerts = incident.alerts.len() as u64 + incident.more_alerts;
        table.row([
            Cell::from(incident.id.as_str()),
            Cell::from(show::moment(incident.began)),
            Cell::from(length),
            Cell::from(alerts.to_string()),
            Cell::from(incident.sureness.as_str()),
            Cell::new(&incident.headline, super::look_of_severity(incident.severity)),
        ]);
    }
    let none = match (listed.enabled, args.open) {
        (false, _) => "Incidents are switched off: `[insight] enabled = true` has alerts explained.",
        (true, true) => "No incident is open.",
        (true, false) => "No incident is remembered.",
    };
    output.table(&table, none)?;
    Ok(FINE)
}

/// Explains an alert: by its incident where there is one, else by its own words.
pub(super) fn why(client: &Client, wanted: &str, output: &mut Output<'_>) -> Result<u8, Failure> {
    let mut alerts = client.get("/api/v1/alerts", &[])?.read::<Alerts>()?.alerts;
    alerts.extend(client.get("/api/v1/alerts", &[("state", "resolved")])?.read::<Alerts>()?.alerts);
    let fits =
        |id: u64, fingerprint: &str, rule: &str| wanted == rule || wanted == fingerprint || wanted.parse() == Ok(id);
    let alert = alerts.iter().find(|alert| fits(alert.id, &alert.fingerprint.to_string(), &alert.rule));
    let incidents = match client.get("/api/v1/incidents", &[("limit", "200")]) {
        Ok(answer) => answer.read::<Listed>().map(Some)?,
        // The part may be missing: the alert's own words are left.
        Err(Failure::Usage(_)) => None,
        Err(failure) => return Err(failure),
    };
    let folded = |incident: &&Incident| {
        let alerts = incident.alerts.iter();
        let mut of_it = alerts.filter(|one| {
            alert.map_or_else(
                || fits(one.id, &one.fingerprint, &one.rule),
                |alert| one.fingerprint == alert.fingerprint.to_string(),
            )
        });
        of_it.next().is_some()
    };
    let incident = incidents.as_ref().and_then(|listed| listed.incidents.iter().find(folded));
    if alert.is_none() && incident.is_none() {
        return Err(Failure::Usage(format!(
            "ALERT: {wanted:?} is not known; allowed is the number, the fingerprint or the rule of an alert that `perf-cli alerts` lists"
        )));
    }
    let causes: Vec<_> = incident.map_or(Vec::new(), |incident| {
        let cause =
            |cause: &Cause| json!({"sentence": cause.sentence, "sureness": cause.sureness, "evidence": cause.evidence});
        incident.causes.iter().map(cause).collect()
    });
    let enabled = incidents.as_ref().is_some_and(|listed| listed.enabled);
    let document = json!({
        "alert": alert,
        "incident": incident.map(|incident| json!({"id": incident.id, "headline": incident.headline, "sureness": incident.sureness})),
        "insight_enabled": enabled,
        "causes": causes,
    });
    if output.document(&document.to_string())? {
        return Ok(FINE);
    }
    if let Some(alert) = alert {
        tell_alert(alert, output)?;
    }
    match incident {
        Some(incident) => tell_incident(incident, output)?,
        None if enabled => output.say(
            Look::Plain,
            "No incident holds it: it fires not, or not for long enough, and no cause was looked for.",
        )?,
        None => output
            .say(Look::Plain, "Its cause is not known: incidents are not enabled in this service (`[insight]`).")?,
    }
    Ok(FINE)
}

fn tell_alert(alert: &Alert, output: &mut Output<'_>) -> Result<(), Failure> {
    let now = SystemTime::now();
    output
        .say(super::look_of_severity(alert.severity), &format!("{} {}: {}", alert.state, alert.rule, alert.message))?;
    output.say(
        Look::Dim,
        &format!(
            "alert {} on {}, for {}",
            alert.id,
            alert.series,
            show::ago(alert.since, alert.resolved_at.unwrap_or(now))
        ),
    )?;
    output.say(Look::Plain, &alert.description)?;
    match &alert.runbook {
        Some(runbook) => output.say(Look::Plain, &format!("Instructions: {runbook}")),
        None => Ok(()),
    }
}

fn tell_incident(incident: &Incident, output: &mut Output<'_>) -> Result<(), Failure> {
    output.say(Look::Plain, "")?;
    output.say(Look::Bold, &format!("{} ({}, {})", incident.headline, incident.sureness, incident.id))?;
    let mut plain = Table::new(&["SURENESS", "CAUSE"]);
    for cause in &incident.causes {
        plain.row([Cell::from(cause.sureness.as_str()), Cell::from(cause.sentence.as_str())]);
        output.say(Look::Plain, &format!("{}: {}", cause.sureness, cause.sentence))?;
        for evidence in &cause.evidence {
            output.say(Look::Dim, &format!("  - {evidence}"))?;
        }
    }
    if output.format == Format::Plain {
        return output.table(&plain, "");
    }
    if incident.causes.is_empty() {
        output.say(Look::Plain, "No cause was found.")?;
    }
    let others: Vec<&Folded> = incident.alerts.iter().collect();
    if others.len() > 1 || incident.more_alerts > 0 {
        output.say(Look::Plain, &format!("Alerts of it ({}):", others.len() as u64 + incident.more_alerts))?;
        for alert in others {
            output.say(Look::Dim, &format!("  - {} {}: {}", alert.state, alert.rule, alert.message))?;
        }
    }
    let nothing: Vec<&str> =
        incident.checked.iter().filter(|check| !check.found).map(|check| check.words.as_str()).collect();
    if !nothing.is_empty() {
        output.say(Look::Dim, &format!("Looked at without a finding: {}", nothing.join("; ")))?;
    }
    Ok(())
}
