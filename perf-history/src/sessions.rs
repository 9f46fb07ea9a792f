//! Sessions: each life of a process with figures of its own.

use crate::names::Name;
use crate::overview::{BootRecord, HistoryView, seconds};
use crate::past::Archive;
use crate::rows::CallRow;
use crate::store::{HOUR, Store, StoreError, TIERS};
use perf_runtime::Kind;
use perf_runtime::Outcome;
use perf_runtime::series::OutcomeCounts;
use serde::Serialize;
use std::collections::BTreeMap;

/// One boot from its start to its end, with figures of its own: [`HistoryView::session`]. Durations in seconds. As JSON, times are of
/// RFC 3339. `None` where nothing is known: it was not observed yet, or a part of it is forgotten.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Session {
    /// The boot.
    #[serde(flatten)]
    pub boot: BootRecord,
    /// From its start to its end; of the boot that goes on, up to the last commit.
    pub duration: Option<f64>,
    /// The part of it in which it was observed: not while the process was stopped or the machine slept.
    pub observed: Option<f64>,
    /// All calls that ended in it.
    pub calls: Option<SessionCalls>,
    /// The same by kind, of kinds that were called.
    pub kinds: Option<BTreeMap<Kind, SessionCalls>>,
    /// Alerts that began to fire in it.
    pub alerts_fired: Option<u64>,
}

/// The calls of a session. Durations in seconds; `None` where no call ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SessionCalls {
    /// Calls that ended.
    pub count: u64,
    /// Errors and panics that were not expected.
    pub errors: u64,
    /// Calls that ended, by outcome.
    pub outcomes: OutcomeCounts,
    /// The arithmetic mean.
    pub mean: Option<f64>,
    /// 95 % of the calls took no longer: the upper end of the bucket of that call, which is at most 6.25 % wide.
    pub p95: Option<f64>,
    /// The longest, likewise.
    pub max: Option<f64>,
}

impl HistoryView {
    /// The session of this number ([`BootRecord::number`]); `None` where the file knows none, or cannot be used. Reads every series
    /// of calls in the longest steps: some milliseconds a month and 100 series.
    pub fn session(&self, number: u64) -> Option<Session> {
        self.archive.as_ref()?.ask(|store| session(self.archive.as_deref(), store, number))
    }
}

fn session(archive: Option<&Archive>, store: &Store, number: u64) -> Result<Option<Session>, StoreError> {
    let Some((_, boot)) = store.boots()?.into_iter().find(|(one, _)| *one == number) else { return Ok(None) };
    let length: u64 = boot.observed.iter().map(|(from, to)| to - from).sum();
    let (started, ended) = (boot.started(), boot.ended());
    let known = started.zip(ended);
    let mut session = Session {
        duration: known.map(|(from, to)| seconds(to - from)),
        observed: known.map(|_| seconds(length)),
        calls: None,
        kinds: None,
        alerts_fired: known.map(|_| boot.fired),
        boot: BootRecord::of(number, boot),
    };
    let (Some((from, to)), Some(archive)) = (known, archive) else { return Ok(Some(session)) };
    let reading = store.reading()?;
    let longest = TIERS.len() - 1;
    if archive.since(store, &reading, longest)? > from {
        return Ok(Some(session));
    }
    let mut kinds: BTreeMap<Kind, Sums> = BTreeMap::new();
    let names = store.names.read().unwrap_or_else(std::sync::PoisonError::into_inner).all();
    // Rows of a boot say so: the range need only be long enough.
    let range = from.saturating_sub(HOUR)..to.saturating_add(HOUR);
    for (series, name) in names {
        let Name::Calls(id) = &*name else { continue };
        let sums = kinds.entry(id.kind).or_default();
        for (tier, ends) in reading.by_tier(longest, range.clone()) {
            reading.rows(&[series], (tier, u64::MAX), &ends, |_, row: &CallRow, _| {
                if row.at.boot == number {
                    sums.add(row);
                }
            })?;
        }
    }
    kinds.retain(|_, sums| !sums.hits.is_empty());
    let mut all = Sums::default();
    for sums in kinds.values() {
        all.join(sums);
    }
    session.calls = Some(all.calls());
    session.kinds = Some(kinds.into_iter().map(|(kind, sums)| (kind, sums.calls())).collect());
    Ok(Some(session))
}

/// The calls of a session, added up.
#[derive(Default)]
struct Sums {
    nanos: u64,
    outcomes: OutcomeCounts,
    /// Calls by the longest duration of their bucket.
    hits: BTreeMap<u64, u64>,
}

impl Sums {
    fn add(&mut self, row: &CallRow) {
        row.nanos.iter().for_each(|nanos| self.nanos = self.nanos.wrapping_add(*nanos));
        let [errors, cancelled] = row.expected;
        self.outcomes.expected_errors += errors;
        self.outcomes.expected_cancelled += cancelled;
        for hit in &row.hits {
            let (outcome, longest) = hit.bucket;
            *self.hits.entry(longest).or_default() += hit.count;
            let ended = match Outcome::ALL.get(usize::from(outcome)) {
                Some(Outcome::Error) => &mut self.outcomes.error,
                Some(Outcome::Panicked) => &mut self.outcomes.panicked,
                Some(Outcome::Cancelled) => &mut self.outcomes.cancelled,
                _ => &mut self.outcomes.ok,
            };
            *ended += hit.count;
        }
    }

    fn join(&mut self, other: &Self) {
        self.nanos = self.nanos.wrapping_add(other.nanos);
        self.outcomes += other.outcomes;
        for (longest, count) in &other.hits {
            *self.hits.entry(*longest).or_default() += count;
        }
    }

    fn calls(&self) -> SessionCalls {
        let count: u64 = self.hits.values().sum();
        // Of the nearest rank, in whole numbers.
        let rank = (u128::from(count) * 95).div_ceil(100);
        let mut below = 0;
        let p95 = self.hits.iter().find(|(_, hits)| {
            below += u128::from(**hits);
            below >= rank
        });
        SessionCalls {
            count,
            errors: self.outcomes.failed(),
            outcomes: self.outcomes,
            mean: (count > 0).then(|| seconds(self.nanos) / count as f64),
            p95: p95.map(|(longest, _)| seconds(*longest)),
            max: self.hits.last_key_value().map(|(longest, _)| seconds(*longest)),
        }
    }
}
