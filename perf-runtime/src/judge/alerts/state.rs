//! The states of an alert, as Prometheus has them.
//!
//! The rules, from `rules/alerting.go` of Prometheus: where the condition holds, an inactive alert becomes pending, and a
//! pending one fires once it has been so for the rule's `for` (at once where that is zero). Where it does not hold, a
//! pending alert is inactive at once, however long it was pending; a firing one goes on for `keep_firing_for`, counted
//! from the first evaluation that missed, and is then resolved. A hit in between begins that count anew.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The spans that a rule waits before it fires and before it resolves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Patience {
    pub(crate) hold_for: Duration,
    pub(crate) keep_firing_for: Duration,
}

/// The state of an alert, or of one level of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// The condition does not hold, and did not hold lately.
    #[default]
    Inactive,
    /// It fired, and the condition ended.
    Resolved,
    /// The condition holds, but not yet for long enough.
    Pending,
    /// The condition holds, and has held for long enough.
    Firing,
}

impl AlertState {
    /// The word for it in JSON, such as `firing`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Resolved => "resolved",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

impl fmt::Display for AlertState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One level of an alert. Times are since the monitor was made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StateMachine {
    state: AlertState,
    active_at: Duration,
    missed_at: Option<Duration>,
}

impl StateMachine {
    pub(crate) fn state(&self) -> AlertState {
        self.state
    }

    pub(crate) fn is_firing(&self) -> bool {
        self.state == AlertState::Firing
    }

    /// A level that fires since before a restart. Its time without a hit begins anew: a restart is a gap.
    pub(super) fn firing() -> Self {
        Self { state: AlertState::Firing, ..Self::default() }
    }

    /// Begins the waiting times of a pending and of a firing level anew: nobody knows what was so before now.
    pub(super) fn begin_anew(&mut self, now: Duration) {
        self.active_at = now;
        self.missed_at = self.missed_at.map(|_| now);
    }

    /// Advances the state by one tick.
    pub(crate) fn step(&mut self, holds: bool, now: Duration, patience: Patience) {
        if !holds {
            return self.miss(now, patience);
        }
        self.missed_at = None;
        if !matches!(self.state, AlertState::Pending | AlertState::Firing) {
            self.state = AlertState::Pending;
            self.active_at = now;
        }
        if self.state == AlertState::Pending && now.saturating_sub(self.active_at) >= patience.hold_for {
            self.state = AlertState::Firing;
        }
    }

    fn miss(&mut self, now: Duration, patience: Patience) {
        match self.state {
            AlertState::Pending => self.state = AlertState::Inactive,
            AlertState::Firing => {
                let missed_at = *self.missed_at.get_or_insert(now);
                if now.saturating_sub(missed_at) >= patience.keep_firing_for {
                    *self = Self { state: AlertState::Resolved, ..Self::default() };
                }
            }
            AlertState::Inactive | AlertState::Resolved => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The states after each second, one letter each; `#` says that the condition holds.
    fn states(seen: &str, hold_for: u64, keep_firing_for: u64) -> String {
        let second = Duration::from_secs;
        let patience = Patience { hold_for: second(hold_for), keep_firing_for: second(keep_firing_for) };
        let mut machine = StateMachine::default();
        let step = |(at, seen): (u64, char)| {
            machine.step(seen == '#', second(at), patience);
            match machine.state() {
                AlertState::Inactive => '.',
                AlertState::Pending => 'p',
                AlertState::Firing => 'F',
                AlertState::Resolved => 'r',
            }
        };
        (0..).zip(seen.chars()).map(step).collect()
    }

    #[test]
    fn without_patience_it_follows_the_condition() {
        assert_eq!(states(".#.##.", 0, 0), ".FrFFr");
    }

    #[test]
    fn one_miss_resets_what_is_pending() {
        assert_eq!(states("###.#####", 3, 0), "ppp.pppFF");
    }

    #[test]
    fn a_firing_alert_is_kept_from_the_first_miss_on_and_a_hit_begins_that_anew() {
        assert_eq!(states("#.......", 0, 3), "FFFFrrrr");
        assert_eq!(states("#..#....", 0, 3), "FFFFFFFr");
        assert_eq!(states("#.", 1, 9), "p.", "what is only pending is not kept");
    }
}
