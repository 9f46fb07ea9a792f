//! Every interleaving of calls that reserve, wait and settle:
//! `RUSTFLAGS="--cfg perf_loom" cargo test --release -p perf-llm --lib budget::model`.

use super::*;
use crate::Money;
use loom::future::block_on;
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// Budgets with a clock that stands still: loom runs each model many times, and time would be a difference.
fn budgets() -> Budgets {
    Budgets::builder().clock(Arc::new(AtomicI64::new(1_000))).build().unwrap()
}

fn tokens(most: u64) -> Estimate {
    Estimate::UNKNOWN.tokens(most, 1)
}

fn spend(tokens: u64) -> Spend {
    Spend::new(None, Some(tokens))
}

fn holds(account: &Account) {
    let view = account.view().unwrap();
    assert!(view.spent + view.reserved <= view.limit, "{view:?}");
}

#[test]
fn two_calls_never_get_more_than_the_limit() {
    loom::model(|| {
        let budgets = budgets();
        let all = budgets.account(&Budget::all().tokens(5)).unwrap();
        let call = |budgets: Budgets, all: Account| {
            move || {
                let Ok(mut reservation) = budgets.reserve(&[&all], &tokens(3)) else { return 0 };
                holds(&all);
                reservation.settle(&spend(2));
                holds(&all);
                2
            }
        };
        let other = thread::spawn(call(budgets.clone(), all.clone()));
        let spent = call(budgets.clone(), all.clone())() + other.join().unwrap();
        let view = all.view().unwrap();
        assert_eq!((view.spent, view.reserved), (spent, 0));
    });
}

#[test]
fn accounts_in_either_order_are_all_or_nothing() {
    loom::model(|| {
        let budgets = budgets();
        let all = budgets.account(&Budget::all().tokens(5)).unwrap();
        let ada = budgets.account(&Budget::user("ada").tokens(4)).unwrap();
        let (theirs, first, second) = (budgets.clone(), all.clone(), ada.clone());
        let other = thread::spawn(move || {
            let reservation = theirs.reserve(&[&second, &first], &tokens(3));
            holds(&first);
            drop(reservation);
        });
        let reservation = budgets.reserve(&[&all, &ada], &tokens(3));
        // The holder of one account holds the other too.
        holds(&ada);
        drop(reservation);
        other.join().unwrap();
        for account in [&all, &ada] {
            let view = account.view().unwrap();
            assert_eq!((view.spent, view.reserved), (0, 0));
        }
    });
}

/// A call that needs so much at most, and so much as it seems.
fn likely(most: u64, likely: u64) -> Estimate {
    tokens(most).likely(&tokens(likely))
}

#[test]
fn estimated_calls_overdraw_by_no_more_than_they_cost_over_what_they_reserved() {
    loom::model(|| {
        let budgets = budgets();
        let all = budgets.account(&Budget::all().tokens(5).mode(Mode::Estimated)).unwrap();
        let ada = budgets.account(&Budget::user("ada").tokens(8)).unwrap();
        // Two at once fit by what is likely, and not a third; a strict budget beside it holds the worst case.
        let call = |budgets: Budgets, all: Account, ada: Account, spent: u64| {
            move || {
                let Ok(mut reservation) = budgets.reserve(&[&all, &ada], &likely(4, 2)) else { return 0 };
                holds(&ada);
                reservation.settle(&spend(spent));
                spent
            }
        };
        let other = thread::spawn(call(budgets.clone(), all.clone(), ada.clone(), 4));
        let spent = call(budgets.clone(), all.clone(), ada.clone(), 1)() + other.join().unwrap();
        holds(&ada);
        for account in [&all, &ada] {
            let view = account.view().unwrap();
            assert_eq!((u64::try_from(view.spent).unwrap(), view.reserved), (spent, 0));
            assert!(view.spent <= view.limit + 2, "{view:?}");
        }
        // A sum that was overdrawn, or leaves no room, keeps out the next.
        assert_eq!(budgets.reserve(&[&all], &likely(4, 2)).is_ok(), spent <= 3);
    });
}

