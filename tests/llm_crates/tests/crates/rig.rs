//! rig, by its spans, by the layer around its HTTP client, and by both at once.

use super::{metering, outcomes, picos, server, states, sums};
use axum::body::Bytes;
use futures::StreamExt;
use perf_llm::Meter;
use perf_runtime::monitor_agent;
use perf_runtime::test_util::isolated;
use rig_agent::{Agent, AgentBuilder};
use rig_core::completion::CompletionRequest;
use rig_core::driver::DynModel;
use rig_core::http_client::{
    BoxedStream, Error, HttpClientExt, LazyBody, MultipartForm, Request, Response, Result as HttpResult,
    StreamingResponse,
};
use rig_core::operation::Completion;
use rig_core::providers::anthropic::AnthropicConfig;
use rig_core::providers::gemini::GeminiConfig;
use rig_core::providers::openai::OpenAIConfig;
use rig_core::tool::PortableTool;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::sync::{Mutex, MutexGuard};
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

/// The ways by which calls are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Spans,
    Http,
    Both,
}

/// The client that rig sends through: reqwest, with the layer around it or without.
#[derive(Clone)]
pub(super) struct Http(BoxCloneSyncService<reqwest::Request, reqwest::Response, reqwest::Error>);

impl Http {
    pub(super) fn new(meter: &Meter, provider: &'static str, seen: Seen) -> Self {
        if seen == Seen::Spans {
            return Self(BoxCloneSyncService::new(reqwest::Client::new()));
        }
        let layer = meter.http().provider(provider);
        Self(BoxCloneSyncService::new(ServiceBuilder::new().layer(layer).service(reqwest::Client::new())))
    }

    fn sent<T: Into<Bytes>>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = HttpResult<reqwest::Response>> + Send + use<T> {
        let (service, request) = (self.0.clone(), request.map(|body| reqwest::Body::from(body.into())));
        let request = reqwest::Request::try_from(request);
        async move {
            let answer = service.oneshot(request.map_err(Error::instance)?).await.map_err(Error::instance)?;
            if answer.status().is_success() {
                return Ok(answer);
            }
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.text().await.map_err(Error::instance)?;
            Err(Error::non_success_with_details(status, headers, body))
        }
    }
}

/// An answer's head with another body.
fn headed<B>(answer: reqwest::Response, body: impl FnOnce(reqwest::Response) -> B) -> HttpResult<Response<B>> {
    let mut head = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        head = head.header(name, value);
    }
    Ok(head.body(body(answer))?)
}

impl HttpClientExt for Http {
    fn send<T, U>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = HttpResult<Response<LazyBody<U>>>> + Send + 'static
    where
        T: Into<Bytes> + Send,
        U: From<Bytes> + Send + 'static,
    {
        let sent = self.sent(request.map(Into::<Bytes>::into));
        async move {
            headed(sent.await?, |answer| -> LazyBody<U> {
                Box::pin(async move { Ok(answer.bytes().await.map_err(Error::instance)?.into()) })
            })
        }
    }

    fn send_multipart<U>(
        &self,
        _: Request<MultipartForm>,
    ) -> impl Future<Output = HttpResult<Response<LazyBody<U>>>> + Send + 'static
    where
        U: From<Bytes> + Send + 'static,
    {
        std::future::ready(Err(Error::StreamEnded))
    }

    async fn send_streaming<T: Into<Bytes> + Send>(&self, request: Request<T>) -> HttpResult<StreamingResponse> {
        let sent = self.sent(request.map(Into::<Bytes>::into));
        headed(sent.await?, |answer| -> BoxedStream {
            Box::pin(answer.bytes_stream().map(|piece| piece.map_err(Error::instance)))
        })
    }
}

/// Lets one test at a time go on. A thread without a subscriber that comes to a callsite first, while the subscriber of another thread is the
/// only one, settles for both that nobody listens there.
pub(super) async fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::const_new(());
    ONE.lock().await
}

/// A subscriber of this thread, where spans are to be seen.
pub(super) fn subscribe(meter: &Meter, seen: Seen) -> Option<DefaultGuard> {
    let subscriber = || tracing_subscriber::registry().with(meter.layer());
    (seen != Seen::Http).then(|| tracing::subscriber::set_default(subscriber()))
}

