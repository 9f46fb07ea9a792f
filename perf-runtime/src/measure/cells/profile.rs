//! The resource use of a function's calls, where the function says `profile`.

use super::slot;
use super::usage::Usage;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// So that threads seldom meet. To ask for a thread's time costs so much more than an atomic addition that cells of each
/// thread's own would gain nothing.
const STRIPES: usize = 8;

/// The resource use of all profiled calls of a meter. Allocated with the first of them: 1 KiB.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    stripes: OnceLock<Box<[Stripe; STRIPES]>>,
}

/// On a pair of cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe {
    calls: AtomicU64,
    cpu_nanos: AtomicU64,
    scheduled_nanos: AtomicU64,
    allocations: AtomicU64,
    allocated_bytes: AtomicU64,
    released_bytes: AtomicU64,
    units: AtomicU64,
    unit_nanos: AtomicU64,
}

/// The counts, as they stood when they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProfileReading {
    /// Calls that ended.
    pub(crate) calls: u64,
    /// Their resource use.
    pub(crate) used: Usage,
    /// The time from when they were woken until they were polled.
    pub(crate) scheduled_nanos: u64,
    /// Their work, in the function's own units.
    pub(crate) units: u64,
    /// How long the calls took whose units were counted.
    pub(crate) unit_nanos: u64,
}

impl Profile {
    pub(crate) const fn new() -> Self {
        Self { stripes: OnceLock::new() }
    }

    /// Counts a call that ended.
    pub(crate) fn add(&self, used: Usage, scheduled_nanos: u64) {
        let stripe = self.stripe();
        stripe.calls.fetch_add(1, Relaxed);
        stripe.cpu_nanos.fetch_add(used.cpu_nanos, Relaxed);
        if scheduled_nanos > 0 {
            stripe.scheduled_nanos.fetch_add(scheduled_nanos, Relaxed);
        }
        if used.memory.allocations > 0 {
            stripe.allocations.fetch_add(used.memory.allocations, Relaxed);
            stripe.allocated_bytes.fetch_add(used.memory.allocated_bytes, Relaxed);
        }
        if used.memory.released_bytes > 0 {
            stripe.released_bytes.fetch_add(used.memory.released_bytes, Relaxed);
        }
    }

    /// Counts what a call did, and how long it took.
    pub(crate) fn add_units(&self, units: u64, nanos: u64) {
        let stripe = self.stripe();
        stripe.unit_nanos.fetch_add(nanos, Relaxed);
        stripe.units.fetch_add(units, Relaxed);
    }

    /// Adds what was counted to a reading.
    pub(crate) fn read_into(&self, reading: &mut ProfileReading) {
        for stripe in self.stripes.get().into_iter().flat_map(|stripes| stripes.iter()) {
            reading.add(stripe.read());
        }
    }

    fn stripe(&self) -> &Stripe {
        let stripes = self.stripes.get_or_init(Box::default);
        &stripes[slot::current().index() % STRIPES]
    }
}

impl Stripe {
    fn read(&self) -> ProfileReading {
        let mut used = Usage { cpu_nanos: self.cpu_nanos.load(Relaxed), ..Usage::default() };
        used.memory.allocations = self.allocations.load(Relaxed);
        used.memory.allocated_bytes = self.allocated_bytes.load(Relaxed);
        used.memory.released_bytes = self.released_bytes.load(Relaxed);
        ProfileReading {
            calls: self.calls.load(Relaxed),
            used,
            scheduled_nanos: self.scheduled_nanos.load(Relaxed),
            units: self.units.load(Relaxed),
            unit_nanos: self.unit_nanos.load(Relaxed),
        }
    }
}

impl ProfileReading {
    /// Adds what others counted.
    pub(crate) fn add(&mut self, other: Self) {
        self.calls = self.calls.wrapping_add(other.calls);
        self.used += other.used;
        self.scheduled_nanos = self.scheduled_nanos.wrapping_add(other.scheduled_nanos);
        self.units = self.units.wrapping_add(other.units);
        self.unit_nanos = self.unit_nanos.wrapping_add(other.unit_nanos);
    }

    /// The difference to an earlier reading.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(earlier.calls),
            used: self.used - earlier.used,
            scheduled_nanos: self.scheduled_nanos.saturating_sub(earlier.scheduled_nanos),
            units: self.units.saturating_sub(earlier.units),
            unit_nanos: self.unit_nanos.saturating_sub(earlier.unit_nanos),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn nothing_is_lost_between_threads() {
        let (profile, threads, calls) = (Profile::new(), 16, 1_000);
        let mut used = Usage { cpu_nanos: 3, ..Usage::default() };
        (used.memory.allocations, used.memory.allocated_bytes, used.memory.released_bytes) = (1, 100, 40);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..calls {
                        profile.add(used, 11);
                        profile.add_units(5, 7);
                    }
                });
            }
        });
        let mut reading = ProfileReading::default();
        profile.read_into(&mut reading);
        let all = threads * calls;
        assert_eq!((reading.calls, reading.used.cpu_nanos), (all, 3 * all));
        assert_eq!(reading.scheduled_nanos, 11 * all);
        assert_eq!((reading.units, reading.unit_nanos), (5 * all, 7 * all));
        assert_eq!((reading.used.memory.allocated_bytes, reading.used.memory.released_bytes), (100 * all, 40 * all));
        assert_eq!(reading.since(reading), ProfileReading::default());
    }
}
