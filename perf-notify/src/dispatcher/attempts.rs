//! The record of attempts: for the file, for the metrics, and for the monitor's log.

use super::{Dispatcher, id_of};
use crate::channel::{Accepted, Refused};
use crate::group::Now;
use crate::message::{Message, MessageAlert, Reason};
use crate::outbox::{Attempt, AttemptOutcome, Changes, Entry};
use perf_runtime::alert::Delivery;
use std::collections::BTreeMap;
use std::time::Duration;

/// So many attempts wait for a file that cannot be written; of more the oldest are kept in the monitor's log alone.
const MOST_WAITING: usize = 10_000;

/// The answer of a receiver that keeps the state itself.
pub(crate) struct Mirrored<'a> {
    pub(crate) channel: &'a str,
    /// All that it was told.
    pub(crate) alerts: Vec<MessageAlert>,
    /// Whether something had changed.
    pub(crate) is_change: bool,
    pub(crate) answer: &'a Result<Accepted, Refused>,
    pub(crate) took: Duration,
}

impl Dispatcher {
    /// Takes note of what is to be written.
    pub(super) fn write(&mut self, kept: Vec<Entry>, removed: Vec<u64>, attempts: Vec<Attempt>) {
        self.changes.entries.extend(kept.into_iter().map(|entry| (entry.id, Some(entry))));
        for id in removed {
            // One that came and went since the last commit is not in the file: where that cannot be written, nothing piles up.
            if id > self.written_id {
                self.changes.entries.remove(&id);
            } else {
                self.changes.entries.insert(id, None);
            }
        }
        let first = self.changes.attempts.len();
        self.changes.attempts.extend(attempts);
        self.count_attempts(first);
        let beyond = self.changes.attempts.len().saturating_sub(MOST_WAITING);
        self.changes.attempts.drain(..beyond);
    }

    pub(super) fn count_attempts(&mut self, first: usize) {
        for attempt in self.changes.attempts.iter().skip(first) {
            *self.counts.entry((attempt.channel.clone(), attempt.outcome)).or_default() += 1;
            self.deliveries.push(attempt.delivery());
        }
    }

    /// Attempts by channel and outcome since the process began.
    pub(crate) fn counts(&self) -> &BTreeMap<(String, AttemptOutcome), u64> {
        &self.counts
    }

    /// The attempts since they were last asked for.
    pub(crate) fn take_deliveries(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.deliveries)
    }

    /// Everything is written.
    pub(crate) fn clear_changes(&mut self) {
        self.changes = Changes::default();
        self.written_id = self.last_id;
    }

    /// Takes note of the answer of a receiver that keeps the state itself. It is told the same each minute: a line is kept of what
    /// changed, and of an answer that is another one than before.
    pub(crate) fn mirrored(&mut self, mirrored: Mirrored<'_>, now: Now) {
        let Mirrored { channel, alerts, is_change, answer, took } = mirrored;
        let Some(queue) = self.queues.get_mut(channel) else { return };
        let failures = queue.state().failing.map_or(0, |failing| failing.in_a_row);
        queue.mirrored(answer, now);
        if !is_change && (failures > 0) == answer.is_err() {
            return;
        }
        self.last_id += 1;
        let reason = if is_change { Reason::Changed } else { Reason::Repeated };
        let mut message = Message::new(reason, "", BTreeMap::new(), alerts, now.wall);
        message.id = id_of(self.instance, self.last_id);
        let outcome = if answer.is_ok() { AttemptOutcome::Delivered } else { AttemptOutcome::Failed };
        let attempt = Attempt::of(channel, &message, outcome, now.wall).answered(answer, took);
        self.write(Vec::new(), Vec::new(), vec![Attempt { attempt: failures + 1, ..attempt }]);
    }

    /// A message that tries a channel.
    pub(crate) fn test_message(&mut self, now: Now) -> Message {
        self.last_id += 1;
        let mut message = Message::new(Reason::Test, "test", BTreeMap::new(), Vec::new(), now.wall);
        message.id = id_of(self.instance, self.last_id);
        message.service.clone_from(&self.service);
        message
    }

    /// Takes note of the answer to a message that tried a channel. It is not sent again.
    pub(crate) fn tested(
        &mut self,
        channel: &str,
        message: &Message,
        answer: &Result<Accepted, Refused>,
        took: Duration,
        now: Now,
    ) {
        let outcome = if answer.is_ok() { AttemptOutcome::Delivered } else { AttemptOutcome::Dead };
        let attempt = Attempt::of(channel, message, outcome, now.wall).answered(answer, took);
        self.write(Vec::new(), Vec::new(), vec![attempt]);
    }
}
