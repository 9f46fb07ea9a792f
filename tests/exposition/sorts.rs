//! The sorts of errors, seen from the midst of a call's end.

use crate::reference::prometheus;
use perf_runtime::{ErrorType, Monitor, monitor_tool};
use tracing::Subscriber;
use tracing::span::Id;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

#[derive(ErrorType)]
enum Failure {
    Late,
}

#[monitor_tool("exposition_sorts")]
fn fails() -> Result<(), Failure> {
    Err(Failure::Late)
}

/// Scrapes whenever a call's span closes: as early as anybody can see that the call has ended.
struct ScrapesAtTheEnd(Monitor);

impl<S: Subscriber> Layer<S> for ScrapesAtTheEnd {
    fn on_close(&self, _: Id, _: Context<'_, S>) {
        assert_eq!(shown(&self.0), [Some(1), Some(0)]);
    }
}

/// Failed calls of the known sort, and of none.
fn shown(monitor: &Monitor) -> [Option<u64>; 2] {
    let text = prometheus(monitor);
    [",error_type=\"late\"", ""].map(|sort| {
        let sample = format!("tool_calls_total{{tool=\"exposition_sorts\",outcome=\"error\"{sort}}} ");
        text.lines().find_map(|line| line.strip_prefix(&sample)?.parse().ok())
    })
}

/// Counters may not go backwards, so what was once shown stays.
#[test]
fn an_error_of_a_known_sort_is_never_taken_for_another() {
    let monitor = Monitor::builder().build().unwrap();
    assert_eq!(shown(&monitor), [Some(0), Some(0)], "the signature shows it");
    let subscriber = tracing_subscriber::registry().with(ScrapesAtTheEnd(monitor.clone()));
    let failed = tracing::subscriber::with_default(subscriber, fails);
    assert!(matches!(failed, Err(Failure::Late)));
    assert_eq!(shown(&monitor), [Some(1), Some(0)]);
}
