//! Instructions of a command outside of the kernel, as the processor counts them: of it, and of what it waited for.
//!
//! They differ by some per mille from run to run of the same work (addresses, hash maps with random keys, threads that wait in a loop), so that they
//! are judged by repeats as times are, and not as counts; the load of the machine moves them hardly at all.

#[cfg(target_os = "linux")]
pub(super) use linux::Counter;
#[cfg(not(target_os = "linux"))]
pub(super) use nowhere::Counter;

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io::{self, Read};
    use std::os::fd::FromRawFd;

    /// An event of `perf_event_open(2)`: a type, and a number in it.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Event(u32, u64);

    impl Event {
        /// `PERF_COUNT_HW_INSTRUCTIONS` of `PERF_TYPE_HARDWARE`.
        const INSTRUCTIONS: Self = Self(0, 1);
        /// `PERF_COUNT_SW_TASK_CLOCK` of `PERF_TYPE_SOFTWARE`, in nanoseconds: where there is no counter of the processor, it shows that what counts, counts.
        #[cfg(test)]
        pub(super) const TASK_CLOCK: Self = Self(1, 1);
    }

    /// `struct perf_event_attr` in its first version, of 64 bytes, which every kernel takes.
    #[repr(C)]
    struct Attributes {
        kind: u32,
        size: u32,
        event: u64,
        sample_period: u64,
        sample_type: u64,
        read_format: u64,
        flags: u64,
        wakeup_events: u32,
        breakpoint: u32,
        more: u64,
    }

    const SIZE: u32 = 64;
    /// `PERF_FORMAT_TOTAL_TIME_ENABLED` and `.._RUNNING`.
    const WITH_TIMES: u64 = 1 | 1 << 1;
    /// `disabled`, `inherit`, `exclude_kernel`, `exclude_hv` and `enable_on_exec`: this process counts nothing of its own, and a program that it starts
    /// counts from its beginning on.
    const FLAGS: u64 = {
        let flags: u64 = 1 | 1 << 1 | 1 << 5 | 1 << 6 | 1 << 12;
        // Fields of bits, which begin at the other end there.
        if cfg!(target_endian = "big") { flags.reverse_bits() } else { flags }
    };
    /// `PERF_FLAG_FD_CLOEXEC`.
    const CLOSE_ON_EXEC: libc::c_ulong = 8;

    /// A counter of the programs that this thread starts.
    #[derive(Debug)]
    pub(crate) struct Counter(File);

    impl Counter {
        /// Counts the instructions of the programs that this thread starts from now on.
        ///
        /// # Errors
        /// Why they cannot be counted here, in words.
        pub(crate) fn begin() -> Result<Self, String> {
            Self::of(Event::INSTRUCTIONS).map_err(|error| match error.raw_os_error() {
                Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV) => {
                    "the processor shows no counter here, as in most virtual machines".to_owned()
                }
                Some(libc::EACCES | libc::EPERM) => {
                    "the system does not allow it: `sysctl kernel.perf_event_paranoid=2` does, and so does a container with CAP_PERFMON".to_owned()
                }
                Some(libc::ENOSYS) => "the kernel has no counters".to_owned(),
                Some(libc::EINVAL) => "the kernel knows no such counter".to_owned(),
                _ => format!("a counter cannot be opened: {error}"),
            })
        }

        pub(super) fn of(Event(kind, event): Event) -> io::Result<Self> {
            let attributes = Attributes {
                kind,
                size: SIZE,
                event,
                sample_period: 0,
                sample_type: 0,
                read_format: WITH_TIMES,
                flags: FLAGS,
                wakeup_events: 0,
                breakpoint: 0,
                more: 0,
            };
            let (this_thread, any_processor, no_group): (libc::pid_t, libc::c_int, libc::c_int) = (0, -1, -1);
            // SAFETY: the attributes live longer than the call, and are as long as they say.
            let opened = unsafe {
                libc::syscall(
                    libc::SYS_perf_event_open,
                    &raw const attributes,
                    this_thread,
                    any_processor,
                    no_group,
                    CLOSE_ON_EXEC,
                )
            };
            let descriptor = libc::c_int::try_from(opened).map_err(io::Error::other)?;
            if descriptor < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: the descriptor was opened by this call, and nobody else has it.
            Ok(Self(unsafe { File::from_raw_fd(descriptor) }))
        }

        /// The count of the programs that have ended.
        ///
        /// # Errors
        /// Why it is not known, in words.
        pub(crate) fn read(mut self) -> Result<u64, String> {
            let mut all = [[0; 8]; 3];
            self.0
                .read_exact(all.as_flattened_mut())
                .map_err(|error| format!("the counter cannot be read: {error}"))?;
            let [count, enabled, running] = all.map(u64::from_ne_bytes);
            // Otherwise it is too few.
            if count > 0 && enabled == running {
                return Ok(count);
            }
            Err("the counter was not the command's all the time, for others count too or the processor has cores of several kinds".to_owned())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod nowhere {
    /// Nothing: this system counts none.
    #[derive(Debug)]
    pub(crate) struct Counter;

    impl Counter {
        pub(crate) fn begin() -> Result<Self, String> {
            Err("that takes Linux".to_owned())
        }

        pub(crate) fn read(self) -> Result<u64, String> {
            Err("that takes Linux".to_owned())
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::linux::{Counter, Event};
    use std::hint::black_box;
    use std::process::Command;

    fn work(rounds: u32) {
        let script = format!("i=0; while [ $i -lt {rounds} ]; do i=$((i+1)); done");
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    }

    #[test]
    fn what_programs_do_is_counted_and_nothing_else() {
        // Seccomp may forbid it in a container.
        let Ok(counter) = Counter::of(Event::TASK_CLOCK) else { return };
        let mut sum = 0_u64;
        for number in 0..3_000_000_u64 {
            sum = black_box(sum.wrapping_mul(31).wrapping_add(number));
        }
        assert_eq!(counter.read().ok(), None, "this process is not counted");
        let count = |rounds| {
            let counter = Counter::of(Event::TASK_CLOCK).unwrap();
            work(rounds);
            counter.read().unwrap()
        };
        let (little, much) = (count(1), count(300_000));
        assert!(little > 0 && much > 2 * little, "{little} and {much} ns");
    }

    #[test]
    fn instructions_are_nearly_the_same_from_run_to_run_or_it_is_said_why_there_are_none() {
        let count = |rounds| {
            let counter = Counter::begin()?;
            work(rounds);
            Ok::<_, String>(counter.read().ok())
        };
        match (count(20_000), count(20_000), count(40_000)) {
            (Ok(Some(one)), Ok(Some(other)), Ok(Some(double))) => {
                assert!(one.abs_diff(other) < one / 20, "{one} and {other}");
                assert!(double > one + one / 2, "{one} and {double}");
            }
            (Err(why), ..) => assert!(why.contains("counter") || why.contains("allow"), "{why}"),
            // The counter is shared with another one on this machine.
            _ => {}
        }
    }
}
