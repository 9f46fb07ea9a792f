//! Messages of the Model Context Protocol: whatever bytes a client sends, and whatever a service says, the answer is one of JSON-RPC within its
//! bound, its questions are of the service's API, and the tools that it names can be asked.
//!
//! The input is a message, a zero byte, and the document that the service answers each question with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perf_mcp::{Got, Step, read};
use serde_json::{Value, json};

/// The longest text of an answer in bytes. As a text in JSON each may take six.
const MOST: usize = 8 << 10;

fuzz_target!(|input: &[u8]| {
    let (message, document) = match input.iter().position(|byte| *byte == 0) {
        Some(end) => (&input[..end], String::from_utf8_lossy(&input[end + 1..]).into_owned()),
        None => (input, "{}".to_owned()),
    };
    let answer = match read(message) {
        Step::Reply(answer) => answer,
        Step::Refuse(refusal) => refusal.answer(),
        Step::Ask(asked) => {
            assert!(asked.questions().iter().all(|one| one.starts_with("/api/v1/") || one == "/health/performance"));
            let got = asked.questions().iter().map(|_| Got::Document(document.clone())).collect();
            let answer = asked.answer(got);
            let whole: Value = serde_json::from_str(&answer).expect("JSON");
            let text = whole["result"]["content"][0]["text"].as_str().expect("text");
            assert!(text.len() <= MOST, "{} bytes", text.len());
            if whole["result"]["isError"] == false {
                let said: Value = serde_json::from_str(text).expect("JSON");
                for next in said["next_tool"].as_array().expect("tools") {
                    let params = json!({ "name": next["name"], "arguments": next["arguments"] });
                    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
                    assert!(matches!(read(message.to_string().as_bytes()), Step::Ask(_)), "{next}");
                }
            }
            answer
        }
        Step::Nothing | Step::Cancel(_) => return,
    };
    let answer_of: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer_of["jsonrpc"], "2.0");
    assert!(answer_of.get("result").is_some() != answer_of["error"]["code"].is_i64(), "{answer}");
    assert!(answer.len() <= 6 * (message.len() + MOST) + 1_000, "{} bytes for {}", answer.len(), message.len());
});
