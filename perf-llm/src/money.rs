//! Amounts of money in whole 10^-12 dollars.

use std::fmt;
use std::str::FromStr;

/// Digits after the point that [`Money`] keeps.
const PLACES: usize = 12;
/// 10^12: picodollars in a dollar.
const PICOS: i64 = 1_000_000_000_000;

/// An amount in US dollars, as a whole number of 10^-12 dollars ("picodollars").
///
/// Prices of tokens have at most six decimal places for a million tokens, so that a token's price is a whole number of
/// picodollars, and sums are exact. The range is ± 9.2 million dollars.
///
/// ```
/// use perf_llm::Money;
///
/// let cost: Money = "0.36394875".parse()?;
/// assert_eq!(cost.picos(), 363_948_750_000);
/// assert_eq!(cost.to_string(), "0.36394875");
/// # Ok::<(), perf_llm::ParseMoneyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// The largest amount, about 9.2 million dollars.
    pub const MAX: Self = Self(i64::MAX);

    /// An amount from picodollars (10^-12 dollars).
    pub const fn from_picos(picos: i64) -> Self {
        Self(picos)
    }

    /// An amount in whole dollars; `None` above 9.2 million.
    pub const fn from_dollars(dollars: i64) -> Option<Self> {
        match dollars.checked_mul(PICOS) {
            Some(picos) => Some(Self(picos)),
            None => None,
        }
    }

    /// An amount from a number of dollars that a provider sent as JSON; `None` if it is not finite or out of range.
    ///
    /// It is rounded to the nearest picodollar.
    pub fn from_float(dollars: f64) -> Option<Self> {
        picos_of(dollars).map(Self)
    }

    /// This amount in picodollars (10^-12 dollars).
    pub const fn picos(self) -> i64 {
        self.0
    }

    /// This amount in dollars, for display: a float does not keep every digit.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / PICOS as f64
    }

    /// The sum; `None` out of range.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }
}

/// Dollars as whole picodollars; `None` for what is not finite or out of range.
pub(crate) fn picos_of(dollars: f64) -> Option<i64> {
    let picos = (dollars * PICOS as f64).round();
    // 2^63 is a float; so is every bound between.
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    (picos.is_finite() && picos.abs() < 9.2e18).then_some(picos as i64)
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) =
            (self.0.unsigned_abs() / PICOS.unsigned_abs(), self.0.unsigned_abs() % PICOS.unsigned_abs());
        let digits = format!("{part:012}");
        let digits = digits.trim_end_matches('0');
        let point = if digits.is_empty() { "" } else { "." };
        f.pad(&format!("{sign}{whole}{point}{digits}"))
    }
}

/// A text that is no amount of dollars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseMoneyError {
    text: String,
}

impl fmt::Display for ParseMoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no amount of dollars: allowed are digits with at most {PLACES} after the point, below 9.2 million",
            self.text
        )
    }
}

impl std::error::Error for ParseMoneyError {}

impl FromStr for Money {
    type Err = ParseMoneyError;

    fn from_str(text: &str) -> Result<Self, ParseMoneyError> {
        parse(text).map(Self).ok_or_else(|| ParseMoneyError { text: text.chars().take(64).collect() })
    }
}

fn parse(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || digits.ends_with('.') || part.len() > PLACES || !is_number(whole) || !is_number(part) {
        return None;
    }
    let part: i64 = format!("{part:0<PLACES$}").parse().ok()?;
    let whole: i64 = whole.parse().ok()?;
    whole.checked_mul(PICOS)?.checked_add(part)?.checked_mul(sign)
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_amount_is_read_back_from_its_text(picos in -i64::MAX..i64::MAX) {
            let money = Money::from_picos(picos);
            prop_assert_eq!(money.to_string().parse(), Ok(money));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", "1.", ".5", "1e3", "+1", "--1", "1.0000000000001", "9300000", "1,5", "0x1"] {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
        assert_eq!("-0.5".parse::<Money>().map(Money::picos), Ok(-500_000_000_000));
        assert_eq!(Money::from_float(f64::NAN), None);
        assert_eq!(Money::from_float(1e7), None);
        assert_eq!(Money::from_float(0.1).map(Money::picos), Some(100_000_000_000));
    }
}
