use super::*;
use crate::Money;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

mod laws;
mod leases;
mod modes;
mod places;

/// 2026-11-28 at noon.
const NOON: i64 = 1_795_867_200;
const DAY: i64 = 86_400;

fn clock() -> Arc<AtomicI64> {
    Arc::new(AtomicI64::new(NOON))
}

fn budgets(clock: &Arc<AtomicI64>) -> Budgets {
    Budgets::builder().clock(Arc::clone(clock)).build().unwrap()
}

fn dollars(text: &str) -> Money {
    text.parse().unwrap()
}

fn most(text: &str, input: &str) -> Estimate {
    Estimate::money(dollars(text), dollars(input))
}

fn sums(account: &Account) -> (i64, i64) {
    let view = account.view().unwrap();
    (view.spent, view.reserved)
}

fn denied<T: std::fmt::Debug>(result: Result<T, BudgetError>) -> Denial {
    match result {
        Err(BudgetError::Denied(denial)) => *denial,
        other => panic!("denied, and not {other:?}"),
    }
}

#[test]
fn a_thousand_calls_of_ten_cents_at_once_are_fifty_against_five_dollars() {
    let budgets = Budgets::in_memory();
    let all = budgets.account(&Budget::all().dollars(5)).unwrap();
    let user = budgets.account(&Budget::user("ada").dollars(50)).unwrap();
    let (admitted, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let barrier = Barrier::new(20);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..50 {
                    match budgets.reserve(&[&user, &all], &most("0.10", "0.01")) {
                        Ok(mut reservation) => {
                            admitted.fetch_add(1, Ordering::Relaxed);
                            reservation.settle(&Spend::money(dollars("0.10")));
                        }
                        Err(error) => {
                            refused.fetch_add(1, Ordering::Relaxed);
                            assert_eq!(denied::<()>(Err(error)).scope.kind, ScopeKind::All);
                        }
                    }
                }
            });
        }
    });
    assert_eq!((admitted.into_inner(), refused.into_inner()), (50, 950));
    assert_eq!(sums(&all), (dollars("5").picos(), 0));
    assert_eq!(sums(&user), (dollars("5").picos(), 0));
}

#[test]
fn a_refusal_says_which_scope_and_changes_nothing() {
    let clock = clock();
    let budgets = budgets(&clock);
    let all = budgets.account(&Budget::all().per(Period::Month).dollars(100)).unwrap();
    let ada = budgets.account(&Budget::user("ada").per(Period::Day).dollars(1)).unwrap();
    let held = budgets.reserve(&[&all, &ada], &most("0.75", "0")).unwrap();
    let before = (all.view().unwrap(), ada.view().unwrap());
    let denial = denied(budgets.reserve(&[&all, &ada], &most("0.50", "0").site("search")));
    assert_eq!(denial.scope, Scope { kind: ScopeKind::User, name: "ada".into() });
    assert_eq!((denial.limit, denial.needed), (dollars("1").picos(), dollars("0.5").picos()));
    assert_eq!((denial.spent, denial.reserved), (0, dollars("0.75").picos().into()));
    assert_eq!(
        denial.to_string(),
        "the budget of user `ada` (1 dollars, day) has no room: 0 dollars spent, 0.75 dollars reserved, 0.5 dollars \
         needed, at search"
    );
    assert_eq!((all.view().unwrap(), ada.view().unwrap()), before);
    drop(held);
    assert_eq!(sums(&all), (0, 0));
}

#[test]
fn what_was_never_sent_costs_nothing_and_what_was_sent_costs_its_prompt() {
    let budgets = Budgets::in_memory();
    let money = budgets.account(&Budget::all().dollars(5)).unwrap();
    let tokens = budgets.account(&Budget::all().tokens(1_000)).unwrap();
    let calls = budgets.account(&Budget::all().calls(10)).unwrap();
    let accounts = [&money, &tokens, &calls];
    let estimate = most("1", "0.2").tokens(500, 100);
    drop(budgets.reserve(&accounts, &estimate).unwrap());
    assert_eq!(accounts.map(sums), [(0, 0); 3]);
    let mut lost = budgets.reserve(&accounts, &estimate).unwrap();
    lost.dispatched();
    drop(lost);
    assert_eq!(accounts.map(sums), [(dollars("0.2").picos(), 0), (100, 0), (1, 0)]);
    let views = accounts.map(|account| account.view().unwrap().estimated);
    assert_eq!(views, [dollars("0.2").picos(), 100, 0]);
    // A panic is a drop like any other.
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut reservation = budgets.reserve(&accounts, &estimate).unwrap();
        reservation.dispatched();
        std::panic::resume_unwind(Box::new("lost"));
    }));
    assert!(panicked.is_err());
    assert_eq!(accounts.map(sums), [(dollars("0.4").picos(), 0), (200, 0), (2, 0)]);
}

