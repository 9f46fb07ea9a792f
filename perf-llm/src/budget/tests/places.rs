//! Accounts that are opened and closed, and those who wait over the end of a day.

use super::*;

#[test]
fn a_look_at_a_new_day_wakes_those_who_got_its_room() {
    type Look = fn(&Budgets, &Account);
    let looks: [Look; 2] = [|_, all| drop(all.view()), |budgets, _| drop(budgets.views())];
    for look in looks {
        let clock = clock();
        let budgets = budgets(&clock);
        let all = budgets.account(&Budget::all().per(Period::Day).dollars(1)).unwrap();
        let held = budgets.reserve(&[&all], &most("0.8", "0")).unwrap();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut waiting = Box::pin(budgets.reserve_later(&[&all], &most("0.5", "0")));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        clock.fetch_add(DAY, Ordering::Relaxed);
        look(&budgets, &all);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
        drop(held);
    }
}

#[test]
fn a_day_that_is_closed_and_asked_for_again_goes_on() {
    let clock = clock();
    let budgets = budgets(&clock);
    let ask = || budgets.account(&Budget::user("ada").per(Period::Day).dollars(1)).unwrap();
    let ada = ask();
    budgets.reserve(&[&ada], &most("0.75", "0")).unwrap().settle(&Spend::money(dollars("0.75")));
    ada.close();
    let ada = ask();
    assert_eq!(sums(&ada), (dollars("0.75").picos(), 0));
    assert!(!denied(budgets.reserve(&[&ada], &most("0.5", "0"))).can_wait());
}

#[test]
fn a_place_that_a_call_left_unused_is_found_within_a_minute() {
    let clock = clock();
    let budgets = Budgets::builder().clock(Arc::clone(&clock)).max_scopes(1).build().unwrap();
    let user = |name: &str| budgets.account(&Budget::user(name).per(Period::Day).dollars(1));
    let held = budgets.reserve(&[&user("a").unwrap()], &most("0.5", "0")).unwrap();
    assert_eq!(user("b").unwrap_err(), BudgetError::TooManyScopes { kind: ScopeKind::User, max: 1 });
    drop(held);
    clock.fetch_add(60, Ordering::Relaxed);
    assert!(user("b").is_ok());
}

#[test]
fn a_run_that_nobody_closed_makes_room_once_no_handle_of_it_is_left() {
    let clock = clock();
    let budgets = Budgets::builder().clock(Arc::clone(&clock)).max_scopes(2).build().unwrap();
    let run = |name: &str| budgets.account(&Budget::run(name).dollars(1));
    let (kept, left) = (run("kept").unwrap(), run("left").unwrap());
    budgets.reserve(&[&left], &most("0.5", "0")).unwrap().settle(&Spend::money(dollars("0.5")));
    let held = budgets.reserve(&[&left], &most("0.25", "0")).unwrap();
    drop(left);
    assert_eq!(run("third").unwrap_err(), BudgetError::TooManyScopes { kind: ScopeKind::Run, max: 2 });
    drop(held);
    clock.fetch_add(60, Ordering::Relaxed);
    run("third").unwrap();
    assert_eq!(sums(&kept), (0, 0), "one whose handle is kept stays");
}

#[test]
fn a_refusal_for_good_is_told_before_one_that_waiting_may_end() {
    let clock = clock();
    let budgets = budgets(&clock);
    let busy = budgets.account(&Budget::all().per(Period::Day).dollars(1)).unwrap();
    let spent = budgets.account(&Budget::user("ada").per(Period::Day).dollars(0)).unwrap();
    let held = budgets.reserve(&[&busy], &most("0.75", "0")).unwrap();
    let waker = Waker::from(Arc::new(Woken::default()));
    let mut waiting = Box::pin(budgets.reserve_later(&[&busy, &spent], &most("0.5", "0")));
    let std::task::Poll::Ready(refused) = waiting.as_mut().poll(&mut Context::from_waker(&waker)) else {
        panic!("it waits for room that is of no use")
    };
    assert_eq!(denied(refused).scope.to_string(), "user `ada`");
    drop(held);
}

#[test]
fn a_call_that_was_not_reserved_is_charged_over_the_limit_and_holds_nothing() {
    let clock = clock();
    let budgets = budgets(&clock);
    let all = budgets.account(&Budget::all().per(Period::Day).dollars(1)).unwrap();
    budgets.charge(&[&all], &Spend::money(dollars("1.5"))).unwrap();
    budgets.charge(&[&all], &Spend::UNKNOWN).unwrap();
    assert_eq!(sums(&all), (dollars("1.5").picos(), 0));
    assert!(!denied(budgets.reserve(&[&all], &most("0.1", "0"))).can_wait());
    assert!(matches!(budgets.charge(&[&all, &all], &Spend::UNKNOWN), Err(BudgetError::Twice { .. })));
}
