//! The profiler's signal: taken, handled, given back.
//!
//! # The handler
//!
//! It takes no lock, allocates nothing and does not unwind; it makes no system call, so `errno` stays as it is. It reads the thread-local of the
//! innermost call, which the main program holds for every thread from its beginning, and adds to atomics. It runs on the thread's alternate
//! stack where there is one (`SA_ONSTACK`), and system calls that it interrupts begin again where the kernel can do that (`SA_RESTART`); others
//! return `EINTR`, though seldom: the timers count processor time, and a thread that waits uses none.

use super::error::ProfilerError;
use perf_runtime::__profiler as calls;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The signal that profilers use by convention.
pub(super) const SIGNAL: c_int = libc::SIGPROF;

/// The processor time that a sample stands for. Its address marks the signals of the profiler's timers.
static INTERVAL_NANOS: AtomicU64 = AtomicU64::new(0);

/// The processor time that all samples stand for.
static ALL_NANOS: AtomicU64 = AtomicU64::new(0);

/// The information that comes with the signal of a timer, as the kernel lays it out.
///
/// <https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/asm-generic/siginfo.h>
#[repr(C)]
struct TimerInfo {
    numbers: [c_int; 3],
    timer: TimerFields,
}

#[repr(C)]
struct TimerFields {
    id: c_int,
    /// How many times the timer expired since the signal was sent, until it was delivered.
    overrun: c_int,
    value: *mut c_void,
}

/// The value by which signals of the profiler's timers are known.
pub(super) fn mark() -> *mut c_void {
    (&raw const INTERVAL_NANOS).cast_mut().cast()
}

/// The processor time that all samples since the process started stand for.
pub(super) fn all_nanos() -> u64 {
    ALL_NANOS.load(Relaxed)
}

extern "C" fn on_signal(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel gives the information of the signal with it.
    let Some(code) = (unsafe { info.as_ref() }).map(|info| info.si_code) else { return };
    if code != libc::SI_TIMER {
        return;
    }
    // SAFETY: of the signal of a timer, the information is laid out so, and `siginfo_t` is larger.
    let TimerFields { overrun, value, .. } = unsafe { &(*info.cast::<TimerInfo>()).timer };
    if *value == mark() {
        let expired = 1 + u64::try_from(*overrun).unwrap_or(0);
        let nanos = expired.saturating_mul(INTERVAL_NANOS.load(Relaxed));
        ALL_NANOS.fetch_add(nanos, Relaxed);
        calls::count(nanos);
    }
}

/// The signal, handled by the profiler. To be given back after the timers are gone.
pub(super) struct Taken {
    before: libc::sigaction,
}

impl Taken {
    /// Handles the signal, unless another part of the process does.
    pub(super) fn take(interval: Duration) -> Result<Self, ProfilerError> {
        if !is_free(&current()?) {
            return Err(ProfilerError::SignalTaken);
        }
        INTERVAL_NANOS.store(u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        let before = change(&ours())?;
        if is_free(&before) {
            return Ok(Self { before });
        }
        // Another came between the two.
        change(&before)?;
        Err(ProfilerError::SignalTaken)
    }

    /// Whether it is still the profiler that handles it.
    pub(super) fn is_ours() -> bool {
        current().is_ok_and(|action| action.sa_sigaction == on_signal_address())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !Self::is_ours() {
            return;
        }
        // The default action ends the process, so signals that threads have yet to take must be gone first: to ignore a signal discards
        // those that are pending (POSIX, "Signal Actions").
        let ignored = libc::sigaction { sa_sigaction: libc::SIG_IGN, ..ours() };
        let given_back = change(&ignored).and_then(|_| change(&self.before));
        if let Err(error) = given_back {
            tracing::warn!(target: "perf::host", %error, "the profiler's signal could not be given back");
        }
    }
}

/// Whether nobody handles the signal.
fn is_free(action: &libc::sigaction) -> bool {
    [libc::SIG_DFL, libc::SIG_IGN].contains(&action.sa_sigaction)
}

fn on_signal_address() -> libc::sighandler_t {
    on_signal as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as libc::sighandler_t
}

fn ours() -> libc::sigaction {
    // SAFETY: all zero is a valid value: the default action, no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = on_signal_address();
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    action
}

fn current() -> Result<libc::sigaction, ProfilerError> {
    sigaction(ptr::null())
}

/// Sets the action, and says which there was before.
fn change(action: &libc::sigaction) -> Result<libc::sigaction, ProfilerError> {
    sigaction(action)
}

fn sigaction(new: *const libc::sigaction) -> Result<libc::sigaction, ProfilerError> {
    let mut before = MaybeUninit::zeroed();
    // SAFETY: `new` is null or an action, and `before` has room for one. All zero is a valid action.
    let (failed, before) = unsafe { (libc::sigaction(SIGNAL, new, before.as_mut_ptr()) != 0, before.assume_init()) };
    if failed { Err(ProfilerError::last("sigaction")) } else { Ok(before) }
}
