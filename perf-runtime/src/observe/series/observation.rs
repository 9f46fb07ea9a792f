//! A look at series, and what it sees of one.

use crate::measure::cells::histogram::Layout;
use crate::measure::cells::reading::Reading;
use crate::measure::clock::Moment;
use crate::measure::model::outcome::OutcomeCounts;
use crate::observe::history::counts::WindowCounts;
use crate::observe::history::profile::ProfileWindow;
use crate::observe::history::sampled::SampledWindow;
use crate::observe::history::streams::StreamWindow;
use std::collections::BTreeMap;
use std::time::Duration;

/// A look at many series, one after the other, at one moment.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) now: Moment,
    pub(super) sees: Sees,
    /// Times in which the process was stopped.
    pub(super) pauses: Vec<(Moment, Moment)>,
    /// Room to work in.
    pub(super) reading: Reading,
    pub(super) bytes: Vec<u8>,
}

/// Up to when a look sees what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sees {
    /// Up to now.
    Now,
    /// Up to the tick that it gives each series itself. A series is then looked for in memory once only, which is what
    /// a tick over many costs most.
    ItsTick,
    /// Up to a tick that was given just now: nothing is read again.
    LastTick,
}

impl Look {
    /// Sees everything up to now.
    pub(crate) fn live(now: Moment) -> Self {
        Self { now, sees: Sees::Now, pauses: Vec::new(), reading: Reading::default(), bytes: Vec::new() }
    }

    /// Ticks, and sees what the tick cut off.
    pub(crate) fn ticking(now: Moment) -> Self {
        Self { sees: Sees::ItsTick, ..Self::live(now) }
    }

    /// Sees what a tick at this moment cut off.
    pub(crate) fn ticked(now: Moment) -> Self {
        Self { sees: Sees::LastTick, ..Self::live(now) }
    }

    /// The same, in which calls grow no older in these times.
    pub(crate) fn without(self, pauses: Vec<(Moment, Moment)>) -> Self {
        Self { pauses, ..self }
    }

    /// From now on, sees what the last tick cut off.
    pub(crate) fn has_ticked(&mut self) {
        if self.sees == Sees::ItsTick {
            self.sees = Sees::LastTick;
        }
    }
}

/// The time since a moment, without the pauses: while the process was stopped nobody saw anything, and a call that waits since
/// before is no older for it.
pub(super) fn seen_since(moment: Moment, now: Moment, pauses: &[(Moment, Moment)]) -> Duration {
    let unseen = pauses.iter().map(|&(from, to)| to.min(now).since(from.max(moment))).sum();
    now.since(moment).saturating_sub(unseen)
}

/// Counts of one series, or of several together, in a window.
#[derive(Debug)]
pub(crate) struct Observation {
    /// Calls finished since the baseline, by outcome.
    pub(crate) total: OutcomeCounts,
    /// Failed calls by the sort of their error, since the process started.
    pub(crate) error_types: BTreeMap<&'static str, u64>,
    pub(crate) in_flight: u64,
    pub(crate) oldest: Option<Duration>,
    /// The buckets of `counts`.
    pub(crate) layout: &'static Layout,
    pub(crate) counts: WindowCounts,
    /// Resources that calls used, where they are measured.
    pub(crate) profile: Option<ProfileWindow>,
    /// Streams, where calls are such.
    pub(crate) streams: Option<StreamWindow>,
    /// Processor time of calls, where a profiler sampled it.
    pub(crate) sampled: Option<SampledWindow>,
    /// Whether calls wait by design.
    pub(crate) waits: bool,
}
