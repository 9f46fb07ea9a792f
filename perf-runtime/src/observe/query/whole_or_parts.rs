//! The calls in flight of a kind whose whole may not be measured: then those of its parts.

use std::cmp::Ordering;
use std::iter;

/// The calls in flight by a kind's first label, for a kind with [`parts`](crate::measure::model::kind::Family::parts):
/// those of the kind itself; of a value that has no series of the kind, those of the parts. Both are sorted by that label;
/// a value may be there several times.
pub(crate) fn of_whole_or_parts<'a>(
    whole: impl Iterator<Item = (&'a str, u64)>,
    parts: impl Iterator<Item = (&'a str, u64)>,
) -> impl Iterator<Item = (&'a str, u64)> {
    let (mut whole, mut parts) = (summed(whole).peekable(), summed(parts).peekable());
    iter::from_fn(move || {
        let order = match (whole.peek(), parts.peek()) {
            (Some((one, _)), Some((other, _))) => one.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let of_parts = if order.is_ge() { parts.next() } else { None };
        let of_whole = if order.is_le() { whole.next() } else { None };
        of_whole.or(of_parts)
    })
}

/// Adds up neighbours that have the same label.
fn summed<'a>(all: impl Iterator<Item = (&'a str, u64)>) -> impl Iterator<Item = (&'a str, u64)> {
    let mut all = all.peekable();
    iter::from_fn(move || {
        let (label, mut sum) = all.next()?;
        while let Some((_, more)) = all.next_if(|(next, _)| *next == label) {
            sum += more;
        }
        Some((label, sum))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_count_only_where_the_whole_is_not_measured() {
        let whole = [("b", 1), ("b", 2), ("d", 0)];
        let parts = [("a", 4), ("a", 5), ("b", 9), ("c", 6), ("d", 7), ("e", 8)];
        let all = of_whole_or_parts(whole.into_iter(), parts.into_iter());
        assert_eq!(all.collect::<Vec<_>>(), [("a", 9), ("b", 3), ("c", 6), ("d", 0), ("e", 8)]);
    }
}
