use super::*;
use crate::Money;
use proptest::prelude::*;
use serde_json::{Value, json};

fn usage(shape: Shape, body: &Value) -> Usage {
    read_value(shape, body).unwrap().usage
}

fn counts(usage: &Usage) -> Vec<(Class, u64)> {
    usage.iter().collect()
}

#[test]
fn each_shape_is_read_into_the_same_classes() {
    let chat = json!({"model": "gpt-4o", "service_tier": "flex", "usage": {"prompt_tokens": 100, "completion_tokens": 20,
        "total_tokens": 120, "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 8, "audio_tokens": null}}});
    let reading = read_value(Shape::OpenAiChat, &chat).unwrap();
    assert_eq!((reading.model.as_deref(), reading.service_tier.as_deref()), (Some("gpt-4o"), Some("flex")));
    assert_eq!(
        counts(&reading.usage),
        [
            (Class::Input, 100),
            (Class::CacheRead, 60),
            (Class::InputAudio, 5),
            (Class::Output, 20),
            (Class::Reasoning, 8)
        ]
    );
    let responses = json!({"output": [{"type": "web_search_call", "action": {"type": "search"}},
        {"type": "web_search_call", "action": {"type": "open_page"}}, {"type": "message"}],
        "usage": {"input_tokens": 7, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 3}});
    assert_eq!(
        counts(&usage(Shape::OpenAiResponses, &responses)),
        [(Class::Input, 7), (Class::CacheRead, 0), (Class::Output, 3), (Class::WebSearches, 1)]
    );
    let ollama = json!({"model": "llama3.2", "done": true, "prompt_eval_count": 26, "eval_count": 298});
    assert_eq!(counts(&usage(Shape::Ollama, &ollama)), [(Class::Input, 26), (Class::Output, 298)]);
    let bedrock = json!({"usage": {"inputTokens": 10, "outputTokens": 100, "cacheReadInputTokens": 1000,
        "cacheWriteInputTokens": 2000, "cacheDetails": [{"ttl": "1h", "inputTokens": 1500}, {"ttl": "5m", "inputTokens": 500}]}});
    let bedrock = usage(Shape::Bedrock, &bedrock);
    assert_eq!(bedrock.get(Class::Input), Some(3010));
    assert_eq!((bedrock.get(Class::CacheWrite5m), bedrock.get(Class::CacheWrite1h)), (Some(500), Some(1500)));
}

#[test]
fn anthropics_prompt_is_with_its_cache_and_tells_speed_and_tier() {
    let body = json!({"model": "claude-sonnet-4-5", "usage": {"input_tokens": 10, "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 500, "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        "output_tokens": 7, "service_tier": "batch", "speed": "fast", "server_tool_use": {"web_search_requests": 2}}});
    let reading = read_value(Shape::Anthropic, &body).unwrap();
    assert_eq!((reading.service_tier.as_deref(), reading.speed.as_deref()), (Some("batch"), Some("fast")));
    assert_eq!(reading.usage.get(Class::Input), Some(810));
    assert_eq!(reading.usage.get(Class::CacheWrite1h), Some(200));
    assert_eq!(reading.usage.get(Class::WebSearches), Some(2));
}

#[test]
fn geminis_thoughts_are_added_to_its_answer_and_tools_to_its_prompt() {
    let body = json!({"modelVersion": "gemini-2.5-flash", "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 1,
        "thoughtsTokenCount": 21, "toolUsePromptTokenCount": 4, "totalTokenCount": 35,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}, {"modality": "IMAGE", "tokenCount": 3},
            {"modality": "DOCUMENT", "tokenCount": 1}]}});
    let found = usage(Shape::Gemini, &body);
    assert_eq!((found.get(Class::Input), found.get(Class::Output)), (Some(13), Some(22)));
    assert_eq!((found.get(Class::InputImage), found.get(Class::InputTool)), (Some(4), Some(4)));
    // Nothing generated is left out of the body: the total says that it was nothing.
    let refused = json!({"usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}});
    assert_eq!(usage(Shape::Gemini, &refused).get(Class::Output), Some(0));
    let untold = json!({"usageMetadata": {"promptTokenCount": 9}});
    assert_eq!(usage(Shape::Gemini, &untold).get(Class::Output), None);
}

#[test]
fn what_a_body_does_not_tell_is_unknown_and_not_0() {
    for shape in
        [Shape::OpenAiChat, Shape::OpenAiResponses, Shape::Anthropic, Shape::Gemini, Shape::Ollama, Shape::Bedrock]
    {
        assert!(usage(shape, &json!({"usage": null})).is_unknown(), "{shape:?}");
        assert!(usage(shape, &json!({})).is_unknown(), "{shape:?}");
        assert!(UsageStream::new(shape).finish().unwrap().usage.is_unknown(), "{shape:?}");
    }
    let half = usage(Shape::OpenAiChat, &json!({"usage": {"prompt_tokens": 3}}));
    assert_eq!((half.get(Class::Output), half.tokens()), (None, None));
}

#[test]
fn counts_that_are_none_are_errors_with_their_field() {
    let error = |value: Value| {
        read_value(Shape::OpenAiChat, &json!({"usage": {"prompt_tokens": value, "completion_tokens": 1}})).unwrap_err()
    };
    let field = || "usage.prompt_tokens".into();
    assert_eq!(error(json!(-5)), UsageError::Negative { field: field(), value: "-5".into() });
    assert_eq!(error(json!(1.5)), UsageError::NoCount { field: field(), value: "1.5".into() });
    assert_eq!(error(json!("12")), UsageError::NoCount { field: field(), value: "\"12\"".into() });
    assert_eq!(error(json!(u64::MAX)), UsageError::TooLarge { field: field(), value: u64::MAX.to_string() });
    assert!(matches!(error(json!(1e300)), UsageError::TooLarge { .. }));
    assert_eq!(usage(Shape::OpenAiChat, &json!({"usage": {"prompt_tokens": 12.0}})).get(Class::Input), Some(12));
    assert!(matches!(read(Shape::OpenAiChat, b"data: {}"), Err(UsageError::NoJson { .. })));
    assert!(matches!(read(Shape::OpenAiChat, b"[]"), Err(UsageError::NoJson { .. })));
    assert!(matches!(read(Shape::OpenAiChat, &vec![b' '; 17 << 20]), Err(UsageError::BodyTooLarge { .. })));
}

#[test]
fn cached_tokens_over_the_prompt_are_an_error() {
    let body = json!({"usage": {"prompt_tokens": 100, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 150}}});
    let (part, whole) = ("cache_read_tokens", "input_tokens");
    assert_eq!(
        read_value(Shape::OpenAiChat, &body),
        Err(UsageError::PartOverWhole { part, value: 150, whole, limit: 100 })
    );
}

#[test]
fn the_total_tells_whether_reasoning_was_counted() {
    let body = |total: Option<u64>, reasoning: u64| {
        json!({"usage": {"prompt_tokens": 500, "completion_tokens": 500, "total_tokens": total,
            "completion_tokens_details": {"reasoning_tokens": reasoning}}})
    };
    for (total, reasoning, output, repairs) in [
        (Some(1000), 200, 500, vec![]),
        (Some(1200), 200, 700, vec![Repair::ReasoningOutside]),
        (None, 200, 500, vec![]),
        // More reasoning than answer stood outside of it.
        (None, 600, 1100, vec![Repair::ReasoningOutside]),
    ] {
        let before = repaired_total(Repair::ReasoningOutside);
        let reading = read_value(Shape::OpenAiChat, &body(total, reasoning)).unwrap();
        assert_eq!(reading.usage.get(Class::Output), Some(output), "{total:?} {reasoning}");
        assert!(repaired_total(Repair::ReasoningOutside) >= before + repairs.len() as u64);
        assert_eq!(reading.repairs, repairs);
    }
}

#[test]
fn an_emitter_that_leaves_its_cache_out_is_put_right() {
    let exclusive = Usage::of(200, 300).with(Class::CacheRead, 5000).with(Class::CacheWrite, 1000);
    let (repaired, rules) = exclusive.repaired(None);
    assert_eq!((repaired.get(Class::Input), rules), (Some(6200), vec![Repair::CacheOutside]));
    let inclusive = Usage::of(6200, 300).with(Class::CacheRead, 5000).with(Class::CacheWrite, 1000);
    assert_eq!(inclusive.repaired(None), (inclusive, vec![]));
}

#[test]
fn writes_by_lifetime_over_all_writes_are_put_right() {
    let body = json!({"usage": {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 5,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}}});
    let reading = read_value(Shape::Anthropic, &body).unwrap();
    assert_eq!((reading.usage.get(Class::CacheWrite), reading.usage.get(Class::Input)), (Some(7), Some(8)));
    assert_eq!(reading.repairs, [Repair::WritesOverTotal]);
}

