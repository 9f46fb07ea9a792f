//! The children of one call, and the time that they cover.

use super::node::Node;
use super::outlived;
use super::parent::Parent;
use crate::measure::clock::Moment;
use std::cell::Cell;

/// The children of a call. All zero before the first.
///
/// Each field is a cell of its own: to copy them all at once, just after one was written, would wait for the cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct Children {
    /// The call's name among its children; none while it has had no child.
    pub(super) name: Cell<Parent>,
    /// The time that children cover, in nanoseconds; while one is open, less the start of the first of these.
    covered: Cell<u64>,
    /// When a child last ended while others were open.
    last_end: Cell<Moment>,
    pub(super) open: Cell<u32>,
    /// The child that said last in this poll that it waits.
    waits_for: Cell<Option<Node>>,
    /// That child's place among the calls of its series that wait, by which it is known; zero where it has none.
    place: Cell<u32>,
}

impl Children {
    /// Stands for the number of open children where the account of them is kept for all threads, since the call is lent (see `outlived`).
    const LENT: u32 = u32::MAX;

    /// The children of a call of this name, none of them open.
    pub(in crate::measure::cells) fn of_name(name: Parent) -> Self {
        let this = Self::default();
        this.name.set(name);
        this
    }

    /// The children of a call of this name that is lent.
    pub(super) fn of_lent(name: Parent) -> Self {
        let this = Self::of_name(name);
        this.open.set(Self::LENT);
        this
    }

    /// Lends the call, which has a name: from now on children may begin and end on any thread.
    pub(super) fn lend(&self) {
        let open = if self.open.get() == Self::LENT { 0 } else { self.open.get() };
        outlived::lend(self.name.get(), open, self.covered.get(), self.last_end.get());
        self.open.set(Self::LENT);
    }

    /// The call's name among its children; none where it has had none.
    pub(in crate::measure::cells) fn name(&self) -> Parent {
        self.name.get()
    }

    /// Takes the children of earlier polls.
    pub(super) fn go_on(&self, earlier: &Self) {
        self.name.set(earlier.name.get());
        self.covered.set(earlier.covered.get());
        self.last_end.set(earlier.last_end.get());
        self.open.set(earlier.open.get());
    }

    /// Notes that a child waits.
    pub(super) fn wait_for(&self, child: Node, place: u32) {
        self.waits_for.set(Some(child));
        self.place.set(place);
    }

    /// Notes that the child at this place waits no longer.
    pub(super) fn wait_no_longer(&self, child: Node, place: u32) {
        if self.waits_for.get() == Some(child) && self.place.get() == place {
            self.waits_for.set(None);
        }
    }

    /// Forgets the children of a call that is over.
    pub(super) fn forget(&self) {
        self.name.set(Parent::NONE);
        self.covered.set(0);
        self.open.set(0);
    }

    /// The child that said last that it waits, since this was asked last.
    #[inline]
    pub(super) fn take_waits_for(&self) -> Option<Node> {
        self.waits_for.take()
    }

    #[inline]
    pub(super) fn open_first(&self, now: Moment) {
        self.covered.set(self.covered.get().wrapping_sub(now.to_nanos()));
        self.open.set(1);
    }

    /// A child goes on that covered nothing for a while.
    pub(super) fn reopen(&self, now: Moment) {
        if self.open.get() > 0 { self.begin_beside(now) } else { self.open_first(now) }
    }

    pub(super) fn begin_beside(&self, now: Moment) {
        if self.open.get() == Self::LENT {
            return outlived::begin_lent(self.name.get(), now);
        }
        self.apply(&outlived::take(self.name.get()));
        match self.open.get() {
            0 => self.open_first(now),
            open => self.open.set(open.saturating_add(1)),
        }
    }

    #[inline]
    pub(super) fn end(&self, now: Moment) {
        match self.open.get() {
            0 | 1 => {
                self.open.set(0);
                self.covered.set(self.covered.get().wrapping_add(now.to_nanos()));
            }
            Self::LENT => outlived::end(self.name.get(), now),
            open => {
                self.open.set(open - 1);
                self.last_end.set(now);
            }
        }
    }

    /// Ends children that ended elsewhere.
    fn apply(&self, ends: &[Moment]) {
        // Others may have ended here since, before this was known.
        for &end in ends {
            self.end(end.max(self.last_end.get()));
        }
    }

    /// The time that children covered of a call that ends at the moment `now`. Those that are still open outlive it.
    #[inline(never)]
    pub(super) fn covered_at_end(&self, now: impl FnOnce() -> Moment) -> u64 {
        if self.open.get() > 0 {
            self.close_open(now);
        }
        // A clock that went back between two processors makes it less than nothing.
        Some(self.covered.get()).filter(|&covered| covered <= u64::MAX / 2).unwrap_or_default()
    }

    /// Ends the time in which children cover any, at the moment `now`: what was covered until then stays.
    pub(super) fn freeze(&self, now: impl FnOnce() -> Moment) {
        self.covered.set(self.covered_at_end(now));
        self.open.set(0);
        self.name.set(Parent::NONE);
    }

    /// The time that was covered when it was [frozen](Self::freeze), until others come.
    pub(super) fn frozen(&self) -> u64 {
        self.covered.get()
    }

    #[cold]
    fn close_open(&self, now: impl FnOnce() -> Moment) {
        if self.open.get() == Self::LENT {
            return self.covered.set(outlived::close_lent(self.name.get(), now()));
        }
        self.apply(&outlived::close(self.name.get(), self.open.get()));
        if self.open.get() > 0 {
            self.covered.set(self.covered.get().wrapping_add(now().to_nanos()));
        }
    }
}
