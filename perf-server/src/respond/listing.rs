//! One page of a list: how many, in which order, and from where on.

use super::params::Params;
use super::problem::{Problem, ProblemKind};
use std::cmp::Ordering;

/// The part of a list that a client asks for by the parameters `limit`, `sort` and `cursor`.
///
/// A cursor stands at the last entry that the client has. Lists of figures move: an entry whose figure changed between two pages
/// can come twice or not at all, and one that is gone makes the cursor [expire](ProblemKind::ExpiredCursor).
#[derive(Clone, Debug)]
pub struct Listing {
    limit: Option<usize>,
    /// As it was given, such as `-p95`.
    sort: Option<String>,
    /// The id of the last entry that the client has.
    after: Option<String>,
}

/// The value that an entry is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey {
    /// A number; entries without one stand last, in either order.
    Number(Option<f64>),
    /// A text.
    Text(String),
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Slice<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` where this is the last.
    pub next: Option<String>,
}

impl Params {
    /// The parameters `limit` (1 to `most`), `sort` (one of `sorts`, with a dash before it for the greatest first) and `cursor`.
    /// Without a limit all entries are listed, or `default` many.
    ///
    /// # Errors
    /// A [`Problem`] that names the parameter, its value and the values that are allowed.
    pub fn listing(&self, sorts: &[&str], default: Option<usize>, most: usize) -> Result<Listing, Problem> {
        let limit = self.get("limit").map(|_| self.limit(most, most)).transpose()?.or(default);
        let sort = self.get("sort").map(str::to_owned);
        if let Some(sort) = sort.as_deref().filter(|sort| !sorts.contains(&sort.strip_prefix('-').unwrap_or(sort))) {
            return Err(Problem::invalid(
                "sort",
                sort,
                format!("{}, each with or without - before it", sorts.join(", ")),
            ));
        }
        let after = self.get("cursor").map(|cursor| {
            let found = unpack(cursor).filter(|(own, _)| *own == sort.as_deref().unwrap_or_default());
            let id = found.map(|(_, id)| id);
            id.ok_or_else(|| Problem::invalid("cursor", cursor, "the cursor `next` of an answer with the same sort"))
        });
        Ok(Listing { limit, sort, after: after.transpose()? })
    }
}

impl Listing {
    /// Whether it is the first page.
    pub fn is_first(&self) -> bool {
        self.after.is_none()
    }

    /// Sorts the entries where a sort was given, and takes the page from them. `id` tells an entry from all others, and `key` gives
    /// the value for one of the sorts.
    ///
    /// # Errors
    /// [`ProblemKind::ExpiredCursor`] where the entry at which the cursor stands is gone.
    pub fn slice<T>(
        &self,
        mut items: Vec<T>,
        id: impl Fn(&T) -> String,
        key: impl Fn(&T, &str) -> SortKey,
    ) -> Result<Slice<T>, Problem> {
        if let Some(sort) = &self.sort {
            let (name, is_down) = sort.strip_prefix('-').map_or((sort.as_str(), false), |name| (name, true));
            items.sort_by_cached_key(|item| Placed { key: key(item, name), is_down });
        }
        if let Some(after) = &self.after {
            let Some(place) = items.iter().position(|item| id(item) == *after) else {
                let detail = "the entry at which the cursor stood is gone: begin again without a cursor";
                return Err(Problem::new(ProblemKind::ExpiredCursor, detail));
            };
            items.drain(..=place);
        }
        let limit = self.limit.unwrap_or(usize::MAX);
        let is_last = items.len() <= limit;
        items.truncate(limit);
        let last = items.last().filter(|_| !is_last);
        let next = last.map(|last| pack(self.sort.as_deref().unwrap_or_default(), &id(last)));
        Ok(Slice { items, next })
    }
}

/// A key with the order that is wanted of it.
#[derive(PartialEq)]
struct Placed {
    key: SortKey,
    is_down: bool,
}

impl Eq for Placed {}

impl PartialOrd for Placed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Placed {
    fn cmp(&self, other: &Self) -> Ordering {
        let turned = |order: Ordering| if self.is_down { order.reverse() } else { order };
        match (&self.key, &other.key) {
            (SortKey::Number(Some(own)), SortKey::Number(Some(other))) => turned(own.total_cmp(other)),
            (SortKey::Number(own), SortKey::Number(other)) => other.is_some().cmp(&own.is_some()),
            (SortKey::Text(own), SortKey::Text(other)) => turned(own.cmp(other)),
            (SortKey::Number(_), SortKey::Text(_)) => Ordering::Less,
            (SortKey::Text(_), SortKey::Number(_)) => Ordering::Greater,
        }
    }
}

/// A cursor: the sort and the id, as hexadecimal digits, so that nobody builds one by hand.
fn pack(sort: &str, id: &str) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('0');
    let bytes = sort.bytes().chain(*b"\n").chain(id.bytes());
    bytes.flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unpack(cursor: &str) -> Option<(String, String)> {
    let halves: Option<Vec<u8>> =
        cursor.chars().map(|digit| digit.to_digit(16).and_then(|half| u8::try_from(half).ok())).collect();
    let halves = halves.filter(|halves| halves.len() % 2 == 0)?;
    let bytes = halves.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    let text = String::from_utf8(bytes).ok()?;
    let (sort, id) = text.split_once('\n')?;
    Some((sort.to_owned(), id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    fn listing(limit: usize, sort: Option<&str>) -> Listing {
        Listing { limit: Some(limit), sort: sort.map(str::to_owned), after: None }
    }

    fn key(item: &(u32, Option<f64>), _: &str) -> SortKey {
        SortKey::Number(item.1)
    }

    fn id(item: &(u32, Option<f64>)) -> String {
        item.0.to_string()
    }

    #[test]
    fn pages_together_are_the_list_in_either_order_with_what_is_unknown_last() {
        let items = vec![(1, Some(2.0)), (2, None), (3, Some(1.0)), (4, Some(3.0)), (5, Some(2.0))];
        for (sort, expected) in [(None, [1, 2, 3, 4, 5]), (Some("x"), [3, 1, 5, 4, 2]), (Some("-x"), [4, 1, 5, 3, 2])] {
            let (mut listing, mut seen) = (listing(2, sort), Vec::new());
            loop {
                let page = listing.slice(items.clone(), id, key).unwrap();
                seen.extend(page.items.iter().map(|item| item.0));
                let Some(next) = page.next else { break };
                listing.after = Some(unpack(&next).unwrap().1);
            }
            assert_eq!(seen, expected, "{sort:?}");
        }
    }

    #[test]
    fn a_cursor_at_what_is_gone_is_told_so() {
        let listing = Listing { after: Some("9".to_owned()), ..listing(2, None) };
        let problem = listing.slice(vec![(1, None)], id, key).unwrap_err();
        assert_eq!(problem.type_uri(), ProblemKind::ExpiredCursor.type_uri());
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_written(sort in "-?[a-z_]{0,9}", id in any::<String>()) {
            assert_eq!(unpack(&pack(&sort, &id)), Some((sort, id)));
        }

        #[test]
        fn whatever_is_no_cursor_is_none(text in any::<String>()) {
            // Only that nothing panics.
            let _ = unpack(&text);
        }
    }
}
