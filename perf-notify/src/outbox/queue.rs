//! The messages that wait for one channel, and when each is tried.
//!
//! A channel is tried with one message at a time. Where it fails, all wait, for longer each time, and the message that failed waits too, so
//! that one which a receiver cannot bear does not keep back the others. Alerts and notices wait each for their own failures, and both as long
//! as a receiver asks for: no notice that it cannot bear delays an alert. Nothing here sleeps, sends or writes: the caller does.

use super::bucket::{Bucket, Limit};
use super::entry::{Attempt, AttemptOutcome, Entry};
use crate::channel::{Accepted, Again, Refused};
use crate::group::Now;
use crate::message::{Message, Reason};
use crate::since::Since;
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The waits after a failure: this, doubled by each that follows, up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The longest that a receiver may ask to be left alone.
const LONGEST_ASKED: Duration = Duration::from_secs(3_600);
/// A channel that fails for so long hands its messages to its fallback too.
const FALL_BACK_AFTER: Duration = Duration::from_secs(300);

/// The settings of a channel beside how it sends.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) limit: Limit,
    /// The channel that is told where this one cannot be.
    pub(crate) fallback: Option<String>,
    /// Whether its receiver keeps the state itself, and is sent no messages.
    pub(crate) mirrors: bool,
    /// Whether it can show alerts and no notices.
    pub(crate) alerts_alone: bool,
    /// Whether it is sent notices, and no route leads to it.
    pub(crate) notices_alone: bool,
}

/// The result of an attempt.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) channel: String,
    pub(crate) id: u64,
    pub(crate) answer: Result<Accepted, Refused>,
    pub(crate) took: Duration,
}

/// Changes of a queue: what to write, and what to give to another channel.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// Entries as they are now.
    pub(crate) kept: Vec<Entry>,
    pub(crate) removed: Vec<u64>,
    pub(crate) attempts: Vec<Attempt>,
    /// Messages for the fallback.
    pub(crate) fall_back: Vec<Message>,
}

/// How a channel is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct QueueState {
    pub(crate) waiting: usize,
    /// Since when the oldest message waits.
    pub(crate) oldest: Option<Since>,
    /// The same of messages about alerts alone.
    pub(crate) oldest_of_alerts: Option<Since>,
    /// Where an attempt failed, and none has gone well since: one to tell of alerts, where there is one.
    pub(crate) failing: Option<Failing>,
    /// Whether people are to be told of that: it was one to tell of alerts, or the channel is there for notices alone.
    pub(crate) is_trouble: bool,
    pub(crate) delivered_at: Option<SystemTime>,
}

/// A channel whose last attempt failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failing {
    pub(crate) since: Since,
    pub(crate) text: String,
    /// Failures one after the other.
    pub(crate) in_a_row: u32,
}

/// How the messages of one kind fare.
#[derive(Debug, Default)]
struct Kind {
    failing: Option<Failing>,
    /// The uptime before which none of them is tried.
    next: Duration,
}

impl Kind {
    fn fail(&mut self, refused: &Refused, now: Now) -> Failing {
        let (since, before) =
            self.failing.as_ref().map_or((Since::now(now), 0), |failing| (failing.since, failing.in_a_row));
        let failing = Failing { since, text: refused.reason.clone(), in_a_row: before.saturating_add(1) };
        self.failing = Some(failing.clone());
        failing
    }

    /// Another attempt went well: none waits any more.
    fn go_on(&mut self, now: Now) {
        *self = Self { failing: None, next: now.uptime };
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) plan: Plan,
    entries: BTreeMap<u64, Entry>,
    sending: Option<u64>,
    bucket: Bucket,
    alerts: Kind,
    notices: Kind,
    delivered_at: Option<SystemTime>,
    random: SystemRandom,
}

impl Queue {
    /// A queue with what a process before left. Where that was tried already, it waits as if this process had failed.
    pub(crate) fn new(plan: Plan, entries: impl IntoIterator<Item = Entry>, now: Now) -> Self {
        let uptime = now.uptime;
        let taken_up = |entry: Entry| (entry.id, Entry { created: entry.created.taken_up(now), ..entry });
        let entries: BTreeMap<u64, Entry> = entries.into_iter().map(taken_up).collect();
        let bucket = Bucket::full(plan.limit);
        let random = SystemRandom::new();
        let mut queue = Self {
            plan,
            entries,
            sending: None,
            bucket,
            alerts: Kind::default(),
            notices: Kind::default(),
            delivered_at: None,
            random,
        };
        for is_notice in [false, true] {
            let same = queue.entries.values().filter(|entry| entry.message.notice.is_some() == is_notice);
            let tried = same.map(|entry| entry.attempts).min().unwrap_or(0);
            queue.kind(is_notice).next = uptime + if tried > 0 { queue.wait(tried) } else { Duration::ZERO };
        }
        queue
    }

