//! Work that uses a processor for a known time, and a storm of everything that a signal may come between.
#![allow(unreachable_pub, reason = "the soak test includes it too")]

use perf_runtime::monitor;
use std::ffi::CStr;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The processor time of this thread.
pub fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` has room for it.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) }, 0);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// Takes so much of this thread's processor time, and says how much it was.
pub fn burn(time: Duration) -> Duration {
    let began = thread_time();
    loop {
        let mut sum = 0_u64;
        for number in 0..2_000_u64 {
            sum = std::hint::black_box(sum ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        let used = thread_time().saturating_sub(began);
        if used >= time {
            return used;
        }
    }
}

/// Numbers without a pattern.
pub struct Random(pub u64);

impl Random {
    pub fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        1 + (self.0 >> 33) % most
    }
}

/// The libraries that the storm loads and unloads: small ones of the C library, of which at least one is there.
const LIBRARIES: [&CStr; 4] = [c"libresolv.so.2", c"libanl.so.1", c"libthread_db.so.1", c"libm.so.6"];

/// Does something again and again, until it is over.
fn repeat(over: &AtomicBool, seed: u64, mut once: impl FnMut(&mut Random)) {
    let mut random = Random(seed);
    while !over.load(Ordering::Relaxed) {
        once(&mut random);
    }
}

/// The deeds of a storm.
#[derive(Debug, Default)]
pub struct Storm {
    pub allocations: AtomicU64,
    pub panics: AtomicU64,
    pub libraries: AtomicU64,
    pub threads: AtomicU64,
}

#[monitor("storm_allocates")]
fn allocates(random: &mut Random) -> usize {
    let size = usize::try_from(random.up_to(100_000)).unwrap();
    let pieces: Vec<Vec<u8>> = (0..16).map(|piece| vec![piece; size / 16]).collect();
    std::hint::black_box(pieces).len()
}

#[monitor("storm_panics")]
fn panics(depth: u64) -> u64 {
    assert!(depth > 0, "a panic of the storm");
    panics(depth - 1) + 1
}

#[monitor("storm_loads")]
fn loads(name: &CStr) -> bool {
    // SAFETY: libraries of the C library's own, whose initialisers may run at any time; each handle is closed once.
    unsafe {
        let library = libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        !library.is_null() && libc::dlclose(library) == 0
    }
}

#[monitor("storm_short_lived")]
fn short_lived(random: &mut Random) {
    burn(Duration::from_micros(random.up_to(2_000)));
}

impl Storm {
    /// Rages for so long: two threads that allocate, one that panics, one that loads and unloads libraries, and one that has threads come
    /// and go.
    pub fn rage(&self, time: Duration) {
        let over = AtomicBool::new(false);
        let count = |counter: &AtomicU64, times: u64| _ = counter.fetch_add(times, Ordering::Relaxed);
        thread::scope(|scope| {
            let over = &over;
            for seed in [1, 2] {
                scope.spawn(move || repeat(over, seed, |random| count(&self.allocations, allocates(random) as u64)));
            }
            scope.spawn(move || {
                repeat(over, 3, |random| {
                    let depth = random.up_to(20);
                    count(&self.panics, panic::catch_unwind(|| panics(depth)).is_err().into());
                });
            });
            scope.spawn(move || {
                repeat(over, 4, |_| {
                    count(&self.libraries, LIBRARIES.iter().filter(|name| loads(name)).count() as u64);
                });
            });
            scope.spawn(move || {
                repeat(over, 5, |random| {
                    let threads = (0..random.up_to(8)).map(|seed| scope.spawn(move || short_lived(&mut Random(seed))));
                    for thread in threads.collect::<Vec<_>>() {
                        thread.join().unwrap();
                        count(&self.threads, 1);
                    }
                });
            });
            let end = Instant::now() + time;
            while Instant::now() < end {
                thread::sleep(Duration::from_millis(10));
            }
            over.store(true, Ordering::Relaxed);
        });
    }

    /// The least that was done of any of it.
    pub fn least(&self) -> u64 {
        let all = [&self.allocations, &self.panics, &self.libraries, &self.threads];
        all.map(|counter| counter.load(Ordering::Relaxed)).into_iter().min().unwrap_or(0)
    }
}
