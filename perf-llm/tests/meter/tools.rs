//! Tools that are spans have series as annotated ones do.

use super::{plain, told};
use perf_llm::meter::{Meter, ToolView};
use perf_runtime::extend::ToldUsage;
use perf_runtime::test_util::isolated;
use perf_runtime::{Kind, Monitor, Window, monitor_agent, monitor_llm_call, monitor_tool};
use tracing::field::Empty;
use tracing::subscriber::DefaultGuard;
use tracing::{Span, info_span};
use tracing_subscriber::layer::SubscriberExt;

fn listen(meter: &Meter) -> DefaultGuard {
    tracing::subscriber::set_default(tracing_subscriber::registry().with(meter.layer()))
}

/// As rig opens it: its name comes late.
fn rig(tool: &str, arguments: &str) -> Span {
    let span = info_span!(
        "execute_tool",
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = Empty,
        gen_ai.tool.call.arguments = Empty,
        gen_ai.tool.call.outcome = Empty,
        gen_ai.tool.error.type = Empty
    );
    span.record("gen_ai.tool.name", tool).record("gen_ai.tool.call.arguments", arguments);
    span
}

/// As genai opens it.
fn genai(tool: &'static str) -> Span {
    let tells = info_span!(
        "execute_tool",
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = tool,
        error.type = Empty,
        otel.status_code = Empty
    );
    tells
}

/// The calls of a tool that were `ok`, `error` and `cancelled`.
fn outcomes(monitor: &Monitor, tool: &str) -> [u64; 3] {
    let summary = monitor.summary(Window::LastHour);
    let total = summary.find(Kind::Tool, &[tool]).map(|series| series.total).unwrap_or_default();
    [total.ok, total.error, total.cancelled]
}

fn of(meter: &Meter, tool: &str) -> ToolView {
    meter.view().tools.into_iter().find(|one| &*one.tool == tool).unwrap()
}

#[test]
fn a_tool_that_is_a_span_has_calls_outcomes_and_a_duration() {
    let _alone = isolated();
    let (monitor, llm) = plain();
    let _guard = listen(llm.meter());
    for (outcome, times) in
        [(Some("success"), 3), (Some("error"), 2), (Some("denied"), 1), (Some("skipped"), 1), (None, 1)]
    {
        for _ in 0..times {
            let span = rig("weigh", "{}");
            if let Some(outcome) = outcome {
                span.record("gen_ai.tool.call.outcome", outcome);
            }
        }
    }
    assert_eq!(outcomes(&monitor, "weigh"), [3, 3, 2], "one that tells nothing was given up");
    drop(genai("count"));
    genai("count").record("error.type", "timeout");
    genai("count").record("otel.status_code", "ERROR");
    assert_eq!(outcomes(&monitor, "count"), [1, 2, 0]);
    drop(info_span!("tool.call", tool = "langchain", error = Empty));
    // Without a name it is no tool that could be told apart.
    drop(info_span!("execute_tool", gen_ai.operation.name = "execute_tool"));
    assert_eq!(outcomes(&monitor, "langchain"), [1, 0, 0]);
    let view = llm.meter().view();
    let tools: Vec<_> = view.tools.iter().map(|tool| (&*tool.tool, tool.calls, tool.ok, tool.failed)).collect();
    assert_eq!(tools, [("count", 3, 1, 2), ("langchain", 1, 1, 0), ("weigh", 8, 3, 3)]);
    assert!(view.tools.iter().all(|tool| tool.mean_seconds.is_some() && tool.totals.calls == 0), "{view:?}");
}

#[test]
fn a_tool_that_is_a_function_and_a_span_counts_once() {
    #[monitor_tool("both")]
    fn both(fails: bool) -> Result<(), &'static str> {
        if fails { Err("no") } else { Ok(()) }
    }
    #[monitor_tool("opens")]
    fn opens() {
        drop(genai("opens"));
    }
    #[monitor_agent("worker")]
    fn work() {
        // rig opens the span around the function, and says that all went well; genai's is opened by the function itself.
        for fails in [false, true] {
            let span = rig("both", "{}");
            span.in_scope(|| both(fails)).ok();
            span.record("gen_ai.tool.call.outcome", "success");
        }
        opens();
    }
    let _alone = isolated();
    let (monitor, llm) = plain();
    let _guard = listen(llm.meter());
    work();
    assert_eq!((outcomes(&monitor, "both"), outcomes(&monitor, "opens")), ([1, 1, 0], [1, 0, 0]));
    let both = of(llm.meter(), "both");
    assert_eq!((both.calls, both.ok, both.failed), (2, 1, 1));
    let run = &llm.meter().view().last_runs[0];
    assert_eq!(run.tool_calls, 3, "those of a run are known by its spans");
}

#[test]
fn a_call_that_is_made_again_after_it_failed_is_a_retry() {
    #[monitor_agent("worker")]
    fn work() {
        let call = |tool: &'static str, arguments: &str, outcome: &str| {
            rig(tool, arguments).record("gen_ai.tool.call.outcome", outcome);
        };
        call("fetch", "{\"page\": 1}", "error");
        call("fetch", "{\"page\": 1}", "error");
        call("fetch", "{\"page\": 1}", "success");
        // Again, and no retry: the last one went well, or was another.
        call("fetch", "{\"page\": 1}", "success");
        call("fetch", "{\"page\": 2}", "error");
        call("other", "{\"page\": 2}", "success");
    }
    let _alone = isolated();
    let (monitor, llm) = plain();
    let _guard = listen(llm.meter());
    work();
    assert_eq!((of(llm.meter(), "fetch").retries, of(llm.meter(), "other").retries), (2, 0));
    // In another run it is another call.
    work();
    assert_eq!(of(llm.meter(), "fetch").retries, 4);
    let text = monitor.render_prometheus();
    assert!(text.contains(r#"llm_tool_retries_total{tool="fetch"} 4"#), "{text}");
    assert!(!text.contains("page"), "arguments are recorded nowhere");
}

#[test]
fn models_that_a_tool_calls_belong_to_it_also_where_its_name_comes_late() {
    #[monitor_llm_call("openai", "gpt-5-mini", usage = |told| told)]
    fn ask() -> ToldUsage {
        told(100, 10, 3_000_000)
    }
    #[monitor_agent("worker")]
    fn work() {
        rig("summarize", "{}").in_scope(ask);
        genai("summarize").in_scope(ask);
    }
    let _alone = isolated();
    let (monitor, llm) = plain();
    let _guard = listen(llm.meter());
    work();
    let tool = of(llm.meter(), "summarize");
    assert_eq!((tool.calls, tool.totals.calls, tool.totals.cost), (2, 2, 6_000_000));
    let text = monitor.render_prometheus();
    assert!(text.contains(r#"llm_tool_cost_dollars_total{tool="summarize"} 0.000006"#), "{text}");
    assert_eq!(llm.meter().view().last_runs[0].totals.calls, 2);
}
