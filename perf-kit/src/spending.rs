//! Use and cost of language models: the metering, its route, and its page.

use perf_llm::{Llm, Settings};
use perf_runtime::{ConfigError, Monitor};

/// Begins to meter: as the section `[llm]` says or, where there is none, as the program does.
pub(crate) fn open(monitor: &Monitor, in_code: Option<Settings>) -> Result<Llm, ConfigError> {
    match in_code {
        Some(settings) if monitor.section("llm")?.is_empty() => Llm::with_settings(monitor, settings),
        _ => Llm::open(monitor),
    }
}

#[cfg(feature = "server")]
pub(crate) use routes::extension;

#[cfg(feature = "server")]
mod recorded;

#[cfg(feature = "server")]
mod routes {
    use super::recorded::recorded;
    use perf_llm::Meter;
    use perf_runtime::Monitor;
    use perf_server::axum::http::HeaderMap;
    use perf_server::axum::routing::get;
    use perf_server::openapi::utoipa::openapi::OpenApi;
    use perf_server::openapi::utoipa::openapi::path::HttpMethod;
    use perf_server::openapi::utoipa::openapi::schema::ObjectBuilder;
    use perf_server::openapi::{self, Description, Fields, Operations, object};
    use perf_server::respond::{self, Params};
    use perf_server::{Extension, Page, Place};
    use serde_json::json;

    const PATH: &str = "/api/v1/llm";
    const RECORDED: &str = "/api/v1/llm/runs/recorded";
    const SCRIPT: &str = include_str!("spending/page.js");

