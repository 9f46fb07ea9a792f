//! Names of locks and channels: given by the program, or the place where a lock was made. They are few, and each has a number for as long as the
//! process lives.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// The most names that are told apart.
pub(crate) const MOST_NAMES: usize = 200;
/// The name of all locks beyond them.
const OVERFLOW: &str = "__overflow__";
/// The most bytes of a name: more are cut off.
const MOST_BYTES: usize = 128;

/// The name of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    /// Given by the program.
    Given(&'static str),
    /// The place where the lock was made.
    Place(&'static Location<'static>),
}

/// The number of a name, up to [`MOST_NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Number(u16);

#[derive(Default)]
struct Names {
    /// Two locks of one name share its number, however they got it.
    by_text: HashMap<Arc<str>, Number>,
    /// Names as locks have them, so that no text is made for a lock whose name is known.
    by_name: HashMap<Name, Number>,
    texts: Vec<Arc<str>>,
}

/// So many names are remembered by each thread.
const REMEMBERED: usize = 16;

thread_local! {
    /// Names by where their texts are and how long they are: a text of the program's stays where it is.
    static LAST: [Cell<(usize, usize, Number)>; REMEMBERED] = const { [const { Cell::new((0, 0, Number::OVERFLOW)) }; REMEMBERED] };
}

static NAMES: RwLock<Option<Names>> = RwLock::new(None);

impl Number {
    const OVERFLOW: Self = Self(200);

    #[expect(clippy::cast_possible_truncation, reason = "at most MOST_NAMES")]
    pub(crate) fn of_index(index: usize) -> Self {
        Self(if index < MOST_NAMES { index as u16 } else { Self::OVERFLOW.0 })
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The name in words.
    pub(crate) fn text(self) -> Arc<str> {
        let known = read().as_ref().and_then(|names| names.texts.get(self.index()).cloned());
        known.unwrap_or_else(|| OVERFLOW.into())
    }
}

impl Name {
    /// The number of the name, given out here where it has none yet.
    pub(crate) fn number(self) -> Number {
        let known = read().as_ref().and_then(|names| names.by_name.get(&self).copied());
        known.unwrap_or_else(|| self.meet())
    }

    /// The number of a name that the program gives, for those who ask often: each thread remembers the last ones by where their texts are.
    #[inline]
    pub(crate) fn number_of(name: &'static str) -> Number {
        let (at, length) = (name.as_ptr().addr(), name.len());
        match LAST.with(|last| last.get(place(at, length)).map(Cell::get)) {
            Some((known, bytes, number)) if known == at && bytes == length => number,
            _ => Self::remember(name),
        }
    }

    #[cold]
    fn remember(name: &'static str) -> Number {
        let (at, length) = (name.as_ptr().addr(), name.len());
        let number = Self::Given(name).number();
        LAST.with(|last| last.get(place(at, length)).map(|last| last.set((at, length, number))));
        number
    }

    #[cold]
    fn meet(self) -> Number {
        let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
        let names = names.get_or_insert_default();
        let text = self.text();
        let number = match names.by_text.get(&text) {
            Some(number) => *number,
            None if names.texts.len() >= MOST_NAMES => Number::OVERFLOW,
            None => {
                let number = u16::try_from(names.texts.len()).map_or(Number::OVERFLOW, Number);
                names.texts.push(Arc::clone(&text));
                names.by_text.insert(text, number);
                number
            }
        };
        // Bounded as the texts are: a lock beyond the bound looks its name up in vain.
        if number != Number::OVERFLOW {
            names.by_name.insert(self, number);
        }
        number
    }

    fn text(self) -> Arc<str> {
        match self {
            Self::Given(name) => cut(name).into(),
            Self::Place(place) => cut(&format!("{}:{}", place.file(), place.line())).into(),
        }
    }
}

/// The end of a name that is too long: of a place it is what tells it from others.
fn cut(name: &str) -> &str {
    let from = name.len().saturating_sub(MOST_BYTES);
    let from = (from..name.len()).find(|&from| name.is_char_boundary(from)).unwrap_or_default();
    name.get(from..).filter(|name| !name.is_empty()).unwrap_or("(unnamed)")
}

/// The place of a text among those that a thread remembers.
#[inline]
fn place(at: usize, length: usize) -> usize {
    (at ^ at >> 6 ^ length) % REMEMBERED
}

fn read() -> RwLockReadGuard<'static, Option<Names>> {
    NAMES.read().unwrap_or_else(PoisonError::into_inner)
}
