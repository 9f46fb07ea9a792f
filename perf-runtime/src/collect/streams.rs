//! The families of streams: of series whose calls are such, and of no others.

use super::ladder::Ladder;
use crate::measure::cells::streams::{StreamBuckets, StreamSums};
use crate::measure::model::kind::Kind;
use crate::observe::series::entry::Series;

/// A figure of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamFigure {
    /// A counter.
    Items,
    /// A histogram, as is the next.
    FirstItem,
    LongestGap,
}

/// The numbers of a series of streams.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamNumbers {
    pub(crate) items: u64,
    first: Spread,
    gap: Spread,
}

/// Durations by bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spread {
    /// The count at or below each bound; nothing where there are none.
    pub(crate) cumulative: Vec<u64>,
    pub(crate) count: u64,
    pub(crate) nanos: u64,
}

impl Spread {
    fn of(buckets: &[u64], nanos: u64, ladder: &Ladder) -> Self {
        let mut cumulative = Vec::new();
        let count = ladder.accumulate(buckets, &mut cumulative);
        Self { cumulative, count, nanos }
    }
}

impl StreamNumbers {
    /// `None` where the calls of the series are no streams.
    pub(crate) fn of(series: &Series, ladder: &Ladder) -> Option<Self> {
        let StreamSums { items, first_nanos, gap_nanos, .. } = series.streams()?;
        let StreamBuckets { first, gap } = series.stream_buckets();
        Some(Self { items, first: Spread::of(&first, first_nanos, ladder), gap: Spread::of(&gap, gap_nanos, ladder) })
    }
}

impl StreamFigure {
    pub(crate) const ALL: [Self; 3] = [Self::Items, Self::FirstItem, Self::LongestGap];

    pub(crate) const fn is_histogram(self) -> bool {
        matches!(self, Self::FirstItem | Self::LongestGap)
    }

    /// The name of its family, of a kind.
    pub(crate) fn name(self, kind: Kind) -> String {
        let stem = kind.stem();
        let figure = match self {
            Self::Items => "stream_items_total",
            Self::FirstItem => "first_item_seconds",
            Self::LongestGap => "longest_gap_seconds",
        };
        format!("{stem}_{figure}")
    }

    /// The help text, to follow the kind's name.
    pub(crate) const fn help(self) -> &'static str {
        match self {
            Self::Items => " that are streams: items.",
            Self::FirstItem => " that are streams: seconds from the first poll to the first item.",
            Self::LongestGap => {
                " that are streams, gave an item and ended: seconds of the longest wait after the first item."
            }
        }
    }

    /// Its durations, of a histogram.
    pub(crate) fn spread(self, numbers: &StreamNumbers) -> Option<&Spread> {
        match self {
            Self::Items => None,
            Self::FirstItem => Some(&numbers.first),
            Self::LongestGap => Some(&numbers.gap),
        }
    }
}
