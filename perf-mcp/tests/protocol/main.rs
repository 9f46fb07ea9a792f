//! The protocol and the tools, with a service that is made up.

mod properties;
mod shown;

use perf_mcp::{Asked, Got, Step, read};
use serde_json::{Value, json};

const MOST_BYTES: usize = 8 << 10;

fn reply(message: &Value) -> Value {
    match read(message.to_string().as_bytes()) {
        Step::Reply(answer) => serde_json::from_str(&answer).expect("JSON"),
        other => panic!("no reply: {other:?}"),
    }
}

fn call(name: &str, arguments: &Value) -> Step {
    let params = json!({ "name": name, "arguments": arguments });
    read(json!({ "jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": params }).to_string().as_bytes())
}

fn asked(name: &str, arguments: &Value) -> Asked {
    match call(name, arguments) {
        Step::Ask(asked) => *asked,
        other => panic!("{name} asks: {other:?}"),
    }
}

/// The text of a tool's answer, and whether it is an error.
fn text_of(answer: &str) -> (String, bool) {
    let answer: Value = serde_json::from_str(answer).expect("JSON");
    let result = &answer["result"];
    (result["content"][0]["text"].as_str().expect("text").to_owned(), result["isError"] == true)
}

fn wrong(name: &str, arguments: &Value) -> String {
    match call(name, arguments) {
        Step::Reply(answer) => {
            let (text, is_error) = text_of(&answer);
            assert!(is_error, "{name} {arguments}: {text}");
            text
        }
        other => panic!("{name} {arguments}: {other:?}"),
    }
}

#[test]
fn a_client_begins_with_the_version_that_both_speak() {
    for (wanted, given) in [("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"), ("2025-03-26", "2025-11-25")] {
        let params =
            json!({ "protocolVersion": wanted, "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } });
        let answer = reply(&json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params }));
        assert_eq!(answer["result"]["protocolVersion"], given);
        assert_eq!((&answer["id"], &answer["result"]["capabilities"]), (&json!(0), &json!({ "tools": {} })));
    }
    assert_eq!(reply(&json!({ "jsonrpc": "2.0", "id": "x", "method": "ping" }))["result"], json!({}));
    let unknown = reply(&json!({ "jsonrpc": "2.0", "id": 1, "method": "resources/list" }));
    assert_eq!(unknown["error"]["code"], -32_601);
}

#[test]
fn the_tools_are_ten_that_change_nothing_in_six_thousand_bytes() {
    let answer = reply(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }));
    let tools = answer["result"]["tools"].as_array().expect("tools");
    assert_eq!(tools.len(), 10);
    assert!(answer.to_string().len() <= 6_000, "{} bytes of every agent's room", answer.to_string().len());
    for tool in tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
        assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
    }
}

#[test]
fn arguments_are_described_with_their_types_bounds_and_usual_values() {
    let answer = reply(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }));
    let tools = answer["result"]["tools"].as_array().expect("tools");
    let schema = |tool: &str| {
        let tool = tools.iter().find(|one| one["name"] == tool).expect("a tool");
        tool["inputSchema"]["properties"].clone()
    };
    let series = schema("series");
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 8, "description": "most entries" });
    assert_eq!(series["limit"], limit);
    assert_eq!((&series["window"]["type"], &series["window"]["default"]), (&json!("string"), &json!("5m")));
    assert_eq!((&series["label"]["maxItems"], &series["sort"]["default"]), (&json!(8), &json!("-p95")));
    assert_eq!(schema("explain")["window"]["default"], "15m");
    assert_eq!(schema("compare")["figure"]["default"], "latency");
    for tool in tools {
        for (name, argument) in tool["inputSchema"]["properties"].as_object().expect("arguments") {
            assert!(argument["type"].is_string() && argument["description"].is_string(), "{name}: {argument}");
            assert_eq!(name == "limit", argument["default"].is_number(), "{}: {name}: {argument}", tool["name"]);
        }
    }
}

