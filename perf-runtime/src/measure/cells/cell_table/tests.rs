//! Counts of several threads, and of calls that move between them.

use super::*;
use crate::measure::model::kind::Kind;
use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};
use std::thread;

fn layout() -> &'static Layout {
    Layout::of(Kind::Operation)
}

fn read(cells: &Cells) -> Reading {
    let mut reading = Reading::default();
    cells.read_into(&mut reading);
    reading
}

#[test]
fn nothing_is_lost_between_threads_and_scrapes() {
    const THREADS: u64 = 20;
    const CALLS: u64 = 5_000;
    let cells = Arc::new(Cells::new());
    let workers: Vec<_> = (0..THREADS)
        .map(|thread| {
            let cells = Arc::clone(&cells);
            thread::spawn(move || {
                for call in 0..CALLS {
                    cells.start(layout);
                    let outcome = Outcome::ALL[usize::try_from((call + thread) % 4).unwrap()];
                    cells.finish(outcome, call * 1_000, layout);
                }
            })
        })
        .collect();
    while workers.iter().any(|worker| !worker.is_finished()) {
        let reading = read(&cells);
        let finished = reading.finished().iter().sum::<u64>();
        assert!(reading.started >= finished, "a call was seen finished but not started");
        assert!(reading.in_flight() <= THREADS + (reading.started - finished));
    }
    for worker in workers {
        worker.join().unwrap();
    }
    let reading = read(&cells);
    assert_eq!(reading.started, THREADS * CALLS);
    assert_eq!(reading.finished(), [THREADS * CALLS / 4; 4]);
    assert_eq!(reading.nanos.iter().sum::<u64>(), THREADS * (0..CALLS).map(|call| call * 1_000).sum::<u64>());
    assert_eq!(reading.in_flight(), 0);
}

#[test]
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(perf_loom)))]
fn they_cost_what_the_docs_say() {
    assert_eq!((size_of::<Cells>(), size_of::<Group>(), size_of::<Shard>()), (80, 128, 256));
}

/// More threads than there are slots, all alive at once: some in each word of bits, and some that share a slot.
#[test]
fn a_reader_finds_the_cells_of_every_slot() {
    const THREADS: usize = 200;
    let (cells, together) = (Cells::new(), Barrier::new(THREADS));
    let call = || {
        cells.start(layout);
        cells.finish(Outcome::Ok, 1_000, layout);
        together.wait();
        slot::current().index()
    };
    let used: BTreeSet<usize> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(call)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(used.iter().any(|&slot| slot < WORD) && used.contains(&(SLOTS - 1)), "{used:?}");
    assert_eq!(cells.shards().map(|(_, slot)| slot.index()).collect::<BTreeSet<_>>(), used);
    let reading = read(&cells);
    assert_eq!((reading.started, reading.finished()), (THREADS as u64, [THREADS as u64, 0, 0, 0]));
}

#[test]
fn a_ticket_keeps_slot_and_place() {
    let first = slot::current();
    let most = NonZeroU32::new((1 << Ticket::PLACE_BITS) - 1).unwrap();
    let ticket = Ticket::new(first, most).unwrap();
    assert_eq!((ticket.slot(), ticket.place()), (first.index(), Some(most)));
    assert!(Ticket::new(first, NonZeroU32::MAX).is_none());
}

#[test]
fn a_start_can_be_taken_back_by_another_thread() {
    let cells = Arc::new(Cells::new());
    cells.start_away(layout);
    let other = Arc::clone(&cells);
    thread::spawn(move || other.take_back(layout)).join().unwrap();
    assert_eq!(read(&cells).started, 0);
}
