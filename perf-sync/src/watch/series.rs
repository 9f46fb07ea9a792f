//! The numbers of series: each name in each mode of a lock, and in each kind of channel.

use super::kind::{KINDS, Kind};
use super::mode::{MODES, Mode};
use super::name::{MOST_NAMES, Number};

/// The series of one name.
const OF_A_NAME: usize = MODES + KINDS;
/// The number of series there can be.
pub(crate) const MOST_SERIES: usize = (MOST_NAMES + 1) * OF_A_NAME;
/// So many bits hold the number of a series.
pub(crate) const SERIES_BITS: u32 = 12;

const _: () = assert!(MOST_SERIES <= 1 << SERIES_BITS, "the number of a series fits in its bits");

/// A name in a mode, or in a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SeriesNumber(u16);

/// The thing that a series counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    Lock(Mode),
    Channel(Kind),
}

impl SeriesNumber {
    /// Of a lock.
    #[inline]
    pub(crate) fn new(name: Number, mode: Mode) -> Self {
        Self::of_index(name.index() * OF_A_NAME + mode.index())
    }

    /// Of a channel.
    #[inline]
    pub(crate) fn of_channel(name: Number, kind: Kind) -> Self {
        Self::of_index(name.index() * OF_A_NAME + MODES + kind.index())
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most so many bits")]
    pub(crate) fn of_index(index: usize) -> Self {
        Self((index & ((1 << SERIES_BITS) - 1)) as u16)
    }

    #[inline]
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(crate) fn name(self) -> Number {
        Number::of_index(self.index() / OF_A_NAME)
    }

    pub(crate) fn counts(self) -> Counts {
        let place = self.index() % OF_A_NAME;
        let kind = place.checked_sub(MODES).and_then(|kind| Kind::ALL.get(kind));
        kind.map_or_else(|| Counts::Lock(Mode::of_index(place)), |kind| Counts::Channel(*kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_tells_its_name_and_what_it_counts() {
        for index in [0, 7, MOST_NAMES] {
            let name = Number::of_index(index);
            for mode in Mode::ALL {
                let number = SeriesNumber::new(name, mode);
                assert_eq!((number.name(), number.counts()), (name, Counts::Lock(mode)));
            }
            for kind in Kind::ALL {
                let number = SeriesNumber::of_channel(name, kind);
                assert_eq!((number.name(), number.counts()), (name, Counts::Channel(kind)));
                assert!(number.index() < MOST_SERIES);
            }
        }
    }
}
