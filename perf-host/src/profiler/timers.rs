//! A timer for each thread, which counts the thread's processor time and sends it the profiler's signal.

use super::signal;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::mem::MaybeUninit;
use std::path::Path;
use std::time::Duration;
use std::{fs, io, ptr};

/// The timers of all threads that are sampled.
pub(super) struct Timers {
    interval: Duration,
    most: usize,
    /// The thread of the timers themselves, which has none.
    own: libc::pid_t,
    by_thread: HashMap<libc::pid_t, Timer>,
    round: u64,
}

/// How many threads there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Threads {
    pub(super) sampled: usize,
    /// Threads that the bound left out, or for which the system had no timer.
    pub(super) left_out: usize,
}

/// A timer of the kernel's. Deleted when dropped.
struct Timer {
    id: libc::timer_t,
    /// The last round in which its thread was there.
    round: u64,
}

impl Timers {
    /// No timers yet, made by the thread that follows the others.
    pub(super) fn new(interval: Duration, most: usize) -> Self {
        // SAFETY: it has no preconditions.
        let own = unsafe { libc::gettid() };
        Self { interval, most, own, by_thread: HashMap::new(), round: 0 }
    }

    /// Makes timers for the threads that are new, and deletes those of threads that are gone.
    ///
    /// A number that a new thread takes over from one that ended is not told apart within a round. For that the kernel would have to go through all
    /// numbers in so short a time.
    pub(super) fn follow(&mut self) -> io::Result<Threads> {
        self.round += 1;
        let mut left_out = 0;
        for entry in fs::read_dir(Path::new("/proc/self/task"))? {
            let Some(thread) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if thread == self.own {
                continue;
            }
            let has_room = self.by_thread.len() < self.most;
            match self.by_thread.entry(thread) {
                Entry::Occupied(mut known) => known.get_mut().round = self.round,
                Entry::Vacant(place) if has_room => match Timer::start(thread, self.interval, self.round) {
                    Ok(timer) => _ = place.insert(timer),
                    // The thread has ended since.
                    Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
                    Err(_) => left_out += 1,
                },
                Entry::Vacant(_) => left_out += 1,
            }
        }
        self.by_thread.retain(|_, timer| timer.round == self.round);
        Ok(Threads { sampled: self.by_thread.len(), left_out })
    }
}

impl Timer {
    fn start(thread: libc::pid_t, interval: Duration, round: u64) -> io::Result<Self> {
        // SAFETY: all zero is a valid value.
        let mut event: libc::sigevent = unsafe { MaybeUninit::zeroed().assume_init() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = signal::SIGNAL;
        event.sigev_notify_thread_id = thread;
        event.sigev_value = libc::sigval { sival_ptr: signal::mark() };
        let mut id = ptr::null_mut();
        // SAFETY: `event` is one, and `id` has room for the timer's.
        if unsafe { libc::timer_create(clock_of(thread), &raw mut event, &raw mut id) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // From here on it is deleted where it cannot be set.
        let timer = Self { id, round };
        let expiry = libc::itimerspec { it_interval: timespec(interval), it_value: timespec(first(thread, interval)) };
        // SAFETY: the timer is there, and nobody asks for its old expiry.
        if unsafe { libc::timer_settime(timer.id, 0, &raw const expiry, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(timer)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: the timer was made, and is deleted once.
        unsafe { libc::timer_delete(self.id) };
    }
}

/// The clock of a thread's processor time, as the kernel numbers it: the inverse of the thread's number, and the bits of a clock of a single thread
/// (4) by the scheduler's account (2). `pthread_getcpuclockid` makes the same number, but wants a `pthread_t`, which others' threads do not tell.
///
/// <https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/linux/posix-timers_types.h>
fn clock_of(thread: libc::pid_t) -> libc::clockid_t {
    (!thread << 3) | 4 | 2
}

/// The time to a thread's first sample: anywhere within an interval, by the thread's number. So threads are not sampled at once, and a thread that ends
/// within an interval is sampled as often as it should be, on average.
fn first(thread: libc::pid_t, interval: Duration) -> Duration {
    let nanos = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
    let spread = u64::from(thread.unsigned_abs()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Duration::from_nanos(1 + spread % nanos)
}

fn timespec(time: Duration) -> libc::timespec {
    // SAFETY: all zero is a valid value. On some targets it has padding, so it cannot be written out.
    let mut written: libc::timespec = unsafe { MaybeUninit::zeroed().assume_init() };
    written.tv_sec = libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX);
    written.tv_nsec = time.subsec_nanos().into();
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_samples_are_spread_over_an_interval() {
        let interval = Duration::from_millis(10);
        let all: Vec<Duration> = (1_000..2_000).map(|thread| first(thread, interval)).collect();
        assert!(all.iter().all(|first| (Duration::from_nanos(1)..=interval).contains(first)));
        for tenth in 0..10 {
            let count = all.iter().filter(|first| first.as_millis() == tenth).count();
            assert!((80..120).contains(&count), "{tenth}: {count}");
        }
    }

    #[test]
    fn threads_that_are_gone_take_their_timers_along_and_the_bound_holds() {
        use std::sync::mpsc::channel;
        use std::thread;
        // Never due: this test must not send signals that nobody handles.
        let mut timers = Timers::new(Duration::from_secs(1_000_000), usize::MAX);
        let before = timers.follow().unwrap().sampled;
        let (go, wait) = channel::<()>();
        let waiting = thread::spawn(move || wait.recv());
        while timers.follow().unwrap().sampled <= before {}
        let mut bounded = Timers::new(Duration::from_secs(1_000_000), 1);
        let threads = bounded.follow().unwrap();
        assert_eq!(threads.sampled, 1);
        assert!(threads.left_out >= 1, "{threads:?}");
        drop(go);
        waiting.join().unwrap().unwrap_err();
        let known: Vec<_> = timers.by_thread.keys().copied().collect();
        // Others of this program's tests come and go; one of those that were there is gone at last.
        while known.iter().all(|thread| timers.by_thread.contains_key(thread)) {
            timers.follow().unwrap();
        }
    }
}