#[test]
fn settling_twice_is_settling_once() {
    let budgets = Budgets::in_memory();
    let all = budgets.account(&Budget::all().dollars(5)).unwrap();
    let mut reservation = budgets.reserve(&[&all], &most("1", "0")).unwrap();
    reservation.dispatched();
    assert!(reservation.settle(&Spend::money(dollars("0.3"))).first);
    assert!(!reservation.settle(&Spend::money(dollars("0.9"))).first);
    drop(reservation);
    assert_eq!(sums(&all), (dollars("0.3").picos(), 0));
}

#[test]
fn a_cost_over_the_reservation_is_charged_and_blocks_the_next_call() {
    let budgets = Budgets::in_memory();
    let all = budgets.account(&Budget::all().dollars(1)).unwrap();
    let mut reservation = budgets.reserve(&[&all], &most("0.5", "0")).unwrap();
    assert!(reservation.settle(&Spend::money(dollars("1.5"))).overdraft);
    assert_eq!(sums(&all), (dollars("1.5").picos(), 0));
    let denial = denied(budgets.reserve(&[&all], &most("0.000001", "0")));
    assert!(!denial.can_wait());
}

#[test]
fn a_cost_that_nobody_knows_is_what_was_reserved() {
    let budgets = Budgets::in_memory();
    let all = budgets.account(&Budget::all().dollars(1)).unwrap();
    let mut reservation = budgets.reserve(&[&all], &most("0.5", "0.1")).unwrap();
    assert!(reservation.settle(&Spend::UNKNOWN).estimated);
    let view = all.view().unwrap();
    assert_eq!((view.spent, view.estimated), (dollars("0.5").picos(), dollars("0.5").picos()));
}

#[test]
fn a_model_without_a_price_passes_no_budget_of_money_unless_told_to() {
    let budgets = Budgets::in_memory();
    let unpriced = Estimate::of(None, 100, 100);
    let tokens = budgets.account(&Budget::agent("a").tokens(1_000)).unwrap();
    let strict = budgets.account(&Budget::all().dollars(1)).unwrap();
    let scope = Scope { kind: ScopeKind::All, name: "".into() };
    assert_eq!(budgets.reserve(&[&tokens, &strict], &unpriced).unwrap_err(), BudgetError::Unpriced { scope });
    assert_eq!(sums(&tokens), (0, 0));
    let assume = OnUnpriced::Assume(dollars("0.4"));
    let assumed = budgets.account(&Budget::all().dollars(1).on_unpriced(assume)).unwrap();
    let held = [budgets.reserve(&[&assumed], &unpriced).unwrap(), budgets.reserve(&[&assumed], &unpriced).unwrap()];
    assert_eq!(sums(&assumed), (0, dollars("0.8").picos()));
    assert_eq!(denied(budgets.reserve(&[&assumed], &unpriced)).needed, dollars("0.4").picos());
    drop(held);
    let allowed = budgets.account(&Budget::all().dollars(1).on_unpriced(OnUnpriced::Allow)).unwrap();
    assert!(budgets.reserve(&[&allowed], &unpriced).is_ok());
    // Tokens that nobody bounds pass no budget of tokens.
    let unbounded = budgets.reserve(&[&tokens], &most("1", "0")).unwrap_err();
    assert!(matches!(unbounded, BudgetError::TokensUnknown { .. }));
}

#[test]
fn scopes_beyond_the_most_are_refused_and_never_shared() {
    let clock = clock();
    let budgets = Budgets::builder().clock(Arc::clone(&clock)).max_scopes(3).build().unwrap();
    let user = |name: &str| budgets.account(&Budget::user(name).per(Period::Day).dollars(1));
    let accounts: Vec<Account> = ["a", "b", "c"].map(|name| user(name).unwrap()).into();
    for account in &accounts {
        budgets.reserve(&[account], &most("0.5", "0")).unwrap().settle(&Spend::money(dollars("0.5")));
    }
    assert_eq!(user("d").unwrap_err(), BudgetError::TooManyScopes { kind: ScopeKind::User, max: 3 });
    assert_eq!(sums(&user("a").unwrap()), (dollars("0.5").picos(), 0), "those that are there are found");
    assert!(budgets.account(&Budget::agent("d").dollars(1)).is_ok(), "another kind has places of its own");
    // The next day those who spent nothing make room, and their old handles say so.
    clock.fetch_add(DAY, Ordering::Relaxed);
    let held = budgets.reserve(&[&accounts[0]], &most("0.5", "0")).unwrap();
    let newcomer = user("d").unwrap();
    assert_eq!(sums(&newcomer), (0, 0));
    assert_eq!(budgets.reserve(&[&accounts[1]], &most("0.5", "0")).unwrap_err(), BudgetError::Gone);
    assert_eq!(sums(&accounts[0]), (0, dollars("0.5").picos()));
    drop(held);
}

