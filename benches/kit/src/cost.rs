//! The cost of a thread or the process so far, as the system counts it.

use std::mem::zeroed;
use std::time::Duration;

/// Time on a processor, in the program's own code and in the system's on its behalf.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// In the program.
    pub user: Duration,
    /// In the system.
    pub system: Duration,
}

impl Cpu {
    /// Of all threads of the process.
    #[must_use]
    pub fn of_process() -> Self {
        // SAFETY: all zeros is a usage of nothing.
        let mut usage: libc::rusage = unsafe { zeroed() };
        // SAFETY: `usage` is what the call fills in.
        unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
        let time = |time: libc::timeval| {
            Duration::from_secs(time.tv_sec.cast_unsigned()) + Duration::from_micros(time.tv_usec.cast_unsigned())
        };
        Self { user: time(usage.ru_utime), system: time(usage.ru_stime) }
    }
}

/// Time that the calling thread has had a processor.
#[must_use]
pub fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is what the call fills in.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::from_secs(time.tv_sec.cast_unsigned()) + Duration::from_nanos(time.tv_nsec.cast_unsigned())
}

/// Bytes of memory that the process holds, as the system counts it: whole pages. Zero where there is no `/proc`.
#[must_use]
pub fn resident_bytes() -> u64 {
    let Ok(text) = std::fs::read_to_string("/proc/self/statm") else { return 0 };
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    // SAFETY: it only asks.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.cast_unsigned()
}

/// Gives free memory back to the system, as far as the allocator can, so that [`resident_bytes`] is what is in use.
pub fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
