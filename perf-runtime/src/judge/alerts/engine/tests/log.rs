//! The events that are kept.

use super::*;

#[test]
fn the_history_is_bounded_and_the_last_alerts_are_kept_all_the_same() {
    let mut bench = Bench::keeping(on_depth().warning(10.0), 150);
    for _ in 0..200 {
        bench.see(20.0);
        bench.see(1.0);
    }
    assert_eq!((bench.engine.history().len(), bench.engine.past().len()), (150, PAST_ALERTS));
}

#[test]
fn events_since_a_number_say_what_is_missing() {
    let mut bench = Bench::keeping(on_depth().warning(10.0), 100);
    for _ in 0..80 {
        bench.see(20.0);
        bench.see(5.0);
    }
    // One more says that it flaps.
    let all = bench.engine.events_since(0);
    assert_eq!((all.events.len(), all.missed, all.last_seq), (100, 61, 161));
    let some = bench.engine.events_since(159);
    assert_eq!(some.events.iter().map(|event| event.seq).collect::<Vec<_>>(), [160, 161]);
    assert_eq!(some.missed, 0);
    let none = bench.engine.events_since(161);
    assert_eq!((none.events.len(), none.missed), (0, 0));
    let from_the_future = bench.engine.events_since(u64::MAX);
    assert_eq!((from_the_future.events.len(), from_the_future.missed, from_the_future.last_seq), (0, 0, 161));
}

/// How many events of a sort are kept: alerts that began or cleared, and others.
fn kept(engine: &AlertEngine) -> (usize, usize) {
    let is_passing = |event: &AlertEvent| matches!(event.transition, Transition::Pending | Transition::Cleared);
    let (passing, lasting): (Vec<_>, Vec<_>) = engine.history().into_iter().partition(is_passing);
    (passing.len(), lasting.len())
}

/// Each event is told, or counted as missed.
fn assert_none_is_lost(engine: &AlertEngine) {
    let last = engine.events_since(0).last_seq;
    for known in 0..=last {
        let found = engine.events_since(known);
        assert_eq!(found.events.len() as u64 + found.missed, last - known, "since {known}");
        let numbers: Vec<u64> = found.events.iter().map(|event| event.seq).collect();
        assert!(numbers.iter().all(|seq| *seq > known) && numbers.is_sorted(), "since {known}: {numbers:?}");
    }
}

#[test]
fn alerts_that_never_fire_push_out_none_that_did() {
    let mut bench = Bench::keeping(on_depth().warning(10.0).hold_for(secs(2)), 100);
    bench.transitions(&[20.0, 20.0, 20.0, 5.0]);
    for _ in 0..500 {
        bench.see_all(&[("print", 20.0)]);
        bench.see_all(&[("print", 5.0)]);
    }
    let kinds: Vec<_> = bench
        .engine
        .history()
        .iter()
        .map(|event| event.transition)
        .filter(|kind| *kind != Transition::Cleared)
        .collect();
    assert!(kinds.starts_with(&[Transition::Fired, Transition::Resolved, Transition::Pending]), "{kinds:?}");
    assert_eq!(kept(&bench.engine), (98, 2), "what is free is theirs");
    assert_none_is_lost(&bench.engine);
}

#[test]
fn alerts_that_fire_again_and_again_leave_room_for_those_that_are_pending() {
    let mut bench = Bench::keeping(on_depth().warning(10.0).hold_for(secs(1)), 100);
    bench.see_all(&[("print", 20.0)]);
    bench.see_all(&[("print", 5.0)]);
    for _ in 0..100 {
        bench.transitions(&[20.0, 20.0, 5.0]);
    }
    assert_eq!(kept(&bench.engine), (25, 75));
    let last = bench.engine.history().last().map(|event| event.transition);
    assert_eq!(last, Some(Transition::Resolved));
    assert_none_is_lost(&bench.engine);
}
