//! The processor's time stamp counter as a clock, where the kernel keeps time by it.
//!
//! Two reads of the counter cost a third of two `Instant::now()`. That a processor says its counter is invariant is not
//! enough to trust it (on some, the counters of the cores differ, and time goes backwards between them); that the kernel
//! chose it as its clock source is: the kernel watches it and drops it when it errs. So the counter is used on Linux, on
//! x86-64, while the current clock source is `tsc`, and only after it was held against the kernel's clock for a while; and each
//! check that finds the two to differ by more than a thousandth puts an end to it.

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod counter {
    use crate::measure::clock::moment::Moment;

    /// There is none that is trusted.
    #[inline]
    pub(in super::super) fn now() -> Option<Moment> {
        None
    }

    pub(in super::super) fn tune() {}
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod counter {
    use crate::measure::clock::moment::{Moment, by_kernel};
    use std::arch::x86_64::_rdtsc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;
    use std::{fs, thread};

    /// Which clock the kernel keeps time by.
    const CLOCK_SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    /// How long the counter is held against the kernel's clock before it is used. Each of the two readings is off by some 20 ns at
    /// most, so the rate is right to a few millionths.
    const TRIAL: Duration = Duration::from_millis(20);
    /// How far the two may drift apart between two checks: a thousandth, and what a reading may be late.
    const ALLOWED_SHARE: u64 = 1_000;
    const ALLOWED_NANOS: u64 = 1_000_000;

    /// Nanoseconds a tick, in parts of 2^32. Zero while the counter is not used.
    static RATE: AtomicU64 = AtomicU64::new(0);
    /// The counter's value when the clock stood at zero. Written before `RATE`.
    static ZERO: AtomicU64 = AtomicU64::new(0);

    #[inline]
    pub(in super::super) fn now() -> Option<Moment> {
        // Acquire: whoever sees the rate sees the zero that belongs to it. There is one pair only in a process.
        let rate = RATE.load(Ordering::Acquire);
        if rate == 0 {
            return None;
        }
        Some(Moment(to_nanos(ticks().wrapping_sub(ZERO.load(Ordering::Relaxed)), rate)))
    }

    #[inline]
    fn ticks() -> u64 {
        // SAFETY: every x86-64 processor has the instruction, and a kernel that forbids it to programs does not use the
        // counter for its own clock, which programs read by this very instruction.
        unsafe { _rdtsc() }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a clock of 64 bits in nanoseconds lasts 584 years")]
    fn to_nanos(ticks: u64, rate: u64) -> u64 {
        ((u128::from(ticks) * u128::from(rate)) >> 32) as u64
    }

    /// The counter and the clock at one moment.
    #[derive(Clone, Copy, Debug)]
    struct Reading {
        ticks: u64,
        nanos: u64,
    }

    impl Reading {
        /// The best of some: the one that took the least time, so that its two halves lie closest together.
        fn take() -> Self {
            let once = || {
                let before = ticks();
                let Moment(nanos) = by_kernel();
                let took = ticks().saturating_sub(before);
                (took, Self { ticks: before.wrapping_add(took / 2), nanos })
            };
            let first = once();
            let best = (0..16).map(|_| once()).fold(first, |best, other| if other.0 < best.0 { other } else { best });
            best.1
        }

        /// The nanoseconds a tick since an earlier reading, in parts of 2^32.
        fn rate_since(self, earlier: Self) -> Option<u64> {
            let ticks = self.ticks.checked_sub(earlier.ticks).filter(|&ticks| ticks > 0)?;
            let nanos = u128::from(self.nanos.checked_sub(earlier.nanos)?);
            u64::try_from((nanos << 32) / u128::from(ticks)).ok().filter(|&rate| rate > 0)
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Trust {
        Untried,
        /// In use, and found right at this reading.
        Given(Reading),
        /// For good: a clock that erred once is not tried again.
        Withdrawn,
    }

    pub(in super::super) fn tune() {
        static TRUST: Mutex<Trust> = Mutex::new(Trust::Untried);
        let mut trust = TRUST.lock().unwrap_or_else(PoisonError::into_inner);
        *trust = match *trust {
            Trust::Untried => try_out(),
            Trust::Given(last) => check(last),
            Trust::Withdrawn => Trust::Withdrawn,
        };
    }

    fn try_out() -> Trust {
        if !kernel_trusts_it() {
            return Trust::Withdrawn;
        }
        let before = Reading::take();
        thread::sleep(TRIAL);
        let after = Reading::take();
        let Some(rate) = after.rate_since(before) else { return Trust::Withdrawn };
        #[expect(clippy::cast_possible_truncation, reason = "wraps as the counter does")]
        let ticks_since_zero = ((u128::from(after.nanos) << 32) / u128::from(rate)) as u64;
        ZERO.store(after.ticks.wrapping_sub(ticks_since_zero), Ordering::Relaxed);
        RATE.store(rate, Ordering::Release);
        Trust::Given(after)
    }

    fn check(last: Reading) -> Trust {
        let now = Reading::take();
        let rate = RATE.load(Ordering::Relaxed);
        if kernel_trusts_it() && agree(last, now, rate) {
            return Trust::Given(now);
        }
        RATE.store(0, Ordering::Release);
        Trust::Withdrawn
    }

    /// Whether counter and clock went on alike since the last check.
    fn agree(last: Reading, now: Reading, rate: u64) -> bool {
        let by_clock = now.nanos.saturating_sub(last.nanos);
        let by_counter = now.ticks.checked_sub(last.ticks).map(|ticks| to_nanos(ticks, rate));
        by_counter.is_some_and(|nanos| nanos.abs_diff(by_clock) <= ALLOWED_NANOS + by_clock / ALLOWED_SHARE)
    }

    fn kernel_trusts_it() -> bool {
        fs::read(CLOCK_SOURCE).is_ok_and(|source| source.trim_ascii() == b"tsc")
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// A counter of 2.5 GHz.
        const RATE_OF_TEST: u64 = (4 << 32) / 10;

        fn at(ticks: u64, nanos: u64) -> Reading {
            Reading { ticks, nanos }
        }

        #[test]
        fn a_rate_is_nanoseconds_by_ticks() {
            assert_eq!(at(2_500_100, 1_000_040).rate_since(at(100, 40)), Some(RATE_OF_TEST));
            assert_eq!(
                to_nanos(2_500_000_000, RATE_OF_TEST),
                999_999_999,
                "a second, less what the rate is rounded by"
            );
            assert_eq!(at(100, 50).rate_since(at(100, 40)), None, "a counter that stands still");
            assert_eq!(at(50, 50).rate_since(at(100, 40)), None, "a counter that goes back");
        }

        #[test]
        fn a_counter_that_drifts_jumps_or_goes_back_is_found_out() {
            let (second, ticks) = (1_000_000_000, 2_500_000_000);
            let last = at(10, 10);
            assert!(agree(last, at(10 + ticks, 10 + second), RATE_OF_TEST));
            assert!(agree(last, at(10 + ticks + ticks / 2_000, 10 + second), RATE_OF_TEST));
            assert!(!agree(last, at(10 + ticks + ticks / 100, 10 + second), RATE_OF_TEST));
            assert!(!agree(last, at(10 + 100 * ticks, 10 + second), RATE_OF_TEST));
            assert!(!agree(last, at(5, 10 + second), RATE_OF_TEST));
        }

        #[test]
        fn the_two_clocks_show_the_same_time() {
            tune();
            let Some(before) = now() else {
                eprintln!("skipped: the kernel of this machine does not keep time by the time stamp counter");
                return;
            };
            let (early, between, late) = (by_kernel().0, now().unwrap(), by_kernel().0);
            assert!(between >= before);
            // Instead of a difference, which a thread that is put aside would make large.
            let slack = 1_000_000;
            assert!(early.saturating_sub(slack) <= between.0 && between.0 <= late + slack);
            tune();
            assert!(now().is_some(), "a second look does not lose it");
        }
    }
}

pub(super) use counter::{now, tune};
