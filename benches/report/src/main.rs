//! A day of a thousand series in steps of five minutes, exported in each format: the time, the bytes, and the most memory that was
//! allocated meanwhile, with the pages that the history reads. `report -- --quick` takes two hours of them.

use perf_history::{Fsync, History, Settings};
use perf_report::{Alongside, Export, Format, Report, range_of};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Monitor, Outcome};
use std::alloc::{GlobalAlloc, Layout, System};
use std::env;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

const SERIES: usize = 1_000;
const LONG: Duration = Duration::from_secs(600);
/// The bars: seconds, bytes of memory, and bytes a second of OpenMetrics.
const MOST_SECONDS: f64 = 2.0;
const MOST_MEMORY: f64 = 64.0 * 1_048_576.0;
const LEAST_SPEED: f64 = 50e6;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counted;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = ALLOCATED.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// Counts what is written, and keeps none of it.
struct Sink(u64);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn main() {
    let minutes = if env::args().any(|argument| argument == "--quick") { 120 } else { 1_440 };
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::hold();
    let monitor = History::set_up(Monitor::builder()).build().expect("a monitor");
    let mut settings = Settings::default();
    (settings.path, settings.fsync) = (Some(folder.path().to_owned()), Fsync::Never);
    settings.commit_every.0 = Duration::from_secs(300);
    let history = History::with_settings(&monitor, settings).expect("a history");
    let name =
        |place: usize| monitor.external_call(&format!("service {}", place % 40), &format!("call {}", place / 40));
    let calls: Vec<_> = (0..SERIES).map(name).collect();
    for minute in 0..minutes {
        for (place, call) in calls.iter().enumerate() {
            for more in 0..5 {
                let millis = 1 + (place + 7 * minute + 31 * more) % 300;
                let outcome = if (place + minute + more).is_multiple_of(50) { Outcome::Error } else { Outcome::Ok };
                call.record(Duration::from_millis(millis as u64), outcome);
            }
        }
        clock.advance(Duration::from_secs(60));
        monitor.tick();
        history.catch_up(LONG);
    }
    history.flush(LONG);
    let now = monitor.time_of_day();
    let length = Duration::from_secs(60 * minutes as u64);
    let range = range_of(now - length, now, Some(Duration::from_secs(300))).expect("a range");
    let measured = |what: &str, write: &dyn Fn(&mut Sink)| {
        let before = ALLOCATED.load(Relaxed);
        MOST.store(before, Relaxed);
        let (start, mut out) = (Instant::now(), Sink(0));
        write(&mut out);
        let seconds = start.elapsed().as_secs_f64();
        let memory = (MOST.load(Relaxed) - before) as f64;
        let speed = out.0 as f64 / seconds;
        println!(
            "{what}: {seconds:.2} s, {:.1} MB, {:.0} MB/s, {:.1} MiB of memory",
            out.0 as f64 / 1e6,
            speed / 1e6,
            memory / 1_048_576.0
        );
        (seconds, speed, memory)
    };
    measured("warm", &|out| drop(Export::of(&monitor, range, Alongside::default()).write(Format::Summary, out)));
    let mut misses = Vec::new();
    for format in Format::ALL {
        let (seconds, speed, memory) = measured(format.as_str(), &|out| {
            Export::of(&monitor, range, Alongside::default()).write(format, out).expect("it is written");
        });
        if matches!(format, Format::OpenMetrics) && speed < LEAST_SPEED {
            misses.push(format!("{format}: {:.0} MB/s, at least {:.0}", speed / 1e6, LEAST_SPEED / 1e6));
        }
        if matches!(format, Format::Json | Format::Csv | Format::Datadog | Format::NewRelic) && seconds > MOST_SECONDS {
            misses.push(format!("{format}: {seconds:.2} s, at most {MOST_SECONDS} s"));
        }
        if memory > MOST_MEMORY {
            misses.push(format!("{format}: {:.1} MiB, at most {:.0}", memory / 1_048_576.0, MOST_MEMORY / 1_048_576.0));
        }
    }
    measured("the same held whole, as JSON", &|out| {
        Report::of(&monitor, range, Alongside::default()).write_json(out).expect("it is written");
    });
    println!("bars missed: {}", if misses.is_empty() { "none".to_owned() } else { misses.join("; ") });
}
