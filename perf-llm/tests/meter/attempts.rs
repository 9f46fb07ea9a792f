//! Attempts inside one call with reservations, of which spans tell some and the caller others: each counts once, and what somebody knows is charged.

use super::{assert_law, plain, told};
use perf_llm::meter::{Meter, Plan, Planned};
use perf_llm::{BudgetSetting, Llm};
use perf_runtime::extend::ToldUsage;
use perf_runtime::test_util::isolated;
use perf_runtime::{Monitor, monitor_llm_call};
use tracing::subscriber::DefaultGuard;
use tracing::{Span, info_span};
use tracing_subscriber::layer::SubscriberExt;

fn limited() -> (Monitor, Llm, DefaultGuard) {
    let (monitor, llm) = plain();
    llm.meter().add_budget(BudgetSetting::per("day").tokens(10_000)).unwrap();
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(llm.meter().layer()));
    (monitor, llm, guard)
}

/// 100 tokens of a prompt and 50 of an answer.
fn sent(meter: &Meter) -> Planned {
    let mut call = meter.reserve(&Plan::new("ollama", "llama", 100, 50)).unwrap();
    call.dispatched();
    call
}

/// The span of an attempt that failed.
fn fails() {
    drop(info_span!("chat", gen_ai.operation.name = "chat", gen_ai.provider.name = "ollama", error.type = "timeout"));
}

/// The span of an attempt that was answered, by a client that did not read the usage.
fn tells_nothing() {
    drop(info_span!("chat", gen_ai.operation.name = "chat", gen_ai.provider.name = "ollama"));
}

fn answered() -> Span {
    answered_by("llama")
}

fn answered_by(model: &'static str) -> Span {
    info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "ollama",
        gen_ai.request.model = model,
        gen_ai.usage.input_tokens = 70,
        gen_ai.usage.output_tokens = 20,
    )
}

/// The tokens that the budget was charged, calls, those of unknown usage, and the tokens of prompts and answers.
fn sums(meter: &Meter) -> (String, [u64; 4]) {
    let budget = &meter.view().budgets[0];
    assert_eq!(budget.reserved, "0");
    assert_law(meter);
    let totals = meter.totals();
    let unknown = totals.by_price.get("unknown").copied().unwrap_or_default();
    (budget.spent.clone(), [totals.calls, unknown, totals.input_tokens, totals.output_tokens])
}

/// Runs a body inside an annotated call that tells this at its end, and gives the sums.
fn call(tells: Option<ToldUsage>, body: impl FnOnce(&Meter)) -> (String, [u64; 4]) {
    #[monitor_llm_call("ollama", "llama", usage = |told| told)]
    fn annotated(meter: &Meter, tells: Option<ToldUsage>, body: impl FnOnce(&Meter)) -> Option<ToldUsage> {
        body(meter);
        tells
    }
    let _alone = isolated();
    let (_monitor, llm, _guard) = limited();
    annotated(llm.meter(), tells, body);
    sums(llm.meter())
}

fn of(spent: &str, counts: [u64; 4]) -> (String, [u64; 4]) {
    (spent.to_owned(), counts)
}

#[test]
fn the_usage_that_a_caller_settles_with_counts_where_the_span_told_none() {
    for told_by_span in [fails, tells_nothing] {
        let sums = call(None, |meter| {
            let call = sent(meter);
            told_by_span();
            let settled = call.settle(&told(70, 20, 0));
            assert!(settled.first && !settled.estimated);
        });
        assert_eq!(sums, of("90", [1, 0, 70, 20]));
    }
}

#[test]
fn all_that_was_reserved_is_charged_where_neither_knows_the_usage() {
    let sums = call(None, |meter| {
        let call = sent(meter);
        fails();
        assert!(call.settle(&None::<ToldUsage>).estimated);
    });
    assert_eq!(sums, of("150", [1, 1, 0, 0]));
}

#[test]
fn an_attempt_that_is_made_again_below_one_reservation_is_settled_by_the_one_that_was_answered() {
    for told_by_caller in [Some(told(70, 20, 0)), None] {
        let sums = call(None, |meter| {
            let call = sent(meter);
            fails();
            fails();
            drop(answered());
            call.settle(&told_by_caller);
        });
        assert_eq!(sums, of("90", [3, 2, 70, 20]), "attempts are calls, and the answer counts once");
    }
}

