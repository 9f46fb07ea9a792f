//! Streams of a series over a window, of functions that return one.
//!
//! The sums are [noted](super::notes) at each tick. Only series of streams pay for it: 9 KiB each once an hour has passed.

use super::notes::Notes;
use super::window::Window;
use crate::measure::cells::streams::StreamSums;
use crate::measure::clock::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Streams of a series in a window: of functions that return one, and of [`Operation::watch_stream`](crate::operation::Operation::watch_stream).
///
/// A call runs from the first poll to the end or the drop. Times are told of what was waited for: what a consumer does with an item is
/// none of the stream's. Nobody looks at the clock for an item that is there when it is asked for: the time of the poll that gives it, however
/// long it blocks, is in the call's duration and in no wait.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StreamSummary {
    /// The seconds that the figures cover, up to now.
    pub covered: f64,
    /// Calls that gave their first item.
    pub first_items: u64,
    /// Seconds from the first poll to the first item, on average. `None` where no call gave one.
    pub first_item_seconds: Option<f64>,
    /// Items, also of calls that have not ended. Those that nobody waited for are told at the next wait or the end of their call, and by the 256 at
    /// the latest.
    pub items: u64,
    /// Items for each second.
    pub items_per_second: f64,
    /// Seconds of the longest wait of each call after its first item, for the next one or the end, on average of the calls that ended and gave an
    /// item. `None` where none did.
    pub longest_gap_seconds: Option<f64>,
    /// Whether functions that return no stream count in the series too, for they have the same labels: then both are judged together, by
    /// their whole durations.
    #[serde(default)]
    pub is_mixed: bool,
}

/// Streams of a series, or of several together, in a window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StreamWindow {
    covered: Duration,
    sums: StreamSums,
    is_mixed: bool,
}

impl StreamWindow {
    /// The same, with whether functions that return no stream count in the series too.
    pub(crate) fn mixed(self, is_mixed: bool) -> Self {
        Self { is_mixed, ..self }
    }

    /// Whether they do.
    pub(crate) fn is_mixed(&self) -> bool {
        self.is_mixed
    }

    /// Adds the streams of another series.
    pub(crate) fn add(&mut self, other: &Self) {
        self.covered = self.covered.max(other.covered);
        self.sums.add(other.sums);
        self.is_mixed |= other.is_mixed;
    }

    pub(crate) fn summary(&self) -> StreamSummary {
        let StreamSums { items, first_items, first_nanos, ended, gap_nanos } = self.sums;
        let covered = self.covered.as_secs_f64();
        let mean = |nanos, count: u64| (count > 0).then(|| Duration::from_nanos(nanos).as_secs_f64() / count as f64);
        StreamSummary {
            covered,
            first_items,
            first_item_seconds: mean(first_nanos, first_items),
            items,
            items_per_second: if covered > 0.0 { items as f64 / covered } else { 0.0 },
            longest_gap_seconds: mean(gap_nanos, ended),
            is_mixed: self.is_mixed,
        }
    }
}

/// The sums of a series at earlier ticks, where its calls are streams.
#[derive(Debug, Default)]
pub(crate) struct StreamNotes(Notes<StreamSums>);

impl StreamNotes {
    /// Begins, unless it has.
    pub(crate) fn begin(&self, now: Moment) {
        self.0.begin(now);
    }

    /// Whether any call is a stream.
    pub(crate) fn are_kept(&self) -> bool {
        self.0.are_kept()
    }

    /// Notes the sums of a tick.
    pub(crate) fn tick(&self, now: Moment, sums: impl FnOnce() -> StreamSums) {
        self.0.tick(now, sums);
    }

    /// Begins anew: earlier streams are in no window.
    pub(crate) fn reset(&self, now: Moment, sums: impl FnOnce() -> StreamSums) {
        self.0.reset(now, sums);
    }

    /// Streams in a window up to now.
    pub(crate) fn window(
        &self,
        window: Window,
        now: Moment,
        sums: impl FnOnce() -> StreamSums,
    ) -> Option<StreamWindow> {
        let (covered, before) = self.0.at_the_begin_of(window, now)?;
        Some(StreamWindow { covered, sums: sums().since(before), is_mixed: false })
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}
