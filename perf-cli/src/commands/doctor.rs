//! `doctor`: what is commonly set up wrongly.

use super::history::Overview;
use super::notify::Notified;
use super::query::AllSeries;
use super::status::Info;
use super::{FINE, HOLDS};
use crate::cell::Cell;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::Table;
use perf_runtime::series::SeriesEntry;
use perf_runtime::text::parse_rfc3339;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::time::{Duration, SystemTime};

/// The answer of `GET /api/v1/whoami`.
#[derive(Debug, Deserialize)]
struct Caller {
    access: String,
    given: String,
}

/// The part of `GET /api/v1/statements` that tells whether any come.
#[derive(Debug, Deserialize)]
struct Statements {
    #[serde(default)]
    has_layer: bool,
    #[serde(default)]
    is_hidden: bool,
}

/// The part of `GET /api/v1/llm` that tells whether calls come by spans.
#[derive(Debug, Deserialize)]
struct Models {
    #[serde(rename = "spans_seen", default)]
    seen: u64,
    #[serde(rename = "spans_hidden", default)]
    hidden: Vec<String>,
    #[serde(rename = "spans_compiled_out", default)]
    compiled_out: bool,
}

/// Clocks that are so far apart are wrong: more than a slow link explains, and than a second that both cut off.
const APART: Duration = Duration::from_secs(5);

/// A thing that was looked at.
struct Finding {
    look: Look,
    about: &'static str,
    words: String,
}

impl Finding {
    fn fine(about: &'static str, words: impl Into<String>) -> Self {
        Self { look: Look::Good, about, words: words.into() }
    }

    fn note(about: &'static str, words: impl Into<String>) -> Self {
        Self { look: Look::Plain, about, words: words.into() }
    }

    fn wrong(about: &'static str, words: impl Into<String>) -> Self {
        Self { look: Look::Bad, about, words: words.into() }
    }

    fn state(&self) -> &'static str {
        match self.look {
            Look::Good => "fine",
            Look::Bad => "wrong",
            _ => "note",
        }
    }
}

pub(super) fn doctor(client: &Client, output: &mut Output<'_>) -> Result<u8, Failure> {
    // A service that cannot be asked at all is told of as by every command.
    let asked = SystemTime::now();
    let info: Info = client.get("/api/v1/info", &[])?.read()?;
    let answered = SystemTime::now();
    let caller: Caller = client.get("/api/v1/whoami", &[])?.read()?;
    let all: AllSeries = client.get("/api/v1/series", &[("window", "1h"), ("limit", "10000")])?.read()?;
    let findings = [
        vec![Finding::fine("service", format!("{} answers: {}", client.url(), info.in_short()))],
        vec![versions(&info), token(&caller)],
        clocks(&info, asked, answered),
        series(&all, &info),
        spans(client)?,
        vec![history(client)?],
        notifications(client)?,
    ];
    let findings: Vec<Finding> = findings.into_iter().flatten().collect();
    let is_wrong = findings.iter().any(|finding| finding.look == Look::Bad);
    let code = if is_wrong { HOLDS } else { FINE };
    let documents: Vec<_> = findings
        .iter()
        .map(|finding| json!({"state": finding.state(), "about": finding.about, "words": finding.words}))
        .collect();
    if output.document(&json!(documents).to_string())? {
        return Ok(code);
    }
    let mut table = Table::new(&["=STATE", "=ABOUT", "FOUND"]);
    for finding in &findings {
        table.row([
            Cell::new(finding.state(), finding.look),
            Cell::from(finding.about),
            Cell::from(finding.words.as_str()),
        ]);
    }
    output.table(&table, "")?;
    Ok(code)
}

fn versions(info: &Info) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    if info.version == own {
        return Finding::fine("version", format!("the service and this command are of version {own}"));
    }
    let words =
        format!("the service is of version {}, this command of {own}: answers may not be read in full", info.version);
    Finding::note("version", words)
}

fn token(caller: &Caller) -> Finding {
    match (caller.access.as_str(), caller.given.as_str()) {
        ("admin", _) => Finding::fine("token", "it may read, and change marks and settings"),
        ("read", "nothing") => Finding::note("token", "none is needed to read: is the address reached by strangers?"),
        (access, _) => {
            Finding::fine("token", format!("its right is to {access}; marks on alerts need the admin token"))
        }
    }
}

/// The clock of the service beside that of this machine, and beside the time that it has run.
fn clocks(info: &Info, asked: SystemTime, answered: SystemTime) -> Vec<Finding> {
    let Some(now) = info.now.as_deref().and_then(parse_rfc3339) else { return Vec::new() };
    let mut findings = Vec::new();
    // It was read between the two moments.
    let apart = match (asked.duration_since(now), now.duration_since(answered)) {
        (Ok(behind), _) => Some((behind, "behind")),
        (_, Ok(ahead)) => Some((ahead, "ahead of")),
        _ => None,
    };
    match apart.filter(|(apart, _)| *apart > APART) {
        Some((apart, way)) => {
            let by = show::seconds(Some(apart.as_secs_f64()));
            let words = format!(
                "the service's is {by} {way} that of this machine: moments, and spans such as -1h, are by the service's"
            );
            findings.push(Finding::wrong("clock", words));
        }
        None => findings.push(Finding::fine("clock", "the service's and that of this machine agree")),
    }
    let ran = info.started.as_deref().and_then(parse_rfc3339).map(|started| now.duration_since(started));
    let set = ran.map(|ran| ran.map_or(-info.uptime_seconds, |ran| ran.as_secs_f64() - info.uptime_seconds));
    if let Some(by) = set.filter(|by| by.abs() > APART.as_secs_f64()) {
        let (by, way) = (show::seconds(Some(by.abs())), if by < 0.0 { "back" } else { "forward" });
        let words = format!(
            "since the start it was set {way} by {by}, or the machine slept: figures of before stand where that clock had them"
        );
        findings.push(Finding::note("clock", words));
    }
    findings
}

