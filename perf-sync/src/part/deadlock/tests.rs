use super::*;
use crate::watch::name::Name;
use crate::watch::waits::Asked;
use perf_runtime::__locks::AsyncCall;

fn holder(who: u64, since: u64) -> Holder {
    holds(who, Mode::Lock, since)
}

fn holds(who: u64, mode: Mode, since: u64) -> Holder {
    Holder { owner: Owner::new(who, 0, mode), since, call: 0 }
}

/// A wait of a thread, which it blocks, or of a task, which it does not, and of which nothing is known after it was asked.
fn waiter(who: u64, mode: Mode, since: u64) -> Waiter {
    let owner = Owner::new(who, u16::try_from(who).unwrap(), mode);
    let thread = Some(owner.task_or_thread()).filter(|who| !who.is_task());
    Waiter {
        owner,
        thread,
        is_timed: false,
        is_recursive: false,
        since,
        asked: Asked::so_often(ASKED_ENOUGH),
        alone: None,
    }
}

fn lock(serial: u64, holders: &[Holder], waiters: &[Waiter]) -> Seen {
    let name = Name::Given("deadlock tests").number();
    Seen { serial, name, holders: holders.to_vec(), unnamed: 0, waiters: waiters.to_vec() }
}

fn found(seen: &[Seen]) -> Vec<Vec<(u64, u16)>> {
    let steps = |cycle: &Cycle| cycle.steps.iter().map(|step| (step.lock, step.series)).collect();
    cycles(seen, 100).iter().map(steps).collect()
}

/// Whether each cycle that is found is certain.
fn certain(seen: &[Seen]) -> Vec<bool> {
    cycles(seen, 100).iter().map(|cycle| cycle.is_certain).collect()
}

/// A hold of a call in a task, taken at a moment.
fn of_call(who: u64, call: usize, since: u64) -> Holder {
    Holder { call, ..holder(who, since) }
}

/// A wait of a task, of which is known which calls, by their addresses and starts, wait for nothing else.
fn alone(who: u64, since: u64, calls: &[(usize, u64)]) -> Waiter {
    let alone = Alone::default();
    for &(address, started) in calls {
        alone.add(AsyncCall { address, started });
    }
    Waiter { alone: Some(alone), ..waiter(who, Mode::Lock, since) }
}

#[test]
fn two_that_hold_what_the_other_waits_for_are_a_cycle_told_once() {
    let a = lock(1, &[holder(2, 1)], &[waiter(4, Mode::Lock, 20)]);
    let b = lock(2, &[holder(4, 2)], &[waiter(2, Mode::Lock, 10)]);
    assert_eq!(found(&[a.clone(), b.clone()]), [[(1, 2), (2, 4)]]);
    assert_eq!(found(&[b, a]), [[(1, 2), (2, 4)]]);
}

#[test]
fn one_that_waits_for_itself_is_a_cycle() {
    let a = lock(7, &[holder(2, 1)], &[waiter(2, Mode::Lock, 20)]);
    assert_eq!(found(&[a]), [[(7, 2)]]);
}

#[test]
fn three_in_a_ring_are_told_in_the_order_in_which_they_wait() {
    let a = lock(1, &[holder(2, 1)], &[waiter(6, Mode::Lock, 20)]);
    let b = lock(2, &[holder(4, 1)], &[waiter(2, Mode::Lock, 20)]);
    let c = lock(3, &[holder(6, 1)], &[waiter(4, Mode::Lock, 20)]);
    // 2 holds a and waits for b, 4 holds b and waits for c, 6 holds c and waits for a.
    assert_eq!(found(&[a, b, c]), [[(1, 2), (2, 4), (3, 6)]]);
}

#[test]
fn a_convoy_a_young_wait_and_a_hold_that_came_later_are_no_cycles() {
    let convoy = lock(1, &[holder(2, 1)], &[waiter(4, Mode::Lock, 10), waiter(6, Mode::Lock, 20)]);
    assert!(found(&[convoy]).is_empty());
    let a = lock(1, &[holder(2, 1)], &[waiter(4, Mode::Lock, 20)]);
    let young = lock(2, &[holder(4, 1)], &[waiter(2, Mode::Lock, 101)]);
    assert!(found(&[a.clone(), young]).is_empty());
    let later = lock(2, &[holder(4, 30)], &[waiter(2, Mode::Lock, 10)]);
    assert!(found(&[a, later]).is_empty(), "4 waits in another future than the one that holds");
}

#[test]
fn a_cycle_is_found_behind_a_crowd() {
    let crowd: Vec<_> = (0..5_000).map(|number| waiter(100 + 2 * number, Mode::Lock, 30)).collect();
    let mut a = lock(1, &[holder(2, 1)], &crowd);
    a.waiters.push(waiter(4, Mode::Lock, 20));
    let b = lock(2, &[holder(4, 2)], &[waiter(2, Mode::Lock, 10)]);
    assert_eq!(found(&[a, b]), [[(1, 2), (2, 4)]]);
}

