//! Threads that are kept by one poll: while it goes on, not when it is over.
//!
//! Each thread's cells tell how many bodies run on it and when the last of them began: a started call less its end, unless
//! it was let go between two polls. Of bodies within each other the last that began is the innermost.

use crate::measure::cells::cell_table::Running;
use crate::measure::clock::{self, Moment};
use crate::measure::model::kind::Kind;
use crate::observe::series::labels::Labels;
use crate::observe::series::registry::Registry;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

/// Between two looks. A call that just starts is counted some nanoseconds before it is known when; so what is found is
/// looked at again, and only what did not move is told.
const SECOND_LOOK: Duration = Duration::from_millis(2);

/// A thread that one poll has kept for long, and what it is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BlockedThread {
    /// The kind of the function that keeps the thread.
    pub kind: Kind,
    /// The names and values of its series' labels.
    pub labels: Labels,
    /// The series in one text, such as `operation{operation=validate}`.
    pub series: String,
    /// For how many seconds the function has kept the thread: of several within each other, the innermost that has for as
    /// long as was asked for.
    pub seconds: f64,
    /// For how many seconds the outermost poll that is measured has.
    pub poll_seconds: f64,
}

/// The call that runs on one thread: the place of its series, and its cells.
type OnThread = Vec<(usize, Running)>;

/// The threads of an executor on which a measured poll has run for so long, in no certain order.
pub(crate) fn threads(registry: &Registry, at_least: Duration) -> Vec<BlockedThread> {
    let first = look(registry);
    let now = clock::now();
    let is_old = |running: &Running| now.since(running.begun.at) >= at_least;
    if !first.values().flatten().any(|(_, running)| is_old(running)) {
        return Vec::new();
    }
    thread::sleep(SECOND_LOOK);
    let second = look(registry);
    let all = registry.all();
    let blocked = second.into_iter().filter_map(|(slot, found)| {
        let before = first.get(&slot)?;
        let stayed: OnThread = found.into_iter().filter(|one| before.contains(one) && is_old(&one.1)).collect();
        let outermost = stayed.iter().filter(|(_, one)| one.begun.is_polled).map(|(_, one)| one.begun.at).min()?;
        let (place, innermost) = stayed.into_iter().max_by_key(|(_, one)| one.begun.at)?;
        let kept_by = all.get(place)?;
        let seconds = |since: Moment| now.since(since).as_secs_f64();
        Some(BlockedThread {
            kind: kept_by.identity.kind,
            labels: kept_by.labels(),
            series: kept_by.identity.to_string(),
            seconds: seconds(innermost.begun.at),
            poll_seconds: seconds(outermost),
        })
    });
    blocked.collect()
}

/// The calls that run on each thread.
fn look(registry: &Registry) -> BTreeMap<usize, OnThread> {
    let mut threads: BTreeMap<usize, OnThread> = BTreeMap::new();
    for (place, series) in registry.all().iter().enumerate() {
        series.for_each_running(|slot, running| threads.entry(slot).or_default().push((place, running)));
    }
    threads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::clock::manual::ManualClock;
    use crate::record::operation::Operation;
    use std::pin::pin;
    use std::sync::mpsc::channel;
    use std::task::{Context, Poll, Waker};

    const SECOND: Duration = Duration::from_secs(1);

    fn named(registry: &Registry, at_least: Duration) -> Vec<(String, f64, f64)> {
        let all = threads(registry, at_least).into_iter();
        all.map(|one| (one.series, one.seconds, one.poll_seconds)).collect()
    }

    fn operation(registry: &Registry, name: &str) -> Operation {
        registry.with(Kind::Operation, &[name], Operation::new)
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_innermost_that_is_old_enough_is_named() {
        let clock = ManualClock::hold();
        let registry = Registry::new();
        let (outer, inner) = (operation(&registry, "outer"), operation(&registry, "inner"));
        let mut future = pin!(outer.watch(async {
            clock.advance(3 * SECOND);
            inner.run(|| {
                clock.advance(2 * SECOND);
                let named = |seconds: u32| named(&registry, seconds * SECOND);
                assert_eq!(named(1), [("operation{operation=inner}".to_owned(), 2.0, 5.0)]);
                assert_eq!(named(3), [("operation{operation=outer}".to_owned(), 5.0, 5.0)]);
                assert_eq!(named(6), []);
            });
            clock.advance(SECOND);
            assert_eq!(named(&registry, SECOND), [("operation{operation=outer}".to_owned(), 6.0, 6.0)]);
        }));
        assert!(poll(future.as_mut()).is_ready());
        assert_eq!(named(&registry, Duration::ZERO), []);
    }

    #[test]
    fn what_waits_or_was_dropped_or_belongs_to_no_thread_keeps_none() {
        let clock = ManualClock::hold();
        let registry = Registry::new();
        let work = operation(&registry, "work");
        let (guard, _timer) = (work.start(), work.timer());
        let mut waits = Box::pin(work.watch(std::future::pending::<()>()));
        for _ in 0..3 {
            assert!(poll(waits.as_mut()).is_pending());
            clock.advance(SECOND);
            assert_eq!(named(&registry, Duration::ZERO), []);
        }
        drop((waits, guard));
        // Sync, and in no poll: a thread may take as long as it likes.
        work.run(|| {
            clock.advance(SECOND);
            assert_eq!(named(&registry, Duration::ZERO), []);
        });
        // All of it came out even: the next poll is seen as it is.
        let mut again = pin!(work.watch(async {
            clock.advance(SECOND);
            assert_eq!(named(&registry, SECOND).len(), 1);
        }));
        assert!(poll(again.as_mut()).is_ready());
    }

    #[test]
    fn a_future_that_wanders_between_threads_leaves_none_behind() {
        let clock = ManualClock::hold();
        let registry = Registry::new();
        let work = operation(&registry, "work");
        let mut waits = Box::pin(work.watch(std::future::pending::<()>()));
        for _ in 0..4 {
            waits = thread::scope(|scope| {
                let polled = scope.spawn(move || {
                    assert!(poll(waits.as_mut()).is_pending());
                    waits
                });
                polled.join().unwrap()
            });
        }
        thread::scope(|scope| drop(scope.spawn(move || drop(waits))));
        clock.advance(SECOND);
        assert_eq!(named(&registry, Duration::ZERO), []);
    }

    #[test]
    fn another_thread_is_seen_while_it_is_kept() {
        let registry = Registry::new();
        let work = operation(&registry, "work");
        let (go, wait) = channel::<()>();
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut kept = pin!(work.watch(async move {
                    let _ = wait.recv();
                }));
                assert!(poll(kept.as_mut()).is_ready());
            });
            while named(&registry, Duration::from_millis(5)).is_empty() {
                thread::yield_now();
            }
            drop(go);
        });
        assert_eq!(named(&registry, Duration::ZERO), []);
    }
}
