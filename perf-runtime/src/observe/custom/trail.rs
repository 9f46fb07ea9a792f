//! What the application's own metrics were: the last hour of each series, cell by cell.
//!
//! Once a second each series is read, and what it says is added to three cells: the second's, that of five seconds and that
//! of the minute. Whoever asks says which cells these are: those of the panorama, so all that is drawn has one axis. Of each
//! length sixty are kept: 2.2 KiB a series when all are full. The first 2,000 series have a trail; those that come when there
//! is no room any more are known as they stand, as all are.

use super::cell::Cell;
use super::reading::{CustomKind, CustomValue};
use super::{CustomMetrics, Metric, Series};
use crate::observe::window::Window;
use serde::Serialize;
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Series that have a trail.
const MAX_TRAILS: usize = 2_000;
/// Cells of each length.
const CELLS: usize = 60;
/// Windows whose cells differ, the shortest first.
pub(crate) const LENGTHS: [Window; 3] = [Window::LastMinute, Window::Last5Minutes, Window::LastHour];

/// One series of the application's own metrics over a window, cell by cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CustomTrack {
    /// The metric's name.
    pub name: String,
    /// What sort of metric it is.
    pub kind: CustomKind,
    /// Its unit, as it was described.
    pub unit: Option<String>,
    /// What it means, as it was described.
    pub help: Option<String>,
    /// Names and values, sorted by name.
    pub labels: Vec<(String, String)>,
    /// What it counted by now.
    pub value: CustomValue,
    /// The cells in which it was read, the oldest first; of a counter or a histogram those in which it counted.
    pub points: Vec<CustomPoint>,
}

/// What was read of a series in one cell, to seven digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CustomPoint {
    /// The number of the cell: see [`CellGrid`](crate::CellGrid).
    pub cell: u64,
    /// Of a gauge the sum of what was read, of a counter what was added to it, of a histogram the sum of the values; in the
    /// metric's unit.
    pub sum: f64,
    /// How many values that is the sum of; of a counter, 1.
    pub count: f64,
}

impl CustomPoint {
    /// Of a gauge and a histogram, the arithmetic mean of the cell.
    pub fn mean(&self) -> f64 {
        self.sum / self.count
    }
}

/// What was read in one cell.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Its number, of which the last 32 bits tell it from those that are kept.
    cell: u32,
    sum: f32,
    count: f32,
}

#[derive(Debug, Default)]
pub(super) struct Trail {
    rings: [VecDeque<Slot>; LENGTHS.len()],
    /// Sum and count when it was last read, of what only grows.
    before: Option<(f64, f64)>,
}

/// The place for a series' trail. Locked by the ticker, and by who looks.
#[derive(Debug, Default)]
pub(super) struct TrailPlace(Mutex<Option<Box<Trail>>>);

