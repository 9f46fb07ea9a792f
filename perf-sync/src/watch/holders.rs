//! The words of a lock that name its holders, and since when each has it.
//!
//! A lock that one holds alone has one pair of words, which its holder writes with plain stores and clears before it lets go: so there is never a
//! second writer. Readers and holders of permits claim one of four pairs; those beyond four are counted and not named.

use super::mode::Mode;
use super::owner::Owner;
use super::sync::{AtomicU64, AtomicUsize, Ordering};

/// So many holders of one lock are named.
pub(crate) const SLOTS: usize = 4;
/// The word of a slot that is claimed and not written yet.
const CLAIMED: u64 = 1;

/// One holder.
#[derive(Debug)]
struct Slot {
    /// Zero while nobody is there.
    owner: AtomicU64,
    /// By the clock, in nanoseconds.
    since: AtomicU64,
    /// The address of the call.
    call: AtomicUsize,
}

/// The named holders of a lock.
#[derive(Debug)]
pub(crate) struct Slots([Slot; SLOTS]);

/// The place of a holder among those named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u8);

/// The moment at which a lock was taken, and the address of the call that took it. They stay where the mode changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) since: u64,
    /// Zero where that is none of an async function.
    pub(crate) call: usize,
}

/// A holder as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) owner: Owner,
    pub(crate) since: u64,
    /// The address of the call that took the lock; zero where that is none of an async function.
    pub(crate) call: usize,
}

impl Place {
    /// Of a holder that is counted and not named.
    pub(crate) const UNNAMED: Self = Self(u8::MAX);
    /// Of a holder that was cleared already.
    pub(crate) const NOWHERE: Self = Self(u8::MAX - 1);
}

impl Default for Slots {
    fn default() -> Self {
        let slot = || Slot { owner: AtomicU64::new(0), since: AtomicU64::new(0), call: AtomicUsize::new(0) };
        Self([slot(), slot(), slot(), slot()])
    }
}

impl Slots {
    /// Says who holds the lock now. A mode that holds it alone finds the first slot free, since whoever had it cleared it before letting go.
    #[inline]
    pub(crate) fn take(&self, owner: Owner, taken: Taken) -> Place {
        if owner.mode().is_alone() {
            let [slot, ..] = &self.0;
            slot.write(owner, taken);
            return Place(0);
        }
        for (place, slot) in (0..).zip(&self.0) {
            let claimed = slot.owner.load(Ordering::Relaxed) == 0
                && slot.owner.compare_exchange(0, CLAIMED, Ordering::Acquire, Ordering::Relaxed).is_ok();
            if claimed {
                slot.write(owner, taken);
                return Place(place);
            }
        }
        Place::UNNAMED
    }

    /// Says that a holder is about to let go. Says `false` where it is not named.
    #[inline]
    pub(crate) fn clear(&self, place: Place) -> bool {
        let slot = self.0.get(usize::from(place.0));
        slot.inspect(|slot| slot.owner.store(0, Ordering::Release)).is_some()
    }

    /// Says that the guard of a holder owns its lock. Only the holder itself says so.
    pub(crate) fn own(&self, place: Place, owner: Owner) {
        if let Some(slot) = self.0.get(usize::from(place.0)) {
            slot.owner.store(owner.bits(), Ordering::Release);
        }
    }

    /// The moment at which the lock was taken, and by whose call, of a holder that is named. Only the holder itself asks.
    pub(crate) fn taken(&self, place: Place) -> Option<Taken> {
        let slot = self.0.get(usize::from(place.0))?;
        Some(Taken { since: slot.since.load(Ordering::Relaxed), call: slot.call.load(Ordering::Relaxed) })
    }

    /// The holders that are named.
    pub(crate) fn read(&self) -> impl Iterator<Item = Holder> {
        self.0.iter().filter_map(Slot::read)
    }
}

impl Slot {
    #[inline]
    fn write(&self, owner: Owner, Taken { since, call }: Taken) {
        // A look that reads this moment finds no earlier holder beside it, and one that reads the holder finds this moment.
        self.since.store(since, Ordering::Release);
        self.call.store(call, Ordering::Release);
        self.owner.store(owner.bits(), Ordering::Release);
    }

    fn read(&self) -> Option<Holder> {
        let before = self.owner.load(Ordering::Acquire);
        let since = self.since.load(Ordering::Acquire);
        let call = self.call.load(Ordering::Acquire);
        let is_settled = before > CLAIMED && self.owner.load(Ordering::Relaxed) == before;
        is_settled.then(|| Holder { owner: Owner::from_bits(before), since, call })
    }
}

/// Holders that are not named, by mode.
#[derive(Debug, Default)]
pub(crate) struct Unnamed([std::sync::atomic::AtomicU32; super::mode::MODES]);

impl Unnamed {
    pub(crate) fn add(&self, mode: Mode) {
        if let Some(count) = self.0.get(mode.index()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn take(&self, mode: Mode) {
        if let Some(count) = self.0.get(mode.index()) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> impl Iterator<Item = (Mode, u64)> {
        let count = |count: &std::sync::atomic::AtomicU32| count.load(Ordering::Relaxed).into();
        Mode::ALL.into_iter().zip(self.0.iter().map(count))
    }
}

#[cfg(all(test, perf_loom))]
mod model {
    use super::*;
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    /// A holder whose moment tells which one it is.
    fn owner(number: u64, mode: Mode) -> (Owner, u64) {
        (Owner::new(number, 7, mode), number * 10)
    }

    fn look(slots: &Slots) {
        for holder in slots.read() {
            assert_eq!(holder.since, holder.owner.who() * 10, "a holder has the moment that is its own");
        }
    }

    #[test]
    fn a_reader_never_sees_one_holder_with_the_moment_of_another() {
        loom::model(|| {
            let lock = Arc::new((Mutex::new(()), Slots::default()));
            let take = |number: u64| {
                let lock = Arc::clone(&lock);
                move || {
                    let guard = lock.0.lock().unwrap();
                    let (owner, since) = owner(number, Mode::Lock);
                    let place = lock.1.take(owner, Taken { since, call: 0 });
                    assert!(lock.1.clear(place));
                    drop(guard);
                }
            };
            let threads = [thread::spawn(take(2)), thread::spawn(take(3))];
            look(&lock.1);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(lock.1.read().count(), 0);
        });
    }

    #[test]
    fn readers_share_the_slots_and_leave_none_behind() {
        loom::model(|| {
            let slots = Arc::new(Slots::default());
            let take = |number: u64| {
                let slots = Arc::clone(&slots);
                move || {
                    let (owner, since) = owner(number, Mode::Read);
                    let place = slots.take(owner, Taken { since, call: 0 });
                    assert_ne!(place, Place::UNNAMED);
                    assert!(slots.clear(place));
                }
            };
            let threads = [thread::spawn(take(2)), thread::spawn(take(3))];
            look(&slots);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(slots.read().count(), 0);
        });
    }
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;

    #[test]
    fn four_readers_are_named_and_the_fifth_is_not() {
        let slots = Slots::default();
        let take = |number| slots.take(Owner::new(number, 0, Mode::Read), Taken { since: number, call: 0 });
        let places: Vec<_> = (1..=5).map(take).collect();
        assert_eq!(places[4], Place::UNNAMED);
        assert!(!slots.clear(places[4]));
        assert_eq!(slots.read().map(|holder| holder.owner.who()).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(slots.clear(places[1]));
        assert_eq!(take(9), places[1]);
    }
}
