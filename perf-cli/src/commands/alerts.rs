//! `alerts`: what fires, and the marks that people put on it.

use super::{FINE, Parameters, look_of_severity};
use crate::args::Mark;
use crate::cell::Cell;
use crate::choice::{State, word};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::Table;
use perf_runtime::alert::{Alert, Silence};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The answer of `GET /api/v1/alerts`.
#[derive(Debug, Deserialize)]
struct Listed {
    alerts: Vec<Alert>,
    silences: Vec<Silence>,
}

pub(super) fn list(
    client: &Client,
    state: Option<State>,
    rule: Option<&str>,
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    let parameters = Parameters::default().with("state", state.map(word)).with("rule", rule);
    let answer = client.get("/api/v1/alerts", &parameters.pairs())?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let listed: Listed = answer.read()?;
    let now = SystemTime::now();
    let mut table = Table::new(&["#ID", "=STATE", "=SEVERITY", "#SINCE", "=RULE", "MARKS", "MESSAGE"]);
    for alert in &listed.alerts {
        table.row([
            Cell::count(alert.id),
            Cell::from(alert.state.as_str()),
            Cell::new(alert.severity.as_str(), look_of_severity(alert.severity)),
            Cell::ago(alert.since, now),
            Cell::from(alert.rule.as_str()),
            Cell::from(marks(alert)),
            Cell::from(alert.message.as_str()),
        ]);
    }
    let none = match state {
        Some(State::Resolved) => "No alert that ended is remembered.",
        Some(State::Pending) => "No alert is pending.",
        Some(State::Firing) => "No alert fires.",
        None => "No alert fires, and none is pending.",
    };
    output.table(&table, none)?;
    for silence in &listed.silences {
        output.note(&words_of(silence, now))?;
    }
    Ok(FINE)
}

fn marks(alert: &Alert) -> String {
    let by = alert.acknowledged.as_ref().map(|mark| format!("acknowledged by {}", mark.by));
    let muted = alert.muted.as_ref().map(|_| "muted".to_owned());
    [by, muted].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn words_of(silence: &Silence, now: SystemTime) -> String {
    let left = silence.until.duration_since(now).ok().map(|left| left.as_secs_f64());
    let left = left.map_or("which has ended".to_owned(), |left| format!("for {} more", show::seconds(Some(left))));
    let rule = silence.rule.as_deref().map(|rule| format!("rule {rule}"));
    let labels = silence.labels.iter().map(|(name, value)| format!("{name}={value}"));
    let what: Vec<String> = rule.into_iter().chain(labels).collect();
    format!("Silence {} on {}, by {}, {left}: {}", silence.id, what.join(" and "), silence.by, silence.comment)
}

pub(super) fn acknowledge(
    client: &Client,
    id: u64,
    mark: &Mark,
    lasts: Option<&str>,
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    let body = json!({"by": mark.by, "comment": mark.comment, "for": lasts});
    let answer = client.post(&format!("/api/v1/alerts/{id}/acknowledge"), &[], &body)?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let alert: Alert = answer.read()?;
    let text = format!("Acknowledged alert {id}, {}: {}", alert.rule, alert.message);
    output.told(Look::Good, &text, [Cell::count(id), Cell::from(alert.rule)])?;
    Ok(FINE)
}

pub(super) fn silence(
    client: &Client,
    rule: Option<&str>,
    labels: &[String],
    mark: &Mark,
    lasts: &str,
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    let mut pairs: BTreeMap<&str, Value> = BTreeMap::new();
    for label in labels {
        let Some((name, value)) = label.split_once('=') else {
            return Err(Failure::Usage(format!("--label: {label:?} is not allowed; allowed is NAME=VALUE")));
        };
        if pairs.insert(name, json!(value)).is_some() {
            return Err(Failure::Usage(format!("--label: {name:?} is given twice; a label has one value")));
        }
    }
    let body = json!({"rule": rule, "labels": pairs, "by": mark.by, "comment": mark.comment, "for": lasts});
    let answer = client.post("/api/v1/alerts/silence", &[], &body)?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let silence: Silence = answer.read()?;
    output.told(
        Look::Good,
        &words_of(&silence, SystemTime::now()),
        [Cell::count(silence.id), Cell::moment(Some(silence.until))],
    )?;
    Ok(FINE)
}

pub(super) fn unsilence(client: &Client, id: u64, output: &mut Output<'_>) -> Result<u8, Failure> {
    client.delete(&format!("/api/v1/alerts/silences/{id}"), &[])?;
    output.document(&json!({"ended": id}).to_string())?;
    output.told(Look::Good, &format!("Ended silence {id}."), [Cell::count(id)])?;
    Ok(FINE)
}
