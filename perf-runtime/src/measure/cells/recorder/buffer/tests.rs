//! Turns of one buffer, and calls that come by at a bad moment.

use super::*;
use crate::measure::cells::recorder::chunks::{CHUNK, IS_FULL};
use crate::measure::cells::tree::node::Node;
use crate::measure::model::outcome::Outcome;
use std::thread;

const FIRST: Parent = Parent::from_bits(1 << 48 | 1);
const SECOND: Parent = Parent::from_bits(1 << 48 | 2);
const MINUTE: u64 = 60_000_000_000;

fn begun(buffer: &Buffer, root: Parent) -> Recording {
    let recording = buffer.begin_with(0, Moment::from_nanos(MINUTE), MOST_CALLS);
    buffer.own(root);
    recording
}

fn write(record: &Record, parent: Parent) {
    record.write_inside(Parent::NONE, 0);
    record.write(parent, Moment::from_nanos(1), 1, Node::OVERFLOW, (Outcome::Ok, 0));
}

/// Reserves a place as [`Buffer::reserve`] does, and stops before it looks for the record.
fn half_reserved(buffer: &Buffer) -> usize {
    State(buffer.state.fetch_add(1, AcqRel)).place().expect("a place")
}

#[test]
fn a_place_whose_chunk_is_yet_to_be_made_is_waited_for() {
    let buffer = Buffer::new();
    let recording = begun(&buffer, FIRST);
    for _ in 0..CHUNK {
        write(buffer.reserve(recording).unwrap().1, FIRST);
    }
    // The first of the next chunk, by a thread that has not come to making it.
    let place = half_reserved(&buffer);
    assert!(buffer.claim(FIRST));
    buffer.close();
    assert_eq!((buffer.take().records.len(), buffer.take().missing), (CHUNK, 1));
    assert!(!buffer.clear());
    write(buffer.chunks.take(place).unwrap(), FIRST);
    assert!(buffer.clear());
    begun(&buffer, SECOND);
    buffer.close();
    assert!(buffer.take().records.is_empty());
}

#[test]
fn a_place_that_was_refused_is_waited_for_until_it_was() {
    let buffer = Buffer::new();
    let recording = begun(&buffer, FIRST);
    IS_FULL.set(true);
    assert!(buffer.reserve(recording).is_none());
    let place = half_reserved(&buffer);
    buffer.close();
    assert_eq!(buffer.take().missing, 2);
    assert!(!buffer.clear());
    IS_FULL.set(false);
    // There is room again; but not for a chunk of which somebody was told that there is none.
    assert!(buffer.chunks.take(place).is_none());
    assert!(buffer.clear());
    assert!(buffer.reserve(begun(&buffer, SECOND)).is_some());
}

fn wait_until(is_so: impl Fn() -> bool) {
    let mut spins = 0;
    while !is_so() {
        spins += 1;
        if spins % 256 == 0 { thread::yield_now() } else { std::hint::spin_loop() }
    }
}

/// Two threads come to a chunk that is not there, as the turn ends: many times, with a new buffer each time.
#[test]
fn in_a_storm_of_first_uses_nobody_writes_into_a_later_turn() {
    const ROUNDS: usize = 20_000;
    let buffers = (0..ROUNDS).map(|_| Buffer::new()).collect::<Vec<_>>();
    let recordings = buffers.iter().map(|buffer| begun(buffer, FIRST)).collect::<Vec<_>>();
    let (round, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (mut whole, mut torn) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for (place, (buffer, recording)) in buffers.iter().zip(&recordings).enumerate() {
                wait_until(|| round.load(Acquire) > place);
                if let Some((_, record)) = buffer.reserve(*recording) {
                    write(record, FIRST);
                }
                done.store(place + 1, Release);
            }
        });
        for (place, buffer) in buffers.iter().enumerate() {
            round.store(place + 1, Release);
            // As long as the other has come to nothing, another while each time.
            let mut while_nothing = place % 64;
            while while_nothing > 0 && buffer.state.load(Relaxed) & State::PLACES_MASK == 0 {
                while_nothing -= 1;
            }
            buffer.close();
            let is_whole = buffer.clear();
            if is_whole {
                begun(buffer, SECOND);
            }
            wait_until(|| done.load(Acquire) > place);
            // Nobody reserved a place in the second turn: a record that is there is one of the first.
            let is_torn = is_whole && buffer.chunks.get(0).is_some_and(|record| record.read().1.is_some());
            (whole, torn) = (whole + usize::from(is_whole), torn + usize::from(is_torn));
            // SAFETY: the other thread is done with this one.
            unsafe { buffer.give_back_memory(0) };
        }
    });
    assert_eq!(torn, 0, "of {whole} turns that were over");
}

#[test]
fn calls_that_outlive_their_root_use_up_no_places_of_another() {
    let buffer = Buffer::new();
    let outlived = begun(&buffer, FIRST);
    assert!(buffer.claim(FIRST));
    buffer.close();
    assert!(buffer.clear());
    let recording = begun(&buffer, SECOND);
    for _ in 0..2 * MOST_CALLS {
        assert!(buffer.reserve(outlived).is_none());
    }
    write(buffer.reserve(recording).unwrap().1, SECOND);
    buffer.close();
    assert_eq!((buffer.take().records.len(), buffer.take().missing), (1, 0));
}

#[test]
fn a_buffer_is_taken_from_a_root_that_has_it_too_long_or_needs_it_no_longer_and_from_no_other() {
    let buffer = Buffer::new();
    let after = |minutes: u64| Moment::from_nanos(MINUTE + minutes * MINUTE);
    assert!(!buffer.take_from_owner(after(60)), "nobody has it");
    begun(&buffer, FIRST);
    assert!(!buffer.take_from_owner(after(10)));
    assert!(buffer.take_from_owner(after(11)));
    // The root ends after all.
    assert!(!buffer.claim(FIRST));
    let recording = begun(&buffer, SECOND);
    buffer.leave(FIRST);
    assert!(!buffer.take_from_owner(after(0)), "it is another root's");
    write(buffer.reserve(recording).unwrap().1, SECOND);
    buffer.leave(SECOND);
    assert!(buffer.reserve(recording).is_none());
    assert_eq!(buffer.take().records.len(), 1);
    assert!(buffer.take_from_owner(after(0)));
    assert!(!buffer.claim(SECOND));
}

#[test]
fn memory_that_is_given_back_is_made_again() {
    let buffer = Buffer::new();
    let recording = begun(&buffer, FIRST);
    (0..3 * CHUNK).for_each(|_| write(buffer.reserve(recording).unwrap().1, FIRST));
    buffer.close();
    assert!(buffer.clear());
    let is_there = |place: usize| buffer.chunks.get(place).is_some();
    // SAFETY: nobody else has the buffer, and it is cleared.
    unsafe { buffer.give_back_memory(1) };
    assert_eq!([0, CHUNK, 2 * CHUNK].map(is_there), [true, false, false]);
    let recording = begun(&buffer, SECOND);
    (0..2 * CHUNK).for_each(|_| write(buffer.reserve(recording).unwrap().1, SECOND));
    buffer.close();
    assert_eq!(buffer.take().records.len(), 2 * CHUNK);
    assert!(buffer.clear());
    // SAFETY: as above.
    unsafe { buffer.give_back_memory(0) };
    assert_eq!([0, CHUNK].map(is_there), [false, false]);
}