impl TrailPlace {
    fn get(&self) -> MutexGuard<'_, Option<Box<Trail>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many trails there are.
#[derive(Debug, Default)]
pub(super) struct TrailCount(AtomicUsize);

impl TrailCount {
    fn admit(&self) -> Option<Box<Trail>> {
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

    fn read(&mut self, cells: [u64; LENGTHS.len()], cell: &Cell) {
        let grown = match cell {
            Cell::Gauge(gauge) => return self.add(cells, (gauge.value(), 1.0)),
            Cell::Sampled(CustomKind::Counter, total) => total.value().map(|total| (total, 1.0)),
            Cell::Sampled(_, gauge) => {
                return gauge.value().into_iter().for_each(|value| self.add(cells, (value, 1.0)));
            }
            Cell::Counter(counter) => Some((counter.value() as f64, 1.0)),
            Cell::Histogram(histogram) => {
                Some((histogram.sum(), histogram.cumulative().last().unwrap_or_default() as f64))
            }
        };
        let Some((sum, count)) = grown else { return };
        // What the program counts begins at zero; what is read elsewhere may have begun long ago.
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

    fn points(&self, window: Window, wanted: &RangeInclusive<u64>) -> Vec<CustomPoint> {
        let length = LENGTHS.iter().position(|&length| window <= length).unwrap_or(LENGTHS.len() - 1);
        let slots = self.rings.get(length).into_iter().flatten();
        let newest = *wanted.end();
        #[expect(clippy::cast_possible_truncation, reason = "as it was kept")]
        let number = |slot: &Slot| newest.checked_sub(u64::from((newest as u32).wrapping_sub(slot.cell)));
        slots
            .filter_map(|slot| Some((number(slot)?, slot)))
            .filter(|(cell, _)| wanted.contains(cell))
            .map(|(cell, slot)| CustomPoint { cell, sum: f64::from(slot.sum), count: f64::from(slot.count) })
            .collect()
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.rings.iter().map(|ring| ring.capacity() * size_of::<Slot>()).sum::<usize>()
    }
}

impl CustomMetrics {
    /// Reads every series, into the cells of [`LENGTHS`] that it is: what the ticker does once a second. Costs some tens of
    /// nanoseconds a series.
    pub(crate) fn leave_trails(&self, cells: [u64; LENGTHS.len()]) {
        self.for_each_series(|_, _, series| {
            let mut place = series.trail.get();
            if place.is_none() {
                *place = self.trails.admit();
            }
            if let Some(trail) = place.as_mut() {
                trail.read(cells, &series.cell);
            }
        });
    }

    /// Every series in the order of names and labels, with its points in these cells of a window.
    pub(crate) fn tracks(&self, window: Window, wanted: &RangeInclusive<u64>) -> Vec<CustomTrack> {
        let mut tracks = Vec::new();
        self.for_each_series(|name, (kind, metric), series| {
            let Some(reading) = series.reading() else { return };
            let text = |text: &Option<Box<str>>| text.as_deref().map(ToOwned::to_owned);
            let points = series.trail.get().as_ref().map(|trail| trail.points(window, wanted)).unwrap_or_default();
            tracks.push(CustomTrack {
                name: name.to_owned(),
                kind,
                unit: text(&metric.unit),
                help: text(&metric.help),
                labels: reading.labels,
                value: reading.value,
                points,
            });
        });
        tracks
    }

    /// What all trails take, in bytes.
    pub(crate) fn trail_bytes(&self) -> usize {
        let mut bytes = 0;
        self.for_each_series(|_, _, series| bytes += series.trail.get().as_ref().map_or(0, |trail| trail.bytes()));
        bytes
    }

    fn for_each_series(&self, mut each: impl FnMut(&str, (CustomKind, &Metric), &Series)) {
        self.read(|inner| {
            for (name, kinds) in &inner.by_name {
                for (metric, kind) in kinds.iter().zip(CustomKind::ALL) {
                    let Some(metric) = metric.as_ref().filter(|metric| metric.made.is_some()) else { continue };
                    metric.series.iter().for_each(|series| each(name, (kind, metric), series));
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::custom::HistogramBounds;

    /// Metrics that are read once a second, and what is seen of them after so many.
    struct Seen(CustomMetrics, u64);

    impl Seen {
        fn new() -> Self {
            Self(CustomMetrics::new(HistogramBounds::default()), 0)
        }

        fn second(&mut self) {
            self.1 += 1;
            self.0.leave_trails([self.1, self.1 / 5, self.1 / 60]);
        }

        fn points(&self, window: Window, cells: RangeInclusive<u64>) -> Vec<(u64, f64, f64)> {
            let tracks = self.0.tracks(window, &cells);
            tracks[0].points.iter().map(|point| (point.cell, point.sum, point.count)).collect()
        }

        fn counter(&self) -> std::sync::Arc<super::super::CounterCell> {
            let Cell::Counter(counter) = self.0.resolve(CustomKind::Counter, "jobs", std::iter::empty()).cell else {
                panic!("not a counter")
            };
            counter
        }
    }

    #[test]
    fn a_gauge_is_read_each_second_and_its_cells_hold_the_mean() {
        let mut seen = Seen::new();
        for value in [2.0, 4.0, 6.0] {
            seen.0.set_gauge("depth", value, "jobs");
            seen.second();
        }
        assert_eq!(seen.points(Window::LastMinute, 0..=3), [(1, 2.0, 1.0), (2, 4.0, 1.0), (3, 6.0, 1.0)]);
        assert_eq!(seen.points(Window::LastMinute, 3..=3), [(3, 6.0, 1.0)]);
        assert_eq!(seen.points(Window::Last5Minutes, 0..=0), [(0, 12.0, 3.0)]);
        assert_eq!(seen.points(Window::Last15Minutes, 0..=0), seen.points(Window::LastHour, 0..=0));
    }

    #[test]
    fn a_counter_tells_what_was_added_and_nothing_while_it_stands() {
        let mut seen = Seen::new();
        let counter = seen.counter();
        counter.add(7);
        seen.second();
        seen.second();
        counter.add(1);
        seen.second();
        assert_eq!(seen.points(Window::LastMinute, 0..=3), [(1, 7.0, 1.0), (3, 1.0, 1.0)]);
    }

    #[test]
    fn a_histogram_tells_how_many_values_and_their_sum() {
        let mut seen = Seen::new();
        let histogram = seen.0.histogram("wait_seconds", &[], ("seconds", ""));
        histogram.record(0.25);
        histogram.record(0.75);
        seen.second();
        histogram.record(0.0);
        seen.second();
        assert_eq!(seen.points(Window::LastMinute, 0..=2), [(1, 1.0, 2.0), (2, 0.0, 1.0)]);
    }

    #[test]
    fn an_hour_is_kept_and_not_more() {
        let mut seen = Seen::new();
        seen.0.set_gauge("depth", 1.0, "jobs");
        (0..2 * 3_600).for_each(|_| seen.second());
        assert_eq!(seen.points(Window::LastMinute, 0..=7_200).len(), 60);
        assert_eq!(seen.points(Window::Last5Minutes, 0..=1_440).len(), 60);
        assert_eq!(seen.points(Window::Last15Minutes, 106..=120).len(), 15);
        let hour = seen.points(Window::LastHour, 0..=120);
        assert_eq!((hour.len(), hour[58].2), (60, 60.0));
        assert!(seen.0.trail_bytes() < 3_000, "{}", seen.0.trail_bytes());
    }

    #[test]
    fn beyond_the_room_series_are_known_and_have_no_points() {
        let mut seen = Seen::new();
        for name in 0..MAX_TRAILS + 10 {
            let [tens, ones] = [name / 100, name % 100].map(|part| part.to_string());
            let labels = [("tens", tens.as_str()), ("ones", ones.as_str())];
            seen.0.set_labelled_gauge(&format!("depth_{}", name % 7), &labels, 1.0, ("", ""));
        }
        seen.second();
        let tracks = seen.0.tracks(Window::LastMinute, &(0..=1));
        assert_eq!(tracks.len(), MAX_TRAILS + 10);
        assert_eq!(tracks.iter().filter(|track| !track.points.is_empty()).count(), MAX_TRAILS);
    }
}
