//! The threads of a storm, and what goes on beside them.

use crate::Size;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Runs `life` in every thread of a storm, with the numbers of the calls that are its own; and each of `beside` again
/// and again, in a thread of its own, until the storm is over. How often each ran.
pub(crate) fn run(size: Size, life: impl Fn(std::ops::Range<u64>) + Sync, beside: &[&(dyn Fn() + Sync)]) -> Vec<u64> {
    let over = AtomicBool::new(false);
    let repeat = |what: &(dyn Fn() + Sync)| {
        let mut times = 0;
        while !over.load(Ordering::Relaxed) {
            what();
            times += 1;
        }
        times
    };
    thread::scope(|scope| {
        let repeated: Vec<_> = beside.iter().map(|&what| scope.spawn(move || repeat(what))).collect();
        let lanes: Vec<_> = (0..size.lanes)
            .map(|lane| {
                scope.spawn({
                    let life = &life;
                    move || run_lane(size, lane, life)
                })
            })
            .collect();
        let ended: Vec<_> = lanes.into_iter().map(thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Relaxed);
        for ended in ended {
            ended.expect("no lane panics");
        }
        repeated.into_iter().map(|repeated| repeated.join().expect("what runs beside does not panic")).collect()
    })
}

/// One thread after the other, each joined, so that what it does as it dies is done.
fn run_lane(size: Size, lane: u64, life: &(impl Fn(std::ops::Range<u64>) + Sync)) {
    for nth in 0..size.lives {
        let first = (lane * size.lives + nth) * size.calls;
        // The scope's own end would not wait for the thread's local destructors. This join does.
        thread::scope(|scope| scope.spawn(move || life(first..first + size.calls)).join()).expect("no life panics");
    }
}
