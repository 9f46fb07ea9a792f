//! How high the highest of a block goes, and how low the lowest.
//!
//! Gumbel's distribution is what the extremes of ever longer blocks come to. Those of 64 values whose tails are as light as the normal
//! ones' are not there yet: far out they are exceeded far less often than it says, so bounds by it alone are too wide to find
//! what they could. So the number of values that a bound stands for goes by a power of its distance from the mean, the
//! penultimate approximation (R. Fisher, L. Tippett, 1928; J. Cohen, *Convergence rates for the ultimate and penultimate approximations
//! in extreme-value theory*, 1982), and the power is what agrees with the scale and the mode of the extremes that were seen: about
//! 1.5 for normal values, 1 for exponential ones.

/// The values of a block.
const BLOCK: u32 = 64;
/// The blocks that are remembered, about: older ones fade.
const MEMORY: f64 = 64.0;
/// The blocks from which there is an answer.
const LEARNED: f64 = 4.0;
/// The deviation of few blocks is taken to be so many blocks' share larger.
const FEW: f64 = 1.0;
/// The powers by which tails may fall off: what swings by itself is not taken for a heavy tail without end, nor a flat one for a light one.
const HEAVIEST: f64 = 0.8;
const LIGHTEST: f64 = 2.0;
/// The scale is at least this part of the usual distance from the mean.
const GROUND: f64 = 0.1;
/// The usual distance follows about so many values.
const SLOW: f64 = 1.0 / 2000.0;
/// The share that is left, after a block, of the distance of the highest ever from the mean of the highest: 1 / e after 10,000 values.
const FADED: f64 = 0.993_620_4;
/// A number is beyond what was seen already by at least so many scales.
const BEYOND: f64 = 1.0;
/// Gumbel's distribution: the scale is the deviation times √6 / π, and the mean is Euler's constant scales above the mode.
const DEVIATION_TO_SCALE: f64 = 0.779_696_801_233_675_9;
const EULER: f64 = 0.577_215_664_901_532_9;

/// The logarithm of how many of the numbers of a block are news, each by itself rather than an average of those before; `None` where
/// hardly one is, and their fall cannot be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fresh(Option<f64>);

impl Fresh {
    /// All of them.
    pub(super) const ALL: Self = Self(Some(4.158_883_083_359_672));
    /// One of eight.
    pub(super) const EIGHTH: Self = Self(Some(2.079_441_541_679_836));
    pub(super) const NONE: Self = Self(None);
}

/// The extremes of one side, the low ones with their sign turned.
#[derive(Clone, Copy, Debug)]
struct Side {
    /// The highest of the running block.
    highest: f64,
    mean: f64,
    variance: f64,
    /// The highest ever, which fades.
    record: f64,
    /// Gumbel's mode and scale.
    mode: f64,
    scale: f64,
    /// The power by which the tail falls off: 1 for Gumbel's distribution, more for lighter tails.
    power: f64,
}

impl Default for Side {
    fn default() -> Self {
        Self { highest: f64::NEG_INFINITY, mean: 0.0, variance: 0.0, record: 0.0, mode: 0.0, scale: 1.0, power: 1.0 }
    }
}

impl Side {
    /// How far a number is beyond the usual extremes; 0 within what was seen already.
    fn score(&self, number: f64, fresh: Fresh) -> f64 {
        if number <= self.record + BEYOND * self.scale {
            return 0.0;
        }
        let off = ((number - self.mode) / self.scale).max(0.0);
        let Fresh(Some(count)) = fresh else { return off };
        (count * ((1.0 + off / (count * self.power)).powf(self.power) - 1.0)).min(f64::MAX)
    }

    /// The number beyond which the score is more than this.
    fn bound(&self, score: f64, fresh: Fresh) -> f64 {
        let off = match fresh {
            Fresh(Some(count)) => count * self.power * ((1.0 + score / count).powf(self.power.recip()) - 1.0),
            Fresh(None) => score,
        };
        f64::max(self.mode + off * self.scale, self.record + BEYOND * self.scale)
    }

    /// The end of a block, the `blocks`-th, of numbers with this mean and this usual distance from it.
    fn close(&mut self, blocks: f64, middle: f64, distance: f64, fresh: Fresh) {
        let off = self.highest - self.mean;
        if blocks <= 1.0 {
            self.mean = self.highest;
            self.record = self.highest;
        } else {
            let share = f64::max(1.0 / blocks, 1.0 / MEMORY);
            self.mean += share * off;
            self.variance = (1.0 - share) * (self.variance + share * off * off);
            self.record = f64::max(self.highest, self.mean + FADED * (self.record - self.mean));
        }
        self.highest = f64::NEG_INFINITY;
        if blocks >= LEARNED {
            let count = blocks.min(MEMORY);
            let deviation = (self.variance * count / (count - 1.0)).sqrt();
            // Where nothing ever moved, anything beyond rounding is a move.
            let least = f64::max(GROUND * distance, self.mean.abs() * 1e-9).max(1e-100);
            let seen = f64::max(deviation * DEVIATION_TO_SCALE, least);
            self.scale = seen * (1.0 + FEW / count);
            self.mode = self.mean - EULER * self.scale;
            if let Fresh(Some(count)) = fresh {
                // The addition because the blocks are few makes a tail no heavier than Gumbel's.
                let power = |scale: f64| (self.mean - EULER * scale - middle) / (scale * count);
                self.power = power(self.scale).max(power(seen).min(1.0)).clamp(HEAVIEST, LIGHTEST);
            }
        }
    }
}

/// Both sides of one test.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tails {
    high: Side,
    low: Side,
    mean: f64,
    distance: f64,
    /// Saturates.
    blocks: u32,
    in_block: u32,
}

impl Tails {
    /// How far a number is beyond the usual extremes, on Gumbel's scale; 0 at first.
    pub(super) fn score(&self, number: f64, fresh: Fresh) -> f64 {
        if f64::from(self.blocks) < LEARNED {
            return 0.0;
        }
        self.high.score(number, fresh).max(self.low.score(-number, fresh))
    }

    /// The numbers within which the score is at most this.
    pub(super) fn bounds(&self, score: f64, fresh: Fresh) -> Option<(f64, f64)> {
        let has_learned = f64::from(self.blocks) >= LEARNED;
        has_learned.then(|| (-self.low.bound(score, fresh), self.high.bound(score, fresh)))
    }

    /// One more number.
    pub(super) fn learn(&mut self, number: f64, fresh: Fresh) {
        self.in_block += 1;
        let count = f64::from(self.blocks) * f64::from(BLOCK) + f64::from(self.in_block);
        let share = f64::max(SLOW, 1.0 / count);
        self.mean += share * (number - self.mean);
        self.distance += share * ((number - self.mean).abs() - self.distance);
        self.high.highest = self.high.highest.max(number);
        self.low.highest = self.low.highest.max(-number);
        if self.in_block == BLOCK {
            self.in_block = 0;
            self.blocks = self.blocks.saturating_add(1);
            let blocks = f64::from(self.blocks);
            self.high.close(blocks, self.mean, self.distance, fresh);
            self.low.close(blocks, -self.mean, self.distance, fresh);
        }
    }
}
