//! Processor time by function: which calls the processors work for, by samples.
//!
//! Wall time says how long calls take; a call that waits takes long and costs nothing. With the feature `profiler`, on Linux, each thread is
//! interrupted some hundred times in a second *of its processor time*, and the time since the interruption before goes to the innermost
//! call that is measured: an annotated function, an operation, a request. No stack is unwound and no symbol is looked up, for the calls of a thread are
//! known already.
//!
//! ```no_run
//! use perf_host::profiler::Profiler;
//! use perf_runtime::{Monitor, Window};
//!
//! let monitor = Monitor::builder().install()?;
//! let profiler = Profiler::builder().environment().start(&monitor)?;
//! // .. the service runs ..
//! for series in &monitor.summary(Window::LastMinute).series {
//!     if let Some(cpu) = series.sampled_cpu {
//!         println!("{}: {:.2} s ± {:.2} s of {:.2} s", series.name(), cpu.seconds, cpu.standard_error, series.self_seconds);
//!     }
//! }
//! profiler.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | where | what |
//! |---|---|
//! | [`SeriesSummary::sampled_cpu`](perf_runtime::series::SeriesSummary::sampled_cpu) | processor time of a series in a window, its samples and the standard error |
//! | `db_operation_self_cpu_seconds_total`, .. | the same since the start, beside `db_operation_self_seconds_total` |
//! | `profiler_cpu_seconds_total{call}` | of the process: in measured calls, and in none |
//! | `profiler_coverage_ratio` | the share of the process's processor time that the samples stand for |
//! | `profiler_threads{state}` | threads that are sampled, and those that were left out |
//!
//! # The error
//!
//! A figure is a count of samples: of `n` of them the standard error is at most `n`'s root, 10 % of 100 samples, 1 % of 10,000. At 99 a second a
//! function that takes 1 % of one core has 59 samples in a minute: ± 13 %. Threads that live for less than the 100 ms between two looks at the list
//! of threads may be missed; `profiler_coverage_ratio` tells how much of the process's time is. Work that keeps exact step with the samples is seen
//! wrongly, hence 99 and not 100.
//!
//! # Cost and safety
//!
//! A sample costs a signal, some 4 microseconds: 0.04 % of the time of a busy thread, and nothing of one that waits. A function's call costs
//! no more than without: the handler reads a thread-local that the tree of calls keeps anyway. The alternative, a thread that looks at
//! all others 99 times a second, would need each call to publish itself in memory that outlives it, at each entry and exit, and two system calls for
//! each thread and look whether it works or not; and it would see threads that wait for a processor as if they had one.
//!
//! `SIGPROF` is used, as by other profilers. It does not start where another handler has it, where a profiler runs already, or where `perf-runtime`
//! is in a shared library (there a thread-local may be allocated at its first use, and a handler must not). Should another part of the
//! process take the signal over later, the profiler stops within 100 ms. When it stops, its timers are deleted, pending signals are discarded and
//! the signal is handled as before. The handler takes no lock, allocates nothing, does not unwind and makes no system call. Blocking system calls of
//! a thread that works may return `EINTR` where the kernel cannot begin them again (`signal(7)`); the standard library and tokio go on then.
//!
//! # Settings
//!
//! | key of `[profiler]` | variable | by default | allowed |
//! |---|---|---|---|
//! | `enabled` | `PERF_PROFILER_ENABLED` | `true` | `true`, `false` |
//! | `frequency` | `PERF_PROFILER_FREQUENCY` | `99` | `1` to `250`, in hertz |
//! | `max_threads` | `PERF_PROFILER_MAX_THREADS` | `1024` | `1` to `16384` |

mod error;
mod main_program;
mod running;
mod settings;
mod signal;
mod timers;

pub use error::ProfilerError;
pub use running::Profiler;
pub use settings::ProfilerBuilder;