/// A model of a provider, at our server.
pub(super) fn model(of: &str, name: &str, address: SocketAddr, http: Http) -> DynModel<Completion> {
    let base = format!("http://{address}");
    match of {
        "chat" => OpenAIConfig::new("none").with_base_url(format!("{base}/v1")).connect(http).chat(name).erase(),
        "responses" => {
            OpenAIConfig::new("none").with_base_url(format!("{base}/v1")).connect(http).responses(name).erase()
        }
        "anthropic" => AnthropicConfig::new("none").with_base_url(base).connect(http).completion(name).erase(),
        _ => GeminiConfig::new("none").with_base_url(base).connect(http).completion(name).erase(),
    }
}

pub(super) fn question() -> CompletionRequest {
    CompletionRequest::new("Who?")
}

/// 200 new tokens at 0.25 dollars a million, 1,000 read from the cache at 0.025, 300 generated ones at 2.
const COST: i128 = 200 * 250_000 + 1_000 * 25_000 + 300 * 2_000_000;

#[tokio::test]
async fn each_call_counts_once_whichever_ways_see_it() {
    let _alone = (isolated(), one_at_a_time().await);
    for seen in [Seen::Spans, Seen::Http, Seen::Both] {
        let (monitor, llm) = metering();
        let meter = llm.meter();
        let _guard = subscribe(meter, seen);
        let address = server::start().await;
        // Of each provider the sums of one call: tokens in, out, read from a cache, and thought with.
        for (of, name, provider, each) in [
            ("chat", "gpt-5-mini", "openai", [1_200, 300, 1_000, 100]),
            ("responses", "gpt-5-mini", "openai", [1_200, 300, 1_000, 100]),
            ("anthropic", "claude-sonnet-4-5", "anthropic", [6_200, 300, 5_000, 0]),
            ("gemini", "gemini-2.5-flash", "gcp.gemini", [9, 22, 0, 21]),
        ] {
            let (before, cost) = (sums(meter), picos(meter));
            let model = model(of, name, address, Http::new(meter, provider, seen));
            model.call(question()).await.unwrap();
            model.stream(question()).unwrap().finish().await.unwrap();
            let told: Vec<_> = sums(meter).iter().zip(before).map(|(after, before)| after - before).collect();
            let [input, output, cached, thought] = each.map(|count| 2 * count);
            assert_eq!(told, [2, input, output, cached, thought], "{of}, by {seen:?}");
            if provider == "openai" {
                assert_eq!(picos(meter) - cost, 2 * COST, "{of}, by {seen:?}");
            }
        }
        assert_eq!(outcomes(&monitor, "openai", "gpt-5-mini"), [4, 0, 0], "by {seen:?}");
        assert_eq!(sums(meter)[0], 8, "by {seen:?}");
    }
}

#[tokio::test]
async fn a_failure_and_a_stream_that_is_cut_off() {
    let _alone = (isolated(), one_at_a_time().await);
    for seen in [Seen::Spans, Seen::Http, Seen::Both] {
        let (monitor, llm) = metering();
        let meter = llm.meter();
        let _guard = subscribe(meter, seen);
        let address = server::start().await;
        let broken = model("chat", "broken", address, Http::new(meter, "openai", seen));
        broken.call(question()).await.unwrap_err();
        // Spans tell nothing of a failure: all that is known by them is that there was no answer.
        let ended = |calls| if seen == Seen::Spans { [0, 0, calls] } else { [0, calls, 0] };
        assert_eq!(outcomes(&monitor, "openai", "broken"), ended(1), "by {seen:?}");
        broken.stream(question()).unwrap().finish().await.unwrap_err();
        assert_eq!(states(meter), [("unknown", 2)], "by {seen:?}");
        assert_eq!(outcomes(&monitor, "openai", "broken"), ended(2), "by {seen:?}");

        let slow = model("chat", "slow", address, Http::new(meter, "openai", seen));
        let mut stream = slow.stream(question()).unwrap();
        stream.next().await.unwrap().unwrap();
        assert_eq!(sums(meter)[0], 2, "it goes on, and is counted when it is over");
        drop(stream);
        assert_eq!((sums(meter), states(meter)), ([3, 0, 0, 0, 0], vec![("unknown", 3)]), "by {seen:?}");
        assert_eq!(outcomes(&monitor, "openai", "slow"), [0, 0, 1], "by {seen:?}");
    }
}

