//! Labels: values that are few and known when the program is compiled.

use std::fmt;

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

/// A label's type in which no type parameter stands, because it was derived: a constant of it can be a pattern, and so be looked at
/// by `cargo check`.
pub trait ConcreteLabel: Label {}

impl ConcreteLabel for bool {}
impl<T: ConcreteLabel + ?Sized> ConcreteLabel for &T {}
impl<T: ConcreteLabel + ?Sized> ConcreteLabel for &mut T {}

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

/// Labels of concrete types.
pub trait ConcreteLabels: Labels {}

/// No labels, one combination.
impl Labels for () {
    const VALUES: &'static [&'static [&'static str]] = &[];

    fn index(&self) -> usize {
        0
    }
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

        impl<$($name: ConcreteLabel),+> ConcreteLabels for ($(&$name,)+) {}
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
    /// A value that each call brings.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_label_counts_fastest() {
        assert_eq!((&true, &false).index(), 2);
        assert_eq!((&false, &true, &true).index(), 3);
        assert_eq!(<(&bool, &bool) as Labels>::VALUES, [["false", "true"]; 2]);
    }
}