#[test]
fn a_reservation_that_its_body_left_is_settled_by_an_attempt_after_it() {
    let sums = call(None, |meter| {
        drop((sent(meter), fails()));
        drop(answered());
    });
    assert_eq!(sums, of("90", [2, 1, 70, 20]));
}

#[test]
fn a_call_beside_one_that_did_not_fail_or_of_another_model_is_no_attempt_at_it() {
    let sums = call(None, |meter| {
        let call = sent(meter);
        tells_nothing();
        drop(answered());
        call.settle(&told(70, 20, 0));
    });
    assert_eq!(sums, of("180", [2, 0, 140, 40]));
    let sums = call(None, |meter| {
        let call = sent(meter);
        drop(info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "ollama",
            gen_ai.request.model = "llama",
            error.type = "timeout",
        ));
        drop(answered_by("embedder"));
        call.settle(&told(70, 20, 0));
    });
    assert_eq!(sums, of("180", [2, 0, 140, 40]));
}

#[test]
fn each_attempt_with_a_reservation_of_its_own_is_settled_with_what_was_told_of_it() {
    // The first is dropped: it costs its prompt.
    let sums = call(None, |meter| {
        let first = sent(meter);
        fails();
        drop(first);
        let second = sent(meter);
        drop(answered());
        second.settle(&told(70, 20, 0));
    });
    assert_eq!(sums, of("190", [2, 1, 70, 20]));
    // The same where the caller alone knows the usage of the second.
    let sums = call(None, |meter| {
        drop((sent(meter), fails()));
        sent(meter).settle(&told(70, 20, 0));
    });
    assert_eq!(sums, of("190", [2, 1, 70, 20]));
}

#[test]
fn the_usage_that_a_function_tells_is_that_of_its_last_attempt() {
    let sums = call(Some(told(70, 20, 0)), |meter| {
        let call = sent(meter);
        fails();
        drop(call);
    });
    assert_eq!(sums, of("90", [1, 0, 70, 20]));
    let sums = call(Some(told(70, 20, 0)), |meter| {
        for _ in 0..2 {
            let call = sent(meter);
            fails();
            drop(call);
        }
    });
    assert_eq!(sums, of("190", [2, 1, 70, 20]));
    // It tells nothing either: each costs its prompt.
    let sums = call(None, |meter| {
        for _ in 0..2 {
            let call = sent(meter);
            fails();
            drop(call);
        }
    });
    assert_eq!(sums, of("200", [2, 2, 0, 0]));
}

#[test]
fn a_refused_attempt_costs_nothing_whether_a_span_told_of_it_or_not() {
    let sums = call(Some(told(70, 20, 0)), |meter| {
        let first = sent(meter);
        fails();
        first.refused();
        drop(sent(meter));
    });
    assert_eq!(sums, of("90", [2, 1, 70, 20]));
}

/// A span that is open, by a client that did not read the usage.
fn unread() -> Span {
    info_span!("chat", gen_ai.operation.name = "chat", gen_ai.provider.name = "ollama", gen_ai.request.model = "llama")
}

#[test]
fn a_call_that_is_settled_while_its_own_span_is_open_counts_once_whenever_that_closes() {
    for open in [answered, unread] {
        let before = call(None, |meter| {
            let call = sent(meter);
            drop(open());
            call.settle(&told(70, 20, 0));
        });
        let after = call(None, |meter| {
            let call = sent(meter);
            let span = open();
            call.settle(&told(70, 20, 0));
            drop(span);
        });
        let mut kept = None;
        let never = call(None, |meter| {
            let call = sent(meter);
            kept = Some(open());
            call.settle(&told(70, 20, 0));
        });
        drop(kept);
        assert_eq!([before, after, never], [(); 3].map(|()| of("90", [1, 0, 70, 20])));
    }
}

#[test]
fn a_span_that_closes_after_the_function_of_its_settled_call_has_ended_tells_it_again() {
    #[monitor_llm_call("ollama", "llama")]
    fn leave_open(meter: &Meter) -> Span {
        let call = sent(meter);
        let span = answered();
        call.settle(&told(70, 20, 0));
        span
    }
    let _alone = isolated();
    let (_monitor, llm, _guard) = limited();
    drop(leave_open(llm.meter()));
    assert_eq!(sums(llm.meter()), of("90", [1, 0, 70, 20]));
    assert_eq!(llm.meter().spans().again, 1);
}

