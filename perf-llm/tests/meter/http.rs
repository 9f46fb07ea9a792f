//! Calls of models over HTTP, by a layer around the client.

use super::{assert_law, plain, told, written};
use ::http::{Request, Response, StatusCode};
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use perf_llm::budget::BudgetError;
use perf_llm::http::{HttpMeter, ReadBody};
use perf_llm::meter::Plan;
use perf_llm::{Llm, Meter};
use perf_runtime::extend::ToldUsage;
use perf_runtime::test_util::isolated;
use perf_runtime::{Kind, Monitor, Window, monitor_agent, monitor_llm_call};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tower::{ServiceBuilder, ServiceExt, service_fn};

type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;

const CHAT: &str = r#"{"model": "gpt-5-mini", "usage": {"prompt_tokens": 9, "completion_tokens": 2}}"#;
const STREAM: [&str; 4] = [
    "data: {\"choices\": [{\"delta\": {\"role\": \"assistant\", \"content\": \"\"}, \"finish_reason\": null}]}\n\n",
    "data: {\"choices\": [{\"delta\": {\"content\": \"Hi\"}, \"finish_reason\": null}]}\n\n",
    "data: {\"choices\": [{\"delta\": {}, \"finish_reason\": \"stop\"}]}\n\n",
    "data: {\"choices\": [], \"usage\": {\"prompt_tokens\": 9, \"completion_tokens\": 2}}\n\ndata: [DONE]\n\n",
];

fn answer(status: u16, kind: &str, body: Body) -> Response<Body> {
    Response::builder().status(status).header("content-type", kind).body(body).unwrap()
}

fn whole(status: u16, body: &'static str) -> Response<Body> {
    answer(status, "application/json", Full::from(body).boxed())
}

/// Server-sent events, each in a frame of its own.
fn streamed() -> Response<Body> {
    answer(200, "text/event-stream; charset=utf-8", Events(STREAM.iter()).boxed())
}

struct Events(std::slice::Iter<'static, &'static str>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.next().map(|event| Ok(Frame::data(Bytes::from_static(event.as_bytes())))))
    }
}

