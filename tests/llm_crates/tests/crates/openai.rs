//! async-openai, by the layer around its client.

use super::{metering, outcomes, picos, server, states, sums};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessageArgs, ChatCompletionStreamOptions, CreateChatCompletionRequest,
    CreateChatCompletionRequestArgs,
};
use async_openai::types::responses::CreateResponseArgs;
use futures::StreamExt;
use perf_llm::{BudgetSetting, Meter};
use perf_runtime::test_util::isolated;
use perf_runtime::{Kind, Window};
use tower::{ServiceBuilder, ServiceExt, service_fn};

/// As the guide says.
pub(super) async fn client(meter: &Meter) -> Client<OpenAIConfig> {
    let address = server::start().await;
    let http = ServiceBuilder::new().layer(meter.http().provider("openai")).service(reqwest::Client::new());
    let service = service_fn(move |factory: HttpRequestFactory| {
        let http = http.clone();
        async move { Ok::<_, OpenAIError>(http.oneshot(factory.build().await?).await?) }
    });
    let config = OpenAIConfig::new().with_api_base(format!("http://{address}/v1")).with_api_key("none");
    Client::with_config(config).with_http_service(service)
}

pub(super) fn question(model: &str) -> CreateChatCompletionRequest {
    let message = ChatCompletionRequestUserMessageArgs::default().content("Who?").build().unwrap();
    let mut args = CreateChatCompletionRequestArgs::default();
    args.model(model).max_completion_tokens(1_000_u32).messages([message.into()]).build().unwrap()
}

/// 200 new tokens at 0.25 dollars a million, 1,000 read from the cache at 0.025, 300 generated ones at 2.
pub(super) const COST: i128 = 200 * 250_000 + 1_000 * 25_000 + 300 * 2_000_000;

#[tokio::test]
async fn chat_and_responses_whole_and_streamed() {
    let _alone = isolated();
    let (monitor, llm) = metering();
    let meter = llm.meter();
    let client = client(meter).await;
    let answer = client.chat().create(question("gpt-5-mini")).await.unwrap();
    assert_eq!(answer.choices[0].message.content.as_deref(), Some("Hi"));
    assert_eq!((sums(meter), picos(meter)), ([1, 1_200, 300, 1_000, 100], COST));

    let mut asked = question("gpt-5-mini");
    asked.stream_options = Some(ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None });
    let mut stream = client.chat().create_stream(asked).await.unwrap();
    while let Some(piece) = stream.next().await {
        piece.unwrap();
    }
    drop(stream);
    assert_eq!((sums(meter), picos(meter)), ([2, 2_400, 600, 2_000, 200], 2 * COST));

    let asked = || CreateResponseArgs::default().model("gpt-5-mini").input("Who?").build().unwrap();
    client.responses().create(asked()).await.unwrap();
    assert_eq!((sums(meter), picos(meter)), ([3, 3_600, 900, 3_000, 300], 3 * COST));
    let mut stream = client.responses().create_stream(asked()).await.unwrap();
    while let Some(event) = stream.next().await {
        event.unwrap();
    }
    drop(stream);
    assert_eq!((sums(meter), picos(meter)), ([4, 4_800, 1_200, 4_000, 400], 4 * COST));
    assert_eq!(states(meter), [("priced", 4)]);
    assert_eq!(outcomes(&monitor, "openai", "gpt-5-mini"), [4, 0, 0]);
}

#[tokio::test]
async fn a_failure_a_stream_without_usage_and_one_that_goes_on() {
    let _alone = isolated();
    let (monitor, llm) = metering();
    let meter = llm.meter();
    let client = client(meter).await;
    client.chat().create(question("broken")).await.unwrap_err();
    assert_eq!((outcomes(&monitor, "openai", "broken"), states(meter)), ([0, 1, 0], vec![("unknown", 1)]));
    let mut stream = client.chat().create_stream(question("gpt-5-mini")).await.unwrap();
    while stream.next().await.is_some() {}
    drop(stream);
    assert_eq!(
        (sums(meter), states(meter)),
        ([2, 0, 0, 0, 0], vec![("unknown", 2)]),
        "a stream without usage is not 0"
    );
    let mut stream = client.chat().create_stream(question("slow")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    let in_flight = monitor.summary(Window::LastHour).find(Kind::LlmCall, &["openai", "slow"]).unwrap().in_flight;
    assert_eq!((in_flight, sums(meter)[0]), (1, 2), "it goes on, and is counted when it is over");
    assert_eq!(outcomes(&monitor, "openai", "gpt-5-mini"), [1, 0, 0]);
}

#[tokio::test]
async fn a_budget_stops_a_call_before_it_is_sent() {
    let _alone = isolated();
    let (monitor, llm) = metering();
    let meter = llm.meter();
    meter.add_budget(BudgetSetting::per("day").calls(1)).unwrap();
    let client = client(meter).await;
    client.chat().create(question("gpt-5-mini")).await.unwrap();
    let refused = client.chat().create(question("gpt-5-mini")).await.unwrap_err().to_string();
    assert!(refused.contains("budget_exceeded") || refused.contains("1 call"), "{refused}");
    assert_eq!((sums(meter)[0], outcomes(&monitor, "openai", "gpt-5-mini")), (1, [1, 1, 0]));
}
