//! Clients that try again: above the layer around the HTTP client, below it, and inside one span or one annotated call.

use super::{assert_law, plain, told};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use perf_llm::meter::{Plan, Planned};
use perf_llm::{BudgetSetting, Llm, Meter};
use perf_runtime::test_util::isolated;
use perf_runtime::{Kind, Monitor, Window, monitor_llm_call};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tracing::Instrument;
use tracing::field::Empty;
use tracing_subscriber::layer::SubscriberExt;

type Body = Full<bytes::Bytes>;

const CHAT: &str = r#"{"model": "gpt-5-mini", "usage": {"prompt_tokens": 9, "completion_tokens": 2}}"#;

/// A provider that fails this often, and then answers.
#[derive(Clone)]
struct Provider(Arc<AtomicUsize>);

impl Provider {
    fn failing(times: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(times)))
    }

    fn answer(&self) -> Response<Body> {
        let fails = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        let (status, body) = if fails { (503, "{}") } else { (200, CHAT) };
        Response::builder().status(status).header("content-type", "application/json").body(Full::from(body)).unwrap()
    }
}

/// Sends one request through the layer, to a client that itself tries so often, and takes its answer; whether it was a good one.
async fn send(meter: &Meter, provider: &Provider, tries_below: usize) -> bool {
    let client = service_fn(|_: Request<Body>| async {
        let mut answer = provider.answer();
        for _ in 1..tries_below {
            if !answer.status().is_success() {
                answer = provider.answer();
            }
        }
        Ok::<_, Infallible>(answer)
    });
    let request = Request::post("https://api.openai.com/v1/chat/completions");
    let request = request.body(Full::from(r#"{"model": "gpt-5-mini", "max_tokens": 100}"#)).unwrap();
    let answer = ServiceBuilder::new().layer(meter.http()).service(client).oneshot(request).await.unwrap();
    let is_good = answer.status().is_success();
    answer.into_body().collect().await.unwrap();
    is_good
}

/// Tries again until it is answered.
async fn send_again_and_again(meter: &Meter, provider: &Provider) {
    while !send(meter, provider, 1).await {}
}

fn limited() -> (Monitor, Llm) {
    let (monitor, llm) = plain();
    llm.meter().add_budget(BudgetSetting::per("day").tokens(10_000)).unwrap();
    (monitor, llm)
}

/// Calls, those of unknown usage and tokens of prompts; what the budget was charged; and calls of the model's series that were `ok` and `error`.
fn sums(monitor: &Monitor, meter: &Meter) -> ([u64; 3], String, [u64; 2]) {
    assert_law(meter);
    let totals = meter.totals();
    let unknown = totals.by_price.get("unknown").copied().unwrap_or_default();
    let summary = monitor.summary(Window::LastHour);
    let series = summary.find(Kind::LlmCall, &["openai", "gpt-5-mini"]).map(|series| series.total);
    let series = series.map_or([0; 2], |total| [total.ok, total.error]);
    let budget = &meter.view().budgets[0];
    assert_eq!(budget.reserved, "0");
    ([totals.calls, unknown, totals.input_tokens], budget.spent.clone(), series)
}

#[tokio::test]
async fn each_attempt_above_the_layer_is_a_call() {
    let _alone = isolated();
    let (monitor, llm) = limited();
    send_again_and_again(llm.meter(), &Provider::failing(2)).await;
    // Each that failed costs its prompt of 42 bytes, and the one that was answered its 11 tokens.
    assert_eq!(sums(&monitor, llm.meter()), ([3, 2, 9], "95".to_owned(), [1, 2]));
}

#[tokio::test]
async fn attempts_below_the_layer_are_one_call_that_ends_as_the_last_one_did() {
    let _alone = isolated();
    let (monitor, llm) = limited();
    assert!(send(llm.meter(), &Provider::failing(2), 3).await);
    assert_eq!(sums(&monitor, llm.meter()), ([1, 0, 9], "11".to_owned(), [1, 0]));
    assert!(!send(llm.meter(), &Provider::failing(9), 3).await);
    assert_eq!(sums(&monitor, llm.meter()), ([2, 1, 9], "53".to_owned(), [1, 1]));
}

#[tokio::test]
async fn attempts_in_one_span_are_calls_and_the_span_is_none() {
    let _alone = isolated();
    let (monitor, llm) = limited();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(llm.meter().layer()));
    let span = tracing::info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-5-mini",
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
    );
    let asking = async {
        send_again_and_again(llm.meter(), &Provider::failing(2)).await;
        tracing::Span::current().record("gen_ai.usage.input_tokens", 9).record("gen_ai.usage.output_tokens", 2);
    };
    asking.instrument(span).await;
    assert_eq!(sums(&monitor, llm.meter()), ([3, 2, 9], "95".to_owned(), [1, 2]));
    assert_eq!(llm.meter().spans().again, 1);
}

#[tokio::test]
async fn attempts_in_one_annotated_call_are_one_call_of_its_series() {
    #[monitor_llm_call("openai", "gpt-5-mini")]
    async fn ask(meter: &Meter) {
        send_again_and_again(meter, &Provider::failing(2)).await;
    }
    let _alone = isolated();
    let (monitor, llm) = limited();
    ask(llm.meter()).await;
    assert_eq!(sums(&monitor, llm.meter()), ([3, 2, 9], "95".to_owned(), [1, 0]));
}

fn reserved(meter: &Meter) -> Planned {
    let mut call = meter.reserve(&Plan::new("openai", "gpt-5-mini", 100, 100)).unwrap();
    call.dispatched();
    call
}

#[tokio::test]
async fn attempts_below_a_reservation_by_hand_are_settled_by_the_one_that_was_answered() {
    #[monitor_llm_call("openai", "gpt-5-mini")]
    async fn ask(meter: &Meter) {
        let call = reserved(meter);
        send_again_and_again(meter, &Provider::failing(2)).await;
        call.settle(&told(9, 2, 0));
    }
    // The reservation is left between the attempts.
    #[monitor_llm_call("openai", "gpt-5-mini")]
    async fn ask_and_leave(meter: &Meter) {
        let (provider, call) = (Provider::failing(1), reserved(meter));
        assert!(!send(meter, &provider, 1).await);
        drop(call);
        assert!(send(meter, &provider, 1).await);
    }
    let _alone = isolated();
    let (monitor, llm) = limited();
    ask(llm.meter()).await;
    assert_eq!(sums(&monitor, llm.meter()), ([3, 2, 9], "11".to_owned(), [1, 0]));
    ask_and_leave(llm.meter()).await;
    assert_eq!(sums(&monitor, llm.meter()), ([5, 3, 18], "22".to_owned(), [2, 0]));
}
