use super::spec::MAX_LIMIT;
use super::{BudgetError, Measure};
use crate::Money;
use crate::cost::{Bound, Gap, Price};
use crate::usage::Usage;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most that a call can cost, made before it.
///
/// `Estimate::of(prices.bound(..), ..)` makes a strict one: with it, what is spent and reserved never exceeds a limit, as long as the
/// bound on tokens holds. With the [p99 of answers](OutputSizes) in place of the most tokens it is likely, and an overdraft blocks the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Estimate {
    pub(super) money: Option<Money>,
    pub(super) tokens: Option<u64>,
    input_money: Option<Money>,
    input_tokens: Option<u64>,
    pub(super) site: Option<&'static str>,
}

impl Estimate {
    /// An estimate of which neither money nor tokens are known.
    pub const UNKNOWN: Self = Self { money: None, tokens: None, input_money: None, input_tokens: None, site: None };

    /// At most so much money, and so much for the prompt alone.
    pub fn money(most: Money, input: Money) -> Self {
        Self { money: Some(most), input_money: Some(input), ..Self::UNKNOWN }
    }

    /// The estimate from a bound of the prices (`None` for a model without a price), and at most so many tokens of prompt and answer.
    pub fn of(bound: Option<Bound>, input_tokens: u64, output_tokens: u64) -> Self {
        let money = bound.map_or(Self::UNKNOWN, |bound| Self::money(bound.total, bound.input));
        money.tokens(input_tokens.saturating_add(output_tokens), input_tokens)
    }

    /// At most so many tokens, and so many of the prompt alone.
    #[must_use]
    pub fn tokens(mut self, most: u64, input: u64) -> Self {
        (self.tokens, self.input_tokens) = (Some(most), Some(input));
        self
    }

    /// The place that the call comes from, for the error of a refusal.
    #[must_use]
    pub fn site(mut self, site: &'static str) -> Self {
        self.site = Some(site);
        self
    }

    pub(super) fn check(&self) -> Result<(), BudgetError> {
        if let Some(money) = self.money.filter(|money| !(0..=MAX_LIMIT).contains(&money.picos())) {
            return Err(BudgetError::BadEstimate { field: "money", value: money.picos().into() });
        }
        match self.tokens.filter(|tokens| *tokens > MAX_LIMIT.unsigned_abs()) {
            Some(tokens) => Err(BudgetError::BadEstimate { field: "tokens", value: tokens.into() }),
            None => Ok(()),
        }
    }

    /// The need of a measure, and the part of it that the prompt needs alone; `None` where nobody told.
    pub(super) fn need(&self, measure: Measure) -> Option<(i64, i64)> {
        let tokens = |tokens: u64| i64::try_from(tokens).unwrap_or(MAX_LIMIT);
        let (most, input) = match measure {
            Measure::Money => (self.money?.picos(), self.input_money.map(Money::picos)),
            Measure::Tokens => (tokens(self.tokens?), self.input_tokens.map(tokens)),
            Measure::Calls => (1, Some(1)),
        };
        Some((most, input.unwrap_or(most).clamp(0, most)))
    }
}

/// The real cost of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spend {
    money: Option<Money>,
    tokens: Option<u64>,
}

impl Spend {
    /// A call of which nobody knows what it cost: it is charged what it reserved.
    pub const UNKNOWN: Self = Self { money: None, tokens: None };

    /// A call that costs nothing.
    pub const NOTHING: Self = Self { money: Some(Money::ZERO), tokens: Some(0) };

    /// So much money.
    pub fn money(money: Money) -> Self {
        Self { money: Some(money), ..Self::UNKNOWN }
    }

    /// The money and the tokens of a call that was priced.
    ///
    /// Its money is unknown where the price lacks a count that nobody told ([`Gap::UsageUnknown`]): the part that is known would settle the
    /// rest as 0. Its tokens are unknown where those of the prompt or of the answer are.
    pub fn of(price: &Price, usage: &Usage) -> Self {
        let lacks_a_count = price.gaps().any(|gap| matches!(gap, Gap::UsageUnknown(_)));
        Self { money: price.total().filter(|_| !lacks_a_count), tokens: usage.tokens() }
    }

    /// So much money and so many tokens, of which each may be unknown.
    pub fn new(money: Option<Money>, tokens: Option<u64>) -> Self {
        Self { money, tokens }
    }

    /// The amount spent of a measure; `None` where nobody knows. Less than nothing is nothing.
    pub(super) fn amount(&self, measure: Measure) -> Option<i64> {
        match measure {
            Measure::Money => self.money.map(|money| money.picos().max(0)),
            Measure::Tokens => self.tokens.map(|tokens| i64::try_from(tokens).unwrap_or(i64::MAX)),
            Measure::Calls => Some(1),
        }
    }
}

/// Buckets of answers' sizes: eight for each power of two.
const STEPS: usize = 8;
const BUCKETS: usize = 40 * STEPS;
/// Answers before a percentile is told.
const ENOUGH: u64 = 20;

/// The sizes of a site's answers, for estimates: keep one for each site and model.
///
/// Sizes are counted in buckets that are at most 12.5 % wide, and a percentile is the upper end of its bucket. Recording takes no lock and
/// allocates nothing.
#[derive(Debug)]
pub struct OutputSizes {
    buckets: [AtomicU64; BUCKETS],
}

impl Default for OutputSizes {
    fn default() -> Self {
        Self::new()
    }
}

impl OutputSizes {
    /// No sizes yet.
    pub const fn new() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS] }
    }

    /// Notes the tokens of one answer.
    pub fn record(&self, tokens: u64) {
        if let Some(bucket) = self.buckets.get(bucket(tokens)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Answers that were noted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// The tokens that 99 of 100 answers do not exceed; `None` before 20 answers.
    pub fn p99(&self) -> Option<u64> {
        let count = self.count();
        if count < ENOUGH {
            return None;
        }
        let rank = count - count / 100;
        let mut seen = 0;
        self.buckets.iter().enumerate().find_map(|(at, bucket)| {
            seen += bucket.load(Ordering::Relaxed);
            (seen >= rank).then(|| upper(at))
        })
    }

    /// The tokens to reserve for an answer: the p99 so far, and the most where that is less or too few answers are known.
    pub fn estimate(&self, most: u64) -> u64 {
        self.p99().map_or(most, |p99| p99.min(most))
    }
}

fn bucket(tokens: u64) -> usize {
    let tokens = tokens.min(1 << 39);
    if tokens < STEPS as u64 {
        return usize::try_from(tokens).unwrap_or(0);
    }
    let power = tokens.ilog2() - STEPS.ilog2();
    let step = usize::try_from(tokens >> power).unwrap_or(0) - STEPS;
    (power as usize + 1) * STEPS + step
}

/// The largest number of a bucket.
fn upper(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let power = bucket / STEPS - 1;
    ((STEPS + bucket % STEPS + 1) as u64) * (1 << power) - 1
}