#[test]
fn a_told_cost_is_money() {
    let body = json!({"usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.00014}});
    assert_eq!(read_value(Shape::OpenAiChat, &body).unwrap().cost, Some(Money::from_picos(140_000_000)));
    for cost in [json!(-1), json!(1e9), json!({"total_cost": -1})] {
        assert!(read_value(Shape::OpenAiChat, &json!({"usage": {"cost": cost}})).is_err());
    }
}

#[test]
fn a_told_cost_of_another_form_leaves_the_tokens() {
    let told = |cost: Value| {
        let body = json!({"usage": {"prompt_tokens": 8, "completion_tokens": 439, "cost": cost}});
        let reading = read_value(Shape::OpenAiChat, &body).unwrap();
        assert_eq!(reading.usage.tokens(), Some(447));
        reading.cost
    };
    // Perplexity's.
    let parts = json!({"input_tokens_cost": 2.4e-05, "output_tokens_cost": 0.006_585, "request_cost": 0.006, "total_cost": 0.012_609});
    assert_eq!(told(parts), Some(Money::from_picos(12_609_000_000)));
    for cost in [json!("0.1"), json!(true), json!([1]), json!({}), json!({"total_cost": "x"}), json!(null)] {
        assert_eq!(told(cost.clone()), None, "{cost}");
    }
}

#[test]
fn a_key_of_ones_own_behind_openrouter_costs_what_both_charge() {
    let told = |usage: Value| read_value(Shape::OpenAiChat, &json!({"usage": usage})).unwrap().cost;
    let both = json!({"is_byok": true, "cost": 0.001, "cost_details": {"upstream_inference_cost": 0.02}});
    assert_eq!(told(both), Some(Money::from_picos(21_000_000_000)));
    for usage in [
        json!({"is_byok": true, "cost": 0.001}),
        json!({"is_byok": true, "cost": 0.001, "cost_details": {"upstream_inference_cost": null}}),
        json!({"is_byok": true, "cost_details": {"upstream_inference_cost": 0.02}}),
    ] {
        assert_eq!(told(usage.clone()), None, "{usage}");
    }
    let theirs = json!({"is_byok": false, "cost": 0.001, "cost_details": {"upstream_inference_cost": 0.02}});
    assert_eq!(told(theirs), Some(Money::from_picos(1_000_000_000)), "OpenRouter's price is all of it");
}

const CHAT: &str = concat!(
    "data: {\"model\":\"gpt-4o\",\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\n\n",
    ": a comment\n\n",
    "data: {\"model\":\"gpt-4o\",\"service_tier\":\"default\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\r\n\r\n",
    "data: [DONE]\n\n"
);
const RESPONSES: &str = concat!(
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"model\":\"gpt-5\",\"usage\":null}}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"model\":\"gpt-5\",\"service_tier\":\"flex\",",
    "\"output\":[{\"type\":\"web_search_call\"}],\"usage\":{\"input_tokens\":9,\"output_tokens\":4}}}\n\n"
);
const ANTHROPIC: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude\",\"usage\":{\"input_tokens\":25,\"cache_read_input_tokens\":5,\"output_tokens\":1}}}\n\n",
    "event: content_block_delta\ndata: {\"delta\":{\"text\":\"usage\"}}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"input_tokens\":25,\"output_tokens\":15}}\n\n"
);
const GEMINI: &str = concat!(
    "data: {\"modelVersion\":\"gemini\",\"usageMetadata\":{\"promptTokenCount\":9,\"totalTokenCount\":9}}\n\n",
    "data: {\"modelVersion\":\"gemini\",\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":4,\"totalTokenCount\":13}}"
);
const OLLAMA: &str = concat!(
    "{\"model\":\"llama\",\"message\":{\"content\":\"h\"},\"done\":false}\n",
    "{\"model\":\"llama\",\"done\":true,\"prompt_eval_count\":9,\"eval_count\":4}\n"
);

fn stream(shape: Shape, pieces: &[&[u8]]) -> Reading {
    let mut stream = UsageStream::new(shape);
    for piece in pieces {
        stream.push(piece);
    }
    stream.finish().unwrap()
}

#[test]
fn a_stream_tells_running_totals_of_which_the_last_stands() {
    for (shape, text, input, output) in [
        (Shape::OpenAiChat, CHAT, 9, 4),
        (Shape::OpenAiResponses, RESPONSES, 9, 4),
        (Shape::Anthropic, ANTHROPIC, 30, 15),
        (Shape::Gemini, GEMINI, 9, 4),
        (Shape::Ollama, OLLAMA, 9, 4),
    ] {
        let reading = stream(shape, &[text.as_bytes()]);
        let found = (reading.usage.get(Class::Input), reading.usage.get(Class::Output));
        assert_eq!(found, (Some(input), Some(output)), "{shape:?}");
        assert!(shape == Shape::Ollama || reading.model.is_some(), "{shape:?}");
    }
    assert_eq!(stream(Shape::OpenAiResponses, &[RESPONSES.as_bytes()]).usage.get(Class::WebSearches), Some(1));
}

#[test]
fn a_stream_that_asks_for_no_usage_leaves_it_unknown() {
    let text = "data: {\"model\":\"gpt-4o\",\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: [DONE]\n\n";
    assert!(stream(Shape::OpenAiChat, &[text.as_bytes()]).usage.is_unknown());
}

#[test]
fn an_event_without_end_takes_no_memory_without_end() {
    let mut stream = UsageStream::new(Shape::OpenAiChat);
    for _ in 0..80 {
        stream.push(&vec![b'x'; 100_000]);
    }
    stream.push(b"\n");
    stream.push(CHAT.as_bytes());
    assert_eq!(stream.skipped(), 1);
    assert_eq!(stream.finish().unwrap().usage.get(Class::Input), Some(9));
}

/// Anything that stands in the place of a count.
fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (0_u64..100).prop_map(|count| json!(count)),
        1 => any::<i64>().prop_map(|count| json!(count)),
        1 => any::<f64>().prop_map(|count| json!(count)),
        1 => Just(Value::Null),
    ]
}

