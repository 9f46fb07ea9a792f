//! The recorded calls that runs of agents were made in: there their waterfalls are.

use perf_llm::meter::RunView;
use perf_runtime::series::{RecordedHead, RecordedTree, Selector, SeriesId, TimeRange};
use perf_runtime::{Kind, Monitor};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The most by which a run and its call differ in beginning and length: the wall clock and the monotonic one agree to 20 ms, and each is noted after
/// the other.
const APART: Duration = Duration::from_millis(30);
/// The longest that a call lasts beyond a run in it and is looked for: an old run does not have the whole history read.
const BEYOND: Duration = Duration::from_secs(600);
/// The most recorded calls that are looked into for a run, the nearest to it in beginning and length first.
const MOST: usize = 16;

/// A run, and the recorded call that it is or that it was made in.
#[derive(Debug, Serialize)]
pub(super) struct RecordedRun {
    run: u64,
    call: String,
}

/// The recorded calls of runs, of those that have one. Of runs that are alike in agent, beginning and length nobody can tell whose a call is: they
/// have none.
pub(super) fn recorded(monitor: &Monitor, runs: &[RunView]) -> Vec<RecordedRun> {
    let found: Vec<_> = runs.iter().map(|run| (run.id, fitting(monitor, run))).collect();
    told_apart(&found)
}

/// An entry of a recorded call: the id of that, and the place in it.
type Entry = (String, usize);

/// The entries of recorded calls that a run may be.
fn fitting(monitor: &Monitor, run: &RunView) -> Vec<Entry> {
    let length = Duration::try_from_secs_f64(run.seconds).unwrap_or_default();
    let bounds = (run.started.checked_sub(APART), run.started.checked_add(length + BEYOND));
    let (Some(start), Some(end)) = bounds else { return Vec::new() };
    let Ok(range) = TimeRange::between(start, end) else { return Vec::new() };
    let mut around = monitor.recorded_heads(&Selector::calls(), range);
    around.retain(|head| is_around(head, run));
    around.sort_by(|one, other| distance(one, run).total_cmp(&distance(other, run)));
    let trees = around.iter().take(MOST).filter_map(|head| monitor.recorded_call(&head.id()));
    trees.flat_map(|tree| places(&tree, run).into_iter().map(move |place| (tree.call.id.clone(), place))).collect()
}

/// The recorded calls of runs whose entries are all in one call, none of them another run's as well.
fn told_apart(found: &[(u64, Vec<Entry>)]) -> Vec<RecordedRun> {
    let mut fits: BTreeMap<&Entry, usize> = BTreeMap::new();
    for entry in found.iter().flat_map(|(_, entries)| entries) {
        *fits.entry(entry).or_default() += 1;
    }
    let of_run = |(run, entries): &(u64, Vec<Entry>)| {
        let (call, _) = entries.first()?;
        let is_its = |entry: &Entry| entry.0 == *call && fits.get(entry) == Some(&1);
        entries.iter().all(is_its).then(|| RecordedRun { run: *run, call: call.clone() })
    };
    found.iter().filter_map(of_run).collect()
}

/// The difference between a call and a run in beginning and length, in seconds.
fn distance(head: &RecordedHead, run: &RunView) -> f64 {
    let apart = head.start().duration_since(run.started).unwrap_or_else(|before| before.duration());
    apart.as_secs_f64() + (head.seconds() - run.seconds).abs()
}

/// Checks that a call lasted from before a run to after it.
fn is_around(head: &RecordedHead, run: &RunView) -> bool {
    let (begun, apart) = (head.start(), APART.as_secs_f64());
    match run.started.duration_since(begun) {
        Ok(after) => after.as_secs_f64() + run.seconds <= head.seconds() + apart,
        Err(before) => before.duration() <= APART,
    }
}

/// The places of a call in which a run may be: 0 is the call itself, and those inside it follow.
fn places(tree: &RecordedTree, run: &RunView) -> Vec<usize> {
    let Ok(after) = (run.started + APART).duration_since(tree.call.start) else { return Vec::new() };
    let after = after.as_secs_f64() - APART.as_secs_f64();
    let is_it = |series: &SeriesId, began: f64, seconds: f64| {
        let near = |one: f64, other: f64| (one - other).abs() <= APART.as_secs_f64();
        let is_of_agent = series.kind == Kind::Agent && series.labels.get("agent") == Some(&*run.agent);
        is_of_agent && near(began, after) && near(seconds, run.seconds)
    };
    let itself = is_it(&tree.call.series, 0.0, tree.call.seconds);
    let inside = tree.inside.iter().map(|inside| is_it(&inside.series, inside.start_seconds, inside.seconds));
    let entries = std::iter::once(itself).chain(inside);
    entries.enumerate().filter(|(_, is_it)| *is_it).map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_a_call_where_no_other_run_and_no_other_call_fits() {
        let linked = |found: &[(u64, &[(&str, usize)])]| -> Vec<(u64, String)> {
            let owned = |(call, place): &(&str, usize)| ((*call).to_owned(), *place);
            let found: Vec<_> =
                found.iter().map(|(run, entries)| (*run, entries.iter().map(owned).collect())).collect();
            told_apart(&found).into_iter().map(|one| (one.run, one.call)).collect()
        };
        let own = |run| (run, "a".to_owned());
        assert_eq!(linked(&[(1, &[("a", 0)]), (2, &[])]), [own(1)]);
        // Two runs in one call, and one run that may be either of two entries of it.
        assert_eq!(linked(&[(1, &[("a", 1)]), (2, &[("a", 2), ("a", 3)])]), [own(1), own(2)]);
        // Of two runs that are alike one is kept: whose it is nobody knows.
        assert_eq!(linked(&[(1, &[("a", 0)]), (2, &[("a", 0)])]), []);
        assert_eq!(linked(&[(1, &[("a", 0), ("b", 0)])]), []);
    }
}
