//! Questions about the past that take long. Apart from the other tests, for their places are those of the whole process.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use perf_runtime::Monitor;
use perf_runtime::extend::{Past, PastSink};
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::test_util::ManualClock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};
use tower::ServiceExt;

async fn get(app: &Router, path: &str) -> Response {
    let request = Request::builder().uri(path).header("host", "127.0.0.1:8080").body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

/// A past that answers nothing, when a test lets it.
#[derive(Default)]
struct Slow {
    is_open: AtomicBool,
    at_once: AtomicUsize,
    most: AtomicUsize,
}

impl Past for Slow {
    fn observed(&self, _: &TimeRange) -> Vec<TimeRange> {
        self.most.fetch_max(self.at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        while !self.is_open.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        Vec::new()
    }

    fn step_since(&self, _: SystemTime) -> Duration {
        Duration::from_secs(5)
    }

    fn read(&self, _: &Selector, _: &TimeRange, _: &mut dyn PastSink) {}
}

#[tokio::test]
async fn two_questions_are_answered_at_once_some_wait_and_the_rest_is_told_to_come_back() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    clock.advance(Duration::from_secs(2 * 3_600));
    let slow = Arc::new(Slow::default());
    let _provided = monitor.provide::<dyn Past>(Arc::<Slow>::clone(&slow)).unwrap();
    let app = perf_server::router(&monitor);
    let begin = |path: &'static str| {
        let app = app.clone();
        tokio::spawn(async move { get(&app, path).await.status() })
    };
    let query = "/api/v1/query?kind=operation&from=-2d";
    // Two that are answered and 32 that wait.
    let all: Vec<_> = (0..34).map(|_| begin(query)).collect();
    while slow.at_once.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let refused = get(&app, query).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "5");
    for past in ["edges?from=-2d", "shares?series=operation%7Boperation%3Dsearch%7D&from=-2d", "errors?from=-2d"] {
        let path = format!("/api/v1/{past}");
        assert_eq!(get(&app, &path).await.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
    // Questions that memory answers wait for none of them.
    let hour = monitor.time_of_day() - Duration::from_millis(3_600_500);
    let hour = format!("/api/v1/errors?from={}", perf_runtime::text::rfc3339(hour));
    for recent in ["/api/v1/series", "/api/v1/edges", "/api/v1/errors?window=1h", &hour] {
        assert_eq!(get(&app, recent).await.status(), StatusCode::OK, "{recent}");
    }
    slow.is_open.store(true, Ordering::SeqCst);
    for one in all {
        assert_eq!(one.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(slow.most.load(Ordering::SeqCst), 2);
    assert_eq!(get(&app, query).await.status(), StatusCode::OK);
}
