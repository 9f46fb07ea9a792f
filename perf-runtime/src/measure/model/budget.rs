//! The budget of series that the labels of one function may make, checked while compiling.

use super::label::{ConcreteLabels, Labels};
use std::marker::PhantomData;
use std::ops::Deref;

/// The most series that one function may make of its labels, unless it says `max_series`.
pub const DEFAULT_BUDGET: usize = 2_000;

/// The types of the labels that a call brings, as far as `cargo check` may look at them.
///
/// `cargo check` evaluates constants of a function only where they are patterns, and a pattern must not depend on a type parameter. So
/// where the labels are [`ConcreteLabels`] the method `types` of the type itself is found, which gives their types; else that
/// behind [`Deref`], which gives none, and their number is told by `cargo build`.
#[derive(Debug)]
pub struct Brought<'a, L>(Unknown, PhantomData<&'a L>);

/// Labels of which a type parameter may be a part.
#[derive(Debug)]
pub struct Unknown;

/// Looks at the labels that a call brings.
#[inline]
pub const fn brought<L>(_: &L) -> Brought<'_, L> {
    Brought(Unknown, PhantomData)
}

impl<L: ConcreteLabels> Brought<'_, L> {
    /// The types of the labels.
    #[inline]
    pub const fn types(&self) -> PhantomData<L> {
        PhantomData
    }
}

impl<L> Deref for Brought<'_, L> {
    type Target = Unknown;

    #[inline]
    fn deref(&self) -> &Unknown {
        &self.0
    }
}

impl Unknown {
    /// No types.
    #[inline]
    pub const fn types(&self) -> PhantomData<()> {
        PhantomData
    }
}

/// The types of labels that are within the budget.
///
/// # Panics
/// While compiling, for it is part of a constant: where they make more series.
#[must_use]
pub const fn types_within_budget<L: Labels>(budget: usize) -> PhantomData<L> {
    assert_budget(L::VALUES, budget);
    PhantomData
}

/// How many series labels with these values make; `usize::MAX` where they are beyond counting.
pub(crate) const fn combinations(values: &[&[&str]]) -> usize {
    let mut product: usize = 1;
    let mut place = 0;
    while place < values.len() {
        product = product.saturating_mul(values[place].len());
        place += 1;
    }
    product
}

/// Refuses, while compiling, labels that make more series than the budget.
pub(crate) const fn assert_budget(values: &[&[&str]], budget: usize) {
    let made = combinations(values);
    if made > budget {
        let text = Text::new()
            .with("the labels of this function make ")
            .with_number(made)
            .with(" series, and its budget is ")
            .with_number(budget)
            .with(": use labels with fewer values, or raise the budget with `max_series = ")
            .with_number(made)
            .with("`");
        // Only ever while compiling: all callers are constants. It is how a constant says what is wrong.
        panic!("{}", text.as_str());
    }
}

/// A text that can be put together while compiling.
struct Text {
    bytes: [u8; 256],
    len: usize,
}

impl Text {
    const fn new() -> Self {
        Self { bytes: [0; 256], len: 0 }
    }

    const fn with(mut self, text: &str) -> Self {
        let mut place = 0;
        while place < text.len() && self.len < self.bytes.len() {
            self.bytes[self.len] = text.as_bytes()[place];
            self.len += 1;
            place += 1;
        }
        self
    }

    #[expect(clippy::cast_possible_truncation, reason = "a digit")]
    const fn with_number(mut self, mut number: usize) -> Self {
        let mut digits = [0; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        while start < digits.len() && self.len < self.bytes.len() {
            self.bytes[self.len] = digits[start];
            self.len += 1;
            start += 1;
        }
        self
    }

    const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "the labels of this function make too many series",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_multiply_and_do_not_overflow() {
        assert_eq!(combinations(&[&["a", "b"], &["c"; 3]]), 6);
        let many: &[&str] = &["x"; 1 << 10];
        assert_eq!(combinations(&[many; 8]), usize::MAX);
    }

    #[test]
    fn the_message_states_product_and_budget() {
        let text = Text::new().with("make ").with_number(4_200).with(" of ").with_number(0);
        assert_eq!(text.as_str(), "make 4200 of 0");
    }

    #[test]
    #[should_panic(expected = "make 4 series, and its budget is 3")]
    fn over_the_budget_is_refused() {
        assert_budget(&[&["a", "b"], &["c", "d"]], 3);
    }
}
