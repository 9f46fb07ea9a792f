//! Recorded calls: those of each minute that is over, whole, as many as fit into what a day may take.

use super::Writer;
use crate::past::time;
use crate::store::{Batch, bytes_of_recorded, nanos_of};
use perf_runtime::series::{RecordedTree, TimeRange};
use std::cmp::Reverse;
use std::time::{Duration, UNIX_EPOCH};

const MINUTE: u64 = 60_000_000_000;
const DAY: u64 = 24 * 60 * MINUTE;
/// So long after its end, in nanoseconds, a minute is told: calls that end with it are counted a little later.
const MOMENT: u64 = 1_000_000_000;

/// Up to when recorded calls were gathered, and the bytes that may still be kept.
#[derive(Debug)]
pub(super) struct RecordedCalls {
    /// In nanoseconds since 1970.
    gathered: u64,
    /// Grows by the day's bytes within a day, and never beyond them.
    bytes_left: u64,
    /// How many calls there was no room for.
    pub(super) left_out: u64,
}

impl RecordedCalls {
    /// Those of this process, which begins now.
    pub(super) fn since(now: u64, bytes_a_day: u64) -> Self {
        Self { gathered: now, bytes_left: bytes_a_day, left_out: 0 }
    }

    /// So many nanoseconds have passed.
    fn grow(&mut self, nanos: u64, bytes_a_day: u64) {
        let grown = u128::from(bytes_a_day) * u128::from(nanos.min(DAY)) / u128::from(DAY);
        self.bytes_left = self.bytes_left.saturating_add(u64::try_from(grown).unwrap_or(u64::MAX)).min(bytes_a_day);
    }

    /// Takes the calls that fit: the failed first, then the slowest.
    fn choose(&mut self, mut trees: Vec<RecordedTree>) -> Vec<RecordedTree> {
        let nanos = |tree: &RecordedTree| {
            nanos_of(UNIX_EPOCH + Duration::try_from_secs_f64(tree.call.seconds).unwrap_or_default())
        };
        trees.sort_by_key(|tree| (Reverse(tree.call.is_failed), Reverse(nanos(tree))));
        trees.retain(|tree| {
            let bytes = bytes_of_recorded(tree);
            let fits = bytes <= self.bytes_left;
            if fits {
                self.bytes_left -= bytes;
            } else {
                self.left_out += 1;
            }
            fits
        });
        trees
    }
}

impl Writer {
    /// Takes the recorded calls of the minutes that are over into a commit; where the process ends, those up to now.
    pub(super) fn gather_recorded(&mut self, now: u64, batch: &mut Batch) {
        // A slower call of the same minute may still take the place of one.
        let over = now.saturating_sub(MOMENT) / MINUTE * MINUTE;
        let until = if self.boot.1.clean { now.max(crate::past::now()) } else { over };
        let from = self.recorded.gathered;
        let Ok(range) = TimeRange::between(time(from), time(until)) else { return };
        let bytes_a_day = self.settings.recorded_bytes_a_day;
        self.recorded.gathered = until;
        self.recorded.grow(until.saturating_sub(from), bytes_a_day);
        if bytes_a_day == 0 {
            return;
        }
        let mut trees = Vec::new();
        self.monitor.recorded_trees(range, |tree| trees.push(tree));
        batch.recorded = self.recorded.choose(trees);
    }

    /// Goes on from another time, to which the clock was set back.
    pub(super) fn begin_recorded(&mut self, now: u64) {
        self.recorded.gathered = now;
    }
}