#[test]
fn no_message_of_the_protocol_is_refused_with_the_reason() {
    for (message, why) in [
        ("{", "no JSON"),
        ("[]", "one at a time"),
        ("3", "one at a time"),
        (r#"{"id":1,"method":"ping"}"#, "jsonrpc"),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, "jsonrpc"),
        (r#"{"jsonrpc":"2.0","id":1}"#, "method"),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "id"),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, "id"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, "one at a time"),
    ] {
        let Step::Refuse(refusal) = read(message.as_bytes()) else { panic!("{message} is refused") };
        assert!(refusal.to_string().contains(why), "{message}: {refusal}");
        let answer: Value = serde_json::from_str(&refusal.answer()).unwrap();
        assert!(answer["error"]["code"].as_i64().is_some_and(|code| code <= -32_600));
        assert_eq!(answer["id"], if message.contains(r#""id":1"#) { json!(1) } else { Value::Null }, "{message}");
    }
    for message in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"no/such/thing"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":[1]}}"#,
    ] {
        assert!(matches!(read(message.as_bytes()), Step::Nothing), "{message}");
    }
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}}"#;
    let Step::Cancel(id) = read(cancel.as_bytes()) else { panic!("it is cancelled") };
    assert_eq!(id, asked("overview", &json!({})).id());
}

#[test]
fn wrong_arguments_are_told_to_the_model() {
    for (name, arguments, why) in [
        ("overview", json!({ "a": 1 }), "a: an argument that is not allowed; allowed: none"),
        ("series", json!({ "sort": "size" }), "sort: \"size\" is not allowed; allowed: -p95"),
        ("series", json!({ "limit": 0 }), "limit: 0 is not allowed; allowed: 1 to 100"),
        ("series", json!({ "limit": 2.5 }), "1 to 100"),
        ("series", json!({ "label": "a=b" }), "a list of at most 8 texts"),
        ("explain", json!({}), "series: missing"),
        ("explain", json!({ "series": "users" }), "series: \"users\" is not allowed; allowed: the id of a series"),
        ("calls", json!({ "id": "../info" }), "letters, digits and dashes"),
        ("alerts", json!({ "incident": "a/b" }), "letters, digits and dashes"),
        ("compare", json!({ "before": "-2h/-1h" }), "after: missing"),
        (
            "calls",
            json!({ "id": "18ec-f8", "series": "tool{tool=a}", "limit": 3 }),
            "limit, series: not allowed together with id; allowed: id alone",
        ),
        ("alerts", json!({ "incident": "i-1", "state": "firing" }), "state: not allowed together with incident"),
    ] {
        let text = wrong(name, &arguments);
        assert!(text.contains(why), "{name} {arguments}: {text}");
    }
    let unknown = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "restart" } });
    assert_eq!(reply(&unknown)["error"]["code"], -32_602);
}

#[test]
fn arguments_become_the_query_of_the_api() {
    let series = asked("series", &json!({ "kind": "db_operation", "label": ["a=b c", "d=&"], "limit": 3 }));
    assert_eq!(
        series.questions(),
        ["/api/v1/series?kind=db_operation&label=a%3Db+c&label=d%3D%26&window=5m&sort=-p95&limit=3"]
    );
    let explain = asked("explain", &json!({ "series": "tool{tool=a}" }));
    assert_eq!(explain.questions().len(), 6);
    assert_eq!(explain.questions()[0], "/api/v1/series?limit=10&window=15m&kind=tool&label=tool%3Da");
    assert_eq!(explain.questions()[1], "/api/v1/shares?series=tool%7Btool%3Da%7D&window=15m");
    assert_eq!(asked("calls", &json!({ "id": "18ec-f8" })).questions(), ["/api/v1/calls/18ec-f8"]);
    assert_eq!(asked("alerts", &json!({ "incident": "i-1" })).questions(), ["/api/v1/incidents/i-1"]);
    assert_eq!(asked("overview", &json!({})).questions().len(), 12);
}

