//! Items of streams, and how long was waited for them.

use super::histogram::Layout;
use super::lazy::LazyBox;
use super::slot;
use std::array;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// So that threads seldom meet.
const STRIPES: usize = 8;

/// The streams of one meter. Without memory until the first of them is polled: 12 KiB then.
#[derive(Debug)]
pub(crate) struct StreamCounts(LazyBox<Counts>);

#[derive(Debug)]
struct Counts {
    items: [Stripe; STRIPES],
    first: Times,
    gap: Times,
}

/// On a pair of cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(AtomicU64);

/// Durations in the buckets of a layout.
#[derive(Debug)]
struct Times {
    layout: &'static Layout,
    nanos: AtomicU64,
    buckets: Box<[AtomicU64]>,
}

/// The sums of the streams of a series, as they stood when they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamSums {
    /// Items that were given.
    pub(crate) items: u64,
    /// Calls that gave an item.
    pub(crate) first_items: u64,
    /// The summed times to their first items.
    pub(crate) first_nanos: u64,
    /// Calls that gave an item, and ended.
    pub(crate) ended: u64,
    /// Their summed longest gaps.
    pub(crate) gap_nanos: u64,
}

/// The same by bucket: the times to the first item, and the longest gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamBuckets {
    pub(crate) first: Vec<u64>,
    pub(crate) gap: Vec<u64>,
}

impl StreamCounts {
    pub(crate) const fn new() -> Self {
        Self(LazyBox::new())
    }

    fn counts(&self, layout: &'static Layout) -> &Counts {
        self.0.get_or_init(|| {
            let times = || Times::new(layout);
            Box::new(Counts { items: array::from_fn(|_| Stripe::default()), first: times(), gap: times() })
        })
    }

    /// Counts items.
    pub(crate) fn add_items(&self, items: u64, layout: &'static Layout) {
        self.counts(layout).items[slot::current().index() % STRIPES].0.fetch_add(items, Relaxed);
    }

    /// Counts the first item of a call, so long after its first poll.
    pub(crate) fn add_first(&self, nanos: u64, layout: &'static Layout) {
        self.counts(layout).first.add(nanos);
    }

    /// Counts the longest gap of a call that ends, and gave an item.
    pub(crate) fn add_gap(&self, nanos: u64, layout: &'static Layout) {
        self.counts(layout).gap.add(nanos);
    }

    /// The memory of them on the heap, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let of = |times: &Times| size_of_val::<[AtomicU64]>(&times.buckets);
        self.0.get().map_or(0, |counts| size_of::<Counts>() + of(&counts.first) + of(&counts.gap))
    }

    /// Adds the sums to others.
    pub(crate) fn read_into(&self, sums: &mut StreamSums) {
        let Some(counts) = self.0.get() else { return };
        let all = |times: &Times| times.buckets.iter().map(|count| count.load(Relaxed)).sum::<u64>();
        let items = counts.items.iter().map(|stripe| stripe.0.load(Relaxed)).sum();
        sums.add(StreamSums {
            items,
            first_items: all(&counts.first),
            first_nanos: counts.first.nanos.load(Relaxed),
            ended: all(&counts.gap),
            gap_nanos: counts.gap.nanos.load(Relaxed),
        });
    }

    /// Adds the buckets to others, which are those of `layout`.
    pub(crate) fn read_buckets_into(&self, buckets: &mut StreamBuckets, layout: &Layout) {
        if let Some(counts) = self.0.get() {
            counts.first.read_into(&mut buckets.first, layout);
            counts.gap.read_into(&mut buckets.gap, layout);
        }
    }
}

impl Times {
    fn new(layout: &'static Layout) -> Self {
        Self { layout, nanos: AtomicU64::new(0), buckets: (0..layout.len()).map(|_| AtomicU64::new(0)).collect() }
    }

    fn add(&self, nanos: u64) {
        self.nanos.fetch_add(nanos, Relaxed);
        if let Some(bucket) = self.buckets.get(self.layout.index(nanos)) {
            bucket.fetch_add(1, Relaxed);
        }
    }

    /// Each of its buckets goes where its largest duration lies.
    fn read_into(&self, counts: &mut Vec<u64>, layout: &Layout) {
        if counts.len() < layout.len() {
            counts.resize(layout.len(), 0);
        }
        for (bucket, count) in self.buckets.iter().enumerate() {
            let count = count.load(Relaxed);
            if count > 0
                && let Some(sum) = counts.get_mut(layout.index(self.layout.range(bucket).1))
            {
                *sum += count;
            }
        }
    }
}

impl StreamSums {
    /// Adds what others counted.
    pub(crate) fn add(&mut self, other: Self) {
        self.items = self.items.wrapping_add(other.items);
        self.first_items = self.first_items.wrapping_add(other.first_items);
        self.first_nanos = self.first_nanos.wrapping_add(other.first_nanos);
        self.ended = self.ended.wrapping_add(other.ended);
        self.gap_nanos = self.gap_nanos.wrapping_add(other.gap_nanos);
    }

    /// The difference to an earlier reading.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            items: self.items.saturating_sub(earlier.items),
            first_items: self.first_items.saturating_sub(earlier.first_items),
            first_nanos: self.first_nanos.saturating_sub(earlier.first_nanos),
            ended: self.ended.saturating_sub(earlier.ended),
            gap_nanos: self.gap_nanos.saturating_sub(earlier.gap_nanos),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::model::kind::Kind;

    #[test]
    fn memory_is_that_of_series_of_streams_alone() {
        let (counts, layout) = (StreamCounts::new(), Layout::of(Kind::Operation));
        counts.read_into(&mut StreamSums::default());
        assert_eq!(counts.bytes(), 0);
        counts.add_items(1, layout);
        assert!((8 << 10..16 << 10).contains(&counts.bytes()), "{}", counts.bytes());
    }
}
