//! Order statistics: a mean would tell of the machine's other guests.

/// The spread of a list of samples.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// One in ten is below it.
    pub p10: f64,
    /// The middle.
    pub median: f64,
    /// One in ten is above it.
    pub p90: f64,
    /// In 95 of 100 such lists the median of all that could have been sampled lies between these two: ranks that a sign
    /// test does not reject (W. J. Conover, Practical Nonparametric Statistics, "Quantile test"), by the normal
    /// approximation. Of a few samples, the least and the greatest.
    pub median_between: (f64, f64),
}

impl Spread {
    /// Of at least one sample.
    ///
    /// # Panics
    /// Of none.
    #[must_use]
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Self {
        let mut samples: Vec<f64> = samples.into_iter().collect();
        samples.sort_by(f64::total_cmp);
        let quantile = |share: f64| samples[((samples.len() - 1) as f64 * share).round() as usize];
        let half_width = 0.98 / (samples.len() as f64).sqrt();
        let median_between = (quantile((0.5 - half_width).max(0.0)), quantile((0.5 + half_width).min(1.0)));
        Self { min: quantile(0.0), p10: quantile(0.1), median: quantile(0.5), p90: quantile(0.9), median_between }
    }
}

/// Puts a list in random order. The order is the same in every run of the program, and another in every round.
pub fn shuffle<T>(list: &mut [T], state: &mut u64) {
    for last in (1..list.len()).rev() {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        list.swap(last, (*state % (last as u64 + 1)) as usize);
    }
}

/// Where [`shuffle`] begins: any number but zero.
pub const SEED: u64 = 0x1234_5678_9ABC_DEF0;
