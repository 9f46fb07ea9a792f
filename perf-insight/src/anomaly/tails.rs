//! How high the highest of a block goes, and how low the lowest.

/// The values of a block.
const BLOCK: u32 = 64;
/// The blocks that are remembered, about: older ones fade.
const MEMORY: f64 = 64.0;
/// The blocks from which there is an answer.
const LEARNED: f64 = 4.0;
/// The deviation of few blocks is taken to be so many blocks' share larger.
const FEW: f64 = 4.0;
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
}

impl Default for Side {
    fn default() -> Self {
        Self { highest: f64::NEG_INFINITY, mean: 0.0, variance: 0.0, record: 0.0, mode: 0.0, scale: 1.0 }
    }
}

impl Side {
    /// How far a number is beyond the usual extremes; 0 within what was seen already.
    fn score(&self, number: f64) -> f64 {
        if number > self.record + BEYOND * self.scale { ((number - self.mode) / self.scale).max(0.0) } else { 0.0 }
    }

    /// The number beyond which the score is more than this.
    fn bound(&self, score: f64) -> f64 {
        f64::max(self.mode + score * self.scale, self.record + BEYOND * self.scale)
    }

    /// The end of a block, the `blocks`-th.
    fn close(&mut self, blocks: f64, distance: f64) {
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
            self.scale = f64::max(deviation * DEVIATION_TO_SCALE, least) * (1.0 + FEW / count);
            self.mode = self.mean - EULER * self.scale;
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
    count: f64,
    blocks: f64,
    in_block: u32,
}

impl Tails {
    /// How far a number is beyond the usual extremes, on Gumbel's scale; 0 at first.
    pub(super) fn score(&self, number: f64) -> f64 {
        if self.blocks < LEARNED {
            return 0.0;
        }
        self.high.score(number).max(self.low.score(-number))
    }

    /// The numbers within which the score is at most this.
    pub(super) fn bounds(&self, score: f64) -> Option<(f64, f64)> {
        (self.blocks >= LEARNED).then(|| (-self.low.bound(score), self.high.bound(score)))
    }

    /// One more number.
    pub(super) fn learn(&mut self, number: f64) {
        self.count += 1.0;
        let share = f64::max(SLOW, 1.0 / self.count);
        self.mean += share * (number - self.mean);
        self.distance += share * ((number - self.mean).abs() - self.distance);
        self.high.highest = self.high.highest.max(number);
        self.low.highest = self.low.highest.max(-number);
        self.in_block += 1;
        if self.in_block == BLOCK {
            self.in_block = 0;
            self.blocks += 1.0;
            self.high.close(self.blocks, self.distance);
            self.low.close(self.blocks, self.distance);
        }
    }
}
