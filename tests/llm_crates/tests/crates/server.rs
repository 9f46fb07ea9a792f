//! A server that speaks as the providers do: OpenAI's chat and responses, Anthropic's messages, Gemini's `generateContent`, Ollama's chat, and vectors of OpenAI and Gemini. Whole and
//! streamed; the model `broken` fails, and `slow` never ends its answer (chat and Ollama). Over chat the model `caller` asks for the first tool it is given, once, and then
//! answers with what the tool told; `looper` asks for it again and again.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;

/// Starts it on a port that is free, on the runtime of the caller.
pub(crate) async fn start() -> SocketAddr {
    start_as(None).await
}

/// Starts one that answers each chat as the model of that name does (`broken`, `slow`, `caller`, `looper`), whichever is asked.
pub(crate) async fn start_as(model: Option<&'static str>) -> SocketAddr {
    let app = Router::new()
        .route("/v1/chat/completions", post(async move |body: Bytes| chat(&asked(&body), model)))
        .route("/v1/responses", post(async |body: Bytes| responses(&asked(&body))))
        .route("/v1/embeddings", post(async |body: Bytes| embeddings(&asked(&body))))
        .route("/v1/messages", post(async |body: Bytes| messages(&asked(&body))))
        .route(
            "/v1beta/models/{call}",
            post(async |Path(call): Path<String>, uri: Uri| {
                if let Some(model) = call.strip_suffix(":batchEmbedContents") {
                    return vectors(model);
                }
                gemini(&call, uri.query().is_some_and(|query| query.contains("alt=sse")))
            }),
        )
        .route("/api/chat", post(async |body: Bytes| ollama(&asked(&body))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn asked(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap()
}

fn is_streamed(asked: &Value) -> bool {
    asked["stream"] == true
}

fn model(asked: &Value) -> &str {
    asked["model"].as_str().unwrap()
}

fn whole(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

fn failed() -> Response {
    let error = json!({ "error": { "message": "it is broken", "type": "server_error", "param": null, "code": null } });
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], error.to_string()).into_response()
}

/// Pieces of a stream, each sent by itself. A slow one sends the first and then nothing.
fn streamed(kind: &'static str, pieces: Vec<String>, is_slow: bool) -> Response {
    let sent = if is_slow { pieces.into_iter().take(1).collect() } else { pieces };
    let sent = stream::iter(sent.into_iter().map(|piece| Ok::<_, Infallible>(Bytes::from(piece))));
    let body = if is_slow { Body::from_stream(sent.chain(stream::pending())) } else { Body::from_stream(sent) };
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

fn events(events: &[Value], ends: &str, is_slow: bool) -> Response {
    let named = |event: &Value| event["type"].as_str().map(|name| format!("event: {name}\n")).unwrap_or_default();
    let mut pieces: Vec<_> = events.iter().map(|event| format!("{}data: {event}\n\n", named(event))).collect();
    pieces.push(ends.to_owned());
    streamed("text/event-stream", pieces, is_slow)
}

fn chat(asked: &Value, acts_as: Option<&str>) -> Response {
    let model = model(asked);
    let acts_as = acts_as.unwrap_or(model);
    let usage = json!({ "prompt_tokens": 1200, "completion_tokens": 300, "total_tokens": 1500,
        "prompt_tokens_details": { "cached_tokens": 1000 }, "completion_tokens_details": { "reasoning_tokens": 100 } });
    let head = json!({ "id": "c1", "created": 1, "model": model });
    let with = |rest: Value| {
        let mut all = head.clone();
        all.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        all
    };
    if acts_as == "broken" {
        return failed();
    }
    if !is_streamed(asked) && acts_as == "slow" {
        return streamed("application/json", vec!["{".to_owned()], true);
    }
    if !is_streamed(asked) {
        let choice = called(asked, acts_as).unwrap_or_else(
            || json!({ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": text(asked) } }),
        );
        return whole(&with(json!({ "object": "chat.completion", "choices": [choice], "usage": usage })));
    }
    let piece = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        with(json!({ "object": "chat.completion.chunk", "choices": [choice], "usage": null }))
    };
    let mut all = vec![
        piece(json!({ "role": "assistant", "content": "H" }), Value::Null),
        piece(json!({ "content": "i" }), Value::Null),
        piece(json!({}), json!("stop")),
    ];
    if asked["stream_options"]["include_usage"] == true {
        all.push(with(json!({ "object": "chat.completion.chunk", "choices": [], "usage": usage })));
    }
    events(&all, "data: [DONE]\n\n", acts_as == "slow")
}

/// The last words of the model: the result of a tool, where there is one.
fn text(asked: &Value) -> Value {
    let last = asked["messages"].as_array().and_then(|messages| messages.last());
    last.filter(|last| last["role"] == "tool").map_or_else(|| json!("Hi"), |last| last["content"].clone())
}

/// The choice of a model that asks for a tool.
fn called(asked: &Value, acts_as: &str) -> Option<Value> {
    let messages = asked["messages"].as_array()?;
    let has_result = messages.iter().any(|message| message["role"] == "tool");
    let calls = acts_as == "looper" || (acts_as == "caller" && !has_result);
    let tool = asked["tools"][0]["function"]["name"].as_str().filter(|_| calls)?;
    let call = json!({ "id": format!("t{}", messages.len()), "type": "function", "function": { "name": tool, "arguments": "{}" } });
    let message = json!({ "role": "assistant", "content": null, "tool_calls": [call] });
    Some(json!({ "index": 0, "finish_reason": "tool_calls", "message": message }))
}

fn responses(asked: &Value) -> Response {
    let content = json!([{ "type": "output_text", "text": "Hi", "annotations": [] }]);
    let item = json!({ "type": "message", "id": "m1", "role": "assistant", "status": "completed", "content": content });
    let usage = json!({ "input_tokens": 1200, "output_tokens": 300, "total_tokens": 1500,
        "input_tokens_details": { "cached_tokens": 1000 }, "output_tokens_details": { "reasoning_tokens": 100 } });
    let answer = json!({ "id": "r1", "object": "response", "created_at": 1, "status": "completed", "model": model(asked),
        "output": [item], "usage": usage, "parallel_tool_calls": true, "tools": [], "tool_choice": "auto", "metadata": {} });
    if !is_streamed(asked) {
        return whole(&answer);
    }
    let delta = json!({ "type": "response.output_text.delta", "sequence_number": 1, "item_id": "m1", "output_index": 0,
        "content_index": 0, "delta": "Hi", "logprobs": [] });
    events(&[delta, json!({ "type": "response.completed", "sequence_number": 2, "response": answer })], "", false)
}

fn messages(asked: &Value) -> Response {
    let usage = json!({ "input_tokens": 200, "cache_read_input_tokens": 5000, "cache_creation_input_tokens": 1000, "output_tokens": 300 });
    let head =
        json!({ "id": "a1", "type": "message", "role": "assistant", "model": model(asked), "stop_sequence": null });
    let mut message = head.as_object().unwrap().clone();
    if !is_streamed(asked) {
        message.extend([
            ("content".to_owned(), json!([{ "type": "text", "text": "Hi" }])),
            ("stop_reason".to_owned(), json!("end_turn")),
            ("usage".to_owned(), usage),
        ]);
        return whole(&Value::Object(message));
    }
    let mut begun = usage.clone();
    begun["output_tokens"] = json!(1);
    message.extend([("content".to_owned(), json!([])), ("usage".to_owned(), begun)]);
    let all = [
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "Hi" } }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": 300 } }),
        json!({ "type": "message_stop" }),
    ];
    events(&all, "", false)
}

fn embeddings(asked: &Value) -> Response {
    if model(asked) == "broken" {
        return failed();
    }
    let vectors = json!([{ "object": "embedding", "index": 0, "embedding": [0.1, 0.2] }]);
    let usage = json!({ "prompt_tokens": 1000, "total_tokens": 1000 });
    whole(&json!({ "object": "list", "model": model(asked), "data": vectors, "usage": usage }))
}

/// Vectors of Gemini, which come without usage, model and id.
fn vectors(model: &str) -> Response {
    if model == "broken" { failed() } else { whole(&json!({ "embeddings": [{ "values": [0.1, 0.2] }] })) }
}

fn gemini(call: &str, asks_for_events: bool) -> Response {
    let (model, verb) = call.split_once(':').unwrap();
    let answer = json!({
        "candidates": [{ "content": { "role": "model", "parts": [{ "text": "Hi" }] }, "finishReason": "STOP", "index": 0 }],
        "usageMetadata": { "promptTokenCount": 9, "candidatesTokenCount": 1, "thoughtsTokenCount": 21, "totalTokenCount": 31 },
        "modelVersion": model,
    });
    if verb == "generateContent" {
        whole(&answer)
    } else if asks_for_events {
        events(&[answer], "", false)
    } else {
        streamed("application/json", vec![format!("[{answer}]")], false)
    }
}

fn ollama(asked: &Value) -> Response {
    let piece = |text: &str, is_done: bool| {
        let mut piece = json!({ "model": model(asked), "created_at": "2026-11-01T00:00:00Z",
            "message": { "role": "assistant", "content": text }, "done": is_done });
        if is_done {
            let last = json!({ "done_reason": "stop", "total_duration": 5, "load_duration": 1, "prompt_eval_count": 26,
                "prompt_eval_duration": 1, "eval_count": 298, "eval_duration": 3 });
            piece.as_object_mut().unwrap().extend(last.as_object().unwrap().clone());
        }
        piece
    };
    match (model(asked), is_streamed(asked)) {
        ("broken", _) => failed(),
        (model, true) => {
            let pieces = vec![format!("{}\n", piece("H", false)), format!("{}\n", piece("i", true))];
            streamed("application/x-ndjson", pieces, model == "slow")
        }
        ("slow", false) => streamed("application/json", vec!["{".to_owned()], true),
        (_, false) => whole(&piece("Hi", true)),
    }
}
