//! For how long nobody has got a connection of a pool that is waited for.

use std::time::Duration;

/// A stall of a pool: callers wait, and none of them is served.
#[derive(Debug, Default)]
pub(super) struct Stall {
    /// Since when, and how many were served by then.
    since: Option<(Duration, u64)>,
}

impl Stall {
    /// The time for which callers have waited while none got a connection; zero where nobody waits.
    pub(super) fn look(&mut self, waiting: u64, served: u64, at: Duration) -> Duration {
        if waiting == 0 {
            self.since = None;
            return Duration::ZERO;
        }
        match self.since {
            Some((since, before)) if before == served => at.saturating_sub(since),
            _ => {
                self.since = Some((at, served));
                Duration::ZERO
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_while_somebody_waits_and_nobody_is_served() {
        let mut stall = Stall::default();
        let mut look = |second, waiting, served| stall.look(waiting, served, Duration::from_secs(second)).as_secs();
        assert_eq!([look(0, 0, 0), look(1, 1, 0), look(2, 3, 0), look(7, 2, 0)], [0, 0, 1, 6]);
        assert_eq!([look(8, 2, 1), look(9, 2, 1), look(10, 2, 2)], [0, 1, 0], "slow, but they are served");
        assert_eq!([look(11, 0, 2), look(12, 1, 2), look(13, 1, 2)], [0, 0, 1]);
    }
}
