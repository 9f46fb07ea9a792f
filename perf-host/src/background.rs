//! Values whose reading may take long or hang: read on a thread of their own, and passed on while they are fresh.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A thread that reads every so often, until this is dropped. One that hangs ends when it comes back.
#[derive(Debug)]
pub(crate) struct Background<T> {
    latest: Arc<Mutex<Option<(Instant, T)>>>,
    stale_after: Duration,
    _alive: Sender<()>,
}

impl<T: Clone + Send + 'static> Background<T> {
    /// Reads at once and then every so often. Where the system gives no thread, nothing is ever read, and that is told.
    pub(crate) fn spawn(name: &str, every: Duration, mut read: impl FnMut() -> T + Send + 'static) -> Self {
        let (alive, stopped) = channel::<()>();
        let latest = Arc::new(Mutex::new(None));
        let shared = Arc::downgrade(&latest);
        let run = move || {
            loop {
                let read = read();
                let Some(latest) = shared.upgrade() else { return };
                *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), read));
                drop(latest);
                if stopped.recv_timeout(every) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        if let Err(error) = thread::Builder::new().name(format!("perf-{name}")).spawn(run) {
            tracing::warn!(target: "perf::host", name, %error, "no thread to sample {name}: it stays unknown");
        }
        Self { latest, stale_after: 3 * every, _alive: alive }
    }

    /// The last value, unless it is three periods old: then the reader hangs, and the value is out of date.
    pub(crate) fn latest(&self) -> Option<T> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.as_ref().filter(|(at, _)| at.elapsed() < self.stale_after).map(|(_, read)| read.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_hangs_is_not_waited_for_and_its_last_word_fades() {
        let (go, wait) = channel::<u32>();
        let aside = Background::spawn("test", Duration::from_millis(20), move || wait.recv());
        assert_eq!(aside.latest(), None, "it hangs from the start");
        go.send(7).unwrap();
        while aside.latest().is_none() {
            thread::yield_now();
        }
        while aside.latest().is_some() {
            thread::yield_now();
        }
    }

    #[test]
    fn it_ends_with_its_handle() {
        let held = Arc::new(());
        let in_thread = Arc::clone(&held);
        let aside = Background::spawn("test", Duration::from_secs(3_600), move || Arc::strong_count(&in_thread));
        while aside.latest().is_none() {
            thread::yield_now();
        }
        drop(aside);
        while Arc::strong_count(&held) > 1 {
            thread::yield_now();
        }
    }
}
