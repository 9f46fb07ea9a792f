//! The last events of alerts, as many as there is room for.
//!
//! A rule whose figure wavers around its threshold begins and clears alerts all day, and none of them fires. Such events have
//! a quarter of the room to themselves and no claim on the rest: they take what the others leave free, and give way first.

use super::alert::{AlertEvent, Transition};
use std::collections::VecDeque;

/// The part of the room, one in so many, that events of alerts which did not fire keep.
const SHARE: usize = 4;

/// Events in the order of their numbers; where there are too many, the oldest of a sort are forgotten.
#[derive(Debug)]
pub(super) struct EventLog {
    /// Alerts that began or cleared, and did not fire.
    passing: VecDeque<AlertEvent>,
    lasting: VecDeque<AlertEvent>,
    most: usize,
}

impl EventLog {
    pub(super) fn new(most: usize) -> Self {
        Self { passing: VecDeque::new(), lasting: VecDeque::new(), most }
    }

    /// Keeps an event, whose number is larger than that of each before it.
    pub(super) fn push(&mut self, event: AlertEvent) {
        match event.transition {
            Transition::Pending | Transition::Cleared => self.passing.push_back(event),
            _ => self.lasting.push_back(event),
        }
        if self.passing.len() + self.lasting.len() > self.most {
            let gives_way = if self.passing.len() > self.most / SHARE { &mut self.passing } else { &mut self.lasting };
            gives_way.pop_front();
        }
    }

    /// The events that are kept after the one with this number, the oldest first.
    pub(super) fn since(&self, seq: u64) -> Vec<AlertEvent> {
        let after = |events: &VecDeque<AlertEvent>| events.partition_point(|event| event.seq <= seq);
        let passing = self.passing.range(after(&self.passing)..);
        let mut events: Vec<AlertEvent> = passing.chain(self.lasting.range(after(&self.lasting)..)).cloned().collect();
        events.sort_by_key(|event| event.seq);
        events
    }
}