proptest! {
    #[test]
    fn a_stream_may_be_cut_anywhere(cuts in prop::collection::vec(0_usize..2_000, 0..12)) {
        for (shape, text) in [
            (Shape::OpenAiChat, CHAT), (Shape::OpenAiResponses, RESPONSES), (Shape::Anthropic, ANTHROPIC),
            (Shape::Gemini, GEMINI), (Shape::Ollama, OLLAMA),
        ] {
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
            ends.extend([0, text.len()]);
            ends.sort_unstable();
            let pieces: Vec<&[u8]> = ends.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(stream(shape, &pieces), stream(shape, &[text.as_bytes()]));
        }
    }

    #[test]
    fn no_bytes_bring_a_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..400), shape in 0_usize..5) {
        let shape = [Shape::OpenAiChat, Shape::OpenAiResponses, Shape::Anthropic, Shape::Gemini, Shape::Ollama][shape];
        let _ = read(shape, &bytes);
        let mut stream = UsageStream::new(shape);
        stream.push(&bytes);
        let _ = stream.finish();
    }

    #[test]
    fn no_counts_bring_a_reader_down(numbers in prop::collection::vec(number(), 8)) {
        let n = |at: usize| numbers[at].clone();
        let bodies = [
            (Shape::OpenAiChat, json!({"usage": {"prompt_tokens": n(0), "completion_tokens": n(1), "total_tokens": n(2),
                "prompt_tokens_details": {"cached_tokens": n(3)}, "completion_tokens_details": {"reasoning_tokens": n(4)}}})),
            (Shape::Anthropic, json!({"usage": {"input_tokens": n(0), "output_tokens": n(1), "cache_read_input_tokens": n(2),
                "cache_creation": {"ephemeral_5m_input_tokens": n(3), "ephemeral_1h_input_tokens": n(4)}}})),
            (Shape::Gemini, json!({"usageMetadata": {"promptTokenCount": n(0), "candidatesTokenCount": n(1),
                "thoughtsTokenCount": n(2), "totalTokenCount": n(3), "cachedContentTokenCount": n(4)}})),
        ];
        for (shape, body) in bodies {
            if let Ok(reading) = read_value(shape, &body) {
                prop_assert_eq!(reading.usage.check(), Ok(()));
            }
        }
    }
}

