//! genai by its spans, and ollama-rs by the option `usage`.

use super::{metering, outcomes, picos, server, states, sums};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest};
use genai::resolver::{AuthData, Endpoint, ServiceTargetResolver};
use genai::{Client, ModelIden, ServiceTarget};
use ollama_rs::Ollama;
use ollama_rs::error::OllamaError;
use ollama_rs::generation::chat::request::ChatMessageRequest;
use ollama_rs::generation::chat::{ChatMessage as OllamaMessage, ChatMessageResponse};
use perf_llm::usage::{Shape, told_by};
use perf_runtime::test_util::isolated;
use perf_runtime::{monitor_agent, monitor_llm_call};
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;

pub(super) async fn client(kind: AdapterKind, base: &str) -> Client {
    let base = format!("http://{}{base}", server::start().await);
    let resolve = move |target: ServiceTarget| -> Result<ServiceTarget, genai::resolver::Error> {
        let model = ModelIden::new(kind, target.model.model_name);
        Ok(ServiceTarget { endpoint: Endpoint::from_owned(base.clone()), auth: AuthData::from_single("none"), model })
    };
    Client::builder().with_service_target_resolver(ServiceTargetResolver::from_resolver_fn(resolve)).build().unwrap()
}

/// Polls a future until the server is asked, as far as a client without a thread of its own comes by then, and gives it up.
async fn given_up<F: Future>(future: F) {
    let given_up = tokio::time::timeout(Duration::from_millis(200), future).await;
    assert!(given_up.is_err(), "it never ends");
}

#[tokio::test]
async fn genai_tells_its_calls_by_spans() {
    let _alone = isolated();
    let (monitor, llm) = metering();
    let meter = llm.meter();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(meter.layer()));
    let ask = || ChatRequest::default().append_message(ChatMessage::user("Who?"));
    // Of each provider the sums of one call: tokens in, out, read from a cache, and thought with; and its cost in 10^-12 dollars. Anthropic writes
    // 1,000 to a cache, of which genai does not tell for how long: they count at the price of five minutes, and the price is incomplete.
    for (kind, base, model, provider, each, cost) in [
        (
            AdapterKind::OpenAI,
            "/v1/",
            "gpt-5-mini",
            "openai",
            [1_200, 300, 1_000, 100],
            200 * 250_000 + 1_000 * 25_000 + 300 * 2_000_000,
        ),
        (
            AdapterKind::Anthropic,
            "/v1/",
            "claude-sonnet-4-5",
            "anthropic",
            [6_200, 300, 5_000, 0],
            200 * 3_000_000 + 5_000 * 300_000 + 1_000 * 3_750_000 + 300 * 15_000_000,
        ),
        (
            AdapterKind::Gemini,
            "/v1beta/",
            "gemini-2.5-flash",
            "gcp.gemini",
            [9, 22, 0, 21],
            9 * 300_000 + 22 * 2_500_000,
        ),
    ] {
        let (before, cost_before) = (sums(meter), picos(meter));
        let client = client(kind, base).await;
        client.exec_chat(model, ask(), None).await.unwrap();
        let options = ChatOptions::default().with_capture_usage(true);
        let mut stream = client.exec_chat_stream(model, ask(), Some(&options)).await.unwrap().stream;
        while let Some(event) = stream.next().await {
            event.unwrap();
        }
        drop(stream);
        let after = sums(meter);
        let told: Vec<_> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        let [input, output, cached, thought] = each.map(|count| 2 * count);
        assert_eq!(told, [2, input, output, cached, thought], "{provider}");
        assert_eq!(picos(meter) - cost_before, 2 * cost, "{provider}");
        assert_eq!(outcomes(&monitor, provider, model), [2, 0, 0], "{provider}");
    }
    let states_so_far = states(meter);

    // A stream whose usage nobody captures ends well, and what it cost is unknown.
    let client = client(AdapterKind::OpenAI, "/v1/").await;
    let mut stream = client.exec_chat_stream("gpt-5-nano", ask(), None).await.unwrap().stream;
    while let Some(event) = stream.next().await {
        event.unwrap();
    }
    drop(stream);
    assert_eq!(outcomes(&monitor, "openai", "gpt-5-nano"), [1, 0, 0]);

    // Failing, whole and streamed.
    client.exec_chat("broken", ask(), None).await.unwrap_err();
    let mut stream = client.exec_chat_stream("broken", ask(), None).await.unwrap().stream;
    while let Some(Ok(_)) = stream.next().await {}
    drop(stream);
    assert_eq!(outcomes(&monitor, "openai", "broken"), [0, 2, 0]);

    // Given up, whole and streamed.
    given_up(client.exec_chat("slow", ask(), None)).await;
    assert_eq!(outcomes(&monitor, "openai", "slow"), [0, 0, 1]);
    let mut stream = client.exec_chat_stream("slow", ask(), None).await.unwrap().stream;
    stream.next().await.unwrap().unwrap();
    assert_eq!(outcomes(&monitor, "openai", "slow"), [0, 0, 1], "it goes on");
    drop(stream);
    assert_eq!(outcomes(&monitor, "openai", "slow"), [0, 0, 2]);

    let mut expected = states_so_far;
    expected.push(("unknown", 5));
    assert_eq!((states(meter), sums(meter)[0]), (expected, 11), "none of them has a cost of 0");
}

