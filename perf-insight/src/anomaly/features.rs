//! The numbers that the tests look at.

/// An exponential average follows about as many values as the inverse of its rate.
const FAST: f64 = 1.0 / 8.0;
/// The course that a surprise is judged by.
const LEVEL: f64 = 1.0 / 20.0;
const SHORT: f64 = 1.0 / 30.0;
const MIDDLE: f64 = 1.0 / 60.0;
const LONG: f64 = 1.0 / 200.0;
/// The distance of values from a short average, over the whole series.
const SLOW: f64 = 1.0 / 2000.0;
/// One value moves the usual distance by ten of it at most.
const CLIP: f64 = 10.0;
/// A surprise of more usual distances than this tells nothing more, and sums of squares and records keep their measure.
const FARTHEST: f64 = 1e4;
/// The values after which a distance can be called usual.
const SEEN: f64 = 20.0;
/// The part of the usual distance that counts as spread always, so that that of a flat line is not infinitely small.
const GROUND: f64 = 0.02;

/// The averages that the numbers are made from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Features {
    count: f64,
    /// The averages whose differences are the step and the shift.
    fast: f64,
    short: f64,
    long: f64,
    /// The average, the average of that, and the usual distance behind the surprise.
    level: f64,
    trailing: f64,
    distance: f64,
    /// The usual distance over the whole series, a part of which the surprise's never falls below.
    lasting: f64,
    /// The average, the variance and the usual distance behind the spread.
    middle: f64,
    variance: f64,
    usual: f64,
}

impl Features {
    /// The value that comes next, as far as the averages tell, and the usual distance from it; `None` at first.
    pub(super) fn ahead(&self) -> Option<(f64, f64)> {
        (self.count >= SEEN && self.distance > 0.0).then(|| (self.next(), self.distance))
    }

    /// The values that the averages run to, not where they are: a series that rises by the hour is no surprise (R. Brown, *Smoothing,
    /// forecasting and prediction of discrete time series*, 1963).
    fn next(&self) -> f64 {
        2.0 * self.level - self.trailing + (self.level - self.trailing) * LEVEL / (1.0 - LEVEL)
    }

    /// Value, surprise, step, shift and spread, of the values so far and this one; `None` of the first twenty values, from
    /// which none of them can be told.
    pub(super) fn of(&mut self, value: f64) -> Option<[f64; 5]> {
        if self.count == 0.0 {
            (self.fast, self.short, self.long) = (value, value, value);
            (self.level, self.trailing, self.middle) = (value, value, value);
        }
        self.count += 1.0;
        // At first a plain average of all.
        let rate = |rate: f64| f64::max(rate, 1.0 / self.count);
        self.fast += FAST * (value - self.fast);
        self.short += SHORT * (value - self.short);
        self.long += LONG * (value - self.long);

        let off = value - self.next();
        let is_usual = self.count > SEEN && self.distance > 0.0;
        let surprise = if is_usual { (off / self.distance).clamp(-FARTHEST, FARTHEST) } else { 0.0 };
        // So far beyond the usual is another measure, not an outlier: clipped, the distance would not get there for long.
        let is_clipped = is_usual && surprise.abs() < FARTHEST;
        let clipped = if is_clipped { off.abs().min(CLIP * self.distance) } else { off.abs() };
        self.lasting += rate(SLOW) * (clipped - self.lasting);
        self.distance += rate(LONG) * (clipped - self.distance);
        // After a flat time the first stir is no infinitely large one.
        self.distance = self.distance.max(GROUND * self.lasting);
        self.level += rate(LEVEL) * (value - self.level);
        self.trailing += rate(LEVEL) * (self.level - self.trailing);

        let aside = value - self.middle;
        let share = rate(MIDDLE);
        self.middle += share * aside;
        self.variance = (1.0 - share) * (self.variance + share * aside * aside);
        self.usual += rate(SLOW) * (aside.abs() - self.usual);
        let spread = (self.variance.sqrt() + GROUND * self.usual).max(f64::MIN_POSITIVE).ln();
        let features = [value, surprise, self.fast - self.middle, self.short - self.long, spread];
        (self.count > SEEN).then_some(features)
    }
}
