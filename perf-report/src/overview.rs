//! Sums over all series, which are told before any of them is listed, and need no point to be held.

use crate::source::Source;
use perf_runtime::Kind;
use perf_runtime::series::{SeriesId, SeriesPoint, SeriesTrack};
use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;

/// The sums of a report.
#[derive(Debug, Default)]
pub(crate) struct Overview {
    /// Each series over all of the range.
    pub(crate) series: Vec<Whole>,
    /// Each kind, step by step, in the order of kinds.
    pub(crate) kinds: Vec<KindSums>,
}

/// A series over all of the range.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) id: SeriesId,
    pub(crate) whole: SeriesPoint,
}

/// The calls of a kind, step by step.
#[derive(Debug)]
pub(crate) struct KindSums {
    pub(crate) kind: Kind,
    pub(crate) steps: BTreeMap<SystemTime, StepSums>,
}

/// The calls of a kind in one step. `None` where nobody observed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StepSums {
    /// The seconds in which the process was observed.
    pub(crate) covered: f64,
    pub(crate) calls: Option<u64>,
    pub(crate) failed: Option<u64>,
}

impl Overview {
    pub(crate) fn of(source: Source<'_>) -> io::Result<Self> {
        let mut overview = Self::default();
        source.calls(&source.report.tracks.series, |track| {
            overview.add(track);
            Ok(())
        })?;
        Ok(overview)
    }

    /// The series that took the most time, longest first.
    pub(crate) fn by_time(&self) -> Vec<&Whole> {
        let mut all: Vec<&Whole> = self.series.iter().collect();
        all.sort_by(|one, other| other.whole.sum.unwrap_or(0.0).total_cmp(&one.whole.sum.unwrap_or(0.0)));
        all
    }

    fn add(&mut self, track: &SeriesTrack) {
        let mut whole = track.whole.clone();
        whole.buckets = Vec::new();
        self.series.push(Whole { id: track.id.clone(), whole });
        if self.kinds.last().is_none_or(|last| last.kind != track.kind) {
            self.kinds.push(KindSums { kind: track.kind, steps: BTreeMap::new() });
        }
        let Some(kind) = self.kinds.last_mut() else { return };
        for point in &track.points {
            let step = kind.steps.entry(point.start).or_default();
            step.covered = point.covered;
            step.calls = added(step.calls, point.count);
            step.failed = added(step.failed, point.outcomes.map(|outcomes| outcomes.failed()));
        }
    }
}

impl KindSums {
    /// The sum of all steps.
    pub(crate) fn total(&self, of: impl Fn(&StepSums) -> Option<u64>) -> u64 {
        self.steps.values().filter_map(of).fold(0, u64::saturating_add)
    }
}

/// The sum of what is known; `None` where neither is.
pub(crate) fn added(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    [one, other].into_iter().flatten().reduce(u64::saturating_add)
}
