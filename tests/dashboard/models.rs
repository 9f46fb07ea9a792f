//! The page of agents and models: of a service whose log hides the spans of most crates.

use super::accessibility::holds_axe;
use super::browser::{Browser, Screen};
use super::notifications::Shop;
use super::service::READER;
use perf_kit::Perf;
use perf_runtime::{monitor_agent, monitor_tool};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, registry};

/// The part of the service that asks models.
pub(crate) const ROLE: &str = "models";

/// Asks a model, in the process of the service, by a span that is not hidden, in a run of an agent.
pub(crate) fn ask(perf: &Perf) {
    let meter = perf.llm().expect("it is on");
    let subscriber = registry().with(EnvFilter::new("warn,rig=info")).with(meter.layer());
    tracing::subscriber::set_global_default(subscriber).expect("the only one");
    research();
}

#[monitor_agent("researcher")]
fn research() {
    look_up();
}

#[monitor_tool("look_up")]
fn look_up() {
    drop(tracing::info_span!(
        target: "rig::completions",
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-5-mini",
        gen_ai.usage.input_tokens = 1_200,
        gen_ai.usage.output_tokens = 300,
    ));
}

#[tokio::test]
async fn the_page_of_models_tells_which_spans_a_filter_hides_and_opens_what_ran_inside_a_run() {
    let Some(browser) = Browser::start().await else { return };
    let shop = Shop::start_as(ROLE, "");
    browser.open(&format!("{}#/llm", shop.url)).await;
    browser.log_in(READER).await;
    browser.wait_for_text("main .card", |total| total.starts_with("1 call")).await;
    let hidden = "A filter hides the spans of genai, adk_model, langchain_rust: their calls are not counted.";
    // At the first tick after the subscriber was set.
    browser
        .wait_for_text("main .card.quiet", |note| note.contains("Seen 1 inference span.") && note.contains(hidden))
        .await;
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        browser.screenshot(&format!("models-{screen}")).await;
        holds_axe(&browser, format_args!("agents and models on {screen}")).await;
    }
    // The run is among the dearest, and its recorded call is a link away: it shows what ran inside.
    let run = "main th a[href^='#/call/']";
    browser.wait_for_text(run, |run| run.starts_with("researcher ")).await;
    browser.click(run).await;
    browser
        .wait_for_text(".waterfall tbody", |inside| inside.contains("researcher") && inside.contains("look_up"))
        .await;
    browser.has_no_errors().await;
    browser.close().await;
}