#[test]
fn limits_names_and_estimates_are_checked() {
    let budgets = Budgets::in_memory();
    assert!(budgets.account(&Budget::all().dollars(9_000_000)).is_ok());
    for budget in [Budget::all().dollars(9_000_001), Budget::all().dollars(-1), Budget::all().tokens(u64::MAX)] {
        assert!(matches!(budgets.account(&budget), Err(BudgetError::LimitOutOfRange { .. })), "{budget:?}");
    }
    for name in ["", &"n".repeat(257)] {
        assert!(matches!(budgets.account(&Budget::user(name).dollars(1)), Err(BudgetError::BadName { .. })));
    }
    let all = budgets.account(&Budget::all().dollars(1)).unwrap();
    let negative = Estimate::money(Money::from_picos(-1), Money::ZERO);
    assert!(matches!(budgets.reserve(&[&all], &negative), Err(BudgetError::BadEstimate { field: "money", .. })));
    let scope = all.scope().clone();
    assert_eq!(budgets.reserve(&[&all, &all], &most("0", "0")).unwrap_err(), BudgetError::Twice { scope });
    let other = Budgets::in_memory();
    assert_eq!(other.reserve(&[&all], &most("0", "0")).unwrap_err(), BudgetError::Foreign);
    let nine = [&all; 9];
    assert_eq!(budgets.reserve(&nine, &most("0", "0")).unwrap_err(), BudgetError::TooManyAccounts { given: 9 });
    assert_eq!(budgets.durability(), Durability::Process);
}

#[test]
fn warnings_are_told_once_a_period() {
    let clock = clock();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    let listener = move |event: &Event| {
        told.lock().unwrap().push(match event {
            Event::Warned { .. } => "warned",
            Event::Exhausted { .. } => "exhausted",
            _ => "refused",
        });
        // A listener's panic is its own.
        std::panic::resume_unwind(Box::new("listener"));
    };
    let budgets = Budgets::builder().clock(Arc::clone(&clock)).on_event(listener).build().unwrap();
    let all = budgets.account(&Budget::all().per(Period::Day).calls(10)).unwrap();
    let call = || budgets.reserve(&[&all], &Estimate::UNKNOWN).map(|mut held| held.settle(&Spend::UNKNOWN));
    let say = || std::mem::take(&mut *heard.lock().unwrap());
    for _ in 0..7 {
        call().unwrap();
    }
    assert!(say().is_empty());
    for _ in 0..3 {
        call().unwrap();
    }
    assert_eq!(say(), ["warned", "exhausted"]);
    assert!(call().is_err());
    assert_eq!(say(), ["refused"]);
    clock.fetch_add(DAY, Ordering::Relaxed);
    for _ in 0..9 {
        call().unwrap();
    }
    assert_eq!(say(), ["warned"]);
}

#[test]
fn a_stop_refuses_until_it_is_taken_back() {
    let budgets = Budgets::in_memory();
    let all = budgets.account(&Budget::all().dollars(5)).unwrap();
    let mut held = budgets.reserve(&[&all], &most("1", "0")).unwrap();
    budgets.stop("an incident");
    let refused = budgets.reserve(&[], &Estimate::UNKNOWN).unwrap_err();
    assert_eq!(refused, BudgetError::Stopped { scope: None, reason: "an incident".into() });
    held.settle(&Spend::money(dollars("0.5")));
    assert_eq!(sums(&all), (dollars("0.5").picos(), 0), "calls in flight settle");
    budgets.resume();
    all.stop("too dear").unwrap();
    assert!(matches!(budgets.reserve(&[&all], &most("1", "0")), Err(BudgetError::Stopped { scope: Some(_), .. })));
    all.resume().unwrap();
    assert!(budgets.reserve(&[&all], &most("1", "0")).is_ok());
}

