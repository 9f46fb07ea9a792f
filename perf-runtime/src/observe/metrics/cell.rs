//! Where the application's own metrics count.
//!
//! One cell for a series, shared by all threads, on a pair of cache lines of its own. A counter costs one atomic add, a
//! gauge a swap or a compare-and-swap, a histogram a search in its bounds, an atomic add and a compare-and-swap. Nothing is
//! ever reset, and nothing is locked or allocated. Values read elsewhere once in a while are put into a cell that can be
//! empty: then there is no such series.

use crate::measure::cells::failures::text::cut;
use crate::observe::metrics::kind::MetricKind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The cell of one series.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Counter(Arc<CounterCell>),
    Gauge(Arc<GaugeCell>),
    Histogram(Arc<HistogramCell>),
    /// A counter or a gauge that a sampler reads.
    Sampled(MetricKind, Arc<SampledCell>),
}

impl Cell {
    pub(crate) fn kind(&self) -> MetricKind {
        match self {
            Self::Counter(_) => MetricKind::Counter,
            Self::Gauge(_) => MetricKind::Gauge,
            Self::Histogram(_) => MetricKind::Histogram,
            Self::Sampled(kind, _) => *kind,
        }
    }
}

/// A number that only grows. Whole numbers are counted as such, and beyond 2^64 begin anew at zero; fractions beside them.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct CounterCell {
    whole: AtomicU64,
    fractions: FloatCell,
}

impl CounterCell {
    pub(crate) fn add(&self, by: u64) {
        self.whole.fetch_add(by, Ordering::Relaxed);
    }

    /// Adds an amount that may have a fraction. An amount below zero, or no finite number, is ignored.
    pub(crate) fn add_amount(&self, amount: f64) {
        /// Up to here every whole number is one, and none is lost in the conversion.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number up to 2^53")]
        if (0.0..=EXACT).contains(&amount) && amount.fract() == 0.0 {
            self.add(amount as u64);
        } else if amount > 0.0 && amount.is_finite() {
            self.fractions.add(amount);
        }
    }