async fn send(layer: HttpMeter, path: &str, give: impl Fn() -> Response<Body>) -> Response<ReadBody<Body>> {
    let service = service_fn(|_: Request<Full<Bytes>>| {
        let answer = give();
        async { Ok::<_, Infallible>(answer) }
    });
    let request = Request::post(format!("https://api.openai.com{path}"));
    let request = request.body(Full::from(r#"{"model": "gpt-5-mini", "max_tokens": 100}"#)).unwrap();
    ServiceBuilder::new().layer(layer).service(service).oneshot(request).await.unwrap()
}

/// Asks, and takes all of the answer.
async fn ask(meter: &Meter, give: impl Fn() -> Response<Body>) -> (StatusCode, Bytes) {
    let answer = send(meter.http(), "/v1/chat/completions", give).await;
    (answer.status(), answer.into_body().collect().await.unwrap().to_bytes())
}

/// The calls of a model that were `ok`, `error` and `cancelled`.
fn outcomes(monitor: &Monitor, model: &str) -> [u64; 3] {
    let summary = monitor.summary(Window::LastHour);
    let total = summary.find(Kind::LlmCall, &["openai", model]).map(|series| series.total).unwrap_or_default();
    [total.ok, total.error, total.cancelled]
}

fn sums(meter: &Meter) -> [u64; 4] {
    let totals = meter.totals();
    let unknown = totals.by_price.get("unknown").copied().unwrap_or_default();
    [totals.calls, totals.input_tokens, totals.output_tokens, unknown]
}

#[tokio::test]
async fn whole_answers_and_streams_tell_their_usage_and_pass_unchanged() {
    let _alone = isolated();
    let (monitor, llm) = plain();
    assert_eq!(ask(llm.meter(), || whole(200, CHAT)).await, (StatusCode::OK, Bytes::from(CHAT)));
    assert_eq!(sums(llm.meter()), [1, 9, 2, 0]);
    assert_eq!(ask(llm.meter(), streamed).await.1, STREAM.concat());
    assert_eq!(sums(llm.meter()), [2, 18, 4, 0]);
    assert_eq!(outcomes(&monitor, "gpt-5-mini"), [2, 0, 0]);
    let text = monitor.render_prometheus();
    assert!(
        text.contains("llm_time_to_first_token_seconds_count{model=\"gpt-5-mini\",provider=\"openai\"} 1"),
        "{text}"
    );
    assert_law(llm.meter());
}

#[tokio::test]
async fn a_stream_is_over_with_its_last_event_and_cut_off_before() {
    let _alone = isolated();
    let (monitor, llm) = plain();
    for frames in [4, 1] {
        let mut body = send(llm.meter().http(), "/v1/chat/completions", streamed).await.into_body();
        for _ in 0..frames {
            body.frame().await.unwrap().unwrap();
        }
        assert_eq!(
            monitor.summary(Window::LastHour).find(Kind::LlmCall, &["openai", "gpt-5-mini"]).unwrap().in_flight,
            1
        );
    }
    assert_eq!(outcomes(&monitor, "gpt-5-mini"), [1, 0, 1]);
    assert_eq!(sums(llm.meter()), [2, 9, 2, 1], "what the second one used is unknown");
}

#[tokio::test]
async fn other_requests_pass_untouched() {
    let _alone = isolated();
    let (monitor, llm) = plain();
    let answer = send(llm.meter().http(), "/v1/files", || whole(200, CHAT)).await;
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), CHAT);
    assert_eq!(sums(llm.meter()), [0; 4]);
    assert_eq!(outcomes(&monitor, "gpt-5-mini"), [0; 3]);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_unknown_and_not_nothing() {
    let _alone = isolated();
    let (_, llm) = plain();
    let compressed = || {
        let mut answer = whole(200, "x");
        answer.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        answer
    };
    ask(llm.meter(), compressed).await;
    ask(llm.meter(), || answer(200, "application/vnd.amazon.eventstream", Full::from("x").boxed())).await;
    ask(llm.meter(), || whole(200, "{}")).await;
    ask(llm.meter(), || whole(200, r#"{"usage": {"prompt_tokens": -1}}"#)).await;
    assert_eq!(sums(llm.meter()), [4, 0, 0, 4]);
}

#[tokio::test]
async fn vectors_are_no_generated_tokens() {
    let _alone = isolated();
    let (_, llm) = plain();
    let embedding =
        || whole(200, r#"{"model": "text-embedding-3-small", "usage": {"prompt_tokens": 1000, "total_tokens": 1000}}"#);
    send(llm.meter().http(), "/v1/embeddings", embedding).await.into_body().collect().await.unwrap();
    assert_eq!(sums(llm.meter()), [1, 1_000, 0, 0]);
}

fn limited() -> (Monitor, Llm) {
    let settings = written("[llm]\ndurable = false\n[[llm.budgets]]\nper = \"day\"\ntokens = 300\n").unwrap();
    let monitor = Monitor::builder().build().unwrap();
    let llm = Llm::with_settings(&monitor, settings).unwrap();
    (monitor, llm)
}

fn used(meter: &Meter) -> (String, String) {
    let budget = &meter.view().budgets[0];
    (budget.spent.clone(), budget.reserved.clone())
}

#[tokio::test]
async fn a_call_without_room_is_not_sent_and_says_why() {
    let _alone = isolated();
    let (monitor, llm) = limited();
    let sent = Arc::new(AtomicUsize::new(0));
    let give = || {
        sent.fetch_add(1, Ordering::Relaxed);
        whole(200, r#"{"model": "gpt-5-mini", "usage": {"prompt_tokens": 150, "completion_tokens": 50}}"#)
    };
    // 42 bytes and at most 100 tokens: 142 of 300, and it turns out to be 200.
    assert_eq!(ask(llm.meter(), give).await.0, StatusCode::OK);
    let refused = send(llm.meter().http(), "/v1/chat/completions", give).await;
    assert_eq!((refused.status(), sent.load(Ordering::Relaxed)), (StatusCode::PAYMENT_REQUIRED, 1));
    let error = refused.extensions().get::<BudgetError>().unwrap().to_string();
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&body["error"]["message"], &body["error"]["type"]), (&error.into(), &"budget_exceeded".into()));
    assert_eq!(sums(llm.meter())[0], 1, "one that was not sent is no call of a model");
    assert_eq!(outcomes(&monitor, "gpt-5-mini"), [1, 1, 0]);
    assert_eq!(used(llm.meter()), ("200".into(), "0".into()));
    let counted = send(llm.meter().http().without_reserving(), "/v1/chat/completions", give).await;
    drop(counted.into_body().collect().await);
    assert_eq!(used(llm.meter()), ("400".into(), "0".into()), "it is charged all the same");
}

#[tokio::test]
async fn a_failed_call_costs_its_prompt_unless_the_provider_refused_it() {
    let _alone = isolated();
    let (monitor, llm) = limited();
    ask(llm.meter(), || whole(429, r#"{"error": {}}"#)).await;
    assert_eq!(used(llm.meter()), ("0".into(), "0".into()));
    ask(llm.meter(), || whole(500, "{}")).await;
    assert_eq!(used(llm.meter()), ("42".into(), "0".into()));
    drop(send(llm.meter().http(), "/v1/chat/completions", streamed).await);
    assert_eq!(used(llm.meter()), ("84".into(), "0".into()));
    assert_eq!(outcomes(&monitor, "gpt-5-mini"), [0, 2, 1]);
    assert_eq!(sums(llm.meter()), [3, 0, 0, 3]);
}

/// Asks by a client that fails, and says what was charged for it.
async fn failing<E: 'static>(layer: impl Fn(&Meter) -> HttpMeter, error: impl Fn() -> E) -> (String, String) {
    let (monitor, llm) = limited();
    let service = service_fn(|_: Request<Full<Bytes>>| {
        let error = error();
        async { Err::<Response<Body>, E>(error) }
    });
    let request = Request::post("https://api.openai.com/v1/chat/completions");
    let request = request.body(Full::from(r#"{"model": "gpt-5-mini", "max_tokens": 100}"#)).unwrap();
    let answer = ServiceBuilder::new().layer(layer(llm.meter())).service(service).oneshot(request).await;
    assert!(answer.is_err());
    assert_eq!((outcomes(&monitor, "gpt-5-mini"), sums(llm.meter())), ([0, 1, 0], [1, 0, 0, 1]));
    used(llm.meter())
}

#[tokio::test]
async fn a_call_to_which_no_connection_came_to_be_costs_nothing() {
    use std::io::{Error, ErrorKind};
    type Boxed = Box<dyn std::error::Error + Send + Sync>;
    let _alone = isolated();
    let nothing = ("0".to_owned(), "0".to_owned());
    let refused = || Error::from(ErrorKind::ConnectionRefused);
    assert_eq!(failing(Meter::http, refused).await, nothing);
    assert_eq!(failing(Meter::http, || Boxed::from(refused())).await, nothing);
    assert_eq!(failing(Meter::http, || Boxed::from(Error::other(refused()))).await, nothing, "inside another one");
    let observed = |meter: &Meter| meter.http().without_reserving();
    assert_eq!(failing(observed, refused).await, nothing, "nothing was reserved either");
    // One that broke off may have been answered: its prompt is charged. So is one of which the error tells nothing.
    let prompt = ("42".to_owned(), "0".to_owned());
    assert_eq!(failing(Meter::http, || Error::from(ErrorKind::ConnectionReset)).await, prompt);
    assert_eq!(failing(Meter::http, || "refused").await, prompt);
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn a_server_that_reqwest_cannot_reach_costs_nothing() {
    let _alone = isolated();
    let (_, llm) = limited();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}/v1/chat/completions");
    let mut request = reqwest::Request::new(reqwest::Method::POST, url.parse().unwrap());
    *request.body_mut() = Some(r#"{"model": "gpt-5-mini", "max_tokens": 100}"#.into());
    let client = ServiceBuilder::new().layer(llm.meter().http()).service(reqwest::Client::new());
    assert!(client.oneshot(request).await.unwrap_err().is_connect());
    assert_eq!((sums(llm.meter()), used(llm.meter())), ([1, 0, 0, 1], ("0".into(), "0".into())));
}

#[monitor_llm_call("openai", "annotated", usage = |told: &ToldUsage| told.clone())]
async fn annotated(meter: &Meter) -> ToldUsage {
    ask(meter, || whole(200, CHAT)).await;
    told(9, 2, 5)
}

#[monitor_llm_call("openai", "annotated", usage = |told: &ToldUsage| told.clone())]
async fn reserved(meter: &Meter) -> ToldUsage {
    let mut call = meter.reserve(&Plan::new("openai", "gpt-5-mini", 50, 100)).unwrap();
    call.dispatched();
    ask(meter, || whole(200, CHAT)).await;
    told(9, 2, 5)
}

#[monitor_agent("researcher")]
async fn research(meter: &Meter) {
    annotated(meter).await;
    reserved(meter).await;
}

#[test]
fn a_call_that_is_seen_in_several_ways_counts_once() {
    let _alone = isolated();
    let (monitor, llm) = limited();
    let meter = llm.meter().clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(research(&meter));
    assert_eq!(sums(&meter), [2, 18, 4, 0]);
    assert_eq!(used(&meter), ("22".into(), "0".into()));
    assert_eq!((outcomes(&monitor, "annotated"), outcomes(&monitor, "gpt-5-mini")), ([2, 0, 0], [0, 0, 0]));
    assert_eq!(meter.view().agents[0].totals.calls, 2);
    assert_law(&meter);
}

#[cfg(feature = "tracing-layer")]
#[tokio::test]
async fn a_request_inside_a_span_that_tells_it_too_counts_once() {
    use tracing::Instrument;
    use tracing::field::Empty;
    use tracing_subscriber::layer::SubscriberExt;
    let _alone = isolated();
    let (monitor, llm) = plain();
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
        ask(llm.meter(), || whole(200, CHAT)).await;
        tracing::Span::current().record("gen_ai.usage.input_tokens", 9).record("gen_ai.usage.output_tokens", 2);
    };
    asking.instrument(span).await;
    assert_eq!(sums(llm.meter()), [1, 9, 2, 0]);
    assert_eq!(llm.meter().spans().again, 1);
    assert_eq!(outcomes(&monitor, "gpt-5-mini"), [1, 0, 0]);
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn a_client_of_reqwest_is_read_as_well() {
    let _alone = isolated();
    let (_, llm) = plain();
    let url = "https://api.anthropic.com/v1/messages";
    let service = service_fn(move |request: reqwest::Request| async move {
        use reqwest::ResponseBuilderExt;
        let body = r#"{"model": "claude-sonnet-4-5", "usage": {"input_tokens": 7, "output_tokens": 3}}"#;
        let answer = Response::builder().url(request.url().clone()).header("content-type", "application/json");
        Ok::<_, Infallible>(reqwest::Response::from(answer.body(body).unwrap()))
    });
    let mut request = reqwest::Request::new(reqwest::Method::POST, url.parse().unwrap());
    *request.body_mut() = Some(r#"{"model": "claude-sonnet-4-5"}"#.into());
    let answer = ServiceBuilder::new().layer(llm.meter().http()).service(service).oneshot(request).await.unwrap();
    assert_eq!(answer.url().as_str(), url);
    assert!(answer.text().await.unwrap().contains("input_tokens"));
    assert_eq!(sums(llm.meter()), [1, 7, 3, 0]);
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_one_of_models_only_where_the_request_names_one() {
    let _alone = isolated();
    let (_, llm) = limited();
    let service = service_fn(async |_: Request<Full<Bytes>>| Ok::<_, Infallible>(whole(200, CHAT)));
    let client = ServiceBuilder::new().layer(llm.meter().http()).service(service);
    for (body, calls) in [("a form, sent by somebody", 0), (r#"{"model": "llama", "max_tokens": 10}"#, 1)] {
        let request = Request::post("https://forms.example/forms/7/responses").body(Full::from(body)).unwrap();
        let answer = client.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), CHAT);
        assert_eq!(sums(llm.meter())[0], calls, "{body}");
    }
}

#[tokio::test]
async fn requests_beside_each_other_in_one_call_are_each_their_own() {
    #[monitor_llm_call("openai", "hedged")]
    async fn hedged(meter: &Meter) {
        let first = send(meter.http(), "/v1/chat/completions", || whole(200, CHAT)).await;
        let second = send(meter.http(), "/v1/chat/completions", || whole(200, CHAT)).await;
        for answer in [second, first] {
            answer.into_body().collect().await.unwrap();
        }
    }
    let _alone = isolated();
    let (_, llm) = limited();
    hedged(llm.meter()).await;
    assert_eq!((sums(llm.meter()), used(llm.meter())), ([2, 18, 4, 0], ("22".into(), "0".into())));
}

#[tokio::test]
async fn a_call_that_is_settled_while_its_own_answer_is_read_counts_once() {
    #[monitor_llm_call("openai", "streamed")]
    async fn ask(meter: &Meter, reads: bool) {
        let mut call = meter.reserve(&Plan::new("openai", "gpt-5-mini", 50, 100)).unwrap();
        call.dispatched();
        let answer = send(meter.http(), "/v1/chat/completions", streamed).await;
        call.settle(&told(9, 2, 0));
        if reads {
            answer.into_body().collect().await.unwrap();
        }
    }
    let _alone = isolated();
    let (_, llm) = limited();
    ask(llm.meter(), true).await;
    assert_eq!((sums(llm.meter()), used(llm.meter())), ([1, 9, 2, 0], ("11".into(), "0".into())));
    ask(llm.meter(), false).await;
    assert_eq!((sums(llm.meter()), used(llm.meter())), ([2, 18, 4, 0], ("22".into(), "0".into())));
}

#[tokio::test]
async fn a_stream_that_outlives_its_call_settles_what_that_reserved() {
    #[monitor_llm_call("openai", "streamed")]
    async fn begun(meter: &Meter) -> Response<ReadBody<Body>> {
        let mut call = meter.reserve(&Plan::new("openai", "gpt-5-mini", 50, 100)).unwrap();
        call.dispatched();
        send(meter.http(), "/v1/chat/completions", streamed).await
    }
    let _alone = isolated();
    let (_, llm) = limited();
    let answer = begun(llm.meter()).await;
    assert_eq!(used(llm.meter()), ("0".into(), "150".into()), "it goes on");
    answer.into_body().collect().await.unwrap();
    assert_eq!((sums(llm.meter()), used(llm.meter())), ([1, 9, 2, 0], ("11".into(), "0".into())));
}

#[tokio::test]
async fn an_error_whose_body_nobody_reads_is_an_error_and_a_user_is_charged_without_a_reservation() {
    let _alone = isolated();
    let (monitor, llm) = plain();
    llm.meter().add_budget(perf_llm::BudgetSetting::per("day").user("ada").tokens(1_000)).unwrap();
    drop(send(llm.meter().http(), "/v1/chat/completions", || whole(500, "{}")).await);
    assert_eq!(outcomes(&monitor, "gpt-5-mini"), [0, 1, 0]);
    let layer = llm.meter().http().user("ada").without_reserving();
    send(layer, "/v1/chat/completions", || whole(200, CHAT)).await.into_body().collect().await.unwrap();
    assert_eq!(used(llm.meter()), ("11".into(), "0".into()));
}
