//! The most messages that a channel takes: a token bucket.

use std::time::Duration;

/// How many messages a channel is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limit {
    /// At once, 1 at least.
    pub(crate) burst: u32,
    /// In the long run.
    pub(crate) per_minute: u32,
}

impl Default for Limit {
    fn default() -> Self {
        Self { burst: 3, per_minute: 6 }
    }
}

#[derive(Debug)]
pub(super) struct Bucket {
    limit: Limit,
    tokens: f64,
    at: Duration,
}

impl Bucket {
    pub(super) fn full(limit: Limit) -> Self {
        Self { limit, tokens: f64::from(limit.burst), at: Duration::ZERO }
    }

    /// The messages that may be sent now.
    pub(super) fn tokens(&mut self, uptime: Duration) -> u32 {
        let elapsed = uptime.saturating_sub(self.at).as_secs_f64();
        let grown = self.tokens + elapsed * f64::from(self.limit.per_minute) / 60.0;
        (self.tokens, self.at) = (grown.min(f64::from(self.limit.burst)), uptime.max(self.at));
        // A little more than a whole one less than whole is rounding.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to `burst`")]
        let whole = (self.tokens + 1e-9) as u32;
        whole
    }

    pub(super) fn take(&mut self) {
        self.tokens = (self.tokens - 1.0).max(0.0);
    }
}
