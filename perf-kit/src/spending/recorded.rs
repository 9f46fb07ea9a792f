//! The recorded calls that runs of agents were made in: there their waterfalls are.

use perf_llm::meter::RunView;
use perf_runtime::series::{RecordedHead, RecordedTree, Selector, SeriesId, TimeRange};
use perf_runtime::{Kind, Monitor};
use serde::Serialize;
use std::time::Duration;

/// A run and its call are noted one after the other, as they begin and as they end: so far apart they may be.
const APART: Duration = Duration::from_millis(10);
/// The most recorded calls that are looked into for a run.
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
    let Some(first) = runs.iter().map(|run| run.started).min() else { return Vec::new() };
    // A call ends after the runs in it.
    let Ok(range) = TimeRange::between(first, monitor.time_of_day() + APART) else { return Vec::new() };
    let heads = monitor.recorded_heads(&Selector::calls(), range);
    let of_run = |run: &RunView| {
        let around = heads.iter().filter(|head| is_around(head, run)).take(MOST);
        let trees = around.filter_map(|head| monitor.recorded_call(&head.id()));
        let mut found = trees.filter(|tree| holds(tree, run)).map(|tree| tree.call.id);
        let call = found.next()?;
        found.next().is_none().then_some(RecordedRun { run: run.id, call })
    };
    runs.iter().filter_map(of_run).collect()
}

/// Whether a call lasted from before a run to after it.
fn is_around(head: &RecordedHead, run: &RunView) -> bool {
    let (begun, apart) = (head.start(), APART.as_secs_f64());
    match run.started.duration_since(begun) {
        Ok(after) => after.as_secs_f64() + run.seconds <= head.seconds() + apart,
        Err(before) => before.duration() <= APART,
    }
}

/// Whether a call is a run, or has it inside.
fn holds(tree: &RecordedTree, run: &RunView) -> bool {
    let Ok(after) = (run.started + APART).duration_since(tree.call.start) else { return false };
    let after = after.saturating_sub(APART).as_secs_f64();
    let is_it = |series: &SeriesId, began: f64, seconds: f64| {
        let near = |one: f64, other: f64| (one - other).abs() <= APART.as_secs_f64();
        let is_of_agent = series.kind == Kind::Agent && series.labels.get("agent") == Some(&*run.agent);
        is_of_agent && near(began, after) && near(seconds, run.seconds)
    };
    is_it(&tree.call.series, 0.0, tree.call.seconds)
        || tree.inside.iter().any(|inside| is_it(&inside.series, inside.start_seconds, inside.seconds))
}
