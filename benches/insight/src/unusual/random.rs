//! Random numbers, the same for the same seed.

/// `SplitMix64` (G. Steele, D. Lea, C. Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014).
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xD134_2543_DE82_EF95))
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Evenly between 0 and 1, neither of them.
    pub(super) fn even(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64 + f64::EPSILON / 4.0
    }

    /// Normal with mean 0 and deviation 1 (G. Box, M. Muller, 1958).
    pub(super) fn normal(&mut self) -> f64 {
        (-2.0 * self.even().ln()).sqrt() * (std::f64::consts::TAU * self.even()).cos()
    }

    pub(super) fn lognormal(&mut self, deviation: f64) -> f64 {
        (deviation * self.normal()).exp()
    }

    pub(super) fn exponential(&mut self) -> f64 {
        -self.even().ln()
    }

    pub(super) fn pareto(&mut self, tail: f64) -> f64 {
        self.even().powf(-1.0 / tail)
    }

    /// A count with this mean, of a few dozen at most (D. Knuth, *Seminumerical algorithms*, 3.4.1).
    pub(super) fn poisson(&mut self, mean: f64) -> f64 {
        let (end, mut product, mut count) = ((-mean).exp(), self.even(), 0.0);
        while product > end {
            product *= self.even();
            count += 1.0;
        }
        count
    }
}
