//! Recorded calls: those of each minute that is over, whole, as many as fit into what a day may take.

use super::Writer;
use crate::past::time;
use crate::store::{Store, StoreError, bytes_of_recorded};
use perf_runtime::series::{RecordedTree, TimeRange};
use std::cmp::Reverse;
use std::collections::BTreeMap;

const MINUTE: u64 = 60_000_000_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// So long after its end, in nanoseconds, a minute is told: calls that end with it are counted a little later.
const MOMENT: u64 = 1_000_000_000;

/// Up to when recorded calls were gathered, and the bytes that may still be kept.
#[derive(Debug)]
pub(super) struct RecordedCalls {
    /// In nanoseconds since 1970.
    gathered: u64,
    /// Those that are to be written with the next commit.
    ready: Vec<RecordedTree>,
    /// Grows by the day's bytes within a day, and to those of an hour. A call may take more than there is: then none is taken until that has grown again,
    /// so that large calls are kept as small ones are.
    bytes_left: i64,
    /// The bytes of calls by the minute in which they ended, of the last day; `None` until the file was looked at.
    of_minutes: Option<BTreeMap<u64, u64>>,
    /// How many calls there was no room for.
    pub(super) left_out: u64,
}

impl RecordedCalls {
    /// Those of this process, which begins now.
    pub(super) fn since(now: u64, bytes_a_day: u64) -> Self {
        Self { gathered: now, ready: Vec::new(), bytes_left: of_hour(bytes_a_day), of_minutes: None, left_out: 0 }
    }

    /// Those that are to be written.
    pub(super) fn take(&mut self) -> Vec<RecordedTree> {
        std::mem::take(&mut self.ready)
    }

    /// None is written that ended before a time, and the file is looked at again.
    pub(super) fn forget_before(&mut self, time: u64) {
        self.of_minutes = None;
        self.gathered = self.gathered.max(time);
    }

    /// So many nanoseconds have passed.
    fn grow(&mut self, nanos: u64, bytes_a_day: u64) {
        let grown = u128::from(bytes_a_day) * u128::from(nanos.min(DAY)) / u128::from(DAY);
        let grown = i64::try_from(grown).unwrap_or(i64::MAX);
        self.bytes_left = self.bytes_left.saturating_add(grown).min(of_hour(bytes_a_day));
    }

    /// Takes the calls that fit: the failed first, then the slowest.
    fn choose(&mut self, mut trees: Vec<RecordedTree>, until: u64, bytes_a_day: u64) {
        trees.sort_by(|one, other| {
            let by_failure = Reverse(one.call.is_failed).cmp(&Reverse(other.call.is_failed));
            by_failure.then(other.call.seconds.total_cmp(&one.call.seconds))
        });
        let of_minutes = self.of_minutes.get_or_insert_default();
        *of_minutes = of_minutes.split_off(&(until.saturating_sub(DAY) / MINUTE));
        let mut taken: u64 = of_minutes.values().fold(0, |sum, bytes| sum.saturating_add(*bytes));
        for tree in trees {
            let bytes = bytes_of_recorded(&tree);
            if self.bytes_left <= 0 || taken.saturating_add(bytes) > bytes_a_day {
                self.left_out += 1;
                continue;
            }
            taken += bytes;
            self.bytes_left = self.bytes_left.saturating_sub_unsigned(bytes);
            *of_minutes.entry(until / MINUTE).or_default() += bytes;
            self.ready.push(tree);
        }
    }
}

/// The most that may be left: so the slowest of a busy hour do not take what is for the rest of the day.
fn of_hour(bytes_a_day: u64) -> i64 {
    i64::try_from(bytes_a_day / 24).unwrap_or(i64::MAX)
}

impl Writer {
    /// Makes the recorded calls of the minutes that are over ready to be written; where the process ends or the clock was set back, all up to now.
    pub(super) fn gather_recorded(&mut self, store: &Store, now: u64, is_set_back: bool) -> Result<(), StoreError> {
        // A slower call of the same minute may still take the place of one.
        let over = now.saturating_sub(MOMENT) / MINUTE * MINUTE;
        let until = if self.boot.1.clean {
            now.max(crate::past::now())
        } else if is_set_back {
            now
        } else {
            over
        };
        let bytes_a_day = self.settings.recorded_bytes_a_day;
        let from = self.recorded.gathered;
        if until <= from {
            return Ok(());
        }
        let Ok(range) = TimeRange::between(time(from), time(until)) else { return Ok(()) };
        if bytes_a_day > 0 {
            if self.recorded.of_minutes.is_none() {
                let mut of_minutes = BTreeMap::new();
                for (ended, bytes) in store.bytes_recorded_since(until.saturating_sub(DAY))? {
                    *of_minutes.entry(ended / MINUTE).or_default() += bytes;
                }
                self.recorded.of_minutes = Some(of_minutes);
            }
            let (mut trees, mut error) = (Vec::new(), None);
            self.monitor.recorded_trees(range, |tree| match store.has_recorded(&tree.call.id) {
                Ok(true) => {}
                Ok(false) => trees.push(tree),
                Err(other) => error = Some(other),
            });
            if let Some(error) = error {
                return Err(error);
            }
            self.recorded.grow(until.saturating_sub(from), bytes_a_day);
            self.recorded.choose(trees, until, bytes_a_day);
        }
        self.recorded.gathered = until;
        Ok(())
    }

    /// Goes on from another time, to which the clock was set back.
    pub(super) fn begin_recorded(&mut self, now: u64) {
        self.recorded.gathered = now;
    }
}
