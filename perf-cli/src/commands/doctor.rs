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
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// The answer of `GET /api/v1/whoami`.
#[derive(Debug, Deserialize)]
struct Caller {
    access: String,
    given: String,
}

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
    let info: Info = client.get("/api/v1/info", &[])?.read()?;
    let caller: Caller = client.get("/api/v1/whoami", &[])?.read()?;
    let all: AllSeries = client.get("/api/v1/series", &[("window", "1h"), ("limit", "10000")])?.read()?;
    let findings = [
        vec![Finding::fine("service", format!("{} answers: {}", client.url(), info.in_short()))],
        vec![versions(&info), token(&caller)],
        series(&all, &info),
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
    let Some(overview) = part::<Overview>(client, "/api/v1/history")? else {
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
    let Some(notified) = part::<Notified>(client, "/api/v1/notify")? else {
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
fn part<T: DeserializeOwned>(client: &Client, path: &str) -> Result<Option<T>, Failure> {
    match client.get(path, &[]) {
        Ok(answer) => answer.read().map(Some),
        Err(Failure::Missing(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}
