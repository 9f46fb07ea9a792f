//! Whatever is asked, and whatever the service says.

use super::{MOST_BYTES, asked, call, text_of};
use perf_mcp::{Got, Step, read};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The lists that calls of tools are made of.
const LISTS: &[&str] = &[
    "series",
    "calls",
    "locks",
    "channels",
    "deadlocks",
    "statements",
    "repeated",
    "alerts",
    "incidents",
    "bottlenecks",
    "indicators",
    "parts",
    "kinds",
    "causes",
    "inside",
];

/// Documents as the service gives them in their form, with any values in the places that calls of tools are made of.
fn documents_of_tools() -> impl Strategy<Value = Value> {
    let id = prop_oneof![Just("tool{tool=a}".to_owned()), "[a-z_]{1,8}\\{[a-z]{1,3}=\\PC{0,60}\\}", "\\PC{0,40}"];
    let age = prop_oneof![Just(Value::Null), any::<f64>().prop_map(Value::from)];
    let any = prop_oneof![
        Just(Value::Null),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        prop::collection::vec("[a-z]{0,9}", 0..4).prop_map(Value::from),
        prop::collection::btree_map("[a-z]{1,8}", "[a-z]{0,9}", 0..4).prop_map(|fields| json!(fields)),
    ];
    (id, age, any, prop::sample::subsequence(LISTS, 0..5)).prop_map(|(id, age, any, lists)| {
        let call = json!({ "id": id, "series": id, "kind": id, "labels": any, "age": age, "error": any });
        let one = json!({
            "id": id, "series": id, "name": id, "status": "red", "holders": [{ "series": id }], "waiters": [{ "series": id }],
            "longest_wait_seconds": age, "stopped_receiver": id, "groups": [any], "callers": [{ "caller": id }], "root": id,
            "recent_calls": age, "error_rate": age, "share": age, "rule": id, "labels": any, "kind": id, "age": age, "change": any,
        });
        let mut document = json!({ "call": call, "unannotated": age });
        for list in lists {
            document[list] = json!([one, any]);
        }
        document
    })
}

/// Documents as deep and wide as may be.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,400}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 400, 40, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..40).prop_map(Value::from),
            prop::collection::btree_map("[a-z/~]{1,8}", inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_service_says_the_answer_is_json_within_its_bound(documents in prop::collection::vec(document(), 11)) {
        let got = documents.iter().map(|one| Got::Document(one.to_string())).collect();
        let (text, is_error) = text_of(&asked("overview", &json!({})).answer(got));
        prop_assert!(text.len() <= MOST_BYTES);
        prop_assert!(is_error || serde_json::from_str::<Value>(&text).is_ok());
    }

    #[test]
    fn whatever_json_a_client_sends_is_answered_as_the_protocol_has_it(
        message in document(),
        method in "(initialize|ping|tools/list|tools/call|notifications/x|\\PC{0,20})",
        name in "(overview|series|explain|calls|compare|\\PC{0,20})",
        id in prop_oneof![Just(json!(1)), Just(json!("a")), Just(Value::Null), document()],
    ) {
        let params = json!({ "name": name, "arguments": message, "protocolVersion": message });
        let whole = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        for message in [&message, &whole, &json!({ "jsonrpc": message, "id": message, "method": message, "params": message })] {
            let bytes = message.to_string();
            let answer = match read(bytes.as_bytes()) {
                Step::Reply(answer) => answer,
                Step::Refuse(refusal) => refusal.answer(),
                Step::Ask(asked) => {
                    let got = asked.questions().iter().map(|_| Got::NotThere).collect();
                    asked.answer(got)
                }
                Step::Nothing | Step::Cancel(_) => continue,
            };
            let answer_of: Value = serde_json::from_str(&answer).unwrap();
            prop_assert_eq!(&answer_of["jsonrpc"], "2.0");
            prop_assert!(answer_of["id"].is_string() || answer_of["id"].is_number() || answer_of["id"].is_null());
            prop_assert!(answer_of.get("result").is_some() != answer_of["error"]["code"].is_i64(), "{}", answer);
            prop_assert!(answer.len() <= bytes.len() + 2 * MOST_BYTES, "{} bytes for {}", answer.len(), bytes.len());
        }
    }

    #[test]
    fn no_bytes_of_a_client_are_too_much(message in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!matches!(read(&message), Step::Ask(_)));
    }

    #[test]
    fn no_arguments_are_too_much(name in "(overview|series|explain|calls|alerts|compare|statements)", arguments in document()) {
        if let Step::Ask(asked) = call(&name, &arguments) {
            prop_assert!(asked.questions().iter().all(|question| question.starts_with("/api/v1/") || question == "/health/performance"));
        }
    }
}

proptest! {
    // Each answer is cut from many lists.
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn the_tools_that_an_answer_names_can_be_asked(
        document in documents_of_tools(),
        tool in "(overview|series|explain|in_flight|calls|errors|statements|contention|alerts|compare)",
    ) {
        let arguments = match tool.as_str() {
            "explain" => json!({ "series": "tool{tool=a}" }),
            "compare" => json!({ "before": "-2h/-1h", "after": "-1h/now" }),
            _ => json!({}),
        };
        let asked = asked(&tool, &arguments);
        let got = asked.questions().iter().map(|_| Got::Document(document.to_string())).collect();
        let (text, is_error) = text_of(&asked.answer(got));
        prop_assert!(text.len() <= MOST_BYTES && !is_error, "{} {}", text.len(), text);
        let answer: Value = serde_json::from_str(&text).unwrap();
        let next = answer["next_tool"].as_array().unwrap();
        prop_assert!((1..=4).contains(&next.len()));
        for one in next {
            let name = one["name"].as_str().unwrap();
            prop_assert!(matches!(call(name, &one["arguments"]), Step::Ask(_)), "{one}");
        }
    }
}
