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

/// The series of the root, and the statement's hash.
type Key = (Option<CallSeries>, u64);

/// The statements that were repeated.
#[derive(Debug, Default)]
pub(crate) struct AllRepeated(Mutex<Pairs>);

#[derive(Debug, Default)]
struct Pairs {
    /// Those that are shown. A new one takes the place of one that had no calls lately.
    shown: BTreeMap<Key, Pair>,
    /// All others.
    rest: Option<Pair>,
    /// Those with series of their own: the first ones, for the series of a metric are there for ever.
    series: BTreeMap<Key, Series>,
    rest_series: Option<Series>,
}

#[derive(Debug)]
struct Pair {
    shown: RepeatedView,
    /// The number of each minute, and the calls in it.
    minutes: [(u64, u64); MINUTES],
}

#[derive(Debug)]
struct Series {
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
        let key = (root, statement.hash);
        let (is_shown, has_series, may_have_series) = {
            let pairs = self.pairs();
            (pairs.shown.contains_key(&key), pairs.series.contains_key(&key), pairs.series.len() < MOST)
        };
        // Nothing is locked where a metric is made: it may be told of in the log, by code of others.
        let new = (!is_shown).then(|| Pair::new(root_name(monitor, root), id, &statement.text));
        let own_series = new.as_ref().filter(|_| may_have_series && !has_series);
        let own_series = own_series.map(|pair| Series::new(monitor, &pair.shown));
        let is_counted = {
            let mut pairs = self.pairs();
            pairs.add(key, new, own_series, minute);
            let Pairs { shown, rest, series, rest_series } = &mut *pairs;
            shown.get_mut(&key).unwrap_or_else(|| rest.get_or_insert_with(Pair::rest)).count(minute);
            series.get(&key).or(rest_series.as_ref()).map(|series| series.calls.increment()).is_some()
        };
        if !is_counted {
            let of_rest = Series::new(monitor, &Pair::rest().shown);
            of_rest.calls.increment();
            self.pairs().rest_series.get_or_insert(of_rest);
        }
        self.pairs().publish(minute);
    }

    /// Says of each how many calls repeated it lately.
    pub(crate) fn tick(&self, minute: u64) {
        self.pairs().publish(minute);
    }

    /// All of them, the most calls first.
    pub(crate) fn view(&self, minute: u64) -> Vec<RepeatedView> {
        let pairs = self.pairs();
        let view = |pair: &Pair| RepeatedView { recent_calls: pair.recent_calls(minute), ..pair.shown.clone() };
        let mut all: Vec<RepeatedView> = pairs.shown.values().chain(&pairs.rest).map(view).collect();
        all.sort_by_key(|one| std::cmp::Reverse((one.recent_calls, one.calls)));
        all
    }

    fn pairs(&self) -> MutexGuard<'_, Pairs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn root_name(monitor: &Monitor, root: Option<CallSeries>) -> String {
    let name = root.and_then(|root| monitor.call_series().remove(&root));
    name.map_or_else(|| NO_CALL.to_owned(), |name| name.to_string())
}

impl Pairs {
    /// Shows a pair where there is room, with series of its own where there are any.
    fn add(&mut self, key: Key, new: Option<Pair>, own_series: Option<Series>, minute: u64) {
        let Some(pair) = new.filter(|_| !self.shown.contains_key(&key)) else { return };
        if !self.has_room(minute) {
            return;
        }
        self.shown.insert(key, pair);
        if let Some(own_series) = own_series {
            self.series.entry(key).or_insert(own_series);
        }
    }

    /// Whether there is room for another one. One without recent calls gives way, and is counted with all others.
    fn has_room(&mut self, minute: u64) -> bool {
        if self.shown.len() < MOST {
            return true;
        }
        let idle = self.shown.iter().filter(|(_, pair)| pair.recent_calls(minute) == 0);
        let oldest = idle.min_by_key(|(_, pair)| pair.last_minute()).map(|(key, _)| *key);
        let Some(pair) = oldest.and_then(|key| self.shown.remove(&key)) else { return false };
        self.rest.get_or_insert_with(Pair::rest).shown.calls += pair.shown.calls;
        true
    }

