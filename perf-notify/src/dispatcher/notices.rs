//! Notices: each is told once by its key, by every channel that takes notices.

use super::Dispatcher;
use crate::group::Now;
use crate::message::Message;
use crate::outbox::{AttemptOutcome, Entry, Plan, Queue};
use crate::route::{Route, Routes};
use perf_runtime::extend::Notice;
use std::collections::BTreeSet;

impl Dispatcher {
    /// Puts a notice into the outbox of each channel that takes notices, unless its key was told.
    pub(crate) fn tell(&mut self, notice: &Notice, now: Now) {
        if !self.told.note(notice.key(), now.wall, &mut self.changes.told) {
            return;
        }
        let mut message = Message::of_notice(notice, now.wall);
        message.service.clone_from(&self.service);
        for channel in self.notice_channels.clone() {
            self.push(&channel, message.clone(), now);
        }
    }

    /// The notices that wait: those of the channel with the most of them.
    pub(crate) fn waiting_notices(&self) -> usize {
        self.queues.values().map(Queue::waiting_notices).max().unwrap_or(0)
    }

    /// Whether a notice waits for a channel still.
    pub(crate) fn has_notice(&self, key: &str) -> bool {
        self.queues.values().any(|queue| queue.has_notice(key))
    }

    /// Whether a message that a channel cannot tell goes to its fallback. A notice goes where it can be shown, and to each channel once.
    pub(super) fn may_fall_back(&mut self, fallback: &str, message: &Message, now: Now) -> bool {
        let Some(notice) = &message.notice else { return true };
        if self.notice_channels.iter().any(|name| name == fallback)
            || self.queues.get(fallback).is_none_or(|queue| queue.plan.alerts_alone)
        {
            return false;
        }
        // No key has a line end.
        self.told.note(&format!("{}\n{fallback}", notice.key), now.wall, &mut self.changes.told)
    }

    /// Whether a message that another process left is a notice that this one told. It is noted as a part of that one.
    pub(super) fn was_told(&mut self, left: &Entry, now: Now) -> bool {
        let was_told = left.message.notice.as_ref().is_some_and(|notice| self.told.has(&notice.key));
        if was_told {
            let attempt = left.record(AttemptOutcome::Superseded, now.wall);
            self.write(Vec::new(), Vec::new(), vec![attempt]);
        }
        was_told
    }
}

/// The channels that are told of alerts: a route or a step of one leads there, or they are the fallback of one that is.
pub(super) fn carries_alerts(routes: &Routes, plans: &[Plan]) -> BTreeSet<String> {
    let of_steps = |route: &Route| route.escalate.iter().flat_map(|step| step.channels.clone()).collect::<Vec<_>>();
    let mut carry: BTreeSet<String> =
        routes.all.iter().flat_map(|route| route.channels.iter().cloned().chain(of_steps(route))).collect();
    // Each round adds one at least, or is the last.
    for _ in plans {
        let fallbacks = plans.iter().filter(|plan| carry.contains(&plan.name));
        let fallbacks: Vec<String> = fallbacks.filter_map(|plan| plan.fallback.clone()).collect();
        carry.extend(fallbacks);
    }
    carry
}

/// Whether a channel is sent notices: it is named for them, or is the fallback of one that is, and can show them.
pub(super) fn shows_notices(channel: &str, plans: &[&Plan], notice_channels: &[String]) -> bool {
    let mut shows: BTreeSet<&str> = notice_channels.iter().map(String::as_str).collect();
    let can_show = |name: &str| plans.iter().any(|plan| plan.name == name && !plan.alerts_alone);
    loop {
        let fallbacks = plans.iter().filter(|plan| shows.contains(plan.name.as_str()));
        let next = fallbacks.filter_map(|plan| plan.fallback.as_deref()).filter(|name| can_show(name));
        let next: Vec<&str> = next.filter(|name| !shows.contains(name)).collect();
        if next.is_empty() {
            return shows.contains(channel);
        }
        shows.extend(next);
    }
}
