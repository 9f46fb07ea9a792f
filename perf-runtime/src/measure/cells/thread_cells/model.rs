//! Every interleaving of a writer and a reader, as far as loom goes: run with
//! `RUSTFLAGS="--cfg perf_loom" cargo test -p perf-runtime --lib --release model`.

use super::{Shard, Writers};
use crate::measure::cells::histogram::Layout;
use crate::measure::cells::reading::Reading;
use crate::measure::cells::slot::Pool;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use loom::model::Builder;
use loom::sync::{Arc, Mutex};
use loom::thread;

/// So many times a thread is put aside before it would stop by itself. More than two seldom find more, and each
/// takes a hundred times as long.
const PREEMPTIONS: usize = 2;

/// Runs a test in every interleaving. Its threads are all spawned: loom explores little of what the first one does.
fn check(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(test);
}

fn shard() -> Arc<Shard> {
    Arc::new(Shard::new(Layout::of(Kind::Operation)))
}

fn call(shard: &Shard, outcome: Outcome, nanos: u64, writers: Writers) {
    shard.start(writers);
    shard.finish(outcome, nanos, writers);
}

fn read(shard: &Shard, writers: Writers) -> Reading {
    let mut reading = Reading::default();
    shard.read_into(&mut reading, writers);
    shard.read_starts_into(&mut reading);
    // Below 32 ns each nanosecond has a bucket of its own, so the counts tell the sum.
    let counted: u64 =
        reading.buckets.iter().flat_map(|counts| counts.iter().zip(0..)).map(|(n, nanos)| n * nanos).sum();
    assert!(reading.nanos.iter().sum::<u64>() <= counted, "a duration is in the sum, and its call is not counted");
    assert!(reading.finished().iter().sum::<u64>() <= reading.started, "a call ended that never started");
    reading
}

/// A later reading holds everything that an earlier one held.
fn assert_grown(before: &Reading, after: &Reading) {
    assert!(before.started <= after.started);
    for outcome in Outcome::ALL.map(Outcome::index) {
        assert!(before.nanos[outcome] <= after.nanos[outcome], "a sum went back");
        for (bucket, &count) in before.buckets[outcome].iter().enumerate() {
            let later = after.buckets[outcome].get(bucket).copied().unwrap_or_default();
            assert!(count <= later, "bucket {bucket} went back from {count} to {later}");
        }
    }
}

#[test]
fn a_reader_sees_each_call_once_while_one_thread_writes() {
    check(|| {
        let shard = shard();
        let writer = Arc::clone(&shard);
        let writer = thread::spawn(move || {
            call(&writer, Outcome::Ok, 3, Writers::One);
            call(&writer, Outcome::Error, 5, Writers::One);
            call(&writer, Outcome::Ok, 3, Writers::One);
        });
        let reader = Arc::clone(&shard);
        let reader = thread::spawn(move || {
            let first = read(&reader, Writers::One);
            let second = read(&reader, Writers::One);
            assert_grown(&first, &second);
            second
        });
        let second = reader.join().unwrap();
        writer.join().unwrap();
        let last = read(&shard, Writers::One);
        assert_grown(&second, &last);
        assert_eq!((last.started, last.finished()), (3, [2, 1, 0, 0]));
        assert_eq!((last.nanos, last.buckets[0][3], last.buckets[1][5]), ([6, 5, 0, 0], 2, 1));
    });
}

#[test]
fn a_slot_that_is_handed_over_loses_nothing() {
    check(|| {
        let shard = shard();
        let pool = Arc::new(Mutex::new(Pool::new()));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (shard, pool) = (Arc::clone(&shard), Arc::clone(&pool));
                thread::spawn(move || {
                    let slot = pool.lock().unwrap().take();
                    // The shard is the first slot's. A thread that comes while it is taken writes elsewhere.
                    let mine = slot.index() == 0;
                    if mine {
                        call(&shard, Outcome::Ok, 2, Writers::One);
                        call(&shard, Outcome::Ok, 4, Writers::One);
                    }
                    pool.lock().unwrap().give_back(slot);
                    u64::from(mine)
                })
            })
            .collect();
        let reader = Arc::clone(&shard);
        let reader = thread::spawn(move || read(&reader, Writers::One));
        let during = reader.join().unwrap();
        let wrote: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        let last = read(&shard, Writers::One);
        assert_grown(&during, &last);
        assert_eq!((last.started, last.finished()[0]), (2 * wrote, 2 * wrote));
        assert_eq!((last.buckets[0][2], last.buckets[0][4]), (wrote, wrote));
    });
}

#[test]
fn threads_that_share_a_slot_lose_nothing() {
    check(|| {
        let shard = shard();
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let shard = Arc::clone(&shard);
                thread::spawn(move || call(&shard, Outcome::Ok, 3, Writers::Several))
            })
            .collect();
        let reader = Arc::clone(&shard);
        let during = thread::spawn(move || read(&reader, Writers::Several)).join().unwrap();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        let last = read(&shard, Writers::Several);
        assert_grown(&during, &last);
        assert_eq!((last.started, last.finished()[0], last.nanos[0]), (2, 2, 6));
    });
}
