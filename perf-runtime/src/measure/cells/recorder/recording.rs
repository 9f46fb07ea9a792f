//! The place where the calls of one tree are recorded, as names of calls have it.

const SLOT_BITS: u32 = 11;
const TURN_BITS: u32 = 3;

/// The buffer in which the calls of a tree are recorded, and its turn; in the names of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recording(u16);

impl Recording {
    /// Of calls that are not recorded.
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const BITS: u32 = SLOT_BITS + TURN_BITS;
    /// How many roots may be recorded at the same time.
    pub(super) const SLOTS: usize = 1 << SLOT_BITS;
    const TURNS: u16 = 1 << TURN_BITS;

    /// The recording of a buffer in the turn after this one: turns come again, and none is zero.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "below the number of turns")]
    pub(super) fn after_turn(slot: u16, turn: u64) -> Self {
        Self(slot << TURN_BITS | (turn % u64::from(Self::TURNS - 1) + 1) as u16)
    }

    #[inline]
    pub(crate) fn is_some(self) -> bool {
        self != Self::NONE
    }

    #[inline]
    pub(crate) fn bits(self) -> u16 {
        self.0
    }

    #[inline]
    pub(crate) fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    #[inline]
    pub(super) fn slot(self) -> u16 {
        self.0 >> TURN_BITS
    }

    /// Not zero.
    #[inline]
    pub(super) fn turn(self) -> u16 {
        self.0 % Self::TURNS
    }
}
