//! The sort of error that a call returned: a few known names, never the message; and whether it is part of the plan.

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
///
/// An error that callers are meant to get, such as one for what is not there, is marked `#[error_type(expected)]`: its
/// variant, or the enum for all of them. Calls that end so are errors with their sort as ever, and have the label
/// `expected="true"` beside it; but error rates, presets, health and objectives do not take them for failures.
///
/// ```
/// use perf_runtime::{ErrorType, Kind, Monitor, Window, monitor};
///
/// #[derive(ErrorType)]
/// enum FindError {
///     #[error_type(expected)]
///     NotFound,
///     #[error_type(nested)]
///     Input(InputError),
/// }
///
/// #[derive(ErrorType)]
/// #[error_type(expected)]
/// enum InputError {
///     TooLong,
/// }
///
/// #[monitor("find")]
/// fn find(name: &str) -> Result<(), FindError> {
///     Err(if name.len() > 9 { FindError::Input(InputError::TooLong) } else { FindError::NotFound })
/// }
///
/// # fn main() -> Result<(), perf_runtime::ConfigError> {
/// let monitor = Monitor::builder().build()?;
/// for name in ["ada", "somebody else"] {
///     find(name).unwrap_err();
/// }
/// let summary = monitor.summary(Window::LastMinute);
/// let find = summary.find(Kind::Operation, &["find"]).unwrap();
/// assert_eq!((find.total.error, find.total.expected_errors, find.total.error_rate()), (2, 2, Some(0.0)));
/// let text = monitor.render_prometheus();
/// assert!(text.contains(r#"{operation="find",outcome="error",error_type="not_found",expected="true"} 1"#));
/// # Ok(())
/// # }
/// ```
pub trait ErrorType {
    /// The names of all sorts.
    const NAMES: &'static [&'static str];

    /// Whether the sort at the same place in [`NAMES`](Self::NAMES) is expected. Where the list is shorter, the others are not.
    const EXPECTED: &'static [bool] = &[];

    /// The place of this error's sort in [`NAMES`](Self::NAMES).
    fn index(&self) -> usize;
}

macro_rules! through_pointers {
    ($($pointer:ty),+) => {
        $(impl<T: ErrorType + ?Sized> ErrorType for $pointer {
            const NAMES: &'static [&'static str] = T::NAMES;
            const EXPECTED: &'static [bool] = T::EXPECTED;

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

/// Puts flags behind one another, each list as long as it is said to be. For the derived implementation.
pub const fn concat_flags<const LEN: usize>(lists: &[(&[bool], usize)]) -> [bool; LEN] {
    let mut flags = [false; LEN];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let (own, length) = lists[list];
        let mut place = 0;
        while place < length && at < LEN {
            flags[at] = place < own.len() && own[place];
            at += 1;
            place += 1;
        }
        list += 1;
    }
    flags
}

/// The sorts of one type of errors.
#[derive(Clone, Copy, Debug)]
pub struct Sorts {
    names: &'static [&'static str],
    expected: &'static [bool],
}

impl Sorts {
    /// Of a type that does not tell sorts.
    pub const NONE: Self = Self { names: &[], expected: &[] };

    /// Those of a type.
    pub const fn of<E: ErrorType>() -> Self {
        Self { names: E::NAMES, expected: E::EXPECTED }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn name(&self, index: usize) -> Option<&'static str> {
        self.names.get(index).copied()
    }

    pub(crate) fn is_expected(&self, index: usize) -> bool {
        self.expected.get(index) == Some(&true)
    }
}

/// Failed calls of one sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SortCount {
    pub(crate) name: &'static str,
    pub(crate) is_expected: bool,
    pub(crate) count: u64,
}

/// Failed calls of one meter, counted by the sort of their error. Allocated once the sorts are known: from the signature,
/// or with the first error.
#[derive(Debug, Default)]
pub(crate) struct ErrorCounts {
    counts: OnceLock<Counts>,
}

#[derive(Debug)]
struct Counts {
    sorts: &'static Sorts,
    counts: Box<[AtomicU64]>,
}

impl ErrorCounts {
    pub(crate) const fn new() -> Self {
        Self { counts: OnceLock::new() }
    }

    /// Shows all sorts from now on, before the first error.
    pub(crate) fn announce(&self, sorts: &'static Sorts) {
        if sorts.len() > 0 {
            self.counts_of(sorts);
        }
    }

    /// Counts an error. A generic function may return errors of several types: names that its first did not have are not
    /// told apart.
    pub(crate) fn add(&self, sorts: &'static Sorts, index: usize) {
        let Some(name) = sorts.name(index) else { return };
        let counts = self.counts_of(sorts);
        let known = counts.sorts;
        let is_it =
            |place: usize| known.name(place) == Some(name) && known.is_expected(place) == sorts.is_expected(index);
        let place = if is_it(index) { Some(index) } else { (0..known.len()).find(|&place| is_it(place)) };
        if let Some(count) = place.and_then(|place| counts.counts.get(place)) {
            count.fetch_add(1, Ordering::Release);
        }
    }

    fn counts_of(&self, sorts: &'static Sorts) -> &Counts {
        self.counts.get_or_init(|| Counts { sorts, counts: sorts.names.iter().map(|_| AtomicU64::new(0)).collect() })
    }

    /// The sorts and how many there were of each.
    pub(crate) fn read(&self) -> impl Iterator<Item = SortCount> {
        self.counts.get().into_iter().flat_map(|Counts { sorts, counts }| {
            let sort = |(index, (name, count)): (usize, (&&'static str, &AtomicU64))| SortCount {
                name,
                is_expected: sorts.is_expected(index),
                count: count.load(Ordering::Acquire),
            };
            sorts.names.iter().zip(counts).enumerate().map(sort)
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
    fn flags_that_a_type_does_not_give_are_not_set() {
        assert_eq!(concat_flags::<4>(&[(&[true], 2), (&[], 1), (&[true, true], 1)]), [true, false, false, true]);
    }

    const fn sorts(names: &'static [&'static str], expected: &'static [bool]) -> Sorts {
        Sorts { names, expected }
    }

    fn read(counts: &ErrorCounts) -> Vec<(&'static str, u64)> {
        counts.read().map(|sort| (sort.name, sort.count)).collect()
    }

    #[test]
    fn errors_of_another_type_count_by_name_where_the_name_is_known() {
        const AB: &Sorts = &sorts(&["a", "b"], &[]);
        const BC: &Sorts = &sorts(&["b", "c"], &[]);
        let counts = ErrorCounts::new();
        counts.add(AB, 1);
        counts.add(BC, 0);
        counts.add(BC, 1);
        counts.add(const { &sorts(&["a"], &[]) }, 7);
        assert_eq!(read(&counts), [("a", 0), ("b", 2)]);
    }

    #[test]
    fn sorts_are_shown_once_they_are_announced_and_an_expected_one_is_another() {
        const AB: &Sorts = &sorts(&["a", "b"], &[true]);
        let counts = ErrorCounts::new();
        counts.announce(&Sorts::NONE);
        assert_eq!(read(&counts), []);
        counts.announce(AB);
        assert_eq!(read(&counts), [("a", 0), ("b", 0)]);
        assert_eq!(counts.read().map(|sort| sort.is_expected).collect::<Vec<_>>(), [true, false]);
        counts.add(const { &sorts(&["b", "a"], &[]) }, 1);
        assert_eq!(read(&counts), [("a", 0), ("b", 0)], "one that is not expected is no expected one");
    }
}