#[test]
fn a_deadlock_is_found_behind_many_that_only_may_be_some() {
    let pair = |serial: u64, one: u64, other: u64| {
        let first = lock(serial, &[holder(one, 1)], &[waiter(other, Mode::Lock, 20)]);
        [first, lock(serial + 1, &[holder(other, 1)], &[waiter(one, Mode::Lock, 20)])]
    };
    let of_tasks = (0..MOST_CYCLES as u64).flat_map(|number| pair(1 + 2 * number, 101 + 4 * number, 103 + 4 * number));
    let all: Vec<_> = of_tasks.chain(pair(99, 2, 4)).collect();
    assert!(!certain(&all[..2 * MOST_CYCLES]).contains(&true));
    let certain = certain(&all);
    assert_eq!((certain.len(), certain.iter().filter(|is_certain| **is_certain).count()), (MOST_CYCLES, 1));
}

#[test]
fn those_are_asked_whose_tasks_hold_what_others_wait_for() {
    let a = lock(1, &[holder(3, 1)], &[waiter(5, Mode::Lock, 20)]);
    let seen = [a, lock(2, &[holder(5, 1)], &[waiter(3, Mode::Lock, 20)])];
    let wants = to_be_asked(&seen, 100);
    assert!(wants(&waiter(3, Mode::Lock, 20)) && wants(&waiter(5, Mode::Read, 20)));
    assert!(!wants(&waiter(7, Mode::Lock, 20)), "it holds nothing");
    assert!(!wants(&waiter(3, Mode::Lock, 101)), "it has not waited for long");
    assert!(!wants(&waiter(3, Mode::Acquire, 20)) && !wants(&alone(3, 20, &[(30, 1)])));
    let convoy = [lock(1, &[holder(3, 1)], &[waiter(5, Mode::Lock, 20)])];
    assert!(!to_be_asked(&convoy, 100)(&waiter(5, Mode::Lock, 20)), "the one that holds does not wait");
}

#[test]
fn one_that_upgrades_does_not_wait_for_itself_but_for_readers_and_other_upgraders() {
    let own = holds(2, Mode::UpgradableRead, 1);
    assert!(found(&[lock(7, &[own], &[waiter(2, Mode::Write, 20)])]).is_empty());
    // A task that blocks its thread, which is the one that holds.
    let blocked = Waiter { thread: Some(own.owner.task_or_thread()), ..waiter(3, Mode::Write, 20) };
    assert!(found(&[lock(7, &[own], &[blocked])]).is_empty());
    let reads_too = lock(7, &[own, holds(2, Mode::Read, 1)], &[waiter(2, Mode::Write, 20)]);
    assert_eq!(found(&[reads_too]), [[(7, 2)]]);
    let two = [waiter(2, Mode::Write, 20), waiter(4, Mode::Write, 21)];
    let both = lock(7, &[own, holds(4, Mode::UpgradableRead, 1)], &two);
    assert_eq!(found(&[both]), [[(7, 2), (7, 4)]]);
    let upgraded = lock(1, &[own, holds(4, Mode::Read, 1)], &[waiter(2, Mode::Write, 20)]);
    let other = lock(2, &[holder(2, 1)], &[waiter(4, Mode::Lock, 20)]);
    assert_eq!(found(&[upgraded, other]), [[(1, 4), (2, 2)]]);
}

#[test]
fn one_task_that_waits_with_one_future_and_holds_with_another_is_no_cycle() {
    assert!(found(&[lock(7, &[holder(3, 1)], &[waiter(3, Mode::Lock, 20)])]).is_empty());
    let blocks = Waiter { thread: Some(Owner::new(2, 0, Mode::Lock).task_or_thread()), ..waiter(3, Mode::Lock, 20) };
    let for_a_time = Waiter { is_timed: true, ..blocks.clone() };
    assert_eq!(found(&[lock(7, &[holder(3, 1)], &[blocks])]).len(), 1, "nothing of the task goes on");
    let cycles = cycles(&[lock(7, &[holder(3, 1)], &[for_a_time])], 100);
    assert!(matches!(cycles[..], [Cycle { is_certain: false, .. }]), "until its time is over: {cycles:?}");
    let a = lock(1, &[holder(3, 1)], &[waiter(5, Mode::Lock, 20)]);
    let b = lock(2, &[holder(5, 1)], &[waiter(3, Mode::Lock, 20)]);
    assert_eq!(found(&[a.clone(), b]), [[(1, 3), (2, 5)]]);
    let own = lock(2, &[holder(3, 1)], &[waiter(3, Mode::Lock, 20)]);
    assert!(found(&[a, own]).is_empty());
}

