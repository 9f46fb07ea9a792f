//! Incidents that ended, as lines that a history keeps.

use super::incident::Incident;
use super::investigator::check_version;
use perf_runtime::extend::{KeptLines, PartLine};
use perf_runtime::series::TimeRange;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The version of what is written. It goes up when what is there changes its meaning.
const VERSION: u32 = 1;
/// The longest text of an incident that is too long as a whole, in bytes.
const LONGEST: usize = 300;

/// An incident as a line has it.
#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    incident: &'a Incident,
}

#[derive(Deserialize)]
struct Read {
    incident: Incident,
}

/// The lines of the part.
#[derive(Debug)]
pub(crate) struct Kept {
    lines: KeptLines,
}

impl Kept {
    pub(crate) fn new(lines: KeptLines) -> Self {
        Self { lines }
    }

    /// Notes an incident that ended, or has become a part of another.
    pub(crate) fn note(&self, incident: &Incident) {
        let Some(ended) = incident.ended else { return };
        let times = incident.onset.min(ended)..ended;
        if let Err(error) = self.lines.note(&incident.id, times, written(incident)) {
            tracing::warn!(target: "perf::insight", incident = incident.id, %error, "an incident that ended is not kept");
        }
    }

    /// The incidents that ended last, at most so many, the newest first.
    pub(crate) fn newest(&self, most: usize) -> Vec<Incident> {
        let mut all = Vec::new();
        let Some(range) = everything() else { return all };
        self.for_each(&range, |incident| {
            all.push(incident);
            all.len() < most
        });
        all
    }

    /// The incidents that were open in a range and ended, those of these ids aside, at most so many, the newest first. Those that became a
    /// part of another are not among them.
    pub(crate) fn ended_in(&self, range: &TimeRange, known: &HashSet<String>, most: usize) -> Vec<Incident> {
        let mut all = Vec::new();
        self.for_each(range, |incident| {
            if incident.folded_into.is_none() && !known.contains(&incident.id) && incident.is_open_in(range) {
                all.push(incident);
            }
            all.len() < most
        });
        all
    }

    /// The incident of an id, where it ended.
    pub(crate) fn incident(&self, id: &str) -> Option<Incident> {
        read(&self.lines.line(id)?)
    }

    /// Since when all that ended are kept; `None` where nobody keeps them.
    pub(crate) fn known_since(&self) -> Option<SystemTime> {
        self.lines.known_since()
    }

    fn for_each(&self, range: &TimeRange, mut show: impl FnMut(Incident) -> bool) {
        self.lines.for_each(range, |line| read(&line).is_none_or(&mut show));
    }
}

/// The range that holds every line.
pub(crate) fn everything() -> Option<TimeRange> {
    TimeRange::between(UNIX_EPOCH, UNIX_EPOCH.checked_add(Duration::from_secs(1 << 35))?).ok()
}

/// The text of a line, of which some is cut where it is too long: what is left out is counted.
fn written(incident: &Incident) -> String {
    let text = |incident: &Incident| serde_json::to_string(&Written { version: VERSION, incident }).unwrap_or_default();
    let mut written = text(incident);
    let steps: [fn(&mut Incident); 6] = [
        |one| keep_alerts(one, 30),
        |one| keep_alerts(one, 10),
        keep_first_evidence,
        cut_texts,
        |one| keep_alerts(one, 1),
        keep_first_cause,
    ];
    let mut shorter = None;
    for step in steps {
        if written.len() <= KeptLines::MAX_BYTES {
            break;
        }
        let incident = shorter.get_or_insert_with(|| incident.clone());
        step(incident);
        written = text(incident);
    }
    written
}

/// Reads a line. One that is of a later version, or is none of an incident, is left out, and told in the log.
fn read(line: &PartLine) -> Option<Incident> {
    let incident = check_version(&line.text, VERSION).and_then(|()| serde_json::from_str::<Read>(&line.text));
    let tell = |error: &serde_json::Error| {
        tracing::warn!(target: "perf::insight", incident = line.id, %error, "an incident that ended cannot be read");
    };
    incident.inspect_err(tell).ok().map(|read| read.incident)
}

fn keep_alerts(incident: &mut Incident, most: usize) {
    incident.more_alerts += incident.alerts.len().saturating_sub(most);
    incident.alerts.truncate(most);
}

fn keep_first_evidence(incident: &mut Incident) {
    for cause in &mut incident.causes {
        incident.left_out += cause.evidence.len().saturating_sub(1) + cause.also.len().saturating_sub(1);
        cause.evidence.truncate(1);
        cause.also.truncate(1);
    }
}

fn keep_first_cause(incident: &mut Incident) {
    incident.left_out += incident.causes.len().saturating_sub(1) + incident.checked.len();
    incident.causes.truncate(1);
    incident.checked.clear();
}

fn cut_texts(incident: &mut Incident) {
    cut(&mut incident.headline);
    for cause in &mut incident.causes {
        [&mut cause.component, &mut cause.sentence].into_iter().chain(&mut cause.evidence).for_each(cut);
    }
    incident.checked.iter_mut().for_each(|check| cut(&mut check.words));
    for alert in &mut incident.alerts {
        [&mut alert.rule, &mut alert.name, &mut alert.series, &mut alert.message].into_iter().for_each(cut);
    }
}

/// Cuts a text that is too long, which it shows.
fn cut(text: &mut String) {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests;
