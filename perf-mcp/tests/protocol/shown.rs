//! Parts of documents: nothing is said of what is not shown but what is known.

use super::{asked, next_of, text_of};
use perf_mcp::Got;
use serde_json::{Value, json};

/// The answer of a tool whose questions are answered by these documents, of their routes; others by empty ones.
fn answer(tool: &str, arguments: &Value, documents: &[(&str, Value)]) -> Value {
    let asked = asked(tool, arguments);
    let got = asked.questions().iter().map(|question| {
        let path = question.split('?').next().unwrap_or_default();
        let document = documents.iter().find(|(of, _)| *of == path).map_or_else(|| json!({}), |(_, one)| one.clone());
        Got::Document(document.to_string())
    });
    let (text, is_error) = text_of(&asked.clone().answer(got.collect()));
    assert!(!is_error, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

fn many(number: usize, of: impl Fn(usize) -> Value) -> Vec<Value> {
    (0..number).map(of).collect()
}

#[test]
fn of_a_page_an_overview_says_that_there_is_more_and_not_how_much() {
    let series = many(4, |number| json!({ "id": format!("tool{{tool=a{number}}}"), "failed": 9 - number }));
    let part = |number| json!({ "series": format!("tool{{tool=a{number}}}"), "share": 0.01 });
    let documents = [
        ("/api/v1/errors", json!({ "series": series, "next": "0a" })),
        ("/api/v1/shares", json!({ "seconds": 1.0, "parts": many(100, part) })),
        ("/api/v1/alerts", json!({ "alerts": [], "next": "0b" })),
    ];
    let overview = answer("overview", &json!({}), &documents);
    for (name, list, shown) in [("failing", "series", 3), ("time", "parts", 5), ("alerts", "alerts", 0)] {
        let part = &overview[name];
        assert_eq!(part[list].as_array().map(Vec::len), Some(shown), "{part}");
        assert_eq!(part["more"], true, "{part}");
        assert!(part.get("next").is_none() && part.get(format!("more_{list}")).is_none(), "{part}");
    }
    let few = json!({ "series": [{ "id": "tool{tool=a}", "failed": 1 }] });
    let overview = answer("overview", &json!({}), &[("/api/v1/errors", few.clone())]);
    assert!(overview["failing"].get("more").is_none(), "{overview}");
    // The tool itself takes its cursor.
    let page = json!({ "series": few["series"], "next": "0a" });
    assert_eq!(answer("errors", &json!({}), &[("/api/v1/errors", page)])["errors"]["next"], "0a");
}

#[test]
fn lists_of_an_overview_say_what_they_lack() {
    let indicator =
        |number| json!({ "name": format!("a{number}.latency"), "status": if number < 7 { "red" } else { "green" } });
    let waits = |number: usize| if number < 5 { json!(number) } else { Value::Null };
    let lock = |number| json!({ "lock": number, "longest_wait_seconds": waits(number), "holders": [{}, {}, {}] });
    let channel = |number| json!({ "channel": number, "stopped_seconds": waits(number) });
    let statement =
        json!({ "id": "1", "callers": [{ "caller": "tool{tool=a}" }, { "caller": null, "is_rest": true }] });
    let documents = [
        ("/health/performance", json!({ "indicators": many(9, indicator) })),
        ("/api/v1/locks", json!({ "locks": many(8, lock), "deadlocks": many(4, |number| json!({ "cycle": number })) })),
        ("/api/v1/channels", json!({ "channels": many(8, channel) })),
        ("/api/v1/statements", json!({ "statements": [statement], "repeated": [] })),
    ];
    let overview = answer("overview", &json!({}), &documents);
    assert_eq!(overview["health"]["more_indicators"], 2, "of those that are not well: {overview}");
    assert_eq!((&overview["locks"]["more_locks"], &overview["locks"]["more_deadlocks"]), (&json!(2), &json!(2)));
    assert_eq!(overview["locks"]["locks"][0]["lock"], 4, "the oldest wait first");
    assert_eq!(overview["channels"]["more_channels"], 2);
    // Of these the service names some.
    assert_eq!(overview["locks"]["locks"][0]["more_holders"], true);
    assert_eq!(overview["statements"]["statements"][0]["more_callers"], true);
}

#[test]
fn statements_that_are_repeated_now_are_not_behind_those_of_once() {
    let repeated = |(calls, recent): (u64, u64)| json!({ "root": "tool{tool=a}", "id": "1", "calls": calls, "recent_calls": recent });
    let all: Vec<Value> = [(900, 0), (800, 0), (700, 2), (30, 30), (5, 5)].map(repeated).into();
    let documents = [("/api/v1/statements", json!({ "statements": [], "repeated": all }))];
    let overview = answer("overview", &json!({}), &documents);
    let statements = &overview["statements"];
    assert_eq!((&statements["repeated"][0]["calls"], &statements["repeated"][1]["calls"]), (&json!(30), &json!(5)));
    assert_eq!((statements["repeated"].as_array().map(Vec::len), &statements["more_repeated"]), (Some(2), &json!(1)));
    assert_eq!(next_of(&overview, 0).0, "statements");
    let documents = [("/api/v1/statements", json!({ "statements": [], "repeated": [repeated((900, 0))] }))];
    assert_eq!(next_of(&answer("overview", &json!({}), &documents), 0).0, "series", "nothing is repeated now");
}

#[test]
fn a_comparison_says_which_series_it_looked_at_where_there_were_more() {
    let arguments = json!({ "before": "-2h/-1h", "after": "-1h/now" });
    let found = |left_out: u64| {
        let document = json!({ "kinds": [], "left_out": left_out });
        answer("compare", &arguments, &[("/api/v1/insight/compare", document)])["comparison"]["looked_at"].clone()
    };
    assert!(found(0).is_null());
    assert!(found(3).as_str().is_some_and(|text| text.contains("the first 200 series")), "{}", found(3));
}

#[test]
fn calls_that_are_worth_asking_give_way_where_nothing_else_can() {
    let indicator = |number| {
        let series = format!("tool{{tool={}{number}}}", "\u{1}".repeat(580));
        json!({ "name": "tool.errors", "status": "red", "series": series })
    };
    let overview =
        answer("overview", &json!({}), &[("/health/performance", json!({ "indicators": many(4, indicator) }))]);
    let next = overview["next_tool"].as_array().map_or(0, Vec::len);
    assert!((1..4).contains(&next), "{next} of four, and no refusal");
    assert_eq!(next_of(&overview, 0).0, "errors", "the most telling stays");
}

#[test]
fn an_alert_is_about_its_metric_and_the_figure_of_its_rule() {
    let next = |rule: &str, series: &str, message: &str| {
        let alert = json!({ "rule": rule, "name": "A rule", "series": series, "message": message });
        let answer = answer("alerts", &json!({}), &[("/api/v1/alerts", json!({ "alerts": [alert] }))]);
        (next_of(&answer, 0).0.to_owned(), answer["next_tool"].as_array().map_or(0, Vec::len))
    };
    let blocked = "operation{operation=block_user_error}";
    assert_eq!(next("no-error", blocked, "A rule: p95 of operation{..} is 2 s"), ("explain".to_owned(), 1));
    assert_eq!(next("slow", blocked, "A rule: error_rate of operation{..} is 50 %"), ("errors".to_owned(), 1));
    assert_eq!(next("slow", blocked, "A rule: recovered: error_rate of o is 0 %").0, "errors");
    assert_eq!(next("a", "lock_longest_wait_seconds{lock=a}", "A rule: lock.. is 9 s").0, "contention");
    assert_eq!(next("a", "channel_stopped_seconds", "A rule: channel.. is 9 s").0, "contention");
}

#[test]
fn of_calls_that_are_made_inside_others_an_empty_list_sends_to_the_callers() {
    let series = "tool{tool=a}";
    let none = answer(
        "calls",
        &json!({ "series": series, "outcome": "cancelled" }),
        &[("/api/v1/calls/recent", json!({ "calls": [] }))],
    );
    assert_eq!(next_of(&none, 0), ("explain", &json!({ "series": series })));
    assert!(none["next_tool"][0]["why"].as_str().is_some_and(|why| why.contains("made inside others")), "{none}");
    let of_all = answer("calls", &json!({}), &[("/api/v1/calls/recent", json!({ "calls": [] }))]);
    assert_eq!(next_of(&of_all, 0).0, "series", "{of_all}");
}
