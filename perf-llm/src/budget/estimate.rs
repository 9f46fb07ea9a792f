use super::spec::MAX_LIMIT;
use super::{BudgetError, Measure, Mode};
use crate::Money;
use crate::cost::{Bound, Gap, Price};
use crate::usage::{Class, Usage};

/// The most that a call can cost, made before it.
///
/// `Estimate::of(prices.bound(..), ..)` is the worst case: with it, what is spent and reserved never exceeds a limit, as long as the
/// bound on tokens holds. [`likely`](Self::likely) adds what it needs by the [p99 of answers](super::OutputSizes), for budgets whose mode is
/// [`Mode::Estimated`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Estimate {
    pub(super) money: Option<Money>,
    pub(super) tokens: Option<u64>,
    input_money: Option<Money>,
    input_tokens: Option<u64>,
    likely_money: Option<Money>,
    likely_tokens: Option<u64>,
    /// Whether nobody knows how long the answer can be.
    is_unbounded: bool,
    pub(super) site: Option<&'static str>,
}

impl Estimate {
    /// An estimate of which neither money nor tokens are known.
    pub const UNKNOWN: Self = Self {
        money: None,
        tokens: None,
        input_money: None,
        input_tokens: None,
        likely_money: None,
        likely_tokens: None,
        is_unbounded: false,
        site: None,
    };

    /// At most so much money, and so much for the prompt alone.
    pub fn money(most: Money, input: Money) -> Self {
        Self { money: Some(most), input_money: Some(input), ..Self::UNKNOWN }
    }

    /// The estimate from a bound of the prices (`None` for a model without a price), and at most so many tokens of prompt and answer.
    pub fn of(bound: Option<Bound>, input_tokens: u64, output_tokens: u64) -> Self {
        let money = bound.map_or(Self::UNKNOWN, |bound| Self::money(bound.total, bound.input));
        money.tokens(input_tokens.saturating_add(output_tokens), input_tokens)
    }

    /// The estimate of a call whose answer nobody bounds: its prompt alone is known, with the cost of that (`None` for a model without a price). Strict budgets of money and tokens
    /// refuse it, and estimated ones where nothing is [likely](Self::likely).
    pub fn unbounded(input: Option<Money>, input_tokens: u64) -> Self {
        Self { input_money: input, input_tokens: Some(input_tokens), is_unbounded: true, ..Self::UNKNOWN }
    }

    /// Adds what the call likely needs: the estimate of one with a shorter answer. Budgets whose mode is [`Mode::Estimated`] reserve that, and never more than
    /// the worst case.
    #[must_use]
    pub fn likely(mut self, likely: &Self) -> Self {
        (self.likely_money, self.likely_tokens) = (likely.money, likely.tokens);
        self
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
        let is_bad = |money: &Money| !(0..=MAX_LIMIT).contains(&money.picos());
        if let Some(money) = self.money.filter(is_bad).or(self.likely_money.filter(is_bad)) {
            return Err(BudgetError::BadEstimate { field: "money", value: money.picos().into() });
        }
        let is_bad = |tokens: &u64| *tokens > MAX_LIMIT.unsigned_abs();
        match self.tokens.filter(is_bad).or(self.likely_tokens.filter(is_bad)) {
            Some(tokens) => Err(BudgetError::BadEstimate { field: "tokens", value: tokens.into() }),
            None => Ok(()),
        }
    }

    /// The need of a measure in a mode, and the part of it that the prompt needs alone; `None` where nobody told.
    pub(super) fn need(&self, measure: Measure, mode: Mode) -> Option<(i64, i64)> {
        let tokens = |tokens: u64| i64::try_from(tokens).unwrap_or(MAX_LIMIT);
        let (most, likely, input) = match measure {
            Measure::Money => {
                let [most, likely, input] = [self.money, self.likely_money, self.input_money];
                (most.map(Money::picos), likely.map(Money::picos), input.map(Money::picos))
            }
            Measure::Tokens => (self.tokens.map(tokens), self.likely_tokens.map(tokens), self.input_tokens.map(tokens)),
            Measure::Calls => return Some((1, 1)),
        };
        let need = match (mode, most, likely) {
            (Mode::Estimated, Some(most), Some(likely)) => most.min(likely),
            (Mode::Estimated, None, Some(likely)) => likely,
            (_, most, _) => most?,
        };
        Some((need, input.unwrap_or(need).clamp(0, need)))
    }

    /// Whether the need of a measure is not known for the length of the answer alone.
    pub(super) fn lacks_worst_case(&self, measure: Measure) -> bool {
        self.is_unbounded && (measure == Measure::Tokens || self.input_money.is_some())
    }
}

/// The real cost of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spend {
    money: Option<Money>,
    tokens: Option<u64>,
    /// The tokens of the answer, for estimates.
    pub(super) output: Option<u64>,
}

impl Spend {
    /// A call of which nobody knows what it cost: it is charged what it reserved.
    pub const UNKNOWN: Self = Self { money: None, tokens: None, output: None };

    /// A call that costs nothing.
    pub const NOTHING: Self = Self { money: Some(Money::ZERO), tokens: Some(0), output: None };

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
        let tokens = usage.tokens();
        Self { money: price.total().filter(|_| !lacks_a_count), tokens, output: tokens.and(usage.get(Class::Output)) }
    }

    /// So much money and so many tokens, of which each may be unknown.
    pub fn new(money: Option<Money>, tokens: Option<u64>) -> Self {
        Self { money, tokens, output: None }
    }

    /// With so many tokens of the answer, for the [sizes](super::OutputSizes) that later calls are estimated by.
    #[must_use]
    pub fn output(self, tokens: u64) -> Self {
        Self { output: Some(tokens), ..self }
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
