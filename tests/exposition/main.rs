//! The texts that a scraper gets, as real scrapers read them.

mod exemplars;
mod month;
#[path = "../reference.rs"]
mod reference;
mod scrapers;
#[path = "../servers.rs"]
mod servers;
mod sorts;
mod traces;

use crate::reference::{openmetrics, prometheus, read_openmetrics, read_prometheus};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Monitor, monitor_agent};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

/// The pages of `page.rs`.
#[test]
fn the_pages_that_are_checked_in_can_be_read() {
    read_prometheus(include_str!("../pages/page.prom"));
    read_openmetrics(include_str!("../pages/page.openmetrics"));
}

#[test]
fn calls_that_waited_tell_how_long_they_ran() {
    #[monitor_agent("exposition_waits")]
    async fn waits(clock: &ManualClock) {
        clock.advance(Duration::from_millis(30));
        tokio::task::yield_now().await;
        clock.advance(Duration::from_millis(10));
        tokio::task::yield_now().await;
        clock.advance(Duration::from_millis(5));
    }
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let shown = || {
        let text = prometheus(&monitor);
        let of = |name: &str| {
            let sample = format!("{name}{{agent=\"exposition_waits\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&sample)).map(str::to_owned)
        };
        [of("agent_run_busy_seconds_total"), of("agent_run_slow_polls_total")]
    };
    let told = |busy: &str, slow: &str| [Some(busy.to_owned()), Some(slow.to_owned())];
    assert_eq!(shown(), [None, None], "nothing ever waited");
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let mut call = pin!(waits(&clock));
        let mut poll = || call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(!poll());
        assert_eq!(shown(), told("0", "1"), "only calls that ended tell how long they ran");
        clock.advance(Duration::from_secs(7));
        assert!(!poll());
        assert_eq!(shown(), told("0", "2"));
        clock.advance(Duration::from_secs(3));
        assert!(poll());
    });
    assert_eq!(shown(), told("0.045", "2"), "30, 10 and 5 ms in three polls, and 10 s between");
    let openmetrics = openmetrics(&monitor);
    let family = "# TYPE agent_run_busy_seconds counter\n# UNIT agent_run_busy_seconds seconds\n";
    assert!(openmetrics.contains(family), "{openmetrics}");
}
