//! A storm of everything that a signal may come between, with a profiler that samples it.

// The storm of the tests.
#[path = "../../../perf-host/tests/profiler/work.rs"]
#[allow(dead_code)]
mod work;

use perf_host::profiler::Profiler;
use perf_runtime::{Kind, Monitor, Window};
use std::panic;
use std::time::Duration;
use work::Storm;

/// As often as the kernel looks.
const HERTZ: u32 = 250;

/// Lets a storm rage for so many minutes. Says what it did, and what it did not.
pub(crate) fn soak(minutes: u32) -> Result<(String, Vec<String>), String> {
    let monitor = Monitor::builder().install().map_err(|error| error.to_string())?;
    let profiler = Profiler::builder().frequency(HERTZ).start(&monitor).map_err(|error| error.to_string())?;
    panic::set_hook(Box::new(|_| ()));
    let mut faults = Vec::new();
    for minute in 1..=minutes {
        let storm = Storm::default();
        storm.rage(Duration::from_secs(60));
        eprintln!("minute {minute} of {minutes}: {storm:?}");
        if storm.least() == 0 {
            faults.push(format!("something stood still in minute {minute}: {storm:?}"));
        }
    }
    drop(panic::take_hook());
    if !profiler.is_running() {
        faults.push("the profiler has stopped".to_owned());
    }
    profiler.stop();
    // Samples are in a window from the next tick on.
    std::thread::sleep(Duration::from_millis(1_500));
    let mut told = String::from("processor time by samples, in the last hour:");
    let summary = monitor.summary(Window::LastHour);
    for name in ["storm_allocates", "storm_panics", "storm_loads", "storm_short_lived"] {
        match summary.find(Kind::Operation, &[name]).and_then(|series| series.sampled_cpu) {
            Some(cpu) => {
                told += &format!(
                    "\n  {name:18} {:9.2} s ± {:.2} s, {} samples",
                    cpu.seconds, cpu.standard_error, cpu.samples
                )
            }
            None => faults.push(format!("{name} was never sampled")),
        }
    }
    Ok((told, faults))
}