#[test]
fn a_part_that_is_not_there_is_said_and_the_rest_answered() {
    let locks = Got::Document(r#"{"locks":[]}"#.to_owned());
    let (text, is_error) = text_of(&asked("contention", &json!({})).answer(vec![locks, Got::NotThere]));
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (is_error, &answer["locks"], &answer["not_enabled"]),
        (false, &json!({ "locks": [] }), &json!(["channels"]))
    );
    let (text, is_error) = text_of(&asked("contention", &json!({})).answer(vec![Got::NotThere, Got::NotThere]));
    assert!(is_error && text == "not enabled in this service: locks, channels", "{text}");
    let refused = Got::Refused("there is no series \"x\"".to_owned());
    let (text, is_error) = text_of(&asked("errors", &json!({ "series": "x" })).answer(vec![refused]));
    assert!(is_error && text.contains("there is no series"), "{text}");
}

#[test]
fn a_figure_is_the_one_of_the_document() {
    let document = r#"{"window":"5m","series":[{"id":"a","p95":0.123456789012345678,"mean":1e-9,"count":18446744073709551615,"apdex":null,"family":{"counter":"c"}}]}"#;
    let got = vec![Got::Document(document.to_owned())];
    let (text, _) = text_of(&asked("series", &json!({})).answer(got));
    let answer: Value = serde_json::from_str(&text).unwrap();
    let row = &answer["series"]["series"][0];
    assert_eq!(row["p95"].as_f64(), Some(0.123_456_789_012_345_68));
    assert_eq!((row["mean"].as_f64(), row["count"].as_u64()), (Some(1e-9), Some(u64::MAX)));
    assert!(row["apdex"].is_null() && row.get("family").is_none(), "{row}");
    let label = "l".repeat(500);
    let document =
        json!({ "series": [{ "id": label, "labels": { "family": "f", "name": label }, "error_types": { "std": 1 } }] });
    let (text, _) = text_of(&asked("series", &json!({})).answer(vec![Got::Document(document.to_string())]));
    let answer: Value = serde_json::from_str(&text).unwrap();
    let row = &answer["series"]["series"][0];
    assert_eq!(
        (&row["id"], &row["labels"]["family"]),
        (&json!(label), &json!("f")),
        "an id can be asked with, and names of users stay"
    );
    assert_eq!(
        (row["error_types"]["std"].as_u64(), row["labels"]["name"].as_str().map(str::len)),
        (Some(1), Some(202))
    );
}

/// A call of a tool that an answer says is worth asking.
fn next_of(answer: &Value, number: usize) -> (&str, &Value) {
    let next = &answer["next_tool"][number];
    (next["name"].as_str().expect("a tool"), &next["arguments"])
}