    fn kind(&mut self, is_notice: bool) -> &mut Kind {
        if is_notice { &mut self.notices } else { &mut self.alerts }
    }

    /// Adds a message. One of the same group that waits still is superseded.
    pub(crate) fn push(&mut self, mut entry: Entry, now: Now) -> Changed {
        let mut changed = Changed::default();
        let earlier = |other: &&Entry| entry.message.replaces(&other.message) && Some(other.id) != self.sending;
        let earlier: Vec<u64> = self.entries.values().filter(earlier).map(|other| other.id).collect();
        for id in earlier {
            let Some(earlier) = self.entries.remove(&id) else { continue };
            entry.message.supersede(&earlier.message);
            // Attempts go on being counted: a group that changes often must not be tried more often.
            entry.attempts = entry.attempts.max(earlier.attempts);
            entry.next = entry.next.max(earlier.next);
            entry.fell_back |= earlier.fell_back;
            changed.attempts.push(earlier.record(AttemptOutcome::Superseded, now.wall));
            changed.removed.push(id);
        }
        changed.kept.push(entry.clone());
        self.entries.insert(entry.id, entry);
        changed
    }

    /// The message to send now, where there is one: of alerts before notices. Where it uses up what the channel takes, all alerts that
    /// wait go with it.
    pub(crate) fn take_due(
        &mut self,
        now: Now,
        make_digest: impl FnOnce(Message) -> Entry,
    ) -> (Option<Entry>, Changed) {
        let mut changed = Changed::default();
        if self.sending.is_some() {
            return (None, changed);
        }
        let (mut expired, mut due) = (Vec::new(), Vec::new());
        for entry in self.entries.values() {
            if entry.is_expired(now) {
                expired.push(entry.id);
            } else {
                let is_notice = entry.message.notice.is_some();
                let of_kind = if is_notice { self.notices.next } else { self.alerts.next };
                if entry.next.max(of_kind) <= now.uptime {
                    due.push((is_notice, entry.attempts, entry.id));
                }
            }
        }
        for id in expired {
            let Some(entry) = self.entries.remove(&id) else { continue };
            changed.attempts.push(entry.record(AttemptOutcome::Expired, now.wall));
            changed.removed.push(id);
        }
        let Some((_, _, first)) = due.iter().min().copied() else { return (None, changed) };
        let tokens = self.bucket.tokens(now.uptime);
        let is_notice = self.entries.get(&first).is_some_and(|entry| entry.message.notice.is_some());
        // A notice leaves one for an alert that comes next.
        let needed = if is_notice { self.plan.limit.burst.clamp(1, 2) } else { 1 };
        if tokens < needed {
            return (None, changed);
        }
        // Notices are told one by one.
        let is_of_alerts = |id: &u64| self.entries.get(id).is_some_and(|entry| entry.message.notice.is_none());
        let due: Vec<u64> = due.into_iter().map(|(_, _, id)| id).filter(is_of_alerts).collect();
        let id = if tokens == 1 && due.len() > 1 && is_of_alerts(&first) {
            let entry = make_digest(self.digest(&due, now, &mut changed));
            let id = entry.id;
            changed.kept.push(entry.clone());
            self.entries.insert(id, entry);
            id
        } else {
            first
        };
        self.bucket.take();
        self.sending = Some(id);
        let entry = self.entries.get_mut(&id).map(|entry| {
            entry.attempts += 1;
            entry.clone()
        });
        (entry, changed)
    }

    /// Several messages in one.
    fn digest(&mut self, due: &[u64], now: Now, changed: &mut Changed) -> Message {
        let (mut alerts, mut firing, mut resolved) = (BTreeMap::new(), 0, 0);
        for id in due {
            let Some(entry) = self.entries.remove(id) else { continue };
            changed.attempts.push(entry.record(AttemptOutcome::Superseded, now.wall));
            changed.removed.push(*id);
            firing += entry.message.more_firing;
            resolved += entry.message.more_resolved;
            // A later message knows better.
            alerts.extend(entry.message.alerts.into_iter().map(|one| (one.alert.fingerprint, one)));
        }
        let mut alerts: Vec<_> = alerts.into_values().collect();
        alerts.sort_by_key(|one| {
            (one.alert.resolved_at.is_some(), std::cmp::Reverse(one.alert.severity), one.alert.since)
        });
        let mut digest = Message::new(Reason::Digest, "digest", BTreeMap::new(), alerts, now.wall);
        digest.more_firing += firing;
        digest.more_resolved += resolved;
        digest
    }

