//! Whether memory grows with the calls, where nobody scrapes.

use crate::{Held, OURS, Subject, states};
use crowd::{Observation, peers};
use kit::child::ask;
use std::fmt::Write;
use std::time::Duration;

/// How the child is called.
pub(crate) const CHILD: &str = "growth";

/// As many as a service has.
const SERIES: usize = 1_000;
/// How often the clock ticks during the calls, where it does.
const TICKS: usize = 100;
/// Ours may grow by so many bytes in all and still be called flat: what a thread or the system keeps for itself.
const FLAT: f64 = 64.0 * 1024.0;
/// Resident memory is counted in pages, and not only those of the heap.
const FLAT_RESIDENT: f64 = 1024.0 * 1024.0;

/// Bytes, resident and live, by which the process grew over so many calls; of ours, then those by which it grew over as
/// many again with the clock ticking.
pub(crate) fn run(name: &str, calls: usize) -> Vec<f64> {
    let subject = Subject::new(name, SERIES);
    // All that there is to be made for each series is made before.
    if subject.ours.is_some() {
        states::fill_windows(&subject, SERIES);
    } else {
        call(&subject, SERIES * Observation::FEW.len());
    }
    subject.scrape();
    let mut numbers = grown(|| call(&subject, calls)).to_vec();
    if let Some(hand) = &subject.ours {
        numbers.extend(grown(|| {
            let mut last = hand.monitor.uptime();
            for _ in 0..TICKS {
                call(&subject, calls / TICKS);
                last = hand.tick(last, Duration::from_secs(1));
            }
        }));
    }
    numbers
}

fn grown(work: impl FnOnce()) -> [f64; 2] {
    let before = Held::now();
    work();
    Held::now().since(before)
}

/// Calls, one series after the other, and each with the one observation and the other.
fn call(subject: &Subject, calls: usize) {
    for call in 0..calls {
        let observation = Observation::FEW[call / SERIES % Observation::FEW.len()];
        subject.crowd.touch(call % SERIES, observation);
    }
}

/// Asks every library. Whether ours is flat.
pub(crate) fn table(calls: usize) -> (String, bool) {
    let mut text = format!(
        "| {calls} calls of {SERIES} series, no scrape | resident, grown by bytes | allocated, grown by bytes | bytes a call |\n\
         |---|--:|--:|--:|\n"
    );
    let mut write_row = |name: &str, resident: f64, live: f64| {
        let _ = writeln!(text, "| {name} | {resident:.0} | {live:.0} | {:.2} |", live / calls as f64);
    };
    let ours = ask(&[CHILD, OURS, &calls.to_string()]);
    let mut flat = ours.len() == 4;
    for (name, grown) in ["perf", "perf, with a tick every hundredth of the calls"].into_iter().zip(ours.chunks(2)) {
        let [resident, live] = grown else { continue };
        write_row(name, *resident, *live);
        flat &= *resident <= FLAT_RESIDENT && *live <= FLAT;
    }
    for peer in peers() {
        if let [resident, live] = ask(&[CHILD, peer.name, &calls.to_string()])[..] {
            write_row(peer.name, resident, live);
        }
    }
    let _ = writeln!(text, "\nperf is {}: at most {FLAT} bytes allocated.", if flat { "flat" } else { "NOT FLAT" });
    (text, flat)
}