fn question(model: &str) -> ChatMessageRequest {
    ChatMessageRequest::new(model.to_owned(), vec![OllamaMessage::user("Who?".to_owned())])
}

#[monitor_llm_call("ollama", "llama3.2", usage = |answer| told_by(Shape::Ollama, answer))]
async fn ask(ollama: &Ollama, model: &str) -> Result<ChatMessageResponse, OllamaError> {
    ollama.send_chat_messages(question(model)).await
}

/// The pieces of an answer, the asking included.
#[monitor_llm_call("ollama", "streamed", usage = |piece| told_by(Shape::Ollama, piece))]
fn ask_streamed(ollama: Ollama, model: &'static str) -> impl Stream<Item = Result<ChatMessageResponse, OllamaError>> {
    let asking = async move {
        let pieces = ollama.send_chat_messages_stream(question(model)).await?;
        Ok::<_, OllamaError>(pieces.map_err(|()| OllamaError::Other("a piece cannot be read".to_owned())))
    };
    stream::once(asking).try_flatten()
}

#[monitor_agent("researcher")]
async fn research(ollama: &Ollama) {
    ask(ollama, "llama3.2").await.unwrap();
    let pieces: Vec<_> = ask_streamed(ollama.clone(), "llama3.2").collect().await;
    assert!(pieces.len() == 2 && pieces.iter().all(Result::is_ok));
}

#[tokio::test]
async fn ollama_tells_its_calls_by_what_it_returns() {
    let _alone = isolated();
    let (monitor, llm) = metering();
    let meter = llm.meter();
    let address = server::start().await;
    let ollama = Ollama::builder().host("http://127.0.0.1").port(address.port()).build();
    research(&ollama).await;
    assert_eq!((sums(meter), picos(meter)), ([2, 52, 596, 0, 0], 0));
    assert_eq!(states(meter), [("local", 2)]);
    let ended = || [outcomes(&monitor, "ollama", "llama3.2"), outcomes(&monitor, "ollama", "streamed")];
    assert_eq!(ended(), [[1, 0, 0], [1, 0, 0]]);
    assert_eq!(meter.view().agents[0].totals.calls, 2);

    // Failing, whole and streamed.
    ask(&ollama, "broken").await.unwrap_err();
    let pieces: Vec<_> = ask_streamed(ollama.clone(), "broken").collect().await;
    assert!(matches!(pieces[..], [Err(_)]));
    assert_eq!(ended(), [[1, 1, 0], [1, 1, 0]]);

    // Given up, whole and streamed.
    given_up(ask(&ollama, "slow")).await;
    let mut pieces = Box::pin(ask_streamed(ollama.clone(), "slow"));
    pieces.next().await.unwrap().unwrap();
    drop(pieces);
    assert_eq!(ended(), [[1, 1, 1], [1, 1, 1]]);
    assert_eq!(sums(meter), [6, 52, 596, 0, 0]);
    assert_eq!(states(meter), [("local", 2), ("unknown", 4)], "what nobody told is not 0");
}
