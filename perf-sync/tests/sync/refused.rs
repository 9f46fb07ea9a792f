//! Channels that are full and that nobody waits for.

use super::channels::{alerts, observe, of};
use super::judging;
use perf_runtime::test_util::{ManualClock, isolated};
use perf_sync::tokio::{mpsc, watch_channel};
use std::time::Duration;

/// Attempts that are refused, though nobody waits.
fn shed(sender: &mpsc::Sender<u8>) {
    for value in 0..3 {
        let _ = sender.try_send(value);
    }
}

#[test]
fn a_channel_that_stays_full_and_refuses_raises_an_alert_though_nobody_waits() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let (sender, mut receiver) = mpsc::channel("refused-shed", 2);
    let told = || {
        let active = monitor.alerts().active();
        let alerts = alerts(&active, "channel-full", "refused-shed");
        alerts.first().map(|alert| alert.message.clone())
    };
    let mut goes_on = |seconds: u32| {
        for second in 0..seconds {
            if second % 2 == 0 {
                let _ = receiver.try_recv();
            }
            shed(&sender);
            observe(&clock, &monitor, 1);
        }
    };
    goes_on(5);
    assert_eq!(told(), None);
    goes_on(4);
    let message = told().expect("an alert");
    assert!(message.contains("full at each look, and attempts to send were refused, received last by "), "{message}");
    let view = of(&locks, "refused-shed");
    assert_eq!((view.waiting, view.queued), (0, Some(2)), "the receiver is slow, and goes on");
    let health = monitor.health();
    let indicator = health.indicators().iter().find(|indicator| indicator.name() == "channels").expect("an indicator");
    assert!(format!("{indicator:?}").contains("Yellow"), "{indicator:?}");
    let line = r#"channel_full_seconds{channel="refused-shed",kind="mpsc"} 7"#;
    let text = monitor.render_prometheus();
    assert!(text.lines().any(|other| other == line), "{line} is not in:\n{text}");
    // Nobody sends any more, and it is full still: what is left may be late, but nothing is refused.
    observe(&clock, &monitor, 4);
    assert_eq!(told(), None);
    assert!(!monitor.render_prometheus().contains(r#"channel_full_seconds{channel="refused-shed""#));
}

#[test]
fn times_that_are_over_soon_are_refusals_too() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, _locks) = judging(|builder| builder);
    let (sender, _receiver) = mpsc::channel("refused-late", 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    sender.try_send(1).unwrap();
    for _ in 0..9 {
        assert!(runtime.block_on(sender.send_timeout(2, Duration::from_millis(1))).is_err());
        observe(&clock, &monitor, 1);
    }
    assert_eq!(alerts(&monitor.alerts().active(), "channel-full", "refused-late").len(), 1);
}

#[test]
fn bursts_and_channels_that_are_kept_busy_raise_nothing() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let (burst, mut of_burst) = mpsc::channel("refused-burst", 2);
    let (busy, mut of_busy) = mpsc::channel("refused-busy", 2);
    let (existing, mut of_existing) = tokio::sync::mpsc::channel(1);
    assert!(watch_channel("refused-existing", &existing));
    for second in 0..70 {
        // Of ten seconds it is full for four, and refuses.
        if second % 10 < 4 {
            shed(&burst);
        } else {
            while of_burst.try_recv().is_ok() {}
        }
        // Full all the time, and its sender gets on.
        let _ = of_busy.try_recv();
        while busy.capacity() > 0 {
            busy.try_send(1).unwrap();
        }
        let _ = of_existing.try_recv();
        existing.try_send(1).unwrap();
        observe(&clock, &monitor, 1);
        let active = monitor.alerts().active();
        let raised = ["refused-burst", "refused-busy", "refused-existing"]
            .map(|name| alerts(&active, "channel-full", name).len());
        assert_eq!(raised, [0; 3], "after {second} s");
    }
    assert!(of(&locks, "refused-burst").full >= 28);
    let line = r#"channel_existing_full_seconds{channel="refused-existing",kind="existing_mpsc"} 69"#;
    let text = monitor.render_prometheus();
    assert!(text.lines().any(|other| other == line), "{line} is not in:\n{text}");
}
