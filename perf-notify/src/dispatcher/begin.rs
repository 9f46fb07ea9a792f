//! The beginning: what processes before left, or one beside this one.

use super::Dispatcher;
use super::notices::{carries_alerts, shows_notices};
use crate::group::{Group, Now};
use crate::notice::{Told, ToldKeys};
use crate::outbox::{Attempt, AttemptOutcome, Changes, Entry, Left, Plan, Queue};
use crate::route::Routes;
use perf_runtime::extend::Service;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a process runs before what it does not know counts as ended: its rules have seen their windows then.
const SETTLED: Duration = Duration::from_secs(600);

/// The state that a process before left, and the settings.
#[derive(Default)]
pub(crate) struct Beginning {
    pub(crate) routes: Routes,
    pub(crate) plans: Vec<Plan>,
    pub(crate) service: Option<Service>,
    pub(crate) instance: u64,
    pub(crate) seq: u64,
    pub(crate) groups: Vec<Group>,
    pub(crate) entries: Vec<Entry>,
    /// The channels that take notices.
    pub(crate) notice_channels: Vec<String>,
    /// The notices that were told.
    pub(crate) told: ToldKeys,
}

impl Dispatcher {
    pub(crate) fn new(beginning: Beginning, now: Now) -> Self {
        let Beginning { routes, mut plans, service, instance, seq, groups, entries, notice_channels, told } = beginning;
        let carrying = carries_alerts(&routes, &plans);
        for plan in &mut plans {
            plan.notices_alone = notice_channels.contains(&plan.name) && !carrying.contains(&plan.name);
        }
        let mut changes = Changes::default();
        let last_id = entries.iter().map(|entry| entry.id).max().unwrap_or(0);
        // Ids of a process that wrote none of its last ones are not given again.
        let last_id = last_id.max(
            u64::try_from(now.wall.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_micros()).unwrap_or(0),
        );
        let mut left: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for entry in entries {
            if let Some(why) = no_way(&entry, &plans.iter().collect::<Vec<_>>(), &notice_channels) {
                changes.attempts.push(dead(&entry, why, now));
                changes.entries.insert(entry.id, None);
                continue;
            }
            left.entry(entry.channel.clone()).or_default().push(entry);
        }
        let queue = |plan: Plan| {
            let entries = left.remove(&plan.name).unwrap_or_default();
            (plan.name.clone(), Queue::new(plan, entries, now))
        };
        let queues: BTreeMap<String, Queue> = plans.into_iter().map(queue).collect();
        let (kept, gone): (Vec<Group>, Vec<Group>) =
            groups.into_iter().partition(|group| routes.named(&group.route).is_some());
        changes.groups.extend(gone.into_iter().map(|group| (group.key, None)));
        let resumed = |mut group: Group| {
            if let Some(route) = routes.named(&group.route) {
                group.resume(route, now);
            }
            (group.key.clone(), group)
        };
        let groups = kept.into_iter().map(resumed).collect();
        let mut this = Self {
            routes,
            service,
            queues,
            groups,
            seq,
            has_incidents: false,
            instance,
            last_id,
            written_id: last_id,
            settles: Some(now.uptime + SETTLED),
            changes,
            counts: BTreeMap::new(),
            deliveries: Vec::new(),
            notice_channels,
            told: Told::new(told),
        };
        this.count_attempts(0);
        this
    }

    /// Takes in what processes before left in the own file, which could not be read at the start, or is another one than it was. Its messages have new
    /// numbers from now on, and all that is known is written to it.
    pub(crate) fn take_in(&mut self, left: Left, now: Now) {
        let waiting = self.queues.values().flat_map(Queue::entries);
        self.changes.entries.extend(waiting.map(|entry| (entry.id, Some(entry.clone()))));
        self.changes.groups.extend(self.groups.iter().map(|(key, group)| (key.clone(), Some(group.clone()))));
        self.told.write_all(&mut self.changes.told);
        self.changes.seq = Some(self.seq);
        let old: Vec<u64> = left.entries.iter().map(|entry| entry.id).collect();
        self.last_id = old.iter().copied().fold(self.last_id, u64::max);
        self.adopt(left, now);
        for id in old {
            // One of this process that has the same number takes its line.
            self.changes.entries.entry(id).or_insert(None);
        }
    }

    /// Takes over what another process left: its messages, and what it told of each group.
    pub(crate) fn adopt(&mut self, left: Left, now: Now) {
        // Counted and noted by the process that made them.
        self.changes.attempts.extend(left.attempts);
        self.changes.used.extend(left.used);
        for entry in left.entries {
            // Told by this process too, before the other left it.
            if self.was_told(&entry, now) {
                continue;
            }
            let plans: Vec<&Plan> = self.queues.values().map(|queue| &queue.plan).collect();
            if let Some(why) = no_way(&entry, &plans, &self.notice_channels) {
                self.write(Vec::new(), Vec::new(), vec![dead(&entry, why, now)]);
                continue;
            }
            self.last_id += 1;
            let entry = Entry { id: self.last_id, next: now.uptime, created: entry.created.taken_up(now), ..entry };
            let Some(queue) = self.queues.get_mut(&entry.channel) else { continue };
            let changed = queue.push(entry, now);
            self.write(changed.kept, changed.removed, changed.attempts);
        }
        self.told.take_over(left.told, &mut self.changes.told);
        self.settles = Some(now.uptime + SETTLED);
        for mut group in left.groups {
            self.take_out_known(&mut group, now);
            let Some(route) = self.routes.named(&group.route) else { continue };
            match self.groups.remove(&group.key) {
                Some(own) => group.join(own, route, now),
                None => group.resume(route, now),
            }
            self.changes.groups.insert(group.key.clone(), Some(group.clone()));
            self.groups.insert(group.key.clone(), group);
        }
    }
}

/// Why a message that a process before left is not sent by its channel; `None` where it is.
fn no_way(entry: &Entry, plans: &[&Plan], notice_channels: &[String]) -> Option<&'static str> {
    if !plans.iter().any(|plan| plan.name == entry.channel) {
        return Some("the channel is no longer set");
    }
    let is_shown = entry.message.notice.is_none() || shows_notices(&entry.channel, plans, notice_channels);
    (!is_shown).then_some("the channel takes no notices")
}

fn dead(entry: &Entry, why: &str, now: Now) -> Attempt {
    Attempt { text: why.to_owned(), ..entry.record(AttemptOutcome::Dead, now.wall) }
}
