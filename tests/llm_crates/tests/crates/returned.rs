//! Usage of the values that crates return, alone and beside the spans or the HTTP client that see the same calls. ollama-rs, which can be seen in no other
//! way, is with the others.

use super::openai::COST;
use super::rig::{Http, Seen, agent, model, one_at_a_time, subscribe};
use super::{metering, openai, others, outcomes, picos, rig, server, states, sums};
use async_openai::Client as OpenAi;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionResponseStream, ChatCompletionStreamOptions, CreateChatCompletionResponse,
    CreateChatCompletionStreamResponse,
};
use async_openai::types::responses::{CreateResponseArgs, Response};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ChatResponse, ChatStreamEvent};
use genai::embed::EmbedResponse;
use perf_llm::usage::{Shape, told_by};
use perf_runtime::test_util::isolated;
use perf_runtime::{Label, monitor_agent, monitor_llm_call};
use rig_agent::Agent;
use rig_agent::run::response::PromptResponse;
use rig_core::completion::CompletionResponse;
use rig_core::driver::DynModel;
use rig_core::operation::Completion;

#[monitor_llm_call("openai", "gpt-5-mini", usage = |answer| told_by(Shape::OpenAiChat, answer))]
async fn chat(client: &OpenAi<OpenAIConfig>) -> Result<CreateChatCompletionResponse, OpenAIError> {
    client.chat().create(openai::question("gpt-5-mini")).await
}

#[monitor_llm_call("openai", "gpt-5-mini", usage = |piece| told_by(Shape::OpenAiChat, piece))]
fn chat_streamed(
    client: OpenAi<OpenAIConfig>,
) -> impl Stream<Item = Result<CreateChatCompletionStreamResponse, OpenAIError>> {
    let asking = async move {
        let mut asked = openai::question("gpt-5-mini");
        asked.stream_options =
            Some(ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None });
        let pieces: ChatCompletionResponseStream = client.chat().create_stream(asked).await?;
        Ok::<_, OpenAIError>(pieces)
    };
    stream::once(asking).try_flatten()
}

#[monitor_llm_call("openai", "gpt-5-mini", usage = |answer| told_by(Shape::OpenAiResponses, answer))]
async fn respond(client: &OpenAi<OpenAIConfig>) -> Result<Response, OpenAIError> {
    client.responses().create(CreateResponseArgs::default().model("gpt-5-mini").input("Who?").build()?).await
}

#[tokio::test]
async fn async_openai_tells_by_its_answers() {
    for is_layered in [false, true] {
        let _alone = isolated();
        let (monitor, llm) = metering();
        let meter = llm.meter();
        let client = if is_layered {
            openai::client(meter).await
        } else {
            let base = format!("http://{}/v1", server::start().await);
            OpenAi::with_config(OpenAIConfig::new().with_api_base(base).with_api_key("none"))
        };
        chat(&client).await.unwrap();
        assert_eq!((sums(meter), picos(meter)), ([1, 1_200, 300, 1_000, 100], COST), "chat, layered: {is_layered}");
        respond(&client).await.unwrap();
        assert_eq!(
            (sums(meter), picos(meter)),
            ([2, 2_400, 600, 2_000, 200], 2 * COST),
            "responses, layered: {is_layered}"
        );
        let pieces: Vec<_> = chat_streamed(client).collect().await;
        assert!(pieces.iter().all(Result::is_ok));
        assert_eq!(
            (sums(meter), picos(meter)),
            ([3, 3_600, 900, 3_000, 300], 3 * COST),
            "streamed, layered: {is_layered}"
        );
        assert_eq!((states(meter), outcomes(&monitor, "openai", "gpt-5-mini")), (vec![("priced", 3)], [3, 0, 0]));
    }
}

/// Providers and models, as labels.
#[derive(Clone, Copy, Debug, Label)]
enum Provider {
    #[label("openai")]
    OpenAi,
    #[label("anthropic")]
    Anthropic,
    #[label("gcp.gemini")]
    Gemini,
}

#[derive(Clone, Copy, Debug, Label)]
enum Model {
    #[label("gpt-5-mini")]
    Gpt,
    #[label("claude-sonnet-4-5")]
    Claude,
    #[label("gemini-2.5-flash")]
    Gemini,
    #[label("broken")]
    Broken,
}

