//! The application's own metrics over the last hour, cell by cell.
//!
//! Once a second each series is read, and what it says is added to three cells: the second's, that of five seconds and that
//! of the minute. The caller names the cells: those of the series of calls, so all that is drawn has one axis. Of each
//! length sixty are kept: 2.2 KiB a series when all are full. The first 2,000 series have a trail; those that come when there
//! is no room any more are known as they stand, as all are.

use super::cell::Cell;
use super::reading::MetricValue;
use crate::observe::history::window::Window;
use crate::observe::metrics::kind::MetricKind;
use crate::observe::series::labels::Labels;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Series that have a trail.
pub(super) const MAX_TRAILS: usize = 2_000;
/// Cells of each length.
const CELLS: usize = 60;
/// Windows whose cells differ, the shortest first.
pub(crate) const LENGTHS: [Window; 3] = [Window::LastMinute, Window::Last5Minutes, Window::LastHour];

/// One series of the application's own metrics over a window, cell by cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricTrack {
    /// The metric's name.
    pub name: String,
    /// The type of the metric.
    pub kind: MetricKind,
    /// Its unit, as it was described.
    pub unit: Option<String>,
    /// The description of the metric.
    pub help: Option<String>,
    /// Names and values, sorted by name.
    pub labels: Labels,
    /// The count by now.
    pub value: MetricValue,
    /// The cells in which it was read, the oldest first; of a counter or a histogram those in which it counted.
    pub points: Vec<MetricPoint>,
}

/// The reading of a series in one cell, to seven digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricPoint {
    /// The number of the cell: see [`CellGrid`](crate::series::CellGrid).
    pub cell: u64,
    /// Of a gauge the sum of what was read, of a counter what was added to it, of a histogram the sum of the values; in the
    /// metric's unit.
    pub sum: f64,
    /// How many values that is the sum of; of a counter, 1.
    pub count: f64,
}

impl MetricPoint {
    /// Of a gauge and a histogram, the arithmetic mean of the cell.
    pub fn mean(&self) -> f64 {
        self.sum / self.count
    }
}

/// The reading of one cell.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Its number, of which the last 32 bits tell it from those that are kept.
    cell: u32,
    sum: f32,
    count: f32,
}

#[derive(Debug, Default)]
pub(crate) struct Trail {
    rings: [VecDeque<Slot>; LENGTHS.len()],
    /// Sum and count when it was last read, of what only grows.
    before: Option<(f64, f64)>,
    /// The second in which it was first read, since 1970.
    begun: Option<u64>,
}

/// The place for a series' trail. Locked by the ticker, and by who looks.
#[derive(Debug, Default)]
pub(crate) struct TrailPlace(Mutex<Option<Box<Trail>>>);

impl TrailPlace {
    pub(super) fn get(&self) -> MutexGuard<'_, Option<Box<Trail>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many trails there are.
#[derive(Debug, Default)]
pub(crate) struct TrailCount(AtomicUsize);

impl TrailCount {
    pub(super) fn admit(&self) -> Option<Box<Trail>> {
        let is_room = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < MAX_TRAILS).then_some(count + 1));
        is_room.ok().map(|_| Box::default())
    }
}

impl Trail {
    fn add(&mut self, cells: [u64; LENGTHS.len()], (sum, count): (f64, f64)) {
        for (ring, cell) in self.rings.iter_mut().zip(cells) {
            #[expect(clippy::cast_possible_truncation, reason = "what a cell's number is told from is near")]
            let (cell, sum, count) = (cell as u32, sum as f32, count as f32);
            match ring.back_mut().filter(|slot| slot.cell == cell) {
                Some(slot) => {
                    slot.sum += sum;
                    slot.count += count;
                }
                None => {
                    ring.push_back(Slot { cell, sum, count });
                }
            }
            while ring.front().is_some_and(|slot| cell.wrapping_sub(slot.cell) as usize >= CELLS) {
                ring.pop_front();
            }
        }
    }

    pub(super) fn read(&mut self, cells: [u64; LENGTHS.len()], cell: &Cell) {
        self.begun = self.begun.or(Some(cells[0]));
        let grown = match cell {
            Cell::Gauge(gauge) => return self.add(cells, (gauge.value(), 1.0)),
            Cell::Sampled(MetricKind::Counter, total) => total.value().map(|total| (total, 1.0)),
            Cell::Sampled(_, gauge) => {
                return gauge.value().into_iter().for_each(|value| self.add(cells, (value, 1.0)));
            }
            Cell::Counter(counter) => Some((counter.total(), 1.0)),
            Cell::Histogram(histogram) => {
                Some((histogram.sum(), histogram.cumulative().last().unwrap_or_default() as f64))
            }
        };
        let Some((sum, count)) = grown else { return };
        // The program's own counters begin at zero; those read elsewhere may have begun long ago.
        let fresh = if matches!(cell, Cell::Sampled(..)) { (sum, count) } else { (0.0, 0.0) };
        let before = self.before.replace((sum, count)).unwrap_or(fresh);
        let added = match cell {
            Cell::Histogram(_) => (sum - before.0, count - before.1),
            // One that steps back begins anew.
            _ => ((sum - before.0).max(0.0), 1.0),
        };
        if added.0 != 0.0 || (added.1 > 0.0 && matches!(cell, Cell::Histogram(_))) {
            self.add(cells, added);
        }
    }

    /// When it was first read, in nanoseconds since 1970.
    pub(super) fn begun(&self) -> Option<u64> {
        self.begun.map(|second| second.saturating_mul(1_000_000_000))
    }

    pub(super) fn points(&self, window: Window, wanted: &RangeInclusive<u64>) -> Vec<MetricPoint> {
        let length = LENGTHS.iter().position(|&length| window <= length).unwrap_or(LENGTHS.len() - 1);
        let slots = self.rings.get(length).into_iter().flatten();
        let newest = *wanted.end();
        #[expect(clippy::cast_possible_truncation, reason = "as it was kept")]
        let number = |slot: &Slot| newest.checked_sub(u64::from((newest as u32).wrapping_sub(slot.cell)));
        slots
            .filter_map(|slot| Some((number(slot)?, slot)))
            .filter(|(cell, _)| wanted.contains(cell))
            .map(|(cell, slot)| MetricPoint { cell, sum: f64::from(slot.sum), count: f64::from(slot.count) })
            .collect()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.rings.iter().map(|ring| ring.capacity() * size_of::<Slot>()).sum::<usize>()
    }
}
