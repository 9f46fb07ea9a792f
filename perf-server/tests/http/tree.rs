//! Calls inside others, and where the time of a series goes.

use crate::common::{get, open};
use perf_runtime::series::{Wait, WaitedOn};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Monitor, Outcome};
use serde_json::{Value, json};
use std::time::Duration;

/// A series in whose calls another is called, one whose calls call nothing, and one that only began; a minute after these.
fn monitor(clock: &ManualClock) -> Monitor {
    let monitor = Monitor::builder().build().unwrap();
    let second = || {
        clock.advance(Duration::from_secs(1));
        monitor.tick();
    };
    second();
    monitor.operation("page").run(|| monitor.operation("query").run(|| clock.advance(Duration::from_millis(5))));
    monitor.operation("alone").record(Duration::from_millis(20), Outcome::Ok);
    drop(monitor.operation("idle"));
    (0..60).for_each(|_| second());
    monitor
}

async fn shares(monitor: &Monitor, query: &str) -> (u16, Value) {
    let answer = get(&open(monitor), &format!("/api/v1/shares?window=5m{query}")).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test]
async fn the_parts_of_a_series_and_its_own_are_all_of_its_time() {
    let clock = ManualClock::hold();
    let monitor = monitor(&clock);
    let (status, told) = shares(&monitor, "&series=operation%7Boperation=page%7D").await;
    assert_eq!((status, &told["parts"][0]["series"]), (200, &json!("operation{operation=query}")));
    let all = told["unannotated"].as_f64().unwrap() + told["parts"][0]["share"].as_f64().unwrap();
    assert!((all - 1.0).abs() < 1e-9, "{told}");
    let (status, told) = shares(&monitor, "&series=operation%7Boperation=alone%7D").await;
    assert_eq!((status, &told["unannotated"], &told["seconds"]), (200, &json!(1.0), &json!(0.02)));
}

#[tokio::test]
async fn a_series_without_calls_has_no_shares_and_an_unknown_one_is_not_found() {
    let clock = ManualClock::hold();
    let monitor = monitor(&clock);
    let (status, told) = shares(&monitor, "&series=operation%7Boperation=idle%7D").await;
    assert_eq!(status, 200, "{told}");
    assert_eq!((&told["seconds"], &told["unannotated"], &told["parts"]), (&json!(0.0), &json!(null), &json!([])));
    let (status, told) = shares(&monitor, "&series=operation%7Boperation=unheard_of%7D").await;
    assert_eq!((status, &told["type"]), (404, &json!("/problems/unknown-series")), "{told}");
}

#[tokio::test]
async fn all_time_is_divided_among_the_series_in_which_it_passed() {
    let clock = ManualClock::hold();
    let monitor = monitor(&clock);
    let (status, told) = shares(&monitor, "").await;
    // A page did nothing but wait for its query.
    let parts = told["parts"].as_array().unwrap();
    let names: Vec<_> = parts.iter().map(|part| part["series"].as_str().unwrap()).collect();
    assert_eq!((status, names.len()), (200, 2), "{told}");
    let all: f64 = parts.iter().map(|part| part["share"].as_f64().unwrap()).sum();
    assert!((all - 1.0).abs() < 1e-9, "{told}");
}

#[tokio::test]
async fn edges_name_the_caller_and_the_called() {
    let clock = ManualClock::hold();
    let monitor = monitor(&clock);
    let app = open(&monitor);
    let edges = get(&app, "/api/v1/edges?window=5m&parent=operation%7Boperation=page%7D").await.json();
    let edge = &edges["edges"][0];
    assert_eq!(
        (&edge["child"], &edge["calls"], &edge["failed"]),
        (&json!("operation{operation=query}"), &json!(1), &json!(0))
    );
    assert_eq!(edge["seconds"], json!(0.005));
    let none = get(&app, "/api/v1/edges?window=5m&child=operation%7Boperation=page%7D").await.json();
    assert_eq!(none["edges"], json!([]));
    // Nobody keeps a history: of three hours the last minute is known.
    let past = get(&app, "/api/v1/edges?from=-3h").await.json();
    let began = monitor.time_of_day() - monitor.uptime();
    let since = perf_runtime::text::parse_rfc3339(past["since"].as_str().unwrap()).unwrap();
    assert!(since.duration_since(began).is_ok_and(|later| later < Duration::from_secs(1)), "{past}");
    assert_eq!(past["edges"], edges["edges"]);
}

