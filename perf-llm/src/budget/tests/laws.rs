//! The laws of budgets, over random sequences, held against a plain ledger.

use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

/// Accounts of the model: everything, two agents, two users, and a count of calls.
const ACCOUNTS: usize = 6;

#[derive(Debug, Clone)]
enum Act {
    /// Reserves in some accounts.
    Reserve { accounts: Vec<usize>, most: i64, likely: i64, input: i64 },
    /// Settles one of those in flight.
    Settle { which: usize, spent: Option<i64>, twice: bool },
    /// Drops one of those in flight.
    Drop { which: usize, dispatched: bool },
    /// Lets time pass.
    Pass { seconds: i64 },
    /// Waits for room and leaves.
    Wait { accounts: Vec<usize>, most: i64 },
}

fn act() -> impl Strategy<Value = Act> {
    let accounts = || prop::sample::subsequence((0..ACCOUNTS).collect::<Vec<_>>(), 0..=ACCOUNTS).prop_shuffle();
    prop_oneof![
        5 => (accounts(), 0..60_i64, 0..60_i64, 0..60_i64)
            .prop_map(|(accounts, most, likely, input)| Act::Reserve { accounts, most, likely, input: input.min(most) }),
        3 => (any::<usize>(), prop::option::weighted(0.9, 0..80_i64), any::<bool>())
            .prop_map(|(which, spent, twice)| Act::Settle { which, spent, twice }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(which, dispatched)| Act::Drop { which, dispatched }),
        1 => (0..DAY * 2).prop_map(|seconds| Act::Pass { seconds }),
        1 => (accounts(), 0..60_i64).prop_map(|(accounts, most)| Act::Wait { accounts, most }),
    ]
}

/// A plain ledger: the sums of each account by day.
#[derive(Default)]
struct Plain {
    spent: HashMap<(usize, i64), i64>,
    reserved: HashMap<(usize, i64), i64>,
    /// By how much calls cost more than they had reserved.
    overdraft: HashMap<(usize, i64), i64>,
}

impl Plain {
    fn committed(&self, account: usize, day: i64) -> i64 {
        let of = |sums: &HashMap<(usize, i64), i64>| sums.get(&(account, day)).copied().unwrap_or(0);
        of(&self.spent) + of(&self.reserved)
    }

    fn ever(&self, account: usize) -> (i64, i64) {
        let of = |sums: &HashMap<(usize, i64), i64>| {
            sums.iter().filter(|((of, _), _)| *of == account).map(|(_, sum)| sum).sum()
        };
        (of(&self.spent), of(&self.reserved))
    }
}

struct Held {
    reservation: Reservation,
    accounts: Vec<usize>,
    day: i64,
    most: i64,
    likely: i64,
    input: i64,
}

const LIMITS: [i64; ACCOUNTS] = [200, 100, 80, 60, 120, 5];

/// Accounts of both modes.
const MODES: [Mode; ACCOUNTS] =
    [Mode::Strict, Mode::Estimated, Mode::Strict, Mode::Strict, Mode::Estimated, Mode::Strict];

/// The need of a call in an account, by its mode.
fn need(account: usize, most: i64, likely: i64) -> i64 {
    let need = if MODES[account] == Mode::Estimated { likely.min(most) } else { most };
    amount(account, need)
}

/// The last account counts calls.
fn amount(account: usize, picos: i64) -> i64 {
    if account == ACCOUNTS - 1 { 1 } else { picos }
}