const GPT: (Provider, Model) = (Provider::OpenAi, Model::Gpt);
const CLAUDE: (Provider, Model) = (Provider::Anthropic, Model::Claude);
const GEMINI: (Provider, Model) = (Provider::Gemini, Model::Gemini);

/// The value of a label.
fn text(label: impl Label) -> &'static str {
    label.as_str()
}

#[monitor_llm_call(provider, model, usage = |answer| told_by(Shape::Genai, answer))]
async fn exec(client: &genai::Client, provider: Provider, model: Model) -> genai::Result<ChatResponse> {
    client.exec_chat(text(model), asked(), None).await
}

/// The events of an answer, the asking included.
#[monitor_llm_call(provider, model, usage = |event| told_by(Shape::Genai, event))]
fn exec_streamed(
    client: genai::Client,
    provider: Provider,
    model: Model,
) -> impl Stream<Item = genai::Result<ChatStreamEvent>> {
    let asking = async move {
        let options = ChatOptions::default().with_capture_usage(true);
        Ok::<_, genai::Error>(client.exec_chat_stream(text(model), asked(), Some(&options)).await?.stream)
    };
    stream::once(asking).try_flatten()
}

#[monitor_llm_call("openai", "text-embedding-3-small", usage = |answer| told_by(Shape::Genai, answer))]
async fn embed(client: &genai::Client) -> genai::Result<EmbedResponse> {
    client.embed("text-embedding-3-small", "Who?", None).await
}

fn asked() -> ChatRequest {
    ChatRequest::default().append_message(ChatMessage::user("Who?"))
}

#[tokio::test]
async fn genai_tells_by_its_answers() {
    let _one = one_at_a_time().await;
    for seen in [Seen::Http, Seen::Spans] {
        let _alone = isolated();
        let (monitor, llm) = metering();
        let meter = llm.meter();
        // Without the layer there are the values alone.
        let _guard = subscribe(meter, seen);
        for (kind, base, (provider, model), each, cost) in [
            (AdapterKind::OpenAI, "/v1/", GPT, [1_200, 300, 1_000, 100], COST),
            (AdapterKind::OpenAIResp, "/v1/", GPT, [1_200, 300, 1_000, 100], COST),
            (
                AdapterKind::Anthropic,
                "/v1/",
                CLAUDE,
                [6_200, 300, 5_000, 0],
                200 * 3_000_000 + 5_000 * 300_000 + 1_000 * 3_750_000 + 300 * 15_000_000,
            ),
            (AdapterKind::Gemini, "/v1beta/", GEMINI, [9, 22, 0, 21], 9 * 300_000 + 22 * 2_500_000),
        ] {
            let (before, cost_before) = (sums(meter), picos(meter));
            let client = others::client(kind, base).await;
            let answer = exec(&client, provider, model).await.unwrap();
            let told = told_by(Shape::Genai, &answer).unwrap();
            assert_eq!((told.provider.as_deref(), told.model.as_deref()), (Some(text(provider)), Some(text(model))));
            let events: Vec<_> = exec_streamed(client, provider, model).collect().await;
            assert!(events.len() > 1 && events.iter().all(Result::is_ok), "{kind}: {events:?}");
            let told: Vec<_> = sums(meter).iter().zip(before).map(|(after, before)| after - before).collect();
            let [input, output, cached, thought] = each.map(|count| 2 * count);
            assert_eq!(told, [2, input, output, cached, thought], "{kind}, by {seen:?}");
            assert_eq!(picos(meter) - cost_before, 2 * cost, "{kind}, by {seen:?}");
        }
        assert_eq!(outcomes(&monitor, "openai", "gpt-5-mini"), [4, 0, 0], "by {seen:?}");
        let (before, cost_before) = (sums(meter), picos(meter));
        embed(&others::client(AdapterKind::OpenAI, "/v1/").await).await.unwrap();
        assert_eq!((sums(meter)[0], sums(meter)[1]), (before[0] + 1, before[1] + 1_000), "by {seen:?}");
        assert_eq!(picos(meter) - cost_before, 1_000 * 20_000, "by {seen:?}");
        exec(&others::client(AdapterKind::OpenAI, "/v1/").await, Provider::OpenAi, Model::Broken).await.unwrap_err();
        assert_eq!(outcomes(&monitor, "openai", "broken"), [0, 1, 0], "by {seen:?}");
        assert_eq!(sums(meter)[0], before[0] + 2, "by {seen:?}");
    }
}

