//! The state of a call, and what is noted of it besides.

/// Two facts within one byte, for every future holds them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks(u8);

impl Marks {
    /// It is between polls and has children, which are kept with its place in the list of those that wait.
    pub(super) const KEEPS_CHILDREN: u8 = 1;
    /// It covers no time of its caller's: a stream, while its consumer has an item of it.
    pub(super) const UNCOVERED: u8 = 2;

    pub(super) fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }

    pub(super) fn set(&mut self, mark: u8) {
        self.0 |= mark;
    }

    pub(super) fn clear(&mut self, mark: u8) {
        self.0 &= !mark;
    }
}

/// The state of a call's body. From `Paused` on, it began to run some time before, and was put aside since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Pace {
    /// Yet to run.
    Prepared,
    /// Yet to run; the span was made already, because the values of its fields may be gone by then.
    WithSpan,
    /// Running from beginning to end.
    AtOnce,
    /// Being polled.
    Polled,
    /// Waiting to be polled: it returned `Pending`.
    Paused,
    /// A stream whose consumer has an item.
    Held,
    /// A stream that is polled again after an item. Nobody knows since when: most often the next one is there.
    Asked,
    /// Ended.
    Over,
}
