//! Which core a thread runs on.
//!
//! Left alone, a scheduler may wake two short-lived threads on one core, where they take turns: nothing is contended
//! then, and the time from start to end is twice what it should be.

/// Keeps the calling thread on the core of this number, counted round among the cores that the process may use. Does
/// nothing where the system has no such call: the figures spread more there.
pub fn pin(number: usize) {
    #[cfg(target_os = "linux")]
    linux::pin(number);
    #[cfg(not(target_os = "linux"))]
    let _ = number;
}

#[cfg(target_os = "linux")]
mod linux {
    use libc::{CPU_ISSET, CPU_SET, CPU_SETSIZE, cpu_set_t, sched_getaffinity, sched_setaffinity};
    use std::mem::zeroed;
    use std::process;
    use std::sync::LazyLock;

    static ALLOWED: LazyLock<Vec<usize>> = LazyLock::new(|| {
        let process = process::id().cast_signed();
        // SAFETY: all zeros is the empty set.
        let mut set: cpu_set_t = unsafe { zeroed() };
        // SAFETY: `set` is as long as is said. Of the process is asked, whose first thread is pinned only after this.
        unsafe { sched_getaffinity(process, size_of::<cpu_set_t>(), &raw mut set) };
        // SAFETY: the numbers are below the size of the set.
        (0..CPU_SETSIZE.cast_unsigned() as usize).filter(|&core| unsafe { CPU_ISSET(core, &set) }).collect()
    });

    pub(super) fn pin(number: usize) {
        let Some(&core) = number.checked_rem(ALLOWED.len()).and_then(|place| ALLOWED.get(place)) else { return };
        // SAFETY: all zeros is the empty set.
        let mut set: cpu_set_t = unsafe { zeroed() };
        // SAFETY: the number came out of a set of this size, and `set` is as long as is said. Zero is the calling
        // thread.
        unsafe {
            CPU_SET(core, &mut set);
            sched_setaffinity(0, size_of::<cpu_set_t>(), &raw const set);
        }
    }
}
