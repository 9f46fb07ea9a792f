//! Reports of runs that were never run.

use perf_kit::Outcome;
use perf_report::{Alongside, Report, range_of};
use perf_runtime::Monitor;
use perf_runtime::extend::Service;
use perf_runtime::test_util::isolated;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A run: its operations, each with its calls, failures among them and the milliseconds that one takes, and what it counted itself.
pub(crate) type Run<'a> = (&'a [(&'a str, u32, u32, f64)], &'a [(&'static str, u64)]);

/// Writes the report of a run, as `PERF_REPORT_AT_SHUTDOWN` has it written.
pub(crate) fn write(path: &Path, (operations, counters): Run<'_>) {
    let _alone = isolated();
    let monitor = Monitor::builder().service(Service::new("shop")).build().unwrap();
    let begun = monitor.time_of_day() - Duration::from_secs(60);
    for (name, calls, failures, milliseconds) in operations {
        let operation = monitor.operation(name);
        for call in 0..*calls {
            let outcome = if call < *failures { Outcome::Error } else { Outcome::Ok };
            operation.record(Duration::from_secs_f64(milliseconds / 1_000.0), outcome);
        }
    }
    for (name, count) in counters {
        let counter = monitor.metrics().counter(*name).register();
        (0..*count).for_each(|_| counter.increment());
    }
    monitor.tick();
    let now = monitor.time_of_day() + Duration::from_secs(1);
    let report = Report::of(&monitor, range_of(begun, now, None).unwrap(), Alongside::default());
    let mut file = fs::File::create(path).unwrap();
    report.write_json(&mut file).unwrap();
}
