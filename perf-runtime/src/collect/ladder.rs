//! The bounds that histograms show.

use super::short::Short;
use crate::measure::cells::histogram::Bound;
use crate::observe::series::entry::Series;
use std::sync::Arc;

/// The bounds that a histogram shows, ascending; the last is infinite. Series that show the same have one together.
#[derive(Debug)]
pub(crate) struct Ladder {
    /// The address of the layout that the bounds are of.
    layout: usize,
    pub(crate) steps: Box<[Step]>,
}

/// One exposed bound.
#[derive(Debug)]
pub(crate) struct Step {
    /// How many buckets of the layout lie at or below it.
    buckets: usize,
    pub(crate) nanos: u64,
    /// The text of a line between `le="` and the number: for Prometheus, and for OpenMetrics.
    pub(crate) tails: [Short; 2],
}

impl Ladder {
    /// The bounds that a series shows. `known` is where those are looked for and kept.
    pub(crate) fn of(series: &Series, known: &mut Vec<Arc<Self>>) -> Arc<Self> {
        let bounds = series.bounds();
        let layout = std::ptr::from_ref(series.layout).addr();
        let is_it = |ladder: &&Arc<Self>| {
            let shown = ladder.steps.iter().map(|step| step.nanos);
            ladder.layout == layout && shown.eq(bounds.iter().map(|bound| bound.nanos).chain([u64::MAX]))
        };
        if let Some(ladder) = known.iter().find(is_it) {
            return Arc::clone(ladder);
        }
        let steps = bounds.into_iter().map(Step::new).chain([Step::infinite()]).collect();
        let ladder = Arc::new(Self { layout, steps });
        known.push(Arc::clone(&ladder));
        ladder
    }

    /// Adds the count at or below each bound to `cumulative`, where there is any at all. Gives the count of all.
    pub(crate) fn accumulate(&self, buckets: &[u64], cumulative: &mut Vec<u64>) -> u64 {
        if buckets.is_empty() {
            return 0;
        }
        let before = cumulative.len();
        let (mut count, mut counted, mut rest) = (0_u64, 0, buckets);
        for step in &self.steps {
            let (below, above) = rest.split_at(step.buckets.saturating_sub(counted).min(rest.len()));
            count += below.iter().sum::<u64>();
            cumulative.push(count);
            (rest, counted) = (above, step.buckets);
        }
        if count == 0 {
            cumulative.truncate(before);
        }
        count
    }
}

impl Step {
    fn new(bound: &Bound) -> Self {
        Self { buckets: bound.buckets, nanos: bound.nanos, tails: [&bound.le, &canonical(bound)].map(|le| tail(le)) }
    }

    fn infinite() -> Self {
        Self { buckets: usize::MAX, nanos: u64::MAX, tails: ["+Inf"; 2].map(tail) }
    }
}

fn tail(le: &str) -> Short {
    Short::new(&format!("{le}\"}} "))
}

/// A bound as OpenMetrics wants numbers in labels: as Go's `%g` writes them, with `.0` behind a whole number. No bound is
/// so large that it had an exponent, and those that are so small have one digit in it.
fn canonical(bound: &Bound) -> String {
    const LEAST_WITHOUT_EXPONENT: u64 = 100_000;
    if bound.nanos < LEAST_WITHOUT_EXPONENT {
        let seconds = bound.nanos as f64 / 1e9;
        return format!("{seconds:e}").replace("e-", "e-0");
    }
    let point = if bound.le.contains('.') { "" } else { ".0" };
    format!("{}{point}", bound.le)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_decimal_numbers_in_openmetrics() {
        let canonical = |nanos: u64| canonical(&Bound { nanos, le: (nanos as f64 / 1e9).to_string(), buckets: 1 });
        let of = [1, 12_345, 50_000, 99_999, 100_000, 5_000_000, 1_000_000_000, 2_500_000_000, 280_800_000_000_000];
        let shown = ["1e-09", "1.2345e-05", "5e-05", "9.9999e-05", "0.0001", "0.005", "1.0", "2.5", "280800.0"];
        assert_eq!(of.map(canonical), shown);
    }
}