/// Statements and calls of models that filters of `tracing` hide.
fn spans(client: &Client) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    if let Some(statements) = part::<Statements>(client, "/api/v1/statements", &[("limit", "1")])? {
        if statements.is_hidden {
            findings.push(Finding::wrong("spans", "a filter in front of the subscriber hides sqlx's events, so statements are not counted: let `sqlx::query=debug` through, and keep it out of the log by a filter of that layer alone"));
        } else if statements.has_layer {
            findings.push(Finding::fine("spans", "no filter hides statements from the layer of perf-sql"));
        }
    }
    if let Some(models) = part::<Models>(client, "/api/v1/llm", &[])? {
        let hidden = models.hidden.join(", ");
        if models.compiled_out {
            findings.push(Finding::wrong("spans", format!("a feature of the crate `tracing` such as `release_max_level_warn` leaves out the spans of {hidden}: calls of these models are not counted")));
        } else if !hidden.is_empty() {
            findings.push(Finding::wrong("spans", format!("a filter in front of the subscriber hides the spans of {hidden}, so calls of these models are not counted: let them through at `info`")));
        } else if models.seen > 0 {
            findings.push(Finding::fine("spans", "no filter hides calls of models"));
        }
    }
    Ok(findings)
}

fn series(all: &AllSeries, info: &Info) -> Vec<Finding> {
    // A series with an empty label is the one of calls that are not told apart yet, such as requests without a status.
    let is_idle = |entry: &&SeriesEntry| {
        let summary = &entry.summary;
        summary.count == 0 && summary.in_flight == 0 && summary.labels.pairs().all(|(_, value)| !value.is_empty())
    };
    let idle: Vec<String> = all.series.iter().filter(is_idle).map(|entry| entry.id.to_string()).collect();
    let span = if info.uptime_seconds < 3_600.0 { "since the start" } else { "in the last hour" };
    let mut findings = Vec::new();
    if all.series.is_empty() {
        let words = "nothing that is annotated was called yet: is the code with the attributes part of this process?";
        findings.push(Finding::wrong("series", words));
    } else {
        findings.push(Finding::fine("series", format!("{} series", all.series.len())));
    }
    if !idle.is_empty() {
        let shown: Vec<&str> = idle.iter().take(5).map(String::as_str).collect();
        let rest = if idle.len() > shown.len() { ", .." } else { "" };
        findings.push(Finding::note(
            "series",
            format!("{} were not called {span}: {}{rest}", idle.len(), shown.join(", ")),
        ));
    }
    let full: u64 = all
        .series
        .iter()
        .filter(|entry| entry.id.to_string().contains("__overflow__"))
        .map(|entry| entry.summary.total.finished())
        .sum();
    if full > 0 {
        let words = format!(
            "{full} calls are in series of `__overflow__`: a label has too many values, or `max_series` is too low"
        );
        findings.push(Finding::wrong("labels", words));
    }
    findings
}

fn history(client: &Client) -> Result<Finding, Failure> {
    let Some(overview) = part::<Overview>(client, "/api/v1/history", &[])? else {
        return Ok(Finding::note("history", "not enabled: a restart forgets the past"));
    };
    Ok(match overview.off {
        Some(off) if off == "switched off" => Finding::note("history", "switched off: a restart forgets the past"),
        Some(off) => Finding::wrong("history", format!("nothing is kept: {off}")),
        None if overview.damaged > 0 || overview.set_aside > 0 => Finding::wrong(
            "history",
            format!("{} pieces cannot be read, {} files were set aside", overview.damaged, overview.set_aside),
        ),
        None => Finding::fine("history", "it is kept"),
    })
}

fn notifications(client: &Client) -> Result<Vec<Finding>, Failure> {
    let Some(notified) = part::<Notified>(client, "/api/v1/notify", &[])? else {
        return Ok(vec![Finding::note("notifications", "not enabled: nobody is told of alerts")]);
    };
    if notified.channels.is_empty() {
        let why = notified.off.unwrap_or("there is no channel".to_owned());
        return Ok(vec![Finding::note("notifications", format!("nobody is told of alerts: {why}"))]);
    }
    let findings = notified.channels.into_iter().map(|channel| match (channel.failing_since, channel.error) {
        (Some(since), error) => {
            let error = error.unwrap_or(show::UNKNOWN.to_owned());
            Finding::wrong("notifications", format!("{} fails since {since}: {error}", channel.name))
        }
        (None, _) if channel.delivered_at.is_none() => {
            let words =
                format!("{} has delivered nothing yet: `perf-cli notify test {}` tries it", channel.name, channel.name);
            Finding::note("notifications", words)
        }
        (None, _) => Finding::fine("notifications", format!("{} delivers", channel.name)),
    });
    Ok(findings.collect())
}

/// The answer of a part; `None` where the service has it not.
fn part<T: DeserializeOwned>(client: &Client, path: &str, query: &[(&str, &str)]) -> Result<Option<T>, Failure> {
    match client.get(path, query) {
        Ok(answer) => answer.read().map(Some),
        Err(Failure::Missing(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}
