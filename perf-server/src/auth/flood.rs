//! A limit for what anybody can have written into the log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// So many in a while are told one by one.
const MOST: u32 = 20;
const A_WHILE: Duration = if cfg!(test) { Duration::from_millis(300) } else { Duration::from_secs(10) };

/// The lines that were told lately, and those that were not.
#[derive(Debug, Default)]
pub(crate) struct Flood(Mutex<Lately>);

#[derive(Debug, Default)]
struct Lately {
    since: Option<Instant>,
    told: u32,
    untold: u64,
    /// Whether the sum will be told at the end of the while.
    is_awaited: bool,
}

impl Flood {
    /// Whether one more may be told, and how many before it were not.
    pub(super) fn may_tell(&self, now: Instant) -> Option<u64> {
        let mut lately = self.lately();
        if lately.since.is_none_or(|since| now.saturating_duration_since(since) >= A_WHILE) {
            (lately.since, lately.told) = (Some(now), 0);
        }
        if lately.told >= MOST {
            lately.untold += 1;
            return None;
        }
        lately.told += 1;
        Some(std::mem::take(&mut lately.untold))
    }

    /// Has the sum of those that were not told written at the end of the while, whether or not another comes.
    pub(super) fn tell_later(self: &Arc<Self>) {
        let mut lately = self.lately();
        // Without a runtime the sum comes with the next refusal, or at the end.
        let (false, Ok(runtime)) = (lately.is_awaited, Handle::try_current()) else { return };
        lately.is_awaited = true;
        let flood = Arc::downgrade(self);
        runtime.spawn(async move {
            tokio::time::sleep(A_WHILE).await;
            if let Some(flood) = flood.upgrade() {
                flood.tell_sum();
            }
        });
    }

    fn tell_sum(&self) {
        let mut lately = self.lately();
        lately.is_awaited = false;
        let untold = std::mem::take(&mut lately.untold);
        drop(lately);
        if untold > 0 {
            tracing::warn!(target: "perf_server::audit", untold, "refused, and not told one by one");
        }
    }

    fn lately(&self) -> MutexGuard<'_, Lately> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server that stops leaves nothing untold.
impl Drop for Flood {
    fn drop(&mut self) {
        self.tell_sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_told_and_the_rest_is_summed_up() {
        let (flood, start) = (Flood::default(), Instant::now());
        let told = (0..1_000).filter(|_| flood.may_tell(start).is_some()).count();
        assert_eq!(told, 20);
        assert_eq!(flood.may_tell(start + A_WHILE), Some(980));
        assert_eq!(flood.may_tell(start + A_WHILE), Some(0));
    }

    /// Keeps what is logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn told(log: &Log) -> Vec<String> {
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        text.lines().filter_map(|line| Some(line.split_once("untold=")?.1.to_owned())).collect()
    }

    #[tokio::test]
    async fn the_sum_comes_though_no_refusal_follows() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        let _heard = tracing::subscriber::set_default(subscriber);
        let flood = Arc::new(Flood::default());
        let refuse = |count: usize| {
            for _ in 0..count {
                if flood.may_tell(Instant::now()).is_none() {
                    flood.tell_later();
                }
            }
        };
        refuse(50);
        assert_eq!(told(&log), [""; 0]);
        tokio::time::sleep(2 * A_WHILE).await;
        assert_eq!(told(&log), ["30"]);
        refuse(25);
        drop(flood);
        assert_eq!(told(&log), ["30", "5"], "a server that stops leaves none untold");
    }
}
