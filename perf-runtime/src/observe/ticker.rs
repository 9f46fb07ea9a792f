//! Once a second, on a thread of its own: a stalled async runtime is exactly when the process must still observe itself.

use crate::measure::clock;
use std::io;
use std::sync::Weak;
use std::thread;
use std::time::{Duration, Instant};

/// The time between two ticks.
const PERIOD: Duration = Duration::from_secs(1);

/// Starts a thread that calls `tick` once a second for as long as `owner` lives.
///
/// # Errors
/// When the operating system gives no thread.
pub(crate) fn spawn<T: Send + Sync + 'static>(owner: Weak<T>, tick: fn(&T)) -> io::Result<()> {
    thread::Builder::new().name("perf-ticker".to_owned()).spawn(move || run(&owner, tick)).map(drop)
}

fn run<T>(owner: &Weak<T>, tick: fn(&T)) {
    let mut due = Instant::now() + PERIOD;
    loop {
        clock::tune();
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let Some(owner) = owner.upgrade() else { return };
        tick(&owner);
        // Ticks that the machine slept through are not made up for: the next delta simply spans longer.
        due = (due + PERIOD).max(Instant::now());
    }
}
