//! Statements that one call executed again and again: N+1.

use crate::store::{OVERFLOW, Statement};
use crate::view::RepeatedView;
use perf_runtime::Monitor;
use perf_runtime::extend::CallSeries;
use perf_runtime::metric::{Counter, Gauge, names};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Roots and statements that are told apart. The labels of a metric have no more values unless set.
const MOST: usize = 150;
/// Calls of so many minutes are recent: the one that runs now, and those before it.
const MINUTES: usize = 5;
/// The root where no known call ran.
const NO_CALL: &str = "(none)";

/// The statements that were repeated, by the series of the root and the statement's hash.
#[derive(Debug, Default)]
pub(crate) struct AllRepeated(Mutex<BTreeMap<(Option<CallSeries>, u64), Entry>>);

#[derive(Debug)]
struct Entry {
    shown: RepeatedView,
    /// The number of each minute, and the calls in it.
    minutes: [(u64, u64); MINUTES],
    calls: Counter,
    recent: Gauge,
}

impl AllRepeated {
    /// Counts a call without a caller in which a statement was repeated. Costs a look at all series where it is the first of its root and
    /// statement.
    pub(crate) fn count(
        &self,
        monitor: &Monitor,
        (id, statement): (String, &Statement),
        root: Option<CallSeries>,
        minute: u64,
    ) {
        let mut all = self.all();
        let key = (root, statement.hash);
        let is_told_apart = all.len() < MOST || all.contains_key(&key);
        let entry = if is_told_apart {
            all.entry(key).or_insert_with(|| Entry::new(monitor, root_name(monitor, root), id, &statement.text))
        } else {
            let rest = || Entry::new(monitor, OVERFLOW.to_owned(), OVERFLOW.to_owned(), OVERFLOW);
            all.entry((None, 0)).or_insert_with(rest)
        };
        entry.count(minute);
    }

    /// Says of each how many calls repeated it lately.
    pub(crate) fn tick(&self, minute: u64) {
        for entry in self.all().values() {
            entry.recent.set(entry.recent_calls(minute) as f64);
        }
    }

    /// All of them, the most calls first.
    pub(crate) fn view(&self, minute: u64) -> Vec<RepeatedView> {
        let all = self.all();
        let shown = |entry: &Entry| RepeatedView { recent_calls: entry.recent_calls(minute), ..entry.shown.clone() };
        let mut shown: Vec<RepeatedView> = all.values().map(shown).collect();
        shown.sort_by_key(|one| std::cmp::Reverse((one.recent_calls, one.calls)));
        shown
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<(Option<CallSeries>, u64), Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn root_name(monitor: &Monitor, root: Option<CallSeries>) -> String {
    let name = root.and_then(|root| monitor.call_series().remove(&root));
    name.map_or_else(|| NO_CALL.to_owned(), |name| name.to_string())
}

impl Entry {
    fn new(monitor: &Monitor, root: String, id: String, statement: &str) -> Self {
        let metrics = monitor.metrics();
        let calls =
            metrics.counter(names::SQL_REPEATED_STATEMENTS_TOTAL).label("root", &root).label("statement", statement);
        let calls = calls.help("Calls without a caller that executed one SQL statement again and again.").register();
        let recent =
            metrics.gauge(names::SQL_REPEATED_STATEMENTS_RECENT).label("root", &root).label("statement", statement);
        let recent = recent.help("The same of the last five minutes.").register();
        let statement = statement.to_owned();
        let shown = RepeatedView { root, id, statement, calls: 0, recent_calls: 0 };
        Self { shown, minutes: [(0, 0); MINUTES], calls, recent }
    }

    fn count(&mut self, minute: u64) {
        self.shown.calls += 1;
        self.calls.increment();
        #[expect(clippy::cast_possible_truncation, reason = "below the number of minutes")]
        let place = (minute % MINUTES as u64) as usize;
        if let Some((number, calls)) = self.minutes.get_mut(place) {
            *calls = if *number == minute { *calls + 1 } else { 1 };
            *number = minute;
        }
        self.recent.set(self.recent_calls(minute) as f64);
    }

    fn recent_calls(&self, minute: u64) -> u64 {
        self.minutes.iter().filter(|(number, _)| minute < number + MINUTES as u64).map(|(_, calls)| calls).sum()
    }
}
