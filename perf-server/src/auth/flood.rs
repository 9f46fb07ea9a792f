//! A limit for what anybody can have written into the log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many in a while are told one by one.
const MOST: u32 = 20;
const A_WHILE: Duration = Duration::from_secs(10);

/// The lines that were told lately, and those that were not.
#[derive(Debug, Default)]
pub(crate) struct Flood(Mutex<Lately>);

#[derive(Debug, Default)]
struct Lately {
    since: Option<Instant>,
    told: u32,
    untold: u64,
}

impl Flood {
    /// Whether one more may be told, and how many before it were not.
    pub(super) fn may_tell(&self, now: Instant) -> Option<u64> {
        let mut lately = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
}