#[test]
fn a_comparison_keeps_its_worst_rows_over_all_kinds_and_counts_the_rest() {
    let change = |class: &str, relative: f64| {
        let between = [relative - 0.01, relative + 0.01];
        json!({ "class": class, "before": 1.0, "after": 1.0 + relative, "difference_between": between, "relative": relative })
    };
    let kinds: Vec<Value> = ["agent", "db_operation", "tool", "workflow"]
        .into_iter()
        .enumerate()
        .map(|(place, kind)| {
            let rows: Vec<Value> = (0..50)
                .map(|number| {
                    let is_worst = kind == "workflow" && number == 49;
                    let change = if is_worst { change("regressed", 3.0) } else { change("no_change", 0.001) };
                    json!({ "series": format!("{kind}{{name={}{number}}}", "n".repeat(60)), "change": change })
                })
                .collect();
            let overall = change(if place == 3 { "regressed" } else { "no_change" }, 0.1);
            json!({ "kind": kind, "overall": overall, "series": rows, "only_before": [format!("{kind}{{a=1}}")], "only_after": [] })
        })
        .collect();
    let document = json!({ "before": {}, "after": {}, "figure": "latency", "kinds": kinds, "left_out": 7 }).to_string();
    let arguments = json!({ "before": "-2h/-1h", "after": "-1h/now", "limit": 100 });
    let compare = asked("compare", &arguments);
    assert!(
        compare.questions()[0].contains("limit=200"),
        "the worst are looked for among all: {:?}",
        compare.questions()
    );
    let (text, _) = text_of(&compare.answer(vec![Got::Document(document.clone())]));
    let answer: Value = serde_json::from_str(&text).unwrap();
    let found = &answer["comparison"];
    let worst = format!("workflow{{name={}49}}", "n".repeat(60));
    assert_eq!(
        (&found["series"][0]["series"], &found["kinds"][0]["kind"]),
        (&json!(worst), &json!("workflow")),
        "{text}"
    );
    let shown = found["series"].as_array().map_or(0, Vec::len);
    assert_eq!(found["more_series"], 100, "beyond the limit");
    assert_eq!(answer["left_out"]["/comparison/series"], json!({ "shown": shown, "of_page": 100 }));
    assert_eq!((found["left_out"].as_u64(), found["only_before"].as_array().map(Vec::len)), (Some(7), Some(4)));
    assert_eq!(found["series"][0]["change"]["difference_between"].as_array().map(Vec::len), Some(2));
    assert_eq!(next_of(&answer, 0), ("explain", &json!({ "series": worst })));
    let few =
        asked("compare", &json!({ "before": "-2h/-1h", "after": "-1h/now" })).answer(vec![Got::Document(document)]);
    let answer: Value = serde_json::from_str(&text_of(&few).0).unwrap();
    assert_eq!(answer["comparison"]["series"].as_array().map(Vec::len), Some(10));
}

#[test]
fn an_overview_names_the_tools_that_its_figures_speak_for() {
    let query = "db_operation{operation=select,table=points}";
    let indicator = |name: &str, status: &str| json!({ "name": name, "status": status, "series": query });
    let health = json!({ "status": "unhealthy", "indicators": [
        indicator("db_operation.latency", "green"), indicator("db_operation.errors", "red"),
    ] });
    let locks = json!({ "deadlocks": [{ "cycle": "a", "text": "b", "certain": true }], "locks": [
        { "lock": "quick", "longest_wait_seconds": null },
        { "lock": "slow", "longest_wait_seconds": 9.5, "holders": [{ "series": query }] },
    ] });
    let running =
        json!({ "calls": [{ "kind": "agent", "labels": { "agent": "analyst" }, "age": 40.0 }], "more": false });
    let keeps = |name: &str, bytes: Option<u64>| json!({ "id": name, "rate": 3.0, "profile": { "calls": 7, "net_bytes": bytes } });
    let memory = json!({ "series": [
        keeps("operation{operation=keep}", Some(9 << 20)), keeps("operation{operation=little}", Some(7 << 20)),
        keeps("operation{operation=unknown}", None), json!({ "id": "operation{operation=other}", "profile": null }),
    ] });
    let nothing = || Got::NotThere;
    let got = |document: &Value| Got::Document(document.to_string());
    let documents = vec![
        got(&health),
        nothing(),
        nothing(),
        nothing(),
        nothing(),
        nothing(),
        nothing(),
        got(&running),
        got(&memory),
        got(&locks),
        nothing(),
        nothing(),
    ];
    let (text, _) = text_of(&asked("overview", &json!({})).answer(documents));
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["health"]["indicators"].as_array().map(Vec::len), Some(1), "only what is not well: {text}");
    assert_eq!(answer["locks"]["locks"][0]["lock"], "slow", "only what is waited for: {text}");
    assert_eq!(next_of(&answer, 0).0, "contention");
    assert_eq!(next_of(&answer, 1), ("errors", &json!({ "series": query })));
    assert_eq!(next_of(&answer, 2), ("in_flight", &json!({ "kind": "agent", "label": ["agent=analyst"] })));
    assert_eq!(next_of(&answer, 3), ("explain", &json!({ "series": "operation{operation=keep}" })));
    let keeps = json!([{ "id": "operation{operation=keep}", "calls": 7, "net_bytes": 9 << 20 }]);
    assert_eq!(answer["memory"]["series"], keeps, "only where much is left");
    let (text, _) = text_of(&asked("overview", &json!({})).answer((0..12).map(|_| got(&json!({}))).collect()));
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(next_of(&answer, 0), ("series", &json!({ "sort": "-p95" })), "nothing stands out");
}