#[test]
fn thoughts_that_gemini_tells_by_the_total_alone_are_generated_tokens() {
    let body = |model: &str| {
        format!(
            r#"{{"model": "{model}", "usage": {{"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40}}}}"#
        )
    };
    let of_gemini = read(Shape::OpenAiChat, body("gemini-2.5-flash").as_bytes()).unwrap();
    assert_eq!((of_gemini.usage.get(Class::Output), of_gemini.usage.get(Class::Reasoning)), (Some(30), Some(25)));
    assert_eq!(of_gemini.repairs, [Repair::ReasoningOutside]);
    // Of others nobody knows what the total has more.
    let of_another = read(Shape::OpenAiChat, body("another").as_bytes()).unwrap();
    assert_eq!((of_another.usage.get(Class::Output), of_another.usage.get(Class::Reasoning)), (Some(5), None));
}

#[test]
fn a_stream_that_was_cut_off_does_not_tell_what_was_generated() {
    let streams: [(Shape, &[&str]); 4] = [
        (
            Shape::Anthropic,
            &[
                "data: {\"type\": \"message_start\", \"message\": {\"usage\": {\"input_tokens\": 25, \"output_tokens\": 1}}}\n\n",
                "data: {\"type\": \"message_delta\", \"delta\": {\"stop_reason\": \"end_turn\"}, \"usage\": {\"output_tokens\": 9}}\n\n",
            ],
        ),
        (
            Shape::Gemini,
            &[
                "data: {\"usageMetadata\": {\"promptTokenCount\": 25, \"candidatesTokenCount\": 3}}\n\n",
                "data: {\"candidates\": [{\"finishReason\": \"STOP\"}], \"usageMetadata\": {\"promptTokenCount\": 25, \"candidatesTokenCount\": 9}}\n\n",
            ],
        ),
        // A server that tells usage with each piece, and then ends.
        (
            Shape::OpenAiChat,
            &[
                "data: {\"choices\": [{\"finish_reason\": null}], \"usage\": {\"prompt_tokens\": 25, \"completion_tokens\": 9}}\n\n",
                "data: [DONE]\n\n",
            ],
        ),
        (
            Shape::OpenAiChat,
            &[
                "data: {\"choices\": [{\"finish_reason\": null}], \"usage\": {\"prompt_tokens\": 25, \"completion_tokens\": 9}}\n\n",
                "data: {\"choices\": [{\"finish_reason\": \"stop\"}]}\n\n",
            ],
        ),
    ];
    for (shape, events) in streams {
        let read = |events: &[&str]| {
            let mut stream = UsageStream::new(shape);
            for event in events {
                stream.push(event.as_bytes());
            }
            let reading = stream.finish().unwrap();
            (reading.is_cut, reading.usage.get(Class::Input), reading.usage.get(Class::Output))
        };
        assert_eq!(read(events), (false, Some(25), Some(9)), "{shape:?}");
        assert_eq!(read(&events[..1]), (true, Some(25), None), "{shape:?}");
    }
}
