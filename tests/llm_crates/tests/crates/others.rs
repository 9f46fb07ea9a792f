//! genai by its spans, and ollama-rs by the option `usage`.

use super::{metering, outcomes, picos, server, states, sums};
use futures::StreamExt;
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
use tracing_subscriber::layer::SubscriberExt;

async fn client(kind: AdapterKind, base: &str) -> Client {
    let base = format!("http://{}{base}", server::start().await);
    let resolve = move |target: ServiceTarget| -> Result<ServiceTarget, genai::resolver::Error> {
        let model = ModelIden::new(kind, target.model.model_name);
        Ok(ServiceTarget { endpoint: Endpoint::from_owned(base.clone()), auth: AuthData::from_single("none"), model })
    };
    Client::builder().with_service_target_resolver(ServiceTargetResolver::from_resolver_fn(resolve)).build().unwrap()
}

#[tokio::test]
async fn genai_tells_its_calls_by_spans() {
    let _alone = isolated();
    let (monitor, llm) = metering();
    let meter = llm.meter();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(meter.layer()));
    let ask = || ChatRequest::default().append_message(ChatMessage::user("Who?"));
    // Of each provider the sums of one call: tokens in, out, read from a cache, and thought with.
    for (kind, base, model, provider, each) in [
        (AdapterKind::OpenAI, "/v1/", "gpt-5-mini", "openai", [1_200, 300, 1_000, 100]),
        (AdapterKind::Anthropic, "/v1/", "claude-sonnet-4-5", "anthropic", [6_200, 300, 5_000, 0]),
        (AdapterKind::Gemini, "/v1beta/", "gemini-2.5-flash", "gcp.gemini", [9, 22, 0, 21]),
    ] {
        let before = sums(meter);
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
        assert_eq!(outcomes(&monitor, provider, model), [2, 0, 0], "{provider}");
    }
    let client = client(AdapterKind::OpenAI, "/v1/").await;
    client.exec_chat("broken", ask(), None).await.unwrap_err();
    assert_eq!(outcomes(&monitor, "openai", "broken"), [0, 1, 0]);
}

#[monitor_llm_call("ollama", "llama3.2", usage = |answer| told_by(Shape::Ollama, answer))]
async fn ask(ollama: &Ollama) -> Result<ChatMessageResponse, OllamaError> {
    let message = OllamaMessage::user("Who?".to_owned());
    ollama.send_chat_messages(ChatMessageRequest::new("llama3.2".to_owned(), vec![message])).await
}

#[monitor_agent("researcher")]
async fn research(ollama: &Ollama) {
    ask(ollama).await.unwrap();
    ask(ollama).await.unwrap();
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
    assert_eq!((states(meter), outcomes(&monitor, "ollama", "llama3.2")), (vec![("local", 2)], [2, 0, 0]));
    assert_eq!(meter.view().agents[0].totals.calls, 2);
}
