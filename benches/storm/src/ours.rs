//! Ours, under everything that a call can meet.

use crate::{Size, lanes, text};
use perf_runtime::metric::MetricsFacade;
use perf_runtime::{Monitor, Window, monitor};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The end of a call, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Ok,
    /// Pending in one thread, and ready in whichever takes it up.
    Moves,
    Error,
    Panics,
    /// Polled once, and dropped.
    Cancelled,
}

impl Fate {
    fn of(call: u64) -> Self {
        match call % 1_000 {
            0 => Self::Panics,
            1..=9 => Self::Error,
            10..=19 => Self::Cancelled,
            20..=29 => Self::Moves,
            _ => Self::Ok,
        }
    }

    /// The value of the label `outcome`.
    const fn outcome(self) -> usize {
        match self {
            Self::Ok | Self::Moves => 0,
            Self::Error => 1,
            Self::Panics => 2,
            Self::Cancelled => 3,
        }
    }
}

const OUTCOMES: [&str; 4] = ["ok", "error", "panicked", "cancelled"];
const COUNTER: &str = "operations_total{operation=\"storm\"";

#[monitor("storm", span = false)]
async fn call(fate: Fate) -> Result<(), ()> {
    match fate {
        Fate::Ok => Ok(()),
        Fate::Error => Err(()),
        // Without the hook that would write it down.
        Fate::Panics => resume_unwind(Box::new("as asked")),
        Fate::Moves | Fate::Cancelled => {
            let mut waited = false;
            let once = |_: &mut Context<'_>| {
                if std::mem::replace(&mut waited, true) { Poll::Ready(Ok(())) } else { Poll::Pending }
            };
            std::future::poll_fn(once).await
        }
    }
}

type Moving = Pin<Box<dyn Future<Output = Result<(), ()>> + Send>>;

/// Calls that have begun in one thread and wait for another.
static MOVING: Mutex<Vec<Moving>> = Mutex::new(Vec::new());

fn moving() -> MutexGuard<'static, Vec<Moving>> {
    MOVING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls once more as its thread dies.
struct LastWord;

impl Drop for LastWord {
    fn drop(&mut self) {
        make(Fate::Ok);
    }
}

thread_local!(static LAST_WORD: LastWord = const { LastWord });

/// The storm. What was wrong with what was counted.
pub(crate) fn run(size: Size) -> Vec<String> {
    // The peer is to be the recorder of `metrics`.
    let builder = Monitor::builder().metrics_facade(MetricsFacade::Off);
    let monitor = builder.install().expect("the only one, and a thread for its ticker");
    let faults = Mutex::new(Vec::new());
    let last = Mutex::new(0.0);
    let scrape = || {
        let text = monitor.render_prometheus();
        let mut found = text::contradictions(&text);
        let counted = text::sum(&text, COUNTER);
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if counted < *last {
            found.push(format!("{counted} calls were counted after {last}"));
        }
        *last = counted;
        faults.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
    };
    let tick = || monitor.tick();
    let ask = || drop((monitor.summary(Window::LastMinute), monitor.health()));
    let times = lanes::run(size, life, &[&scrape, &tick, &ask]);
    for call in std::mem::take(&mut *moving()) {
        finish(call);
    }
    println!("perf: {} scrapes, {} ticks, {} summaries meanwhile", times[0], times[1], times[2]);
    let mut faults = faults.into_inner().unwrap_or_else(PoisonError::into_inner);
    faults.extend(wrong_totals(size, &monitor.render_prometheus()));
    faults
}

fn life(calls: Range<u64>) {
    // Made before the library's own locals, in every other thread: destroyed after them.
    let early = (calls.start / (calls.end - calls.start)).is_multiple_of(2);
    let touch = || LAST_WORD.with(|_| {});
    if early {
        touch();
    }
    for number in calls {
        make(Fate::of(number));
    }
    touch();
}

fn make(fate: Fate) {
    let mut context = Context::from_waker(Waker::noop());
    match fate {
        Fate::Moves => {
            let mut call: Moving = Box::pin(call(fate));
            assert!(call.as_mut().poll(&mut context).is_pending());
            // One in, one out: there is always one that another thread has begun.
            let taken = {
                let mut moving = moving();
                moving.push(call);
                (moving.len() > 64).then(|| moving.swap_remove(0))
            };
            taken.into_iter().for_each(finish);
        }
        Fate::Panics => {
            let mut call = std::pin::pin!(call(fate));
            let unwound = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut context).is_ready()));
            assert!(unwound.is_err());
        }
        Fate::Ok | Fate::Error | Fate::Cancelled => {
            let mut call = std::pin::pin!(call(fate));
            assert_eq!(call.as_mut().poll(&mut context).is_pending(), fate == Fate::Cancelled);
        }
    }
}

fn finish(mut call: Moving) {
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

/// The differences from what was called.
fn wrong_totals(size: Size, scraped: &str) -> Vec<String> {
    let mut expected = [0; OUTCOMES.len()];
    let threads = size.lanes * size.lives;
    for number in 0..threads * size.calls {
        expected[Fate::of(number).outcome()] += 1;
    }
    // Each thread's last word.
    expected[Fate::Ok.outcome()] += threads;
    let mut wrong = Vec::new();
    let mut compare = |name: String, expected: u64| {
        let counted = text::sum(scraped, &name);
        if (counted - expected as f64).abs() > 0.0 {
            wrong.push(format!("{name}..}} is {counted}, not {expected}"));
        }
    };
    for (outcome, expected) in OUTCOMES.into_iter().zip(expected) {
        println!("  {expected} {outcome}");
        compare(format!("{COUNTER},outcome=\"{outcome}\""), expected);
        let count = format!("operation_duration_seconds_count{{operation=\"storm\",outcome=\"{outcome}\"");
        compare(count, expected);
    }
    compare("operations_in_flight{operation=\"storm\"".to_owned(), 0);
    wrong
}
