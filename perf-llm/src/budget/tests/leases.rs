//! Budgets over a restart and over a kill.

use super::*;
use std::collections::HashMap;

/// A disk: what was written is there for the next process.
#[derive(Clone, Default)]
struct Disk {
    records: Arc<Mutex<HashMap<String, LeaseRecord>>>,
    writes: Arc<AtomicUsize>,
    /// 1: it fails. 2: it panics.
    broken: Arc<AtomicUsize>,
}

impl BudgetStore for Disk {
    fn load(&self) -> Result<Vec<LeaseRecord>, StoreError> {
        Ok(self.records.lock().unwrap().values().cloned().collect())
    }

    fn write(&self, records: &[LeaseRecord]) -> Result<(), StoreError> {
        match self.broken.load(Ordering::Relaxed) {
            0 => {}
            1 => return Err(StoreError::new("the disk is full")),
            _ => std::panic::resume_unwind(Box::new("store")),
        }
        self.writes.fetch_add(1, Ordering::Relaxed);
        let mut kept = self.records.lock().unwrap();
        kept.extend(records.iter().map(|record| (record.key.clone(), record.clone())));
        Ok(())
    }

    fn remove(&self, keys: &[String]) -> Result<(), StoreError> {
        self.records.lock().unwrap().retain(|key, _| !keys.contains(key));
        Ok(())
    }
}

#[test]
fn records_of_turns_that_are_over_are_removed_at_the_next_start() {
    let (disk, clock) = (Disk::default(), clock());
    for day in 0..3 {
        let (budgets, _all) = process(&disk, &clock);
        let user = budgets.account(&Budget::user(&format!("user {day}")).per(Period::Day).dollars(1)).unwrap();
        let ever = budgets.account(&Budget::model("gpt-5").dollars(1)).unwrap();
        drop(budgets.reserve(&[&user, &ever], &most("0.1", "0")).unwrap());
        clock.fetch_add(DAY, Ordering::Relaxed);
    }
    drop(process(&disk, &clock));
    let mut kept: Vec<String> = disk.records.lock().unwrap().keys().cloned().collect();
    kept.sort();
    assert_eq!(kept, ["model/forever/money/gpt-5"]);
}

fn process(disk: &Disk, clock: &Arc<AtomicI64>) -> (Budgets, Account) {
    let budgets = Budgets::builder().clock(Arc::clone(clock)).store(disk.clone()).build().unwrap();
    let all = budgets.account(&Budget::all().per(Period::Day).dollars(100)).unwrap();
    (budgets, all)
}

#[test]
fn a_kill_lets_nothing_more_through() {
    let (disk, clock) = (Disk::default(), clock());
    let mut spent = 0;
    // Each process is killed at an odd moment: what it holds is forgotten, and never dropped.
    for round in 0..40 {
        let (budgets, all) = process(&disk, &clock);
        for call in 0..7 {
            let Ok(mut held) = budgets.reserve(&[&all], &most("1", "0.5")) else { continue };
            if call == round % 7 {
                held.dispatched();
                std::mem::forget(held);
                spent += dollars("1").picos();
                break;
            }
            held.settle(&Spend::money(dollars("0.75")));
            spent += dollars("0.75").picos();
        }
    }
    assert!(spent <= dollars("100").picos(), "{spent}");
    let (budgets, all) = process(&disk, &clock);
    assert!(all.view().unwrap().spent >= spent, "a restart counts at least what was spent");
    assert_eq!(budgets.durability(), Durability::Store);
    clock.fetch_add(DAY, Ordering::Relaxed);
    let (_budgets, all) = process(&disk, &clock);
    assert_eq!(sums(&all), (0, 0), "the next day nothing of it is left");
}

#[test]
fn processes_that_are_killed_with_their_first_call_spend_no_more_than_the_limit() {
    let (disk, clock) = (Disk::default(), clock());
    let admitted = (0..300).filter(|_| {
        let (budgets, all) = process(&disk, &clock);
        // Reserved, sent and killed: nobody settles, and nothing is dropped.
        budgets.reserve(&[&all], &most("1", "0")).map(std::mem::forget).is_ok()
    });
    // Each leaves a block of a twentieth of what was left behind, so that the limit is reached long before.
    let admitted = admitted.count();
    assert!((10..=100).contains(&admitted), "{admitted}");
}

