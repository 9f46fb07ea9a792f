//! One alert of a group.

use super::Now;
use crate::since::Since;
use perf_runtime::alert::{Alert, AlertState, Severity};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An alert of a group, and what was told of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) alert: Alert,
    /// The severity with which it was last told as firing.
    told: Option<Severity>,
    /// Whether it stands otherwise than was told.
    pub(super) is_news: bool,
    /// When this process, or one before it, heard of its end.
    #[serde(default)]
    pub(super) ended: Option<Since>,
    /// The uptime at which this process heard of the news that nobody was told yet.
    #[serde(skip)]
    pub(super) heard: Option<Duration>,
    /// Whether its end is told now, whatever it waited for: it fires anew.
    #[serde(skip)]
    pub(super) ends_first: bool,
}

impl Member {
    pub(super) fn new(alert: &Alert) -> Self {
        Self { alert: alert.clone(), told: None, is_news: false, ended: None, heard: None, ends_first: false }
    }

    pub(super) fn is_firing(&self) -> bool {
        self.alert.resolved_at.is_none()
    }

    /// Whether somebody was told that it fires, and of no end.
    pub(super) fn is_told(&self) -> bool {
        self.told.is_some()
    }

    pub(super) fn is_unacknowledged(&self) -> bool {
        self.is_firing() && self.alert.acknowledged.is_none()
    }

    /// Whether there is nothing left to tell of it.
    pub(super) fn is_over(&self) -> bool {
        !self.is_firing() && !self.is_news && self.told.is_none()
    }

    /// Whether it ended so long ago that nobody will be told.
    pub(super) fn is_forgotten(&self, now: Now, after: Duration) -> bool {
        self.ended.is_some_and(|ended| ended.elapsed(now) >= after)
    }

    /// Takes note of how it stands, and says whether there is news: there is none where nobody is to be told.
    pub(super) fn hear(&mut self, alert: &Alert, is_told: bool, now: Now) -> bool {
        self.alert = alert.clone();
        self.ended = if self.is_firing() { None } else { self.ended.or(Some(Since::now(now))) };
        if !is_told {
            // Fired and ended with nobody told: nobody is to be told of the end either.
            if !self.is_firing() && self.told.is_none() {
                self.is_news = false;
            }
            return false;
        }
        let firing = self.is_firing().then_some(self.alert.severity);
        // After a restart what fires fires anew: that is no news.
        self.is_news = firing.is_none() || self.told != firing;
        self.heard = self.heard.filter(|_| self.is_news).or(self.is_news.then_some(now.uptime));
        self.is_news
    }

    /// Ends an alert that nothing watches any more, and says whether somebody has to be told.
    pub(super) fn end(&mut self, now: Now) -> bool {
        self.alert.resolved_at = Some(now.wall);
        self.ended = Some(Since::now(now));
        self.alert.state = AlertState::Resolved;
        self.alert.value = None;
        self.alert.message =
            format!("{}: it no longer fires: it ended while the process was not running", self.alert.name);
        self.is_news = self.told.is_some();
        self.is_news
    }

    /// Takes over what another process told of it.
    pub(super) fn join(&mut self, told: &Self) {
        if self.told.is_some() || told.told.is_none() {
            return;
        }
        self.told = told.told;
        let firing = self.is_firing().then_some(self.alert.severity);
        self.is_news = firing.is_none() || (self.is_news && self.told != firing);
    }

    /// Counts it as told.
    pub(super) fn tell(&mut self) {
        self.told = self.is_firing().then_some(self.alert.severity);
        self.is_news = false;
        self.heard = None;
    }
}
