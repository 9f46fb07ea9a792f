//! The last hour of the application's own metrics, read at each tick.

use super::kind::MetricKind;
use super::metric::{Metric, Series};
use super::recent::{LENGTHS, MetricPoint, MetricTrack};
use super::store::MetricStore;
use crate::observe::history::window::Window;
use crate::observe::series::labels::Labels;
use std::ops::RangeInclusive;

impl MetricStore {
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

    /// Every series that is known now, in the order of names and labels, with its points in these cells of a window.
    pub(crate) fn tracks(&self, window: Window, wanted: &RangeInclusive<u64>) -> Vec<MetricTrack> {
        let mut tracks = Vec::new();
        self.for_each_series(|name, (kind, metric), series| {
            let Some(reading) = series.reading() else { return };
            let points = series.trail.get().as_ref().map(|trail| trail.points(window, wanted)).unwrap_or_default();
            tracks.push(MetricTrack {
                name: name.to_owned(),
                kind,
                unit: owned(metric.unit.as_deref()),
                help: owned(metric.help.as_deref()),
                labels: reading.labels,
                value: reading.value,
                points,
            });
        });
        tracks
    }

    /// The points in these cells of a window of every series that is known now or has some there: a sampler may find nothing of it any more.
    pub(crate) fn courses(&self, window: Window, wanted: &RangeInclusive<u64>) -> Vec<Course> {
        let mut courses = Vec::new();
        self.for_each_series(|name, (kind, metric), series| {
            let trail = series.trail.get();
            let points = trail.as_ref().map(|trail| trail.points(window, wanted)).unwrap_or_default();
            let is_known = series.is_known();
            if !is_known && points.is_empty() {
                return;
            }
            let known_since = trail.as_ref().and_then(|trail| trail.begun()).filter(|_| is_known);
            let (name, unit, labels) = (name.to_owned(), owned(metric.unit.as_deref()), series.labels());
            courses.push(Course { name, kind, unit, labels, points, known_since });
        });
        courses
    }

    /// Bytes that all trails take.
    pub(crate) fn trail_bytes(&self) -> usize {
        let mut bytes = 0;
        self.for_each_series(|_, _, series| bytes += series.trail.get().as_ref().map_or(0, |trail| trail.bytes()));
        bytes
    }

    fn for_each_series(&self, mut each: impl FnMut(&str, (MetricKind, &Metric), &Series)) {
        self.read(|inner| {
            for (name, kinds) in &inner.by_name {
                for (metric, kind) in kinds.iter().zip(MetricKind::ALL) {
                    let Some(metric) = metric.as_ref().filter(|metric| metric.made.is_some()) else { continue };
                    metric.series.iter().for_each(|series| each(name, (kind, metric), series));
                }
            }
        });
    }
}

/// A series over the cells of a window.
pub(crate) struct Course {
    pub(crate) name: String,
    pub(crate) kind: MetricKind,
    pub(crate) unit: Option<String>,
    pub(crate) labels: Labels,
    pub(crate) points: Vec<MetricPoint>,
    /// The time of its first reading, in nanoseconds since 1970. `None` where there is no room for its points, or it is known no more.
    pub(crate) known_since: Option<u64>,
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::cell::Cell;
    use super::super::handle::Described;
    use super::super::recent::MAX_TRAILS;
    use super::*;
    use crate::observe::metrics::bounds::HistogramBounds;

    /// Metrics that are read once a second, and what is seen of them after so many.
    struct Seen(MetricStore, u64);

    impl Seen {
        fn new() -> Self {
            Self(MetricStore::new(HistogramBounds::default()), 0)
        }

        fn second(&mut self) {
            self.1 += 1;
            self.0.leave_trails([self.1, self.1 / 5, self.1 / 60]);
        }

        fn points(&self, window: Window, cells: RangeInclusive<u64>) -> Vec<(u64, f64, f64)> {
            let tracks = self.0.tracks(window, &cells);
            tracks[0].points.iter().map(|point| (point.cell, point.sum, point.count)).collect()
        }

        fn counter(&self) -> std::sync::Arc<crate::observe::metrics::cell::CounterCell> {
            let Cell::Counter(counter) = self.0.resolve(MetricKind::Counter, "jobs", std::iter::empty()).cell else {
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
        let histogram = seen.0.histogram(Described { name: "wait_seconds", labels: &[], unit: "seconds", help: "" });
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