    /// Moves the counter to `value`, unless it is there or further already.
    pub(crate) fn raise_to(&self, value: u64) {
        self.whole.fetch_max(value, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.whole.load(Ordering::Relaxed)
    }

    /// The sum of the fractions; nothing where there never was one.
    pub(crate) fn fractions(&self) -> Option<f64> {
        Some(self.fractions.value()).filter(|fractions| *fractions > 0.0)
    }

    /// All of it.
    pub(crate) fn total(&self) -> f64 {
        self.value() as f64 + self.fractions.value()
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct GaugeCell(FloatCell);

impl GaugeCell {
    pub(crate) fn put(&self, value: f64) {
        self.0.0.store(value.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn add(&self, by: f64) {
        self.0.add(by);
    }

    pub(crate) fn value(&self) -> f64 {
        self.0.value()
    }
}

/// A value read elsewhere, or none; and words beside it, where there are any.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct SampledCell {
    bits: AtomicU64,
    has_note: AtomicBool,
    note: Mutex<Option<Arc<str>>>,
}

/// So many bytes of a note are kept.
const NOTE: usize = 500;

/// The mark of no value: the not-a-number by which Prometheus marks a series as gone, which no computation gives.
const NOTHING: u64 = 0x7ff0_0000_0000_0002;

impl Default for SampledCell {
    fn default() -> Self {
        Self { bits: AtomicU64::new(NOTHING), has_note: AtomicBool::new(false), note: Mutex::default() }
    }
}

impl SampledCell {
    /// Puts a value, without words.
    pub(crate) fn put(&self, value: f64) {
        self.store(value.to_bits());
    }

    pub(crate) fn clear(&self) {
        self.store(NOTHING);
    }

    fn store(&self, bits: u64) {
        self.bits.store(bits, Ordering::Relaxed);
        if self.has_note.swap(false, Ordering::Relaxed) {
            *self.note_itself() = None;
        }
    }

    /// Puts words beside the value.
    pub(crate) fn set_note(&self, text: &str) {
        *self.note_itself() = Some(cut(text, NOTE).into());
        self.has_note.store(true, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> Option<f64> {
        let bits = self.bits.load(Ordering::Relaxed);
        (bits != NOTHING).then(|| f64::from_bits(bits))
    }

    /// The words beside the value.
    pub(crate) fn note(&self) -> Option<Arc<str>> {
        if self.has_note.load(Ordering::Relaxed) { self.note_itself().clone() } else { None }
    }

    fn note_itself(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Values counted by bounds that include themselves, and their sum.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct HistogramCell {
    sum: FloatCell,
    /// Ascending.
    bounds: Arc<[f64]>,
    /// One for each bound, and one for what lies above all.
    buckets: Box<[AtomicU64]>,
}

impl HistogramCell {
    pub(crate) fn new(bounds: Arc<[f64]>) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { sum: FloatCell::default(), bounds, buckets }
    }

    /// Counts a value `times` times. A NaN counts above all bounds. Neither it nor an infinite
    /// value adds to the sum, which it would spoil for ever.
    pub(crate) fn count(&self, value: f64, times: u64) {
        self.count_alone(value, times);
        if value.is_finite() {
            self.sum.add(value * times as f64);
        }
    }

    /// Adds to the sum alone.
    pub(crate) fn add_sum(&self, by: f64) {
        self.sum.add(by);
    }

    /// Counts a value `times` times, without its part of the sum.
    pub(crate) fn count_alone(&self, value: f64, times: u64) {
        let bucket =
            self.bounds.partition_point(|&bound| !matches!(value.partial_cmp(&bound), Some(order) if order.is_le()));
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(times, Ordering::Relaxed);
        }
    }

    pub(crate) fn sum(&self) -> f64 {
        self.sum.value()
    }

    pub(crate) fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// The counts at or below each bound, and then of all.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = u64> {
        self.buckets.iter().scan(0_u64, |sum, bucket| {
            *sum += bucket.load(Ordering::Relaxed);
            Some(*sum)
        })
    }
}

#[derive(Debug, Default)]
struct FloatCell(AtomicU64);

impl FloatCell {
    fn add(&self, by: f64) {
        let mut bits = self.0.load(Ordering::Relaxed);
        loop {
            let sum = (f64::from_bits(bits) + by).to_bits();
            match self.0.compare_exchange_weak(bits, sum, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(newer) => bits = newer,
            }
        }
    }

    fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_counter_never_goes_back() {
        let counter = CounterCell::default();
        counter.add(5);
        counter.raise_to(3);
        assert_eq!(counter.value(), 5);
        counter.raise_to(9);
        counter.add(1);
        assert_eq!(counter.value(), 10);
    }

    #[test]
    fn what_is_no_number_counts_and_spoils_nothing() {
        let histogram = HistogramCell::new([0.0, 1.0].into());
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.5] {
            histogram.count(value, 2);
        }
        assert_eq!(histogram.cumulative().collect::<Vec<_>>(), [2, 4, 8]);
        assert!((histogram.sum() - 1.0).abs() < f64::EPSILON);
    }

    proptest! {
        #[test]
        fn counts_are_exact_at_every_bound(
            bounds in prop::collection::btree_set(-50_i16..50, 0..12),
            samples in prop::collection::vec(-60_i16..60, 0..100),
        ) {
            let bounds: Vec<f64> = bounds.into_iter().map(f64::from).collect();
            let histogram = HistogramCell::new(bounds.clone().into());
            for &sample in &samples {
                histogram.count(f64::from(sample), 1);
            }
            let brute = bounds.iter().chain([&f64::INFINITY]).map(|&bound| {
                samples.iter().filter(|&&sample| f64::from(sample) <= bound).count() as u64
            });
            prop_assert!(histogram.cumulative().eq(brute));
            let sum: f64 = samples.into_iter().map(f64::from).sum();
            prop_assert!((histogram.sum() - sum).abs() < 1e-9);
        }
    }

    #[test]
    fn a_counter_counts_whole_numbers_and_fractions() {
        let counter = CounterCell::default();
        counter.add_amount(2.0);
        assert_eq!((counter.value(), counter.fractions()), (2, None), "a whole number stays one");
        counter.add_amount(0.25);
        counter.add_amount(0.5);
        assert_eq!((counter.fractions(), counter.total()), (Some(0.75), 2.75));
        for ignored in [-1.0, f64::NAN, f64::INFINITY] {
            counter.add_amount(ignored);
        }
        assert_eq!(counter.total().to_bits(), 2.75_f64.to_bits(), "it only grows");
    }
}
