//! Bytes a series: never called, called, called for an hour.

use crate::{Held, OURS, Subject};
use crowd::peers;
use kit::child::ask;
use std::fmt::Write;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

/// How the child is called.
pub(crate) const CHILD: &str = "states";

const STATES: [&str; 4] = ["idle", "busy, 1 thread", "busy, 4 threads", "busy, 4 threads, all windows full"];

/// Bytes a series in each state: resident and live, one after the other. Peers have no windows, and so one state fewer.
///
/// In each state the text was scraped once more before: what a library keeps for its next scrape counts.
pub(crate) fn run(name: &str, series: usize) -> Vec<f64> {
    let mut numbers = Vec::new();
    let before = Held::now();
    let subject = Subject::new(name, series);
    let mut note = |subject: &Subject| {
        subject.scrape();
        numbers.extend(Held::now().since(before).map(|bytes| bytes / series as f64));
    };
    note(&subject);
    call(&subject, series, 1);
    note(&subject);
    call(&subject, series, 4);
    note(&subject);
    if subject.ours.is_some() {
        fill_windows(&subject, series);
        note(&subject);
    }
    numbers
}

/// So many threads, all alive at once, call every series.
fn call(subject: &Subject, series: usize, threads: usize) {
    let together = Barrier::new(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                together.wait();
                for series in 0..series {
                    subject.crowd.touch_a_few(series);
                }
                together.wait();
            });
        }
    });
}

/// Calls every series before every tick, until each window is as full as it can be: an hour of minutes, five minutes of
/// five seconds, a minute of seconds.
pub(crate) fn fill_windows(subject: &Subject, series: usize) {
    let Some(hand) = &subject.ours else { return };
    let mut last = hand.monitor.uptime();
    for seconds in [60, 5, 1] {
        for _ in 0..=60 {
            for series in 0..series {
                subject.crowd.touch_a_few(series);
            }
            last = hand.tick(last, Duration::from_secs(seconds));
        }
    }
}

/// Asks every library.
pub(crate) fn table(series: usize) -> String {
    let mut text = format!("| bytes a series, {series} series: resident (allocated) |");
    for state in STATES {
        let _ = write!(text, " {state} |");
    }
    let _ = writeln!(text, "\n|---|{}", "--:|".repeat(STATES.len()));
    for name in [OURS].into_iter().chain(peers().map(|peer| peer.name)) {
        let numbers = ask(&[CHILD, name, &series.to_string()]);
        let _ = write!(text, "| {name} |");
        for state in 0..STATES.len() {
            match numbers.get(state * 2..state * 2 + 2) {
                Some([resident, live]) => {
                    let _ = write!(text, " {resident:.0} ({live:.0}) |");
                }
                _ => text.push_str(" |"),
            }
        }
        text.push('\n');
    }
    text
}