#[test]
fn a_block_is_at_most_a_twentieth_of_what_is_left() {
    let (disk, clock) = (Disk::default(), clock());
    let (budgets, all) = process(&disk, &clock);
    for _ in 0..1_000 {
        let mut held = budgets.reserve(&[&all], &most("0.01", "0")).unwrap();
        let view = all.view().unwrap();
        let counted = disk.records.lock().unwrap().values().next().unwrap().counted;
        let committed = view.spent + view.reserved;
        assert!(counted >= committed && counted - committed <= (view.limit - committed) / 20 + dollars("0.05").picos());
        held.settle(&Spend::money(dollars("0.01")));
    }
    let writes = disk.writes.load(Ordering::Relaxed);
    assert!(writes < 10, "{writes} writes for a tenth of the limit");
}

#[test]
fn a_process_that_ends_well_leaves_what_it_spent() {
    let (disk, clock) = (Disk::default(), clock());
    let (budgets, all) = process(&disk, &clock);
    budgets.reserve(&[&all], &most("1", "0")).unwrap().settle(&Spend::money(dollars("0.25")));
    budgets.flush().unwrap();
    let (_budgets, all) = process(&disk, &clock);
    assert_eq!(sums(&all), (dollars("0.25").picos(), 0));
}

#[test]
fn a_store_that_fails_admits_nothing_that_it_does_not_know() {
    let (disk, clock) = (Disk::default(), clock());
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&heard);
    let listener = move |event: &Event| {
        if let Event::Refused(error) = event {
            told.lock().unwrap().push(error.to_string());
        }
    };
    let builder = Budgets::builder().clock(Arc::clone(&clock)).store(disk.clone()).on_event(listener);
    let budgets = builder.build().unwrap();
    let all = budgets.account(&Budget::all().per(Period::Day).dollars(100)).unwrap();
    disk.broken.store(1, Ordering::Relaxed);
    let refused = budgets.reserve(&[&all], &most("1", "0")).unwrap_err();
    assert_eq!(refused.to_string(), "the store of budgets failed: the disk is full");
    assert_eq!(sums(&all), (0, 0));
    let waiting = budgets.reserve_within(&[&all], &most("1", "0"), Duration::from_secs(60));
    assert!(matches!(waiting, Err(BudgetError::Store(_))));
    assert_eq!(*heard.lock().unwrap(), ["the store of budgets failed: the disk is full"; 2], "each refusal is told");
    disk.broken.store(0, Ordering::Relaxed);
    assert!(budgets.reserve(&[&all], &most("1", "0")).is_ok());
}

#[test]
fn what_was_spent_over_the_lease_is_written_at_once() {
    let (disk, clock) = (Disk::default(), clock());
    let (budgets, all) = process(&disk, &clock);
    budgets.reserve(&[&all], &most("1", "0")).unwrap().settle(&Spend::money(dollars("60")));
    let (_killed, all) = process(&disk, &clock);
    assert!(all.view().unwrap().spent >= dollars("60").picos());
}

#[test]
fn a_store_that_panics_fails() {
    let (disk, clock) = (Disk::default(), clock());
    let (budgets, all) = process(&disk, &clock);
    let mut held = budgets.reserve(&[&all], &most("1", "0")).unwrap();
    disk.broken.store(2, Ordering::Relaxed);
    let refused = budgets.reserve(&[&all], &most("50", "0")).unwrap_err();
    assert!(matches!(refused, BudgetError::Store(_)), "{refused}");
    assert!(matches!(budgets.flush(), Err(BudgetError::Store(_))));
    // More than was leased, so that the settlement writes.
    assert!(held.settle(&Spend::money(dollars("60"))).overdraft);
    assert_eq!(sums(&all), (dollars("60").picos(), 0));
    disk.broken.store(0, Ordering::Relaxed);
    assert!(budgets.reserve(&[&all], &most("1", "0")).is_ok());
}

#[test]
fn an_estimated_budget_leases_what_it_grants_and_a_kill_loses_none_of_it() {
    let (disk, clock) = (Disk::default(), clock());
    let process = || {
        let budgets = Budgets::builder().clock(Arc::clone(&clock)).store(disk.clone()).build().unwrap();
        let all = budgets.account(&Budget::all().per(Period::Day).dollars(10).mode(Mode::Estimated)).unwrap();
        (budgets, all)
    };
    let (budgets, all) = process();
    let held = budgets.reserve(&[&all], &most("8", "0.1").likely(&most("1", "0.1"))).unwrap();
    // Killed: nothing is given back.
    std::mem::forget(held);
    let (_budgets, all) = process();
    let (spent, _) = sums(&all);
    assert!((dollars("1").picos()..dollars("2").picos()).contains(&spent), "{spent}");
}
