//! The one that takes a lock: a task or a thread, in a call of a series, in a mode.

use super::mode::Mode;
use perf_runtime::__locks;
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// A task or a thread, the series whose call runs there, and a mode, in one word: never zero nor one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owner(u64);

/// A task or a thread. The lowest bit tells which, and numbers begin at one, so it is never zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Who(u64);

const SERIES_BITS: u32 = 16;
const MODE_BITS: u32 = 3;
/// The highest bit tells that the guard may have gone to another task.
const OWNED: u64 = 1 << (u64::BITS - 1);
/// So many bits are left for tasks and threads. A program that started 2 to the 43rd tasks would see two of one number.
const WHO_BITS: u32 = u64::BITS - SERIES_BITS - MODE_BITS - 1;

impl Owner {
    /// The one that runs on this thread: its task where it has one, unless only the thread can let go of the lock.
    #[inline]
    pub(crate) fn current(mode: Mode, by_thread: bool) -> Self {
        let who = if by_thread { Who::thread() } else { Who::task().unwrap_or_else(Who::thread) };
        Self::new(who.0, __locks::current(), mode)
    }

    #[inline]
    pub(crate) fn new(who: u64, series: u16, mode: Mode) -> Self {
        let who = who & ((1 << WHO_BITS) - 1);
        Self(who | u64::from(series) << WHO_BITS | (mode as u64) << (WHO_BITS + SERIES_BITS))
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) fn bits(self) -> u64 {
        self.0
    }

    /// The task or thread.
    pub(crate) fn who(self) -> u64 {
        self.0 & ((1 << WHO_BITS) - 1)
    }

    pub(crate) fn task_or_thread(self) -> Who {
        Who(self.who())
    }

    /// The number of the series whose call took the lock; zero where none ran.
    #[expect(clippy::cast_possible_truncation, reason = "cut to as many bits")]
    pub(crate) fn series(self) -> u16 {
        (self.0 >> WHO_BITS) as u16
    }

    pub(crate) fn mode(self) -> Mode {
        Mode::of_index(usize::try_from((self.0 & !OWNED) >> (WHO_BITS + SERIES_BITS)).unwrap_or_default())
    }

    /// The same in another mode.
    pub(crate) fn with_mode(self, mode: Mode) -> Self {
        Self(Self::new(self.who(), self.series(), mode).0 | self.0 & OWNED)
    }

    /// The same, by a guard that owns its lock, and so may go to another task.
    pub(crate) fn owned(self) -> Self {
        Self(self.0 | OWNED)
    }

    /// Whether the guard owns its lock: another may have it by now.
    pub(crate) fn is_owned(self) -> bool {
        self.0 & OWNED != 0
    }
}

thread_local! {
    /// The number of this thread; zero before it was asked for.
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

impl Who {
    /// This thread.
    #[inline]
    pub(crate) fn thread() -> Self {
        let number = THREAD.get();
        Self((if number == 0 { new_thread() } else { number }) << 1)
    }

    /// Whether it is a task.
    pub(crate) fn is_task(self) -> bool {
        self.0 & 1 == 1
    }

    /// The task of tokio's that is polled on this thread.
    #[inline]
    pub(crate) fn task() -> Option<Self> {
        #[cfg(feature = "tokio")]
        return tokio_task().map(|number| Self(number << 1 | 1));
        #[cfg(not(feature = "tokio"))]
        return None;
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_task() { "task" } else { "thread" };
        write!(f, "{kind} {}", self.0 >> 1)
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cold]
fn new_thread() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    THREAD.set(number);
    number
}

/// The number of the current task. tokio shows it by its `Display` alone, and by what it gives to a hasher.
#[cfg(feature = "tokio")]
#[inline]
fn tokio_task() -> Option<u64> {
    use std::hash::{Hash, Hasher};

    struct Number(u64);

    impl Hasher for Number {
        fn finish(&self) -> u64 {
            self.0
        }

        fn write(&mut self, bytes: &[u8]) {
            for &byte in bytes {
                self.0 = self.0 << 8 | u64::from(byte);
            }
        }

        fn write_u64(&mut self, number: u64) {
            self.0 = number;
        }
    }

    let id = ::tokio::task::try_id()?;
    let mut number = Number(0);
    id.hash(&mut number);
    Some(number.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_keeps_who_where_and_how() {
        for mode in Mode::ALL {
            let owner = Owner::new(12_345, 0xabcd, mode);
            assert_eq!((owner.who(), owner.series(), owner.mode()), (12_345, 0xabcd, mode));
            assert_eq!((owner.with_mode(Mode::Read).mode(), owner.is_owned()), (Mode::Read, false));
            let sent = owner.owned();
            assert_eq!((sent.who(), sent.series(), sent.mode(), sent.is_owned()), (12_345, 0xabcd, mode, true));
            assert!(sent.with_mode(Mode::Read).is_owned());
        }
    }

    #[test]
    fn threads_have_numbers_of_their_own() {
        let own = Who::thread();
        assert_eq!(Who::thread(), own);
        let other = std::thread::spawn(Who::thread).join().unwrap();
        assert_ne!(own, other);
    }

    #[cfg(feature = "tokio")]
    #[tokio::test]
    async fn a_task_is_known_by_the_number_that_tokio_shows() {
        let (id, who) = ::tokio::spawn(async { (::tokio::task::id(), Who::task().unwrap()) }).await.unwrap();
        assert_eq!(who.to_string(), format!("task {id}"));
    }
}
