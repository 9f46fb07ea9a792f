//! Budgets that reserve the worst case, and such that reserve what is likely.

use super::*;

fn scope() -> Scope {
    Scope { kind: ScopeKind::All, name: "".into() }
}

fn tokens(most: u64) -> Estimate {
    Estimate::UNKNOWN.tokens(most, 10)
}

#[test]
fn each_budget_holds_what_its_mode_asks_for() {
    let budgets = Budgets::in_memory();
    let strict = budgets.account(&Budget::all().dollars(10)).unwrap();
    let estimated = budgets.account(&Budget::user("ada").dollars(10).mode(Mode::Estimated)).unwrap();
    let estimate = most("4", "1").likely(&most("1.5", "1"));
    let mut held = budgets.reserve(&[&strict, &estimated], &estimate).unwrap();
    assert_eq!([&strict, &estimated].map(|account| sums(account).1), [dollars("4").picos(), dollars("1.5").picos()]);
    assert_eq!([&strict, &estimated].map(|account| account.view().unwrap().mode), [Mode::Strict, Mode::Estimated]);
    // More than was likely, and less than the worst case: an overdraft of one alone, and the truth in both.
    assert!(held.settle(&Spend::money(dollars("2"))).overdraft);
    assert_eq!([&strict, &estimated].map(sums), [(dollars("2").picos(), 0); 2]);
    // More than the worst case is never likely, and one whose prompt alone costs more than is likely holds that.
    let held = budgets.reserve(&[&estimated], &most("1", "0.5").likely(&most("3", "1"))).unwrap();
    assert_eq!(sums(&estimated).1, dollars("1").picos());
    drop(held);
    // The likely need of calls is not known yet.
    let held = budgets.reserve(&[&estimated], &most("4", "1")).unwrap();
    assert_eq!(sums(&estimated).1, dollars("4").picos());
    drop(held);
    // A call that was lost after it was sent costs its prompt, in either.
    let mut held = budgets.reserve(&[&strict, &estimated], &estimate).unwrap();
    held.dispatched();
    drop(held);
    assert_eq!([&strict, &estimated].map(sums), [(dollars("3").picos(), 0); 2]);
}

#[test]
fn a_mode_is_changed_as_a_limit_is() {
    let budgets = Budgets::in_memory();
    let budget = Budget::all().tokens(100);
    let account = budgets.account(&budget).unwrap();
    let estimate = tokens(200).likely(&tokens(60));
    assert_eq!(denied(budgets.reserve(&[&account], &estimate)).needed, 200);
    budgets.account(&budget.clone().mode(Mode::Estimated)).unwrap();
    let mut held = budgets.reserve(&[&account], &estimate).unwrap();
    assert_eq!(denied(budgets.reserve(&[&account], &estimate)).needed, 60);
    held.settle(&Spend::new(None, Some(150)));
    assert_eq!(denied(budgets.reserve(&[&account], &estimate)).spent, 150, "an overdraft keeps out the next");
    budgets.account(&budget).unwrap();
    assert_eq!(denied(budgets.reserve(&[&account], &estimate)).needed, 200);
}

#[test]
fn a_call_without_a_worst_case_is_refused_where_nothing_is_likely() {
    let budgets = Budgets::in_memory();
    let open = |budget: Budget| budgets.account(&budget).unwrap();
    let (money, of_tokens) = (open(Budget::all().dollars(9)), open(Budget::all().tokens(900)));
    let (calls, likely_money) =
        (open(Budget::all().calls(9)), open(Budget::user("a").dollars(9).mode(Mode::Estimated)));
    let unbounded = Estimate::unbounded(Some(dollars("0.1")), 10);
    let refused = |account: &Account, estimate: &Estimate| budgets.reserve(&[account], estimate).unwrap_err();
    let (strict, estimated) = (Mode::Strict, Mode::Estimated);
    for account in [&money, &of_tokens] {
        let error = refused(account, &unbounded);
        assert_eq!(error, BudgetError::NoWorstCase { scope: scope(), mode: strict });
        assert!(error.to_string().contains("strict"), "{error}");
    }
    drop(budgets.reserve(&[&calls], &unbounded).unwrap());
    let user = Scope { kind: ScopeKind::User, name: "a".into() };
    assert_eq!(refused(&likely_money, &unbounded), BudgetError::NoWorstCase { scope: user, mode: estimated });
    let likely = unbounded.likely(&most("0.5", "0.1"));
    assert_eq!(refused(&money, &likely), BudgetError::NoWorstCase { scope: scope(), mode: strict });
    let held = budgets.reserve(&[&likely_money], &likely).unwrap();
    assert_eq!(sums(&likely_money).1, dollars("0.5").picos());
    drop(held);
    // A model without a price is that first, and goes by what the budget says of such models.
    let unpriced = Estimate::unbounded(None, 10);
    assert_eq!(refused(&money, &unpriced), BudgetError::Unpriced { scope: scope() });
    open(Budget::all().dollars(9).on_unpriced(OnUnpriced::Allow));
    drop(budgets.reserve(&[&money], &unpriced).unwrap());
    let bad = Estimate::UNKNOWN.likely(&Estimate::money(Money::from_picos(-1), Money::ZERO));
    assert!(matches!(refused(&likely_money, &bad), BudgetError::BadEstimate { field: "money", .. }));
}

#[test]
fn sizes_of_answers_are_noted_once_as_a_call_is_settled() {
    let budgets = Budgets::in_memory();
    let all = budgets.account(&Budget::all().tokens(1_000)).unwrap();
    let sizes = Arc::new(OutputSizes::new());
    let reserve = || {
        let mut held = budgets.reserve(&[&all], &tokens(100)).unwrap();
        held.sized_by(Arc::clone(&sizes));
        held.dispatched();
        held
    };
    let spend = Spend::new(None, Some(30)).output(20);
    let mut held = reserve();
    held.settle(&spend);
    held.settle(&spend);
    drop(held);
    assert_eq!(sizes.count(), 1);
    // Of these nobody knows the answer.
    drop(reserve());
    reserve().settle(&Spend::UNKNOWN);
    reserve().settle(&Spend::NOTHING);
    assert_eq!(sizes.count(), 1);
}
