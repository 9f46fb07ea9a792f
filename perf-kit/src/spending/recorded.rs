//! The recorded calls that runs of agents were made in: there their waterfalls are.

use perf_llm::meter::RunView;
use perf_runtime::Monitor;
use serde::Serialize;

/// A run, and the recorded call that it is or that it was made in.
#[derive(Debug, Serialize)]
pub(super) struct RecordedRun {
    run: u64,
    call: String,
}

/// The recorded calls of runs, of those whose call is kept: in memory, or in a history.
pub(super) fn recorded(monitor: &Monitor, runs: &[RunView]) -> Vec<RecordedRun> {
    let of_run = |run: &RunView| {
        let call = run.recorded.as_deref().filter(|id| monitor.recorded_call(id).is_some())?;
        Some(RecordedRun { run: run.id, call: call.to_owned() })
    };
    runs.iter().filter_map(of_run).collect()
}
