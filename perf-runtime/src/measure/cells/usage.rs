//! The resource use of a thread so far: time on a processor, and memory that it asked for and gave back.
//!
//! The time is the kernel's own of the thread. Memory is told by whatever allocator the program has, if it counts: that of
//! `perf-host` calls [`allocated`] and [`released`], and nothing here knows of it. Where nothing tells a figure, it is absent.

use std::cell::Cell;
use std::ops::{Add, AddAssign, Sub};
use std::sync::atomic::{AtomicBool, Ordering};

/// An amount of resource use. A figure that nothing tells is zero; see [`cpu_is_told`] and [`memory_is_told`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) cpu_nanos: u64,
    pub(crate) memory: Memory,
}

/// Memory that was asked for and given back. A change of size counts as the release of the old and the allocation of the
/// new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) allocations: u64,
    pub(crate) allocated_bytes: u64,
    pub(crate) released_bytes: u64,
}

thread_local! {
    /// Without a destructor, and made without allocating: so it can be used whenever a thread allocates.
    static MEMORY: Cell<Memory> =
        const { Cell::new(Memory { allocations: 0, allocated_bytes: 0, released_bytes: 0 }) };
}

/// Whether an allocator counts here.
static COUNTED: AtomicBool = AtomicBool::new(false);

/// Counts memory that this thread was given. For allocators: it does not allocate and does not unwind.
#[inline]
pub fn allocated(bytes: usize) {
    let mut memory = MEMORY.get();
    if memory.allocations == 0 {
        COUNTED.store(true, Ordering::Relaxed);
    }
    memory.allocations = memory.allocations.wrapping_add(1);
    memory.allocated_bytes = memory.allocated_bytes.wrapping_add(bytes as u64);
    MEMORY.set(memory);
}

/// Counts memory that this thread gave back. For allocators, as [`allocated`].
#[inline]
pub fn released(bytes: usize) {
    let mut memory = MEMORY.get();
    memory.released_bytes = memory.released_bytes.wrapping_add(bytes as u64);
    MEMORY.set(memory);
}

/// Whether the system tells a thread's time on a processor.
pub(crate) fn cpu_is_told() -> bool {
    thread_cpu_nanos().is_some()
}

/// Whether the program's allocator counts.
pub(crate) fn memory_is_told() -> bool {
    COUNTED.load(Ordering::Relaxed)
}

impl Usage {
    /// The resource use of the calling thread so far. Costs a system call: some 100 to 300 ns.
    pub(crate) fn of_thread() -> Self {
        Self { cpu_nanos: thread_cpu_nanos().unwrap_or_default(), memory: MEMORY.get() }
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (ours, theirs) = (self.memory, other.memory);
        Self {
            cpu_nanos: self.cpu_nanos.saturating_add(other.cpu_nanos),
            memory: Memory {
                allocations: ours.allocations.wrapping_add(theirs.allocations),
                allocated_bytes: ours.allocated_bytes.wrapping_add(theirs.allocated_bytes),
                released_bytes: ours.released_bytes.wrapping_add(theirs.released_bytes),
            },
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        let (ours, theirs) = (self.memory, earlier.memory);
        Self {
            // Of two readings that failed in turn, nothing is known.
            cpu_nanos: self.cpu_nanos.saturating_sub(earlier.cpu_nanos),
            memory: Memory {
                allocations: ours.allocations.wrapping_sub(theirs.allocations),
                allocated_bytes: ours.allocated_bytes.wrapping_sub(theirs.allocated_bytes),
                released_bytes: ours.released_bytes.wrapping_sub(theirs.released_bytes),
            },
        }
    }
}

/// The time that the calling thread has had a processor.
#[cfg(target_os = "linux")]
fn thread_cpu_nanos() -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is what the call fills in.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) } != 0;
    let (seconds, nanos) = (u64::try_from(time.tv_sec).ok()?, u64::try_from(time.tv_nsec).ok()?);
    (!failed).then(|| seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

#[cfg(not(target_os = "linux"))]
fn thread_cpu_nanos() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_allocator_tells_is_kept_by_thread() {
        let before = Usage::of_thread();
        allocated(100);
        allocated(20);
        released(30);
        std::thread::spawn(|| allocated(1_000)).join().unwrap();
        let memory = (Usage::of_thread() - before).memory;
        assert_eq!(memory, Memory { allocations: 2, allocated_bytes: 120, released_bytes: 30 });
        assert!(memory_is_told());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_that_works_uses_time_and_one_that_sleeps_does_not() {
        assert!(cpu_is_told());
        let used = |work: fn()| {
            let before = Usage::of_thread();
            work();
            (Usage::of_thread() - before).cpu_nanos
        };
        let worked = used(|| {
            let before = Usage::of_thread();
            while (Usage::of_thread() - before).cpu_nanos < 20_000_000 {}
        });
        assert!(worked >= 20_000_000, "{worked}");
        let slept = used(|| std::thread::sleep(std::time::Duration::from_millis(50)));
        assert!(slept < 20_000_000, "{slept}");
    }
}