#[test]
fn a_call_settles_in_the_day_in_which_it_began() {
    let clock = clock();
    let budgets = budgets(&clock);
    let all = budgets.account(&Budget::all().per(Period::Day).dollars(1)).unwrap();
    let mut yesterday = budgets.reserve(&[&all], &most("1", "0")).unwrap();
    clock.fetch_add(DAY, Ordering::Relaxed);
    let mut today = budgets.reserve(&[&all], &most("1", "0")).unwrap();
    yesterday.settle(&Spend::money(dollars("0.9")));
    today.settle(&Spend::money(dollars("0.2")));
    let view = all.view().unwrap();
    assert_eq!((view.spent, view.reserved), (dollars("0.2").picos(), 0));
    assert_eq!((view.spent_ever, view.reserved_ever), (dollars("1.1").picos().into(), 0));
    // A clock that is set back begins no day anew.
    clock.fetch_sub(DAY, Ordering::Relaxed);
    assert_eq!(sums(&all), (dollars("0.2").picos(), 0));
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_call_that_waits_gets_room_when_another_gives_it_back() {
    let budgets = Budgets::in_memory();
    let all = budgets.account(&Budget::all().dollars(1)).unwrap();
    let mut held = budgets.reserve(&[&all], &most("0.8", "0")).unwrap();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut waiting = Box::pin(budgets.reserve_later(&[&all], &most("0.5", "0")));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    held.settle(&Spend::money(dollars("0.4")));
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert_eq!(sums(&all), (dollars("0.4").picos(), dollars("0.5").picos()), "it has its room before it runs");
    let std::task::Poll::Ready(Ok(granted)) = waiting.as_mut().poll(&mut Context::from_waker(&waker)) else {
        panic!("granted");
    };
    // The money spent leaves no room for this one, whoever settles: it does not wait at all.
    let hopeless = budgets.reserve_within(&[&all], &most("0.7", "0"), Duration::from_secs(3_600));
    assert!(!denied(hopeless).can_wait());
    // And this one waits in vain.
    let late = budgets.reserve_within(&[&all], &most("0.6", "0"), Duration::from_millis(5));
    assert!(denied(late).can_wait());
    drop(granted);
    assert_eq!(sums(&all), (dollars("0.4").picos(), 0));
}

#[test]
fn room_for_a_call_that_no_longer_waits_is_given_back() {
    let budgets = Budgets::in_memory();
    let all = budgets.account(&Budget::all().dollars(1)).unwrap();
    let held = budgets.reserve(&[&all], &most("0.8", "0")).unwrap();
    let mut waiting = Box::pin(budgets.reserve_later(&[&all], &most("0.5", "0")));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(held);
    assert_eq!(sums(&all), (0, dollars("0.5").picos()), "granted while it is not polled");
    drop(waiting);
    assert_eq!(sums(&all), (0, 0));
}

#[test]
fn waiting_ends_for_all_when_money_is_gone() {
    let budgets = Budgets::in_memory();
    let all = budgets.account(&Budget::all().calls(1)).unwrap();
    let mut held = budgets.reserve(&[&all], &Estimate::UNKNOWN).unwrap();
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| budgets.reserve_within(&[&all], &Estimate::UNKNOWN, Duration::from_secs(600)).map(drop))
            })
            .collect();
        held.settle(&Spend::UNKNOWN);
        for waiter in waiters {
            assert!(!denied(waiter.join().unwrap()).can_wait());
        }
    });
}

#[test]
fn a_closed_run_gives_its_place_back() {
    let budgets = Budgets::builder().max_scopes(1).build().unwrap();
    let all = budgets.account(&Budget::all().dollars(5)).unwrap();
    let run = budgets.account(&Budget::run("r1").dollars(1)).unwrap();
    let mut held = budgets.reserve(&[&run, &all], &most("1", "0")).unwrap();
    run.close();
    let other = budgets.account(&Budget::run("r2").dollars(1)).unwrap();
    held.settle(&Spend::money(dollars("0.5")));
    assert_eq!((sums(&all), sums(&other)), ((dollars("0.5").picos(), 0), (0, 0)));
}

#[test]
fn answers_sizes_are_estimated_by_their_p99() {
    let sizes = OutputSizes::new();
    assert_eq!((sizes.p99(), sizes.estimate(4_096)), (None, 4_096));
    for tokens in 1..=1_000 {
        sizes.record(tokens);
    }
    let p99 = sizes.p99().unwrap();
    assert!((990..=1_023).contains(&p99), "{p99}");
    assert_eq!((sizes.estimate(4_096), sizes.estimate(100)), (p99, 100));
    sizes.record(u64::MAX);
    assert_eq!(sizes.count(), 1_001);
}