fn run(acts: Vec<Act>, is_strict: bool) -> Result<(), TestCaseError> {
    let clock = clock();
    let budgets = budgets(&clock);
    let money =
        |budget: Budget, at: usize| budget.per(Period::Day).money(Money::from_picos(LIMITS[at])).mode(MODES[at]);
    let accounts: Vec<Account> = [
        money(Budget::all(), 0),
        money(Budget::agent("a"), 1),
        money(Budget::agent("b"), 2),
        money(Budget::user("u"), 3),
        money(Budget::user("v"), 4),
        Budget::all().per(Period::Day).calls(5),
    ]
    .iter()
    .map(|budget| budgets.account(budget).unwrap())
    .collect();
    let (mut plain, mut held): (Plain, Vec<Held>) = (Plain::default(), Vec::new());
    for act in acts {
        let day = clock.load(Ordering::Relaxed).div_euclid(DAY);
        match act {
            Act::Reserve { accounts: named, most, likely, input } => {
                let of = |most| Estimate::money(Money::from_picos(most), Money::from_picos(input));
                let estimate = of(most).likely(&of(likely));
                let handles: Vec<&Account> = named.iter().map(|at| &accounts[*at]).collect();
                let fits = |at: &usize| plain.committed(*at, day) + need(*at, most, likely) <= LIMITS[*at];
                let room = named.iter().all(fits);
                let got = budgets.reserve(&handles, &estimate);
                prop_assert_eq!(got.is_ok(), room);
                if let Ok(reservation) = got {
                    for at in &named {
                        *plain.reserved.entry((*at, day)).or_default() += need(*at, most, likely);
                    }
                    held.push(Held { reservation, accounts: named, day, most, likely, input });
                }
            }
            Act::Settle { which, spent, twice } if !held.is_empty() => {
                let mut held = held.swap_remove(which % held.len());
                let spent = spent.map(|spent| if is_strict { spent.min(held.most) } else { spent });
                held.reservation.settle(&Spend::new(spent.map(Money::from_picos), None));
                if twice {
                    held.reservation.settle(&Spend::money(Money::from_picos(1_000)));
                }
                for at in &held.accounts {
                    let need = need(*at, held.most, held.likely);
                    let spent = spent.map_or(need, |spent| amount(*at, spent));
                    *plain.reserved.entry((*at, held.day)).or_default() -= need;
                    *plain.spent.entry((*at, held.day)).or_default() += spent;
                    let over = spent - need;
                    *plain.overdraft.entry((*at, held.day)).or_default() += over.max(0);
                }
            }
            Act::Drop { which, dispatched } if !held.is_empty() => {
                let mut held = held.swap_remove(which % held.len());
                if dispatched {
                    held.reservation.dispatched();
                }
                drop(held.reservation);
                for at in &held.accounts {
                    let need = need(*at, held.most, held.likely);
                    *plain.reserved.entry((*at, held.day)).or_default() -= need;
                    let charged = if dispatched { amount(*at, held.input).min(need) } else { 0 };
                    *plain.spent.entry((*at, held.day)).or_default() += charged;
                }
            }
            Act::Pass { seconds } => {
                clock.fetch_add(seconds, Ordering::Relaxed);
            }
            Act::Wait { accounts: named, most } => {
                let handles: Vec<&Account> = named.iter().map(|at| &accounts[*at]).collect();
                let estimate = Estimate::money(Money::from_picos(most), Money::ZERO);
                let mut waiting = Box::pin(budgets.reserve_later(&handles, &estimate));
                // A grant is dropped at once, and so is a place in the queue: neither leaves a trace.
                let _ = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
            _ => {}
        }
        let day = clock.load(Ordering::Relaxed).div_euclid(DAY);
        for (at, account) in accounts.iter().enumerate() {
            let view = account.view().unwrap();
            prop_assert_eq!(view.spent + view.reserved, plain.committed(at, day), "{}", at);
            let ever = plain.ever(at);
            prop_assert_eq!((view.spent_ever, view.reserved_ever), (ever.0.into(), ever.1.into()));
            let overdraft = plain.overdraft.get(&(at, day)).copied().unwrap_or(0);
            prop_assert!(!is_strict || MODES[at] == Mode::Estimated || overdraft == 0);
            prop_assert!(view.spent + view.reserved <= view.limit + overdraft, "{view:?}");
        }
    }
    drop(held);
    for account in &accounts {
        prop_assert_eq!(account.view().unwrap().reserved_ever, 0);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(256)))]

    #[test]
    fn the_ledger_is_a_plain_one(acts in prop::collection::vec(act(), 0..60)) {
        run(acts, false)?;
    }

    #[test]
    fn with_true_bounds_nothing_exceeds_a_limit(acts in prop::collection::vec(act(), 0..60)) {
        run(acts, true)?;
    }

    #[test]
    fn equal_calls_at_once_are_admitted_as_often_as_they_fit(limit in 0..10_000_i64, cost in 1..500_i64) {
        let budgets = Budgets::in_memory();
        let all = budgets.account(&Budget::all().money(Money::from_picos(limit))).unwrap();
        let most = Estimate::money(Money::from_picos(cost), Money::ZERO);
        let held: Vec<Reservation> = std::iter::from_fn(|| budgets.reserve(&[&all], &most).ok()).collect();
        prop_assert_eq!(i64::try_from(held.len()).unwrap(), limit / cost);
    }

    #[test]
    fn agents_and_the_rest_are_the_total(calls in prop::collection::vec((0..3_usize, 0..50_i64, 0..80_i64), 1..60)) {
        let budgets = Budgets::in_memory();
        let open = |budget: Budget| budgets.account(&budget.dollars(1)).unwrap();
        let all = open(Budget::all());
        let agents = [open(Budget::agent("a")), open(Budget::agent("b"))];
        let mut unattributed = 0;
        for (agent, most, spent) in calls {
            let named: Vec<&Account> = std::iter::once(&all).chain(agents.get(agent)).collect();
            let estimate = Estimate::money(Money::from_picos(most), Money::ZERO);
            budgets.reserve(&named, &estimate).unwrap().settle(&Spend::money(Money::from_picos(spent)));
            unattributed += if agent < agents.len() { 0 } else { spent };
        }
        let by_agent: i64 = agents.iter().map(|agent| agent.view().unwrap().spent).sum();
        prop_assert_eq!(by_agent + unattributed, all.view().unwrap().spent);
    }
}

#[test]
fn threads_that_reserve_settle_and_wait_leave_exact_sums() {
    let budgets = Budgets::in_memory();
    let all = budgets.account(&Budget::all().money(Money::from_picos(1_000_000))).unwrap();
    let users: Vec<Account> = (0..3)
        .map(|user| budgets.account(&Budget::user(&format!("u{user}")).money(Money::from_picos(50))).unwrap())
        .collect();
    let spent: i64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..6_usize)
            .map(|number| {
                let (budgets, all, users) = (&budgets, &all, &users);
                scope.spawn(move || {
                    let mut spent = 0;
                    for call in 0..300_usize {
                        let user = &users[(number + call) % users.len()];
                        let most = Estimate::money(Money::from_picos(30), Money::from_picos(1));
                        // Two in flight fit; the third waits, and gets its turn.
                        let Ok(mut held) = budgets.reserve_within(&[user, all], &most, Duration::from_secs(60)) else {
                            continue;
                        };
                        held.dispatched();
                        if call % 3 == 0 {
                            spent += 1;
                        } else {
                            held.settle(&Spend::money(Money::ZERO));
                        }
                    }
                    spent
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let view = all.view().unwrap();
    assert_eq!((view.spent, view.reserved), (spent, 0));
    assert!(users.iter().all(|user| user.view().unwrap().spent <= 50));
    assert_eq!(users.iter().map(|user| user.view().unwrap().spent).sum::<i64>(), spent);
}