#[test]
fn each_of_several_calls_that_are_settled_while_their_spans_are_open_counts_once() {
    let sums = call(None, |meter| {
        let calls: Vec<_> = (0..3).map(|_| (sent(meter), answered())).collect();
        let (calls, spans): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
        for call in calls {
            call.settle(&told(70, 20, 0));
        }
        drop(spans);
    });
    assert_eq!(sums, of("270", [3, 0, 210, 60]));
    // An attempt that failed and one that was answered, of one call.
    let sums = call(None, |meter| {
        let call = sent(meter);
        let (failed, answered) = (unread(), answered());
        call.settle(&told(70, 20, 0));
        drop((failed, answered));
    });
    assert_eq!(sums, of("90", [1, 0, 70, 20]));
}

#[test]
fn a_span_is_that_of_its_settled_call_whatever_happens_beside_it() {
    // Another call is settled before it closes.
    let sums = call(None, |meter| {
        let first = sent(meter);
        let span = answered();
        first.settle(&told(70, 20, 0));
        sent(meter).settle(&told(30, 10, 0));
        drop(span);
    });
    assert_eq!(sums, of("130", [2, 0, 100, 30]));
    // Its library has another name for the provider.
    let sums = call(None, |meter| {
        let call = sent(meter);
        let span = info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "LMStudio",
            gen_ai.request.model = "llama",
            gen_ai.usage.input_tokens = 70,
            gen_ai.usage.output_tokens = 20
        );
        call.settle(&told(70, 20, 0));
        drop(span);
    });
    assert_eq!(sums, of("90", [1, 0, 70, 20]));
    // Both are made inside a tool's span.
    let sums = call(None, |meter| {
        let tool = info_span!("execute_tool", gen_ai.operation.name = "execute_tool", gen_ai.tool.name = "look");
        tool.in_scope(|| {
            let call = sent(meter);
            drop(answered());
            call.settle(&told(70, 20, 0));
        });
    });
    assert_eq!(sums, of("90", [1, 0, 70, 20]));
}

#[test]
fn a_call_that_is_refused_while_its_own_span_is_open_counts_once() {
    let sums = call(None, |meter| {
        let call = sent(meter);
        let span = unread();
        call.refused();
        drop(span);
    });
    assert_eq!(sums, of("0", [1, 1, 0, 0]));
}

#[test]
fn a_span_that_tells_another_usage_after_a_call_was_settled_is_another_call() {
    // One that ran beside it, and began while it did.
    let sums = call(None, |meter| {
        let raw = sent(meter);
        let other = answered();
        raw.settle(&told(30, 10, 0));
        drop(other);
    });
    assert_eq!(sums, of("130", [2, 0, 100, 30]));
    // Its own usage is not lost where the other one's usage is unknown.
    let sums = call(None, |meter| {
        let raw = sent(meter);
        let other = answered();
        raw.settle(&None::<ToldUsage>);
        drop(other);
    });
    assert_eq!(sums, of("240", [2, 1, 70, 20]));
    // A later one without a reservation.
    let sums = call(None, |meter| {
        sent(meter).settle(&told(70, 20, 0));
        drop(answered());
    });
    assert_eq!(sums, of("180", [2, 0, 140, 40]));
}

#[test]
fn a_reservation_that_outlives_its_call_is_settled_by_whoever_knows_the_usage() {
    #[monitor_llm_call("ollama", "llama", usage = |told| &told.0)]
    fn leave_open(meter: &Meter, tells: Option<ToldUsage>) -> (Option<ToldUsage>, Planned) {
        let call = sent(meter);
        fails();
        (tells, call)
    }
    for (by_function, by_caller) in [(Some(told(70, 20, 0)), None), (None, Some(told(70, 20, 0)))] {
        let _alone = isolated();
        let (_monitor, llm, _guard) = limited();
        let (_, call) = leave_open(llm.meter(), by_function);
        call.settle(&by_caller);
        assert_eq!(sums(llm.meter()), of("90", [1, 0, 70, 20]));
    }
    let _alone = isolated();
    let (_monitor, llm, _guard) = limited();
    drop(leave_open(llm.meter(), None));
    assert_eq!(sums(llm.meter()), of("100", [1, 1, 0, 0]), "its prompt, where nobody does");
}