    fn publish(&self, minute: u64) {
        for (key, series) in &self.series {
            series.recent.set(self.shown.get(key).map_or(0, |pair| pair.recent_calls(minute)) as f64);
        }
        if let Some(series) = &self.rest_series {
            let others = self.shown.iter().filter(|(key, _)| !self.series.contains_key(key)).map(|(_, pair)| pair);
            let recent: u64 = others.chain(&self.rest).map(|pair| pair.recent_calls(minute)).sum();
            series.recent.set(recent as f64);
        }
    }
}

impl Pair {
    fn new(root: String, id: String, statement: &str) -> Self {
        let statement = statement.to_owned();
        Self { shown: RepeatedView { root, id, statement, calls: 0, recent_calls: 0 }, minutes: [(0, 0); MINUTES] }
    }

    /// All that are not told apart.
    fn rest() -> Self {
        Self::new(OVERFLOW.to_owned(), OVERFLOW.to_owned(), OVERFLOW)
    }

    fn count(&mut self, minute: u64) {
        self.shown.calls += 1;
        #[expect(clippy::cast_possible_truncation, reason = "below the number of minutes")]
        let place = (minute % MINUTES as u64) as usize;
        if let Some((number, calls)) = self.minutes.get_mut(place) {
            *calls = if *number == minute { *calls + 1 } else { 1 };
            *number = minute;
        }
    }

    fn recent_calls(&self, minute: u64) -> u64 {
        self.minutes.iter().filter(|(number, _)| minute < number + MINUTES as u64).map(|(_, calls)| calls).sum()
    }

    fn last_minute(&self) -> u64 {
        self.minutes.iter().map(|(number, _)| *number).max().unwrap_or_default()
    }
}

impl Series {
    /// Long statements may begin with the same 200 bytes: the id tells them apart.
    fn new(monitor: &Monitor, of: &RepeatedView) -> Self {
        let metrics = monitor.metrics();
        let calls = metrics.counter(names::SQL_REPEATED_STATEMENTS_TOTAL).label("id", &of.id).label("root", &of.root);
        let calls = calls.label("statement", &of.statement);
        let calls = calls.help("Calls without a caller that executed one SQL statement again and again.").register();
        let recent = metrics.gauge(names::SQL_REPEATED_STATEMENTS_RECENT).label("id", &of.id).label("root", &of.root);
        let recent = recent.label("statement", &of.statement).help("The same of the last five minutes.").register();
        // Where a label has too many values, it is told of now and not while something is locked.
        calls.add(0.0);
        recent.add(0.0);
        Self { calls, recent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_without_recent_calls_give_way_and_no_call_is_lost() {
        let monitor = Monitor::builder().build().unwrap();
        let all = AllRepeated::default();
        let count = |hash: u64, minute| {
            let text = format!("SELECT c{hash}").into();
            let statement = Statement { text, hash, operation: "select", may_repeat: true, durations: 0 };
            all.count(&monitor, (format!("{hash:016x}"), &statement), None, minute);
        };
        let calls = |minute| all.view(minute).iter().map(|one| one.calls).sum::<u64>();
        (1..=200).for_each(|hash| count(hash, 0));
        let view = all.view(0);
        assert_eq!((view.len(), view[0].statement.as_str(), view[0].recent_calls), (151, OVERFLOW, 50));
        (1_001..=1_010).for_each(|hash| count(hash, 9));
        let view = all.view(9);
        assert!(view[..10].iter().all(|one| one.id > format!("{:016x}", 1_000)), "new ones are shown: {view:?}");
        assert_eq!((view.len(), calls(9)), (151, 210));
        let text = monitor.render_prometheus();
        let sum = |family: &str| -> f64 {
            let samples = text.lines().filter(|line| line.starts_with(&format!("{family}{{")));
            samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
        };
        assert_eq!((sum("sql_repeated_statements_total"), sum("sql_repeated_statements_recent")), (210.0, 10.0));
    }
}