#[tokio::test]
async fn waits_are_those_of_a_series_or_of_a_sort_of_thing() {
    let monitor = Monitor::builder().build().unwrap();
    let wait =
        |series: &str, on, name: &str, waits, seconds| Wait::new(series.parse().unwrap(), on, name, waits, seconds);
    let _guard = monitor.add_wait_source(move || {
        vec![
            wait("operation{operation=page}", WaitedOn::Lock, "stock", 3, 0.5),
            wait("operation{operation=page}", WaitedOn::Statement, "select ?", 7, 2.0),
            wait("http_request{method=GET,route=/items}", WaitedOn::Channel, "orders", 1, 0.25),
        ]
    });
    let app = open(&monitor);
    let names = async |query: &str| {
        let answer = get(&app, &format!("/api/v1/waits{query}")).await.json();
        let names: Vec<_> = answer["waits"].as_array().unwrap().iter().map(|wait| wait["name"].clone()).collect();
        names
    };
    assert_eq!(names("?sort=-waited_seconds").await, ["select ?", "stock", "orders"]);
    assert_eq!(names("?sort=waits").await, ["orders", "stock", "select ?"]);
    assert_eq!(names("?on=lock").await, ["stock"]);
    // A request is known by its method and route, whatever its status.
    assert_eq!(names("?series=http_request%7Bmethod=GET,route=/items,status=200%7D").await, ["orders"]);
    let one = get(&app, "/api/v1/waits?on=statement").await.json();
    let expected = json!({"series": "operation{operation=page}", "on": "statement", "name": "select ?", "waits": 7, "waited_seconds": 2.0});
    assert_eq!(one["waits"], json!([expected]));
    let refused = get(&app, "/api/v1/waits?on=disk").await;
    assert_eq!(refused.status, 422);
}

#[tokio::test]
async fn calls_that_wait_are_a_tree_and_all_of_them_are_counted() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let second = || clock.advance(Duration::from_secs(1));
    let (page, query) = (monitor.operation("flight_page"), monitor.operation("flight_query"));
    let mut waiting = Box::pin(page.watch(async {
        let one = || {
            second();
            Box::pin(query.watch(std::future::pending::<()>()))
        };
        let mut queries: Vec<_> = (0..5).map(|_| one()).collect();
        std::future::poll_fn(|context| {
            for query in &mut queries {
                assert!(query.as_mut().poll(context).is_pending());
            }
            std::task::Poll::<()>::Pending
        })
        .await;
    }));
    assert!(waiting.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending());
    let app = open(&monitor);
    let all = get(&app, "/api/v1/calls?limit=2&kind=operation").await.json();
    let [page, query] = all["calls"].as_array().unwrap().as_slice() else { panic!("{all}") };
    assert_eq!(
        (&all["total"], &all["more"], &page["inside"], &page["parent"]),
        (&json!(6), &json!(true), &json!(5), &Value::Null)
    );
    assert_eq!((&query["parent"], &query["caller"]), (&page["id"], &json!("operation{operation=flight_page}")));
    let some = get(&app, "/api/v1/calls?limit=5&label=operation=flight_query").await.json();
    assert_eq!((&some["total"], &some["more"]), (&json!(5), &json!(false)));
    assert!(
        some["calls"]
            .as_array()
            .unwrap()
            .iter()
            .all(|call| call["parent"].is_null() && call["caller"] == query["caller"])
    );
}