#[tokio::test]
async fn vectors_whose_spans_tell_nothing_are_not_claimed_to_be_good() {
    let _alone = (isolated(), one_at_a_time().await);
    for seen in [Seen::Spans, Seen::Http, Seen::Both] {
        let (monitor, llm) = metering();
        let meter = llm.meter();
        let _guard = subscribe(meter, seen);
        let base = format!("http://{}", server::start().await);
        let http = |provider| Http::new(meter, provider, seen);
        let openai = |name| {
            OpenAIConfig::new("none").with_base_url(format!("{base}/v1")).connect(http("openai")).embedding(name, None)
        };
        let gemini =
            |name| GeminiConfig::new("none").with_base_url(&base).connect(http("gcp.gemini")).embedding(name, None);
        openai("text-embedding-3-small").embed_text("Who?").await.unwrap();
        openai("broken").embed_text("Who?").await.unwrap_err();
        // A thousand tokens at 0.02 dollars a million; a call that failed has no cost, and none that is 0.
        assert_eq!((sums(meter), picos(meter)), ([2, 1_000, 0, 0, 0], 1_000 * 20_000), "by {seen:?}");
        assert_eq!(states(meter), [("priced", 1), ("unknown", 1)], "by {seen:?}");
        assert_eq!(outcomes(&monitor, "openai", "text-embedding-3-small"), [1, 0, 0], "by {seen:?}");
        gemini("gemini-embedding-001").embed_text("Who?").await.unwrap();
        gemini("broken").embed_text("Who?").await.unwrap_err();
        // Spans tell no failure, and of Gemini's vectors nothing at all; the layer knows only the addresses of OpenAI's.
        let broken = if seen == Seen::Spans { [0, 0, 1] } else { [0, 1, 0] };
        assert_eq!(outcomes(&monitor, "openai", "broken"), broken, "by {seen:?}");
        let of_gemini = if seen == Seen::Http { [0, 0, 0] } else { [0, 0, 1] };
        assert_eq!(outcomes(&monitor, "gcp.gemini", "gemini-embedding-001"), of_gemini, "by {seen:?}");
        assert_eq!(outcomes(&monitor, "gcp.gemini", "broken"), of_gemini, "by {seen:?}");
    }
}

struct Count;

impl PortableTool for Count {
    const NAME: &'static str = "count";
    type Args = Value;
    type Output = u32;
    type Error = Infallible;

    fn description(&self) -> String {
        "Counts".to_owned()
    }

    fn parameters(&self) -> Value {
        json!({ "type": "object", "properties": {} })
    }

    async fn call(&self, _: Value) -> Result<u32, Infallible> {
        Ok(48)
    }
}

pub(super) fn agent(address: SocketAddr, http: Http) -> Agent {
    let model = model("chat", "caller", address, http);
    AgentBuilder::new(model).name("counter").tool(Count).default_max_turns(4).build()
}

#[monitor_agent("researcher")]
async fn research(agent: &Agent) {
    agent.prompt("How many?").await.unwrap();
}

#[tokio::test]
async fn an_agent_with_a_tool_is_a_run_whose_calls_count_once() {
    let _alone = (isolated(), one_at_a_time().await);
    for seen in [Seen::Spans, Seen::Both] {
        let (_monitor, llm) = metering();
        let meter = llm.meter();
        let _guard = subscribe(meter, seen);
        let agent = agent(server::start().await, Http::new(meter, "openai", seen));
        agent.prompt("How many?").await.unwrap();
        let view = meter.view();
        let run = &view.last_runs[0];
        assert_eq!((&*run.agent, run.totals.calls, run.tool_calls), ("counter", 2, 1), "by {seen:?}");
        assert_eq!(sums(meter), [2, 2_400, 600, 2_000, 200], "the sum that the agent's span tells again is not added");

        research(&agent).await;
        let view = meter.view();
        assert_eq!((sums(meter)[0], view.unattributed.calls), (4, 0), "by {seen:?}");
        let run = view.last_runs.iter().find(|run| &*run.agent == "researcher").unwrap();
        assert_eq!((run.totals.calls, run.own.calls), (2, 0), "those of rig's agent inside it, by {seen:?}");
    }
}

/// A layer that listens to all spans, as one that writes them to a log does.
struct All;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for All {}

#[tokio::test]
async fn rig_makes_no_agent_of_its_own_in_a_span_of_ours() {
    let _alone = (isolated(), one_at_a_time().await);
    let (_monitor, llm) = metering();
    let meter = llm.meter();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(meter.layer()).with(All));
    let agent = agent(server::start().await, Http::new(meter, "openai", Seen::Spans));
    research(&agent).await;
    let view = meter.view();
    let agents: Vec<_> = view.agents.iter().map(|agent| (&*agent.agent, agent.totals.calls)).collect();
    assert_eq!((agents, view.unattributed.calls), (vec![("researcher", 2)], 0));
    assert_eq!(view.last_runs[0].tool_calls, 1);
}