#[test]
fn names_of_labels_are_cut_and_stay_apart() {
    let long = "n".repeat(300);
    let (one, other) = (format!("{long}1"), format!("{long}2"));
    let document = json!({ "series": [{ "labels": { &one: "a", &other: "b", "short": "c" } }] });
    let (text, _) = text_of(&asked("series", &json!({})).answer(vec![Got::Document(document.to_string())]));
    let answer: Value = serde_json::from_str(&text).unwrap();
    let labels = answer["series"]["series"][0]["labels"].as_object().expect("labels");
    assert!(labels.keys().all(|name| name.len() <= 210), "{text}");
    let mut values: Vec<&str> = labels.values().filter_map(Value::as_str).collect();
    values.sort_unstable();
    assert_eq!(values, ["a", "b", "c"], "{text}");
}

#[test]
fn the_only_entry_of_a_list_stays_and_what_is_long_in_it_is_cut() {
    let alerts: Vec<Value> =
        (0..30).map(|number| json!({ "id": number, "unit": "seconds", "message": "x".repeat(90) })).collect();
    let list = |length: usize| (0..length).map(|_| "y".repeat(70)).collect::<Vec<_>>();
    let incident = json!({ "id": "i-1", "causes": list(40), "checked": list(41) });
    let documents = [json!({}), json!({}), json!({ "alerts": alerts }), json!({ "incidents": [incident] }), json!({})];
    let got = documents.iter().map(|one| Got::Document(one.to_string())).collect();
    let (text, _) = text_of(&asked("overview", &json!({})).answer(got));
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["incidents"]["incidents"][0]["id"], "i-1", "{text}");
    assert_eq!(answer["alerts"]["alerts"][0]["unit"], "seconds", "a figure has its unit");
}

#[test]
fn a_list_that_is_cut_says_so_and_has_no_cursor() {
    let rows: Vec<Value> = (0..100).map(|number| json!({ "id": number, "text": "x".repeat(300) })).collect();
    let got = vec![Got::Document(json!({ "series": rows, "next": "0a" }).to_string())];
    let (text, _) = text_of(&asked("series", &json!({ "limit": 100 })).answer(got));
    assert!(text.len() <= MOST_BYTES, "{}", text.len());
    let answer: Value = serde_json::from_str(&text).unwrap();
    let shown = answer["series"]["series"].as_array().unwrap();
    assert_eq!(answer["left_out"]["/series/series"], json!({ "shown": shown.len(), "of_page": 100 }));
    assert!(answer["series"].get("next").is_none() && answer["series"]["paging"].is_string(), "{text}");
    assert!(shown.len() > 20, "no more is left out than must be: {}", shown.len());
    assert_eq!(shown[0]["text"].as_str().map(str::len), Some(202), "texts are cut");
}

#[test]
fn of_two_long_lists_both_are_shown() {
    let list = |name: &str, rows: usize| {
        let rows: Vec<Value> = (0..rows).map(|number| json!({ "name": number, "text": "x".repeat(100) })).collect();
        Got::Document(json!({ name: rows }).to_string())
    };
    let (text, _) =
        text_of(&asked("contention", &json!({})).answer(vec![list("locks", 3_000), list("channels", 2_000)]));
    let answer: Value = serde_json::from_str(&text).unwrap();
    let shown = |path: &str| answer.pointer(path).and_then(Value::as_array).map_or(0, Vec::len);
    assert!(shown("/locks/locks") > 10 && shown("/channels/channels") > 10, "{text}");
    assert_eq!(answer["left_out"]["/locks/locks"]["of_page"], 3_000);
}