#[monitor_llm_call(provider, name, usage = |answer| told_by(Shape::Rig, answer))]
async fn complete(
    model: &DynModel<Completion>,
    provider: Provider,
    name: Model,
    is_streamed: bool,
) -> Result<CompletionResponse, String> {
    let answer = if is_streamed {
        model.stream(rig::question()).map_err(|error| error.to_string())?.finish().await
    } else {
        model.call(rig::question()).await
    };
    answer.map_err(|error| error.to_string())
}

#[tokio::test]
async fn rig_tells_by_its_answers() {
    let _one = one_at_a_time().await;
    for seen in [None, Some(Seen::Spans), Some(Seen::Http), Some(Seen::Both)] {
        let _alone = isolated();
        let (monitor, llm) = metering();
        let meter = llm.meter();
        let _guard = seen.and_then(|seen| subscribe(meter, seen));
        let address = server::start().await;
        for (of, (provider, name), each, cost) in [
            ("chat", GPT, [1_200, 300, 1_000, 100], COST),
            ("responses", GPT, [1_200, 300, 1_000, 100], COST),
            (
                "anthropic",
                CLAUDE,
                [6_200, 300, 5_000, 0],
                200 * 3_000_000 + 5_000 * 300_000 + 1_000 * 3_750_000 + 300 * 15_000_000,
            ),
            ("gemini", GEMINI, [9, 22, 0, 21], 9 * 300_000 + 22 * 2_500_000),
        ] {
            let (before, cost_before) = (sums(meter), picos(meter));
            let model = model(of, text(name), address, Http::new(meter, text(provider), seen.unwrap_or(Seen::Spans)));
            let answer = complete(&model, provider, name, false).await.unwrap();
            let reading = told_by(Shape::Rig, &answer).unwrap();
            assert_eq!((reading.model.as_deref(), reading.cost), (Some(text(name)), None), "{of}: {reading:?}");
            complete(&model, provider, name, true).await.unwrap();
            let told: Vec<_> = sums(meter).iter().zip(before).map(|(after, before)| after - before).collect();
            let [input, output, cached, thought] = each.map(|count| 2 * count);
            assert_eq!(told, [2, input, output, cached, thought], "{of}, by {seen:?}");
            assert_eq!(picos(meter) - cost_before, 2 * cost, "{of}, by {seen:?}");
        }
        assert_eq!(outcomes(&monitor, "openai", "gpt-5-mini"), [4, 0, 0], "by {seen:?}");
        let broken = model("chat", "broken", address, Http::new(meter, "openai", seen.unwrap_or(Seen::Spans)));
        complete(&broken, Provider::OpenAi, Model::Broken, false).await.unwrap_err();
        assert_eq!((outcomes(&monitor, "openai", "broken"), sums(meter)[0]), ([0, 1, 0], 9), "by {seen:?}");
    }
}

#[monitor_agent("summed", usage = |answer| told_by(Shape::Rig, answer))]
async fn run(agent: &Agent) -> Result<PromptResponse, String> {
    agent.prompt("How many?").await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_sum_that_rigs_agent_tells_counts_where_nothing_else_saw_its_calls() {
    let _alone = (isolated(), one_at_a_time().await);
    for (seen, calls) in [(None, 1), (Some(Seen::Spans), 2), (Some(Seen::Http), 2), (Some(Seen::Both), 2)] {
        let (_monitor, llm) = metering();
        let meter = llm.meter();
        let _guard = seen.and_then(|seen| subscribe(meter, seen));
        run(&agent(server::start().await, Http::new(meter, "openai", seen.unwrap_or(Seen::Spans)))).await.unwrap();
        assert_eq!(sums(meter), [calls, 2_400, 600, 2_000, 200], "by {seen:?}");
        let view = meter.view();
        let models: Vec<_> = view.models.iter().map(|model| (&*model.provider, &*model.model)).collect();
        assert_eq!((models, view.unattributed.calls), (vec![("openai", "caller")], 0), "by {seen:?}");
    }
}