#[test]
fn nobody_sleeps_while_there_is_room_for_what_is_likely() {
    loom::model(|| {
        let budgets = budgets();
        let all = budgets.account(&Budget::all().tokens(3).mode(Mode::Estimated)).unwrap();
        let mut held = budgets.reserve(&[&all], &likely(9, 3)).unwrap();
        let (theirs, account) = (budgets.clone(), all.clone());
        let waiter = thread::spawn(move || {
            let mut reservation = block_on(theirs.reserve_later(&[&account], &likely(9, 2))).unwrap();
            reservation.settle(&spend(2));
        });
        held.settle(&spend(1));
        waiter.join().unwrap();
        assert_eq!(all.view().unwrap().spent, 3);
    });
}

#[test]
fn nobody_sleeps_while_there_is_room() {
    loom::model(|| {
        let budgets = budgets();
        let all = budgets.account(&Budget::all().tokens(3)).unwrap();
        let mut held = budgets.reserve(&[&all], &tokens(3)).unwrap();
        let (theirs, account) = (budgets.clone(), all.clone());
        let waiter = thread::spawn(move || {
            let mut reservation = block_on(theirs.reserve_later(&[&account], &tokens(2))).unwrap();
            reservation.settle(&spend(2));
        });
        held.settle(&spend(1));
        waiter.join().unwrap();
        assert_eq!(all.view().unwrap().spent, 3);
    });
}

#[test]
fn waiting_ends_when_what_is_spent_leaves_no_room() {
    loom::model(|| {
        let budgets = budgets();
        let all = budgets.account(&Budget::all().tokens(3)).unwrap();
        let mut held = budgets.reserve(&[&all], &tokens(3)).unwrap();
        let (theirs, account) = (budgets.clone(), all.clone());
        let waiter = thread::spawn(move || block_on(theirs.reserve_later(&[&account], &tokens(2))).is_err());
        held.settle(&spend(3));
        assert!(waiter.join().unwrap());
        assert_eq!(all.view().unwrap().reserved, 0);
    });
}

#[test]
fn a_grant_to_a_waiter_that_left_is_given_back() {
    loom::model(|| {
        let budgets = budgets();
        let all = budgets.account(&Budget::all().tokens(3)).unwrap();
        let held = budgets.reserve(&[&all], &tokens(3)).unwrap();
        let mut waiting = budgets.reserve_later(&[&all], &tokens(2));
        assert!(waiting.look(std::task::Waker::noop()).is_pending());
        let other = thread::spawn(move || drop(held));
        drop(waiting);
        other.join().unwrap();
        let view = all.view().unwrap();
        assert_eq!((view.spent, view.reserved), (0, 0));
        assert!(budgets.reserve(&[&all], &tokens(3)).is_ok());
    });
}

/// A store in memory, with what a kill at any moment would leave.
#[derive(Clone)]
struct Kept(Arc<loom::sync::Mutex<i64>>);

impl BudgetStore for Kept {
    fn load(&self) -> Result<Vec<LeaseRecord>, StoreError> {
        Ok(Vec::new())
    }

    fn write(&self, records: &[LeaseRecord]) -> Result<(), StoreError> {
        *self.0.lock().unwrap() = records[0].counted;
        Ok(())
    }
}

#[test]
fn the_store_counts_at_least_what_is_granted() {
    loom::model(|| {
        let kept = Kept(Arc::new(loom::sync::Mutex::new(0)));
        let clock = Arc::new(AtomicI64::new(1_000));
        let budgets = Budgets::builder().clock(clock).store(kept.clone()).build().unwrap();
        let all = budgets.account(&Budget::all().money(Money::from_picos(100))).unwrap();
        let call = |budgets: Budgets, all: Account, kept: Kept| {
            move || {
                let most = Estimate::money(Money::from_picos(40), Money::ZERO);
                let mut reservation = budgets.reserve(&[&all], &most).unwrap();
                // This grant was written before it was made: a kill here forgets nothing.
                let view = all.view().unwrap();
                assert!(*kept.0.lock().unwrap() >= 40, "{view:?}");
                reservation.settle(&Spend::money(Money::from_picos(30)));
            }
        };
        let other = thread::spawn(call(budgets.clone(), all.clone(), kept.clone()));
        call(budgets.clone(), all.clone(), kept.clone())();
        other.join().unwrap();
        let view = all.view().unwrap();
        assert_eq!((view.spent, view.reserved), (60, 0));
        assert!((60..=100).contains(&*kept.0.lock().unwrap()));
    });
}
