//! Readings of samplers, and the end of those that stopped.
//!
//! A sampler says at each round all it could read. A series of the round before that is missing this time is gone: it
//! is withdrawn, neither exposed nor judged, until it is read again. So what cannot be read is absent by itself, and
//! never a zero or a value of yesterday.

use super::store::MetricStore;
use crate::observe::metrics::cell::Cell;
use crate::observe::metrics::kind::MetricKind;
use crate::observe::series::overflow::Overflow;

/// The description of a metric that a sampler reads. Keep it in a `const` or a `static`.
///
/// ```
/// use perf_runtime::metric::SampledMetric;
///
/// const OPEN_FILES: SampledMetric =
///     SampledMetric::gauge("process_unix_file_descriptors", "files", "Files that the process has open.");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampledMetric {
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    kind: MetricKind,
}

impl SampledMetric {
    /// A number that goes up and down. `name` is exposed as it is, without the namespace; `unit` is `seconds`, `bytes`,
    /// `ratio` (0 to 1), a word such as `files`, or empty.
    pub const fn gauge(name: &'static str, unit: &'static str, help: &'static str) -> Self {
        Self { name, unit, help, kind: MetricKind::Gauge }
    }

    /// A number that only grows, and begins anew where what is read does. Its name ends with `_total`.
    pub const fn counter(name: &'static str, unit: &'static str, help: &'static str) -> Self {
        Self { name, unit, help, kind: MetricKind::Counter }
    }

    /// The name under which it is exposed.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// The series of one sampler.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    /// In the order in which they were read, which is mostly the order of the next round.
    entries: Vec<Entry>,
    next: usize,
    round: u64,
}

#[derive(Debug)]
struct Entry {
    name: &'static str,
    labels: Box<[(Box<str>, Box<str>)]>,
    cell: Cell,
    overflow: Option<Overflow>,
    round: u64,
}

impl Entry {
    fn is(&self, metric: &SampledMetric, labels: &[(&str, &str)]) -> bool {
        let own = self.labels.iter().map(|(name, value)| (&**name, &**value));
        self.name == metric.name && own.eq(labels.iter().copied())
    }

    fn put(&self, value: f64) {
        self.overflow.as_ref().inspect(|overflow| overflow.count());
        match &self.cell {
            Cell::Sampled(_, cell) => cell.put(value),
            // The application has a metric of this name: it counts there.
            Cell::Gauge(cell) => cell.put(value),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates, as is meant")]
            Cell::Counter(cell) => cell.raise_to(value as u64),
            Cell::Histogram(_) => {}
        }
    }

    fn clear(&self) {
        if let Cell::Sampled(_, cell) = &self.cell {
            cell.clear();
        }
    }
}

impl Sheet {
    pub(crate) fn begin(&mut self) {
        self.round += 1;
        self.next = 0;
    }

    /// Records a reading. A NaN counts as none. Costs a comparison where the round before was the same.
    pub(crate) fn put(
        &mut self,
        custom: &MetricStore,
        metric: &SampledMetric,
        labels: &[(&str, &str)],
        value: Option<f64>,
    ) {
        let Some(value) = value.filter(|value| value.is_finite()) else { return };
        let expected = self.entries.get(self.next).is_some_and(|entry| entry.is(metric, labels));
        let known = if expected { Some(self.next) } else { self.entries.iter().position(|one| one.is(metric, labels)) };
        let place = known.unwrap_or_else(|| {
            self.entries.push(resolve(custom, metric, labels));
            self.entries.len() - 1
        });
        if let Some(entry) = self.entries.get_mut(place) {
            entry.round = self.round;
            entry.put(value);
        }
        self.next = place + 1;
    }

    /// Puts words beside a reading of this round.
    pub(crate) fn note(&self, metric: &SampledMetric, labels: &[(&str, &str)], text: &str) {
        let of_round = self.entries.iter().filter(|entry| entry.round == self.round);
        for entry in of_round.filter(|entry| entry.is(metric, labels)) {
            if let Cell::Sampled(_, cell) = &entry.cell {
                cell.set_note(text);
            }
        }
    }

    /// Withdraws what was not read this time.
    pub(crate) fn end(&mut self) {
        let round = self.round;
        self.entries.retain(|entry| {
            let stays = entry.round == round;
            if !stays {
                entry.clear();
            }
            stays
        });
    }

    /// Withdraws everything.
    pub(crate) fn clear(&mut self) {
        self.begin();
        self.end();
    }
}

fn resolve(custom: &MetricStore, metric: &SampledMetric, labels: &[(&str, &str)]) -> Entry {
    custom.describe(metric.kind, metric.name, Some(metric.unit), Some(metric.help));
    let resolved = custom.resolve_sampled(metric.kind, metric.name, labels.iter().copied());
    let owned = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Entry { name: metric.name, labels: owned, cell: resolved.cell, overflow: resolved.overflow, round: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::bounds::HistogramBounds;
    use crate::observe::metrics::reading::MetricValue;

    const DISK: SampledMetric = SampledMetric::gauge("disk_ratio", "ratio", "How full a disk is.");
    const TIME: SampledMetric = SampledMetric::counter("cpu_seconds_total", "seconds", "Time on a processor.");

    type Shown = (String, Vec<(String, String)>, MetricValue);

    fn shown(custom: &MetricStore) -> Vec<Shown> {
        let all = custom.metrics().into_iter();
        all.flat_map(|metric| {
            metric.series.into_iter().map(move |one| (metric.name.clone(), one.labels.to_vec(), one.value))
        })
        .collect()
    }

    #[test]
    fn what_is_not_read_any_more_is_absent_until_it_is_read_again() {
        let custom = MetricStore::new(HistogramBounds::default());
        let mut sheet = Sheet::default();
        let mut round = |disks: &[(&str, f64)], time: Option<f64>| {
            sheet.begin();
            for (disk, value) in disks {
                sheet.put(&custom, &DISK, &[("disk", disk)], Some(*value));
            }
            sheet.put(&custom, &TIME, &[], time);
            sheet.end();
            shown(&custom)
        };
        let of = |disk: &str, value| {
            ("disk_ratio".to_owned(), vec![("disk".to_owned(), disk.to_owned())], MetricValue::Gauge(value))
        };
        let time = |value| ("cpu_seconds_total".to_owned(), vec![], MetricValue::Total(value));
        assert_eq!(round(&[("a", 0.5), ("b", 0.25)], Some(1.5)), [time(1.5), of("a", 0.5), of("b", 0.25)]);
        assert_eq!(round(&[("b", 0.75)], Some(f64::NAN)), [of("b", 0.75)]);
        assert_eq!(round(&[], None), []);
        assert_eq!(round(&[("b", 0.0), ("a", 1.0)], Some(2.0)), [time(2.0), of("a", 1.0), of("b", 0.0)]);
    }
}
