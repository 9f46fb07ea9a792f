//! The sort of error that a call returned: a few known names, never the message.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// An error that is one of a few known sorts, each with a name: what becomes the label `error_type` of failed calls.
///
/// Derive it on an error enum: each variant's name in `snake_case` is its sort's, or what `#[error_type("..")]` says. A
/// variant that carries another such error and is marked `#[error_type(nested)]` has the names of that one.
///
/// ```
/// use perf_runtime::{ErrorType, monitor};
///
/// #[derive(ErrorType)]
/// enum StoreError {
///     NotFound(String),
///     #[error_type("timeout")]
///     TookTooLong,
/// }
///
/// #[derive(ErrorType)]
/// enum ShopError {
///     SoldOut,
///     #[error_type(nested)]
///     Store(StoreError),
/// }
///
/// #[monitor("buy")]
/// fn buy(sold_out: bool) -> Result<(), ShopError> {
///     Err(if sold_out { ShopError::SoldOut } else { ShopError::Store(StoreError::TookTooLong) })
/// }
///
/// buy(true);
/// buy(false);
/// let text = perf_runtime::monitor().render_prometheus();
/// assert!(text.contains(r#"operations_total{operation="buy",outcome="error",error_type="sold_out"} 1"#));
/// assert!(text.contains(r#"operations_total{operation="buy",outcome="error",error_type="timeout"} 1"#));
/// # let _ = StoreError::NotFound(String::new());
/// ```
pub trait ErrorType {
    /// The names of all sorts.
    const NAMES: &'static [&'static str];

    /// The place of this error's sort in [`NAMES`](Self::NAMES).
    fn index(&self) -> usize;
}

macro_rules! through_pointers {
    ($($pointer:ty),+) => {
        $(impl<T: ErrorType + ?Sized> ErrorType for $pointer {
            const NAMES: &'static [&'static str] = T::NAMES;

            fn index(&self) -> usize {
                T::index(self)
            }
        })+
    };
}

through_pointers!(&T, Box<T>, Arc<T>);

/// Puts lists of names behind one another. For the derived implementation, which knows the length.
pub const fn concat<const LEN: usize>(lists: &[&[&'static str]]) -> [&'static str; LEN] {
    let mut names = [""; LEN];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut place = 0;
        while place < lists[list].len() && at < LEN {
            names[at] = lists[list][place];
            at += 1;
            place += 1;
        }
        list += 1;
    }
    names
}

/// Failed calls of one meter, counted by the sort of their error. Allocated with the first of them.
#[derive(Debug, Default)]
pub(crate) struct ErrorCounts {
    counts: OnceLock<Counts>,
}

#[derive(Debug)]
struct Counts {
    names: &'static [&'static str],
    counts: Box<[AtomicU64]>,
}

impl ErrorCounts {
    pub(crate) const fn new() -> Self {
        Self { counts: OnceLock::new() }
    }

    /// Counts an error. A generic function may return errors of several types: names that its first did not have are not
    /// told apart.
    pub(crate) fn add(&self, names: &'static [&'static str], index: usize) {
        let Some(&name) = names.get(index) else { return };
        let fresh = || Counts { names, counts: names.iter().map(|_| AtomicU64::new(0)).collect() };
        let counts = self.counts.get_or_init(fresh);
        let same = counts.names.get(index) == Some(&name);
        let place = if same { Some(index) } else { counts.names.iter().position(|&known| known == name) };
        if let Some(count) = place.and_then(|place| counts.counts.get(place)) {
            count.fetch_add(1, Ordering::Release);
        }
    }

    /// The sorts and how many there were of each.
    pub(crate) fn read(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.get().into_iter().flat_map(|counts| {
            let numbers = counts.counts.iter().map(|count| count.load(Ordering::Acquire));
            counts.names.iter().copied().zip(numbers)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names_are_put_behind_one_another() {
        assert_eq!(concat::<3>(&[&["a"], &[], &["b", "c"]]), ["a", "b", "c"]);
    }

    #[test]
    fn errors_of_another_type_count_by_name_where_the_name_is_known() {
        let counts = ErrorCounts::new();
        counts.add(&["a", "b"], 1);
        counts.add(&["b", "c"], 0);
        counts.add(&["b", "c"], 1);
        counts.add(&["a"], 7);
        assert_eq!(counts.read().collect::<Vec<_>>(), [("a", 0), ("b", 2)]);
    }
}
