//! Whether somebody is to be told of an alert now.
//!
//! Whether an alert fires is for the state machine alone to say. Whether people are told is another question: an alert
//! that was told a moment ago (cooldown), that comes and goes all the time (flapping), or that somebody silenced, is
//! kept in the history and not told. When that ends, and the alert's state is another than the one last told, it is
//! told then.

use super::alert::Muted;
use super::saved::{SavedFlapping, SavedMoment, SavedMute};
use crate::judge::rule::observation::Tick;
use crate::judge::rule::severity::Severity;
use std::collections::VecDeque;
use std::time::Duration;

/// An alert that fires so often within so long is flapping.
const FIRINGS: usize = 4;
const WITHIN: Duration = Duration::from_secs(15 * 60);
/// How long a flapping alert must be steady before it is told of again: the first time, and at most. It doubles each time
/// that it was not.
const FIRST_QUIET: Duration = Duration::from_secs(5 * 60);
const LONGEST_QUIET: Duration = Duration::from_secs(60 * 60);

/// The notifications of one alert: which was the last, and whether the next waits.
#[derive(Debug, Default)]
pub(crate) struct Mute {
    /// The severity that was last told; `None` where it was last told that all is well.
    told: Option<Severity>,
    /// When it was last told that it fires.
    told_at: Option<Duration>,
    /// When it last began to fire, a few times.
    firings: VecDeque<Duration>,
    flapping: Option<Flapping>,
}

#[derive(Debug)]
struct Flapping {
    until: Duration,
    quiet: Duration,
    /// Whether it fired since the quiet began.
    restless: bool,
    /// The worst that was told of it: only worse than this is told.
    worst: Option<Severity>,
}

impl Mute {
    /// Takes note that the alert began to fire. Whether it is from now on said to be flapping.
    pub(crate) fn fired(&mut self, now: Duration) -> bool {
        if let Some(flapping) = &mut self.flapping {
            flapping.restless = true;
            return false;
        }
        self.firings.push_back(now);
        self.firings.retain(|&at| now.saturating_sub(at) < WITHIN);
        let begins = self.firings.len() >= FIRINGS;
        if begins {
            let (until, quiet) = (now + FIRST_QUIET, FIRST_QUIET);
            self.flapping = Some(Flapping { until, quiet, restless: false, worst: self.told });
        }
        begins
    }

    /// Lets the time pass.
    fn settle(&mut self, now: Duration) {
        let Some(flapping) = self.flapping.as_mut().filter(|flapping| now >= flapping.until) else { return };
        if flapping.restless {
            flapping.quiet = (flapping.quiet * 2).min(LONGEST_QUIET);
            flapping.until = now + flapping.quiet;
            flapping.restless = false;
        } else {
            self.flapping = None;
            self.firings.clear();
        }
    }

    /// Why nobody is told how the alert stands, or `None` where somebody may be.
    pub(crate) fn muted(
        &mut self,
        firing: Option<Severity>,
        now: Duration,
        cooldown: Duration,
        is_silenced: bool,
    ) -> Option<Muted> {
        self.settle(now);
        let is_worse = |flapping: &Flapping| firing > flapping.worst && firing == Some(Severity::Critical);
        let is_cooling = || self.told_at.is_some_and(|at| now.saturating_sub(at) < cooldown);
        if is_silenced {
            Some(Muted::Silenced)
        } else if self.flapping.as_ref().is_some_and(|flapping| !is_worse(flapping)) {
            Some(Muted::Flapping)
        } else if self.told.is_none() && firing.is_some() && is_cooling() {
            Some(Muted::Cooldown)
        } else {
            None
        }
    }

    /// Whether it stands otherwise than was last told.
    pub(crate) fn is_news(&self, firing: Option<Severity>) -> bool {
        self.told != firing
    }

    /// Takes note that this was told.
    pub(crate) fn tell(&mut self, firing: Option<Severity>, now: Duration) {
        self.told = firing;
        if firing.is_some() {
            self.told_at = Some(now);
        }
        if let Some(flapping) = &mut self.flapping {
            flapping.worst = flapping.worst.max(firing);
        }
    }

    /// Whether there is nothing that it must remember.
    pub(crate) fn is_settled(&self, now: Duration, cooldown: Duration) -> bool {
        let cooled = self.told_at.is_none_or(|at| now.saturating_sub(at) >= cooldown);
        self.flapping.is_none() && self.told.is_none() && cooled
    }

    /// The memory, for after a restart.
    pub(super) fn saved(&self, tick: &Tick) -> SavedMute {
        let moment = |at: Duration| SavedMoment(tick.on_the_wall(at));
        SavedMute {
            told: self.told,
            told_at: self.told_at.map(|at| tick.on_the_wall(at)),
            firings: self.firings.iter().map(|&at| moment(at)).collect(),
            flapping: self.flapping.as_ref().map(|flapping| SavedFlapping {
                until: moment(flapping.until),
                quiet_seconds: flapping.quiet.as_secs(),
                restless: flapping.restless,
                worst: flapping.worst,
            }),
        }
    }

    /// The memory of before the restart. Cooldowns and quiet times went on meanwhile.
    pub(super) fn restored(saved: &SavedMute, tick: &Tick) -> Self {
        let elapsed = |moment: &SavedMoment| tick.elapsed_at(moment.0);
        Self {
            told: saved.told,
            told_at: saved.told_at.map(|at| tick.elapsed_at(at)),
            firings: saved.firings.iter().map(elapsed).collect(),
            flapping: saved.flapping.as_ref().map(|flapping| Flapping {
                until: elapsed(&flapping.until),
                quiet: Duration::from_secs(flapping.quiet_seconds).clamp(FIRST_QUIET, LONGEST_QUIET),
                restless: flapping.restless,
                worst: flapping.worst,
            }),
        }
    }
}
