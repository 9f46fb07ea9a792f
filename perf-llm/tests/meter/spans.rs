//! Spans with the names and fields of genai 0.7.2, rig 0.44.0, adk-rust 2.3.0 and langchain-rust 7.0.0, opened as these crates open them.

use super::{assert_law, plain, told};
use perf_llm::{Llm, Meter};
use perf_runtime::extend::ToldUsage;
use perf_runtime::test_util::isolated;
use perf_runtime::{Kind, Monitor, Outcome, Window, monitor_agent, monitor_llm_call};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::field::Empty;
use tracing::subscriber::DefaultGuard;
use tracing::{Span, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry;

fn listening() -> (Monitor, Llm, DefaultGuard) {
    let (monitor, llm) = plain();
    let guard = tracing::subscriber::set_default(registry().with(llm.meter().layer()));
    (monitor, llm, guard)
}

/// As genai does: created, recorded and dropped, and never entered.
pub(super) fn genai(input: i64, output: i64) -> Span {
    let span = info_span!(
        target: "genai",
        "genai.chat",
        otel.name = "chat gpt-5-mini",
        otel.status_code = Empty,
        error.type = Empty,
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-5-mini",
        gen_ai.response.model = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
        gen_ai.response.time_to_first_chunk = Empty,
    );
    span.record("gen_ai.usage.input_tokens", input).record("gen_ai.usage.output_tokens", output);
    span
}

fn rig_agent(name: &'static str) -> Span {
    info_span!(
        target: "rig::agent_chat",
        "invoke_agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = name,
        gen_ai.provider.name = "openai",
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
    )
}

fn sums(meter: &Meter) -> [u64; 3] {
    let totals = meter.totals();
    [totals.calls, totals.input_tokens, totals.output_tokens]
}

#[test]
fn a_span_that_is_never_entered_counts_as_it_closes() {
    let _alone = isolated();
    let (monitor, llm, _guard) = listening();
    let span = genai(100, 20);
    assert_eq!(sums(llm.meter()), [0, 0, 0], "it goes on");
    // Streams record running totals: the last one stands.
    span.record("gen_ai.usage.output_tokens", 25_i64).record("gen_ai.usage.cache_read.input_tokens", 64_i64);
    span.record("gen_ai.response.time_to_first_chunk", 0.25);
    drop(span);
    assert_eq!(sums(llm.meter()), [1, 100, 25]);
    assert_eq!(llm.meter().totals().cache_read_tokens, 64);
    let summary = monitor.summary(Window::LastMinute);
    assert_eq!(summary.find(Kind::LlmCall, &["openai", "gpt-5-mini"]).unwrap().total.of(Outcome::Ok), 1);
    assert_eq!(llm.meter().spans().inference, 1);
    let failed = genai(1, 1);
    failed.record("otel.status_code", "ERROR");
    drop(failed);
    let summary = monitor.summary(Window::LastMinute);
    assert_eq!(summary.find(Kind::LlmCall, &["openai", "gpt-5-mini"]).unwrap().total.of(Outcome::Error), 1);
}

#[test]
fn the_sum_that_an_agents_span_tells_is_not_counted_again() {
    let _alone = isolated();
    let (_monitor, llm, _guard) = listening();
    let agent = rig_agent("researcher");
    agent.in_scope(|| {
        drop(genai(10, 1));
        drop(genai(20, 2));
    });
    drop(agent.in_scope(|| info_span!("execute_tool", gen_ai.operation.name = "execute_tool", gen_ai.tool.name = "x")));
    agent.record("gen_ai.usage.input_tokens", 30_u64).record("gen_ai.usage.output_tokens", 3_u64);
    drop(agent);
    assert_eq!(sums(llm.meter()), [2, 30, 3]);
    // Nothing inside it was seen: then its own sum counts.
    let agent = rig_agent("writer");
    agent.record("gen_ai.usage.input_tokens", 5_u64).record("gen_ai.usage.output_tokens", 6_u64);
    drop(agent);
    let view = llm.meter().view();
    let agents: Vec<_> = view.agents.iter().map(|agent| (&*agent.agent, agent.runs, agent.totals.calls)).collect();
    assert_eq!(agents, [("researcher", 1, 2), ("writer", 1, 1)]);
    assert_eq!((view.total.input_tokens, view.unattributed.calls), (35, 0));
    assert_law(llm.meter());
}

#[test]
fn tools_that_spans_tell_count_for_their_run_and_their_arguments_are_not_kept() {
    let _alone = isolated();
    let (_monitor, llm, _guard) = listening();
    let agent = rig_agent("researcher");
    agent.in_scope(|| {
        for turn in 0..20 {
            let span = info_span!(
                "execute_tool",
                gen_ai.operation.name = "execute_tool",
                gen_ai.tool.name = "look_up",
                gen_ai.tool.call.arguments = Empty,
            );
            // Two in five tell none.
            if turn % 5 < 3 {
                span.record("gen_ai.tool.call.arguments", "{\"secret\": 1}");
            }
        }
        drop(info_span!("tool.call", tool = "langchain"));
    });
    let view = llm.meter().view();
    let found: Vec<_> = view.loops.iter().map(|one| (&*one.agent, &*one.tool, one.times, one.running)).collect();
    assert_eq!(found, [("researcher", "look_up", 12, true)]);
    drop(agent);
    let view = llm.meter().view();
    assert_eq!((view.last_runs[0].tool_calls, view.last_runs[0].repeats, view.loops[0].running), (21, 12, false));
    assert!(!format!("{view:?}").contains("secret"));
}

#[test]
fn a_tool_knows_what_the_models_that_it_calls_cost() {
    #[perf_runtime::monitor_tool("search", usage = |told| told)]
    fn search() -> Option<ToldUsage> {
        ask(true, 0);
        None
    }
    #[monitor_agent("helper")]
    fn help() {
        drop(genai(3, 1));
    }
    let _alone = isolated();
    let (monitor, llm, _guard) = listening();
    let agent = rig_agent("researcher");
    agent.in_scope(|| {
        let tool = info_span!("execute_tool", gen_ai.operation.name = "execute_tool", gen_ai.tool.name = "summarize");
        tool.in_scope(|| {
            drop(genai(10, 1));
            ask(true, 0);
            help();
        });
        search();
        drop(genai(1_000, 1));
    });
    drop(agent);
    let view = llm.meter().view();
    let tools: Vec<_> =
        view.tools.iter().map(|tool| (&*tool.tool, tool.totals.calls, tool.totals.input_tokens)).collect();
    assert_eq!(tools, [("search", 1, 100), ("summarize", 3, 113)]);
    assert_eq!((view.total.calls, view.unattributed.calls, view.last_runs.len()), (5, 0, 2));
    assert_law(llm.meter());
    let text = monitor.render_prometheus();
    assert!(text.contains("llm_tool_cost_dollars_total{tool=\"search\"} 0"), "{text}");
}

#[test]
fn other_crates_names_are_known_and_contradictions_are_put_right() {
    let _alone = isolated();
    let (monitor, llm, _guard) = listening();
    // adk-rust: no operation, another name for the provider, totals, thoughts outside the output.
    drop(info_span!(
        "gen_ai.generate",
        gen_ai.system = "gemini",
        gen_ai.request.model = "gemini-2.5-flash",
        gen_ai.usage.input_tokens = 100_u64,
        gen_ai.usage.output_tokens = 10_u64,
        gen_ai.usage.thinking_tokens = 5_u64,
        gen_ai.usage.total_tokens = 115_u64,
    ));
    assert_eq!(sums(llm.meter()), [1, 100, 15]);
    // Cached tokens outside the prompt's.
    drop(info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "anthropic",
        gen_ai.request.model = ?Some("claude-sonnet-4-5"),
        gen_ai.usage.input_tokens = ?Some(10_u64),
        gen_ai.usage.output_tokens = "7",
        gen_ai.usage.cache_read_tokens = 1_000_u64,
    ));
    assert_eq!(sums(llm.meter()), [2, 1_110, 22]);
    // So does genai of Bedrock, also where they are fewer, and of nobody else.
    for provider in ["aws.bedrock", "anthropic"] {
        let before = sums(llm.meter())[1];
        drop(info_span!(
            "genai.chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = provider,
            gen_ai.request.model = "m",
            gen_ai.usage.input_tokens = 500_i64,
            gen_ai.usage.cache_read.input_tokens = 100_i64,
            gen_ai.usage.output_tokens = 0_i64,
        ));
        assert_eq!(sums(llm.meter())[1] - before, if provider == "anthropic" { 500 } else { 600 }, "{provider}");
    }
    drop(info_span!(
        "llm.generate",
        provider = "openai",
        model = "gpt-5",
        prompt_tokens = 3_i64,
        completion_tokens = 4_i64
    ));
    assert_eq!(sums(llm.meter()), [5, 2_213, 26]);
    let text = monitor.render_prometheus();
    assert!(text.contains(r#"llm_usage_repaired_total{rule="reasoning_outside"} 1"#), "{text}");
    assert!(text.contains(r#"llm_usage_repaired_total{rule="cache_outside"} 1"#), "{text}");
}

#[test]
fn a_span_without_usage_or_with_one_that_cannot_be_is_unknown() {
    let _alone = isolated();
    let (_monitor, llm, _guard) = listening();
    drop(info_span!("chat", gen_ai.operation.name = "chat", gen_ai.usage.input_tokens = Empty));
    drop(genai(-1, 5));
    let totals = llm.meter().totals();
    assert_eq!((totals.calls, totals.by_price["unknown"], totals.input_tokens), (2, 2, 0));
}

#[monitor_llm_call("openai", "gpt-5-mini", usage = |told| told)]
fn ask(tells: bool, spans: usize) -> Option<ToldUsage> {
    (0..spans).for_each(|_| drop(genai(10, 1)));
    tells.then(|| told(100, 10, 0))
}

#[test]
fn a_call_that_is_seen_in_two_ways_counts_once() {
    #[monitor_agent("planner")]
    fn plan() {
        ask(false, 1);
        let agent = rig_agent("helper");
        agent.in_scope(|| ask(true, 0));
    }
    let _alone = isolated();
    let (monitor, llm, _guard) = listening();
    ask(true, 1);
    assert_eq!(sums(llm.meter()), [1, 10, 1]);
    // Attempts inside one call are calls of their own, and it tells nothing more.
    ask(false, 2);
    assert_eq!(sums(llm.meter()), [3, 30, 3]);
    let summary = monitor.summary(Window::LastMinute);
    assert_eq!(summary.find(Kind::LlmCall, &["openai", "gpt-5-mini"]).unwrap().total.of(Outcome::Ok), 2);
    plan();
    let view = llm.meter().view();
    let of = |agent: &str| view.agents.iter().find(|one| &*one.agent == agent).unwrap().totals.input_tokens;
    assert_eq!((of("planner"), of("helper"), view.unattributed.input_tokens), (10, 100, 30));
    assert_law(llm.meter());
}

#[test]
fn a_span_that_outlives_its_call_counts_once() {
    #[monitor_llm_call("openai", "gpt-5-mini", usage = |told| told.0.as_ref())]
    fn leave_open(told: Option<ToldUsage>) -> (Option<&'static ToldUsage>, Span) {
        (told.map(|told| &*Box::leak(Box::new(told))), genai(10, 1))
    }
    let _alone = isolated();
    let (_monitor, llm, _guard) = listening();
    let (_, span) = leave_open(None);
    assert_eq!(llm.meter().totals().calls, 0, "the span tells it later");
    drop(span);
    assert_eq!(sums(llm.meter()), [1, 10, 1]);
    let (_, span) = leave_open(Some(told(50, 5, 0)));
    drop(span);
    assert_eq!(sums(llm.meter()), [2, 20, 2], "by the innermost of both");
}

#[test]
fn a_usage_that_a_function_tells_is_that_of_its_span_which_tells_none() {
    #[monitor_llm_call("openai", "gpt-5-mini", usage = |told| told.0.as_ref())]
    fn leave_open(told: Option<&'static ToldUsage>) -> (Option<ToldUsage>, Span) {
        (told.cloned(), untold())
    }
    #[monitor_llm_call("openai", "gpt-5-mini", usage = |told| told)]
    fn ask(told: Option<ToldUsage>, spans: usize) -> Option<ToldUsage> {
        (0..spans).for_each(|_| drop(untold()));
        told
    }
    #[monitor_llm_call("openai", "gpt-5-mini", usage = |told| told.0.as_ref())]
    fn leave_two(told: &'static ToldUsage) -> (Option<ToldUsage>, Span, Span) {
        (Some(told.clone()), untold(), genai(50, 5))
    }
    fn untold() -> Span {
        info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = "gpt-5-mini"
        )
    }
    let usage: &'static ToldUsage = Box::leak(Box::new(told(50, 5, 0)));
    let sums_of = |run: &dyn Fn()| {
        let _alone = isolated();
        let (_monitor, llm, _guard) = listening();
        run();
        assert_law(llm.meter());
        (sums(llm.meter()), llm.meter().totals().by_price.get("unknown").copied().unwrap_or_default())
    };
    // It closes before the function ends, and after.
    assert_eq!(sums_of(&|| drop(ask(Some(usage.clone()), 1))), ([1, 50, 5], 0));
    assert_eq!(sums_of(&|| drop(leave_open(Some(usage)))), ([1, 50, 5], 0));
    // Of several attempts it is the last one's.
    assert_eq!(sums_of(&|| drop(ask(Some(usage.clone()), 3))), ([3, 50, 5], 2));
    // 64 wait for the function's end: of more it is not known which one that would be.
    assert_eq!(sums_of(&|| drop(ask(Some(usage.clone()), 65))), ([65, 0, 0], 65));
    // Of two that are open at its end, the one that tells it is that call, whichever ends first.
    assert_eq!(sums_of(&|| drop(leave_two(usage))), ([2, 50, 5], 1));
    assert_eq!(
        sums_of(&|| {
            let (_, loser, winner) = leave_two(usage);
            drop(winner);
            drop(loser);
        }),
        ([2, 50, 5], 1)
    );
    // Nobody tells any.
    assert_eq!(sums_of(&|| drop(ask(None, 2))), ([2, 0, 0], 2));
    assert_eq!(sums_of(&|| drop(leave_open(None))), ([1, 0, 0], 1));
}

/// A span with rig's field, which records what the call knows.
macro_rules! rig_span {
    ($target:literal, $operation:literal) => {
        info_span!(
            target: $target,
            "rig's",
            gen_ai.operation.name = $operation,
            gen_ai.provider.name = "gcp.gemini",
            gen_ai.request.model = $operation,
            gen_ai.request.stream = Empty,
            gen_ai.response.id = Empty,
            gen_ai.response.model = Empty,
            rig.provider_request_id = Empty,
            gen_ai.usage.input_tokens = Empty,
        )
    };
}

#[test]
fn a_call_of_rig_without_an_answer_is_neither_good_nor_an_error() {
    let _alone = isolated();
    let (monitor, llm, _guard) = listening();
    // Given up or failed, whole or streamed, in rig's own span or in one of the program that it writes into.
    drop(rig_span!("rig::completions", "chat"));
    rig_span!("rig::completions", "chat").record("gen_ai.request.stream", true);
    drop(rig_span!("shop", "generate_content"));
    rig_span!("rig::completions", "generate_content").record("gen_ai.response.model", "gemini-2.5-flash");
    // Gemini's embeddings tell neither usage nor model nor id, whether they fail or not: none is claimed to be good.
    drop(rig_span!("rig::modalities", "embeddings"));
    rig_span!("rig::modalities", "embeddings").record("gen_ai.usage.input_tokens", 9_u64);
    let summary = monitor.summary(Window::LastMinute);
    let ended = |model| {
        let total = summary.find(Kind::LlmCall, &["gcp.gemini", model]).unwrap().total;
        [total.ok, total.error, total.cancelled]
    };
    assert_eq!((ended("chat"), ended("generate_content"), ended("embeddings")), ([0, 0, 2], [1, 0, 1], [1, 0, 1]));
    assert_eq!(llm.meter().totals().calls, 6);
}

#[test]
fn a_call_of_genai_that_tells_nothing_of_an_answer_was_given_up() {
    let _alone = isolated();
    let (monitor, llm, _guard) = listening();
    let span = || {
        info_span!(
            target: "genai",
            "genai.chat",
            error.type = Empty,
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = "gpt-5-mini",
            gen_ai.response.finish_reasons = Empty,
            gen_ai.response.time_to_first_chunk = Empty,
        )
    };
    drop(span());
    span().record("gen_ai.response.time_to_first_chunk", 0.25);
    // A stream whose usage nobody asked for.
    span().record("gen_ai.response.finish_reasons", "[\"stop\"]");
    span().record("error.type", "timeout");
    let summary = monitor.summary(Window::LastMinute);
    let total = summary.find(Kind::LlmCall, &["openai", "gpt-5-mini"]).unwrap().total;
    assert_eq!([total.ok, total.error, total.cancelled], [1, 1, 2]);
    assert_eq!(llm.meter().totals().by_price["unknown"], 4);
}

#[test]
fn an_answers_id_that_is_a_number_is_one_and_spoils_no_usage() {
    let _alone = isolated();
    let (monitor, llm, _guard) = listening();
    let span = rig_span!("rig::completions", "chat");
    span.record("gen_ai.response.id", -7_i64).record("gen_ai.usage.input_tokens", 9_u64);
    drop(span);
    rig_span!("rig::completions", "chat").record("gen_ai.response.id", 7_u64);
    assert_eq!(sums(llm.meter()), [2, 9, 0]);
    let summary = monitor.summary(Window::LastMinute);
    assert_eq!(summary.find(Kind::LlmCall, &["gcp.gemini", "chat"]).unwrap().total.of(Outcome::Ok), 2);
}

/// Counts what a subscriber asks a layer about.
pub(super) struct Counting(pub(super) Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Counting {
    fn on_new_span(&self, _: &tracing::span::Attributes<'_>, _: &tracing::span::Id, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn other_spans_cost_nothing_and_perfs_own_are_not_read() {
    let _alone = isolated();
    let (_monitor, llm) = plain();
    // Alone, it makes the callsites of others never ask anybody.
    let subscriber = registry().with(llm.meter().layer());
    tracing::subscriber::with_default(subscriber, || {
        assert!(info_span!("other", user = 7).is_disabled());
        assert!(!tracing::enabled!(tracing::Level::INFO));
        ask(true, 0);
    });
    assert_eq!((llm.meter().totals().calls, llm.meter().spans().inference), (1, 0));
    // And it takes nothing from others.
    let seen = Arc::new(AtomicUsize::new(0));
    let subscriber = registry().with(llm.meter().layer()).with(Counting(Arc::clone(&seen)));
    tracing::subscriber::with_default(subscriber, || drop(info_span!("another", user = 7)));
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}