    /// Takes note of the result of an attempt.
    pub(crate) fn finish(&mut self, done: &Done, now: Now) -> Changed {
        let mut changed = Changed::default();
        self.sending = self.sending.filter(|id| *id != done.id);
        let Some(entry) = self.entries.get_mut(&done.id) else { return changed };
        let outcome = match &done.answer {
            Ok(_) => AttemptOutcome::Delivered,
            Err(refused) if refused.again == Again::Never => AttemptOutcome::Dead,
            Err(_) => AttemptOutcome::Failed,
        };
        changed.attempts.push(entry.record(outcome, now.wall).answered(&done.answer, done.took));
        let is_notice = entry.message.notice.is_some();
        let refused = match &done.answer {
            Ok(_) => {
                self.entries.remove(&done.id);
                changed.removed.push(done.id);
                self.alerts.go_on(now);
                self.notices.go_on(now);
                self.delivered_at = Some(now.wall);
                return changed;
            }
            Err(refused) => refused.clone(),
        };
        let attempts = entry.attempts;
        let Failing { since, in_a_row, .. } = self.kind(is_notice).fail(&refused, now);
        if refused.again == Again::Never {
            if let Some(entry) = self.entries.remove(&done.id) {
                changed.removed.push(done.id);
                changed.fall_back.extend((!entry.fell_back).then_some(entry.message));
            }
            return changed;
        }
        let asked = match refused.again {
            Again::After(asked) => asked.min(LONGEST_ASKED),
            Again::Later | Again::Never => Duration::ZERO,
        };
        self.kind(is_notice).next = now.uptime + self.wait(in_a_row).max(asked);
        if !asked.is_zero() {
            // It asks to be left alone with whatever comes.
            let until = now.uptime + asked;
            let other = self.kind(!is_notice);
            other.next = other.next.max(until);
        }
        let next = now.uptime + self.wait(attempts).max(asked);
        let fails_long = since.elapsed(now) >= FALL_BACK_AFTER;
        let has_fallback = self.plan.fallback.is_some();
        if let Some(entry) = self.entries.get_mut(&done.id) {
            entry.next = next;
            if fails_long && has_fallback && !entry.fell_back {
                entry.fell_back = true;
                changed.fall_back.push(entry.message.clone());
            }
            let entry = entry.clone();
            // A message that came meanwhile says what this one says.
            let later =
                self.entries.values().find(|other| other.message.replaces(&entry.message) && other.id > entry.id);
            match later.map(|later| later.id).and_then(|id| self.entries.remove(&id)) {
                Some(later) => {
                    let superseding = self.push(later, now);
                    changed.kept.extend(superseding.kept);
                    changed.removed.extend(superseding.removed);
                    changed.attempts.extend(superseding.attempts);
                }
                None => changed.kept.push(entry),
            }
        }
        changed
    }

    /// Takes note of the answer of a receiver that keeps the state itself.
    pub(crate) fn mirrored(&mut self, answer: &Result<Accepted, Refused>, now: Now) {
        match answer {
            Ok(_) => (self.alerts.failing, self.delivered_at) = (None, Some(now.wall)),
            Err(refused) => drop(self.alerts.fail(refused, now)),
        }
    }

    /// The wait after so many failures: half of it for certain, half by chance, so that many processes do not come at once.
    fn wait(&self, failures: u32) -> Duration {
        let doubled = FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_WAIT);
        let mut byte = [0; 1];
        // Without chance the whole of it.
        let share = self.random.fill(&mut byte).map_or(255, |()| byte[0]);
        doubled / 2 + doubled / 2 * u32::from(share) / 255
    }

    pub(crate) fn is_sending(&self) -> bool {
        self.sending.is_some()
    }

    /// All messages that wait.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Whether a notice waits.
    pub(crate) fn has_notice(&self, key: &str) -> bool {
        self.entries().any(|entry| entry.message.notice.as_ref().is_some_and(|notice| notice.key == key))
    }

    /// The notices that wait.
    pub(crate) fn waiting_notices(&self) -> usize {
        self.entries.values().filter(|entry| entry.message.notice.is_some()).count()
    }

    /// How the channel is.
    pub(crate) fn state(&self) -> QueueState {
        let oldest = |with_notices: bool| {
            let counted = self.entries.values().filter(|entry| with_notices || entry.message.notice.is_none());
            counted.map(|entry| entry.created).min_by_key(|created| created.at)
        };
        QueueState {
            waiting: self.entries.len(),
            oldest: oldest(true),
            oldest_of_alerts: oldest(false),
            failing: self.alerts.failing.clone().or_else(|| self.notices.failing.clone()),
            is_trouble: self.alerts.failing.is_some() || (self.plan.notices_alone && self.notices.failing.is_some()),
            delivered_at: self.delivered_at,
        }
    }
}