    /// The route and the page of a meter.
    pub(crate) fn extension(monitor: &Monitor, meter: &Meter) -> impl Fn() -> Extension + Send + Sync + 'static {
        let (monitor, meter) = (monitor.clone(), meter.clone());
        move || {
            let (of_route, of_topic) = (meter.clone(), meter.clone());
            let (monitor, of_runs) = (monitor.clone(), meter.clone());
            let overview = async move |params: Params, headers: HeaderMap| {
                params.only(&[])?;
                respond::json(&headers, move || of_route.view()).await
            };
            let runs = async move |params: Params, headers: HeaderMap| {
                params.only(&[])?;
                // The history on a disk may be read for it.
                let view = move || Ok(json!({ "runs": recorded(&monitor, &of_runs.view().dearest_runs) }));
                respond::past_json(&headers, view).await
            };
            Extension::new("llm")
                .read(PATH, get(overview))
                .read(RECORDED, get(runs))
                .topic("llm", move |_| serde_json::to_value(of_topic.view()).unwrap_or_default())
                .page(Page::new("llm", "Agents and models", SCRIPT).place(Place::Calls))
                .openapi(described())
        }
    }

    fn described() -> OpenApi {
        let overview = openapi::read("meta", "What language models used and cost, and what budgets leave").json("Llm");
        let runs = openapi::read("meta", "The recorded calls in which the dearest runs of agents were made, by id: GET /api/v1/calls/{id} shows each")
            .json("LlmRecordedRuns");
        Description::new()
            .operation(HttpMethod::Get, PATH, overview)
            .operation(HttpMethod::Get, RECORDED, runs)
            .schema("Llm", everything())
            .schema(
                "LlmRecordedRuns",
                object("The dearest runs of agents that are kept as recorded calls, or inside one.")
                    .has("runs", openapi::list(openapi::named("LlmRecordedRun"))),
            )
            .schema(
                "LlmRecordedRun",
                object("A run, by its id, and the recorded call that it is or was made in.")
                    .has("run", openapi::count())
                    .has("call", openapi::text()),
            )
            .schema("LlmTotals", totals())
            .schema(
                "LlmAgent",
                object("An agent, without the agents that it called. `ended`: runs by how they ended (`ok`, `error`, `panicked`, `cancelled`, `budget`, `unknown`).")
                    .has("agent", openapi::text())
                    .has("runs", openapi::count())
                    .has("running", openapi::count())
                    .has("ended", openapi::map(openapi::count()))
                    .has("tool_calls", openapi::count())
                    .has("totals", openapi::named("LlmTotals")),
            )
            .schema(
                "LlmTool",
                object("A tool: its calls that ended, and the calls of models inside it, which are in the other sums as well. `retries`: calls that a run made again with the same arguments after they had failed.")
                    .has("tool", openapi::text())
                    .has("calls", openapi::count())
                    .has("ok", openapi::count())
                    .has("failed", openapi::count())
                    .has("mean_seconds", openapi::number_or_null())
                    .has("retries", openapi::count())
                    .has("totals", openapi::named("LlmTotals")),
            )
            .schema(
                "LlmModel",
                object("A model, with why calls of it have no price, or none that is complete.")
                    .has("provider", openapi::text())
                    .has("model", openapi::text())
                    .has("totals", openapi::named("LlmTotals"))
                    .has("gaps", openapi::list(openapi::text())),
            )
            .schema(
                "LlmHour",
                object("An hour in UTC.").has("from", openapi::time()).has("totals", openapi::named("LlmTotals")),
            )
            .schema("LlmBudget", budget())
            .schema("LlmRefusal", refusal())
            .schema("LlmRun", run())
            .schema("LlmLoop", going_round())
            .build()
    }

    fn everything() -> ObjectBuilder {
        object("What language models used and cost since the process began. Agents and `unattributed` are together `total`.")
            .has("total", openapi::named("LlmTotals"))
            .has("unattributed", openapi::named("LlmTotals"))
            .has("agents", openapi::list(openapi::named("LlmAgent")))
            .has("tools", openapi::list(openapi::named("LlmTool")))
            .has("models", openapi::list(openapi::named("LlmModel")))
            .has("hours", openapi::list(openapi::named("LlmHour")))
            .has("budgets", openapi::list(openapi::named("LlmBudget")))
            .has("refusals", openapi::list(openapi::named("LlmRefusal")))
            .has("budgets_are_durable", openapi::flag())
            .has("not_durable", openapi::text_or_null())
            .has("uncharged_calls", openapi::count())
            .has("dearest_runs", openapi::list(openapi::named("LlmRun")))
            .has("last_runs", openapi::list(openapi::named("LlmRun")))
            .has("loops", openapi::list(openapi::named("LlmLoop")))
            .has("prices", openapi::text_or_null())
            .has("prices_refused", openapi::text_or_null())
            .has("spans_seen", openapi::count())
            .has("spans_hidden", openapi::list(openapi::text()))
            .has("spans_compiled_out", openapi::flag())
    }

    fn totals() -> ObjectBuilder {
        object("Sums of calls: tokens and cost are those that are known. The cost is a text, in dollars, exactly.")
            .has("calls", openapi::count())
            .has("by_price", openapi::map(openapi::count()))
            .has("input_tokens", openapi::count())
            .has("cache_read_tokens", openapi::count())
            .has("cache_write_tokens", openapi::count())
            .has("output_tokens", openapi::count())
            .has("reasoning_tokens", openapi::count())
            .has("cost_dollars", openapi::text())
    }

    fn budget() -> ObjectBuilder {
        object("A budget in this turn of its period. Amounts are texts, in dollars, tokens or calls. The mode says what it reserves for a call: the worst case, or what is likely by the answers so far.")
            .has("scope", openapi::choice(&["all", "agent", "user", "model", "run"]))
            .has("name", openapi::text())
            .has("period", openapi::choice(&["day", "month", "forever"]))
            .has("measure", openapi::choice(&["money", "tokens", "calls"]))
            .has("mode", openapi::choice(&["strict", "estimated"]))
            .has("limit", openapi::text())
            .has("spent", openapi::text())
            .has("estimated", openapi::text())
            .has("reserved", openapi::text())
            .has("left", openapi::text())
            .has("stopped", openapi::text_or_null())
            .has("ends", openapi::text_or_null())
            .has("lasts_seconds", openapi::number_or_null())
    }

    fn refusal() -> ObjectBuilder {
        const REASONS: [&str; 9] = [
            "no_room",
            "unpriced",
            "tokens_unknown",
            "no_worst_case",
            "stopped",
            "too_many_scopes",
            "bad_name",
            "too_many_waiters",
            "store",
        ];
        object("Calls that a budget refused, which were not sent. The reason `store`: budgets could not be written.")
            .has("scope", openapi::choice(&["all", "agent", "user", "model", "run"]))
            .has("name", openapi::text())
            .has("reason", openapi::choice(&REASONS))
            .has("calls", openapi::count())
    }

    fn run() -> ObjectBuilder {
        object("A run of an agent that has ended; `own` is without the runs inside it.")
            .has("id", openapi::count())
            .has("agent", openapi::text())
            .has("parent", openapi::number_or_null())
            .has("started", openapi::time())
            .has("seconds", openapi::number())
            .has("ended", openapi::choice(&["ok", "error", "panicked", "cancelled", "budget", "unknown"]))
            .has("totals", openapi::named("LlmTotals"))
            .has("own", openapi::named("LlmTotals"))
            .has("tool_calls", openapi::count())
            .has("repeats", openapi::count())
            .has("refused_calls", openapi::count())
    }

    fn going_round() -> ObjectBuilder {
        object("A run of an agent that has called the same tool with the same arguments 8 times and more.")
            .has("agent", openapi::text())
            .has("run", openapi::count())
            .has("tool", openapi::text())
            .has("times", openapi::count())
            .has("running", openapi::flag())
            .has("last", openapi::time())
    }
}
