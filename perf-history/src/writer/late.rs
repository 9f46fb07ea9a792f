//! Counts that are read late: each goes into the step in which memory tells it, so that an answer that goes over from the file to
//! memory tells all of them once.

use super::Writer;
use crate::names::{FxHashMap, Name};
use crate::past::time;
use crate::store::nanos_of;
use perf_runtime::collect::DeltaSpan;
use perf_runtime::metric::MetricKind;
use perf_runtime::series::{MetricSeriesTrack, Selector, TimeRange};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MINUTE: u64 = 60_000_000_000;
/// Of so long memory has steps of 5 s.
const RECENT: u64 = 290_000_000_000;

/// The known state of a count: when it was made, in nanoseconds since 1970, the sum, and how many values that is of.
type Part = (u64, f64, f64);

impl Writer {
    /// Places readings that several ticks led to. Of gauges the last one is known.
    pub(super) fn place_late(&mut self, readings: &[(u32, f64, f64)], span: &DeltaSpan) {
        let [start, end] = [span.start, span.end].map(nanos_of);
        // Memory has minutes, and of the last ones steps of 5 s.
        let recent = (end.saturating_sub(RECENT)).div_ceil(MINUTE) * MINUTE;
        let mut known = FxHashMap::default();
        let first = self.find_parts(start, end.min(recent), &mut known);
        let later = self.find_parts(start.max(recent), end, &mut known);
        let Some(first) = first.or(later) else { return self.open.place(readings, end) };
        for &(series, sum, count) in readings {
            let placed = match known.remove(&series) {
                Some((kind, parts)) => divided(kind, (sum, count), parts, first),
                None => vec![(end, sum, count)],
            };
            for (at, sum, count) in placed {
                self.open.place(&[(series, sum, count)], at);
            }
        }
    }

    /// Adds what memory knows of a stretch of time, and gives the end of its first step, of which a part was read already.
    fn find_parts(&mut self, start: u64, end: u64, known: &mut FxHashMap<u32, (MetricKind, Vec<Part>)>) -> Option<u64> {
        let range = TimeRange::between(time(start), time(end)).ok()?;
        let tracks = self.monitor.tracks(&Selector::metrics(), range.with_step(Duration::from_secs(1)));
        let step = nanos_of(UNIX_EPOCH + Duration::try_from_secs_f64(tracks.step).unwrap_or_default());
        let end_of = |begin: SystemTime| nanos_of(begin).saturating_add(step).min(end);
        let first = end_of(tracks.start);
        for track in tracks.metrics.into_iter().filter(|track| track.kind != MetricKind::Gauge) {
            let parts = track.points.iter().filter_map(|point| {
                let (at, value) = (end_of(point.start), point.value?);
                // The values of a histogram may all be zero.
                let of_histogram = || Some((at, value * point.count?, point.count?));
                let of_counter = || (value != 0.0).then_some((at, value, 1.0));
                if track.kind == MetricKind::Histogram { of_histogram() } else { of_counter() }
            });
            let parts: Vec<Part> = parts.collect();
            let MetricSeriesTrack { name, kind, unit, labels, .. } = track;
            let number = self.open.number_of(&Arc::new(Name::Metric { name, kind, unit, labels }));
            known.entry(number).or_insert((kind, Vec::new())).1.extend(parts);
        }
        Some(first)
    }
}

/// A count in parts: as memory tells them, to its seven digits, and the rest in the first step. Together they are exactly that count.
fn divided(kind: MetricKind, (sum, count): (f64, f64), parts: Vec<Part>, first: u64) -> Vec<Part> {
    let is_counter = kind == MetricKind::Counter;
    let (mut rest, mut rest_count, mut divided) = (sum, count, Vec::<Part>::new());
    // The newest first: memory may not know the oldest any more.
    for (at, sum, count) in parts.into_iter().rev().filter(|(at, ..)| *at > first) {
        let (sum, count) = if is_counter { (sum.min(rest), 1.0) } else { (sum, count.min(rest_count)) };
        if count > 0.0 && (sum != 0.0 || !is_counter) {
            rest -= sum;
            rest_count -= if is_counter { 0.0 } else { count };
            divided.push((at, sum, count));
        }
    }
    match divided.last_mut() {
        // All of its values were told: only the sum is known to more digits.
        Some(last) if !is_counter && rest_count <= 0.0 => last.1 += rest,
        _ if rest != 0.0 || !is_counter => divided.push((first, rest, rest_count)),
        _ => {}
    }
    divided
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_divided_as_memory_tells_it_though_all_values_are_zero() {
        let parts = || vec![(1, 4.0, 2.0), (2, 0.0, 3.0), (3, 0.0, 4.0)];
        let zeros = divided(MetricKind::Histogram, (4.0, 11.0), parts(), 1);
        assert_eq!(zeros, [(3, 0.0, 4.0), (2, 0.0, 3.0), (1, 4.0, 4.0)], "what nobody knows is of the first");
        let counter = divided(MetricKind::Counter, (9.0, 1.0), vec![(1, 4.0, 1.0), (2, 3.0, 1.0)], 1);
        assert_eq!(counter, [(2, 3.0, 1.0), (1, 6.0, 1.0)]);
    }
}
