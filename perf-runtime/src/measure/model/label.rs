//! Labels: values that are few and known when the program is compiled.

use std::fmt;

/// The most series that one function may make of its labels, unless it says `max_series`.
pub const DEFAULT_BUDGET: usize = 2_000;

/// A type with a small, known set of values, each with a name: what may stand as a label.
///
/// Derive it on an enum without fields: each variant's name in `snake_case` is its value, or what `#[label("..")]` on the
/// variant says. `bool` has it. Strings and numbers do not, for their values are unbounded, and so would be the series.
///
/// ```
/// use perf_runtime::{Label, monitor};
///
/// #[derive(Clone, Copy, Label)]
/// enum Tier {
///     Free,
///     #[label("pro")]
///     Professional,
/// }
///
/// #[monitor("checkout", labels(tier = tier))]
/// fn check_out(tier: Tier) {}
///
/// check_out(Tier::Professional);
/// assert_eq!(Tier::Professional.as_str(), "pro");
/// let text = perf_runtime::monitor().render_prometheus();
/// assert!(text.contains(r#"operations_total{operation="checkout",tier="pro",outcome="ok"} 1"#));
/// assert!(text.contains(r#"operations_total{operation="checkout",tier="free",outcome="ok"} 0"#));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a label: its values are unbounded",
    label = "this is not a `Label`",
    note = "derive `Label` on an enum, or record the value on the span with `fields(..)` instead"
)]
pub trait Label {
    /// The names of all values.
    const VALUES: &'static [&'static str];

    /// The place of this value's name in [`VALUES`](Self::VALUES).
    fn index(&self) -> usize;

    /// The value's name, as the label shows it. Empty where [`index`](Self::index) is beyond all values.
    fn as_str(&self) -> &'static str {
        Self::VALUES.get(self.index()).copied().unwrap_or("")
    }
}

impl Label for bool {
    const VALUES: &'static [&'static str] = &["false", "true"];

    fn index(&self) -> usize {
        usize::from(*self)
    }
}

impl<T: Label + ?Sized> Label for &T {
    const VALUES: &'static [&'static str] = T::VALUES;

    fn index(&self) -> usize {
        T::index(self)
    }
}

impl<T: Label + ?Sized> Label for &mut T {
    const VALUES: &'static [&'static str] = T::VALUES;

    fn index(&self) -> usize {
        T::index(self)
    }
}

/// The labels that a call brings, as a tuple of references.
pub trait Labels {
    /// The values of each label.
    const VALUES: &'static [&'static [&'static str]];

    /// The place of this combination among all, the last label counting fastest.
    fn index(&self) -> usize;
}

macro_rules! labels_of_tuples {
    ($($name:ident)+) => {
        impl<$($name: Label),+> Labels for ($(&$name,)+) {
            const VALUES: &'static [&'static [&'static str]] = &[$($name::VALUES),+];

            #[inline]
            #[allow(non_snake_case, reason = "each value is named as its type")]
            fn index(&self) -> usize {
                let ($($name,)+) = *self;
                let index = 0;
                $(let index = index * $name::VALUES.len() + $name.index();)+
                index
            }
        }
    };
}

labels_of_tuples!(A);
labels_of_tuples!(A B);
labels_of_tuples!(A B C);
labels_of_tuples!(A B C D);
labels_of_tuples!(A B C D E);
labels_of_tuples!(A B C D E F);
labels_of_tuples!(A B C D E F G);
labels_of_tuples!(A B C D E F G H);

/// One label of a site.
#[derive(Clone, Copy)]
pub enum LabelSpec {
    /// Always this.
    Text(&'static str),
    /// Always this value of a [`Label`].
    Constant(&'static (dyn Named + Sync)),
    /// Whatever the call brings.
    Variable,
}

impl fmt::Debug for LabelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Constant(value) => value.name().fmt(f),
            Self::Variable => f.write_str("Variable"),
        }
    }
}

/// A value that has a name.
pub trait Named {
    /// The name.
    fn name(&self) -> &'static str;
}

impl<T: Label> Named for T {
    fn name(&self) -> &'static str {
        self.as_str()
    }
}

/// The target of a label's path: a text or a value of a [`Label`], as its type says.
#[derive(Debug)]
pub struct Constant<T>(pub T);

impl Constant<&'static str> {
    /// A text: checked as a literal is.
    ///
    /// # Panics
    /// While compiling, where the text cannot be a label.
    #[track_caller]
    pub const fn spec(&'static self) -> LabelSpec {
        assert_label(self.0);
        LabelSpec::Text(self.0)
    }
}

impl<T: Label + Sync> Constant<T> {
    /// A value of a label.
    pub const fn spec(&'static self) -> LabelSpec {
        LabelSpec::Constant(&self.0)
    }
}

/// Refuses, while compiling, a label given by a constant's name that the attribute could not see through.
///
/// The same rule as for literals: 1 to 128 bytes, no white space, control characters or quotes.
#[track_caller]
const fn assert_label(label: &str) {
    let bytes = label.as_bytes();
    assert!(!bytes.is_empty(), "a label must not be empty");
    assert!(bytes.len() <= 128, "a label must not be longer than 128 bytes");
    let mut place = 0;
    while place < bytes.len() {
        let byte = bytes[place];
        assert!(
            byte > b' ' && byte != 0x7f && byte != b'"' && byte != b'\'' && byte != b'`',
            "a label must not contain white space, control characters or quotes"
        );
        place += 1;
    }
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
        // Only ever while compiling: both callers are constants. It is how a constant says what is wrong.
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
    fn the_last_label_counts_fastest() {
        assert_eq!((&true, &false).index(), 2);
        assert_eq!((&false, &true, &true).index(), 3);
        assert_eq!(<(&bool, &bool) as Labels>::VALUES, [["false", "true"]; 2]);
    }

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