#[test]
fn a_cycle_of_tasks_is_certain_where_each_call_that_holds_waits_for_nothing_else() {
    let both =
        |of_a: Waiter, of_b: Waiter| [lock(1, &[of_call(3, 30, 5)], &[of_a]), lock(2, &[of_call(5, 50, 5)], &[of_b])];
    let waits = |who, calls: &[_]| alone(who, 20, calls);
    assert_eq!(certain(&both(waits(5, &[(50, 4)]), waits(3, &[(31, 6), (30, 5)]))), [true]);
    for other in [
        waits(3, &[(31, 4)]),
        // Another call where that one was.
        waits(3, &[(30, 6)]),
        waiter(3, Mode::Lock, 20),
    ] {
        assert_eq!(certain(&both(waits(5, &[(50, 4)]), other)), [false]);
    }
    let not_asked = Waiter { asked: Asked::so_often(1), ..waiter(3, Mode::Lock, 20) };
    assert!(found(&both(waits(5, &[(50, 4)]), not_asked)).is_empty(), "it may answer yet");
    let [a, b] = both(waits(5, &[(50, 4)]), waiter(3, Mode::Lock, 20));
    let young = lock(3, &[], &[waiter(3, Mode::Notified, 101)]);
    assert!(found(&[a, b, young]).is_empty(), "3 is known to wait with two futures");
}

#[test]
fn calls_of_one_task_that_hold_what_the_other_waits_for_are_a_cycle() {
    let both = |of_a: &[(usize, u64)], of_b: &[(usize, u64)]| {
        let of = |call| Holder { call, ..holder(3, 5) };
        [lock(1, &[of(30)], &[alone(3, 20, of_a)]), lock(2, &[of(40)], &[alone(3, 20, of_b)])]
    };
    assert_eq!(certain(&both(&[(40, 1)], &[(30, 1)])), [true]);
    assert!(found(&both(&[(40, 1)], &[(50, 1)])).is_empty(), "a third call waits");
    assert!(found(&both(&[(40, 1)], &[])).is_empty(), "the one that holds b may go on");
    assert_eq!(found(&both(&[(30, 1)], &[(40, 1)])).len(), 2, "each waits for what it holds itself");
}

#[test]
fn a_thread_outside_of_tasks_is_known_by_waits_that_block_it_alone() {
    let polled = |who| Waiter { thread: None, ..waiter(who, Mode::Lock, 20) };
    assert!(found(&[lock(7, &[holder(2, 1)], &[polled(2)])]).is_empty());
    let a = lock(1, &[holder(2, 1)], &[polled(4)]);
    let b = lock(2, &[holder(4, 1)], &[polled(2)]);
    assert!(found(&[a, b]).is_empty());
    // A task waits for a lock of the thread's, and the thread is blocked by a wait for one of the task's.
    let a = lock(1, &[holder(2, 1)], &[waiter(5, Mode::Lock, 20)]);
    let b = lock(2, &[holder(5, 1)], &[waiter(2, Mode::Lock, 20)]);
    assert_eq!(found(&[a.clone(), b]), [[(1, 2), (2, 5)]]);
    let b = lock(2, &[holder(5, 1)], &[polled(2)]);
    assert!(found(&[a, b]).is_empty());
}

/// Whether one that waits so is kept waiting by a holder of the same lock, which waits for another one's.
fn waits_for(waits: Waiter, holds: Holder, others: &[Waiter]) -> bool {
    let waiters: Vec<_> = others.iter().cloned().chain([waits]).collect();
    let asked = lock(1, &[holds], &waiters);
    let back = lock(2, &[holder(2, 1)], &[waiter(4, Mode::Lock, 30)]);
    !found(&[asked, back]).is_empty()
}

#[test]
fn modes_decide_where_they_exclude_each_other() {
    let writer = [waiter(8, Mode::Write, 15)];
    let all = [Mode::Read, Mode::UpgradableRead, Mode::Write];
    for (mode, alone, behind) in [
        (Mode::Write, [true, true, true], [true, true, true]),
        (Mode::UpgradableRead, [false, true, true], [true, true, true]),
        (Mode::Read, [false, false, true], [true, true, true]),
    ] {
        let decide = |others: &[Waiter]| all.map(|of| waits_for(waiter(2, mode, 20), holds(4, of, 1), others));
        assert_eq!((decide(&[]), decide(&writer)), (alone, behind), "{mode:?}");
    }
    let recursive = Waiter { is_recursive: true, ..waiter(2, Mode::Read, 20) };
    assert_eq!(all.map(|of| waits_for(recursive.clone(), holds(4, of, 1), &writer)), [false, false, true]);
}

#[test]
fn permits_and_guards_that_may_have_gone_to_another_task_are_no_steps() {
    let b = lock(2, &[holder(4, 1)], &[waiter(2, Mode::Lock, 10)]);
    let permits = lock(1, &[holds(2, Mode::Acquire, 1)], &[waiter(4, Mode::Acquire, 20)]);
    assert!(found(&[permits, b.clone()]).is_empty());
    let own = lock(1, &[holds(2, Mode::Acquire, 1)], &[waiter(2, Mode::Acquire, 20)]);
    assert!(found(&[own]).is_empty());
    let sent = Holder { owner: holder(2, 1).owner.owned(), since: 1, call: 0 };
    assert!(found(&[lock(1, &[sent], &[waiter(4, Mode::Lock, 20)]), b]).is_empty());
}
