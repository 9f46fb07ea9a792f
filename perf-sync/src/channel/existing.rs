//! Channels of other makes, looked at from outside.

use crate::watch::name::{Name, Number};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many are looked at, at most.
const MOST: usize = 1_000;

/// A channel, looked at without being kept open.
pub(crate) trait Probe: Send + Sync {
    /// The messages in it, and how many there is room for where that can be known; `None` when it is no longer there.
    fn look(&self) -> Option<(u64, Option<u64>)>;

    /// Whether this is a sender of it.
    fn is_of(&self, sender: &dyn Any) -> bool;
}

/// All channels of a name and a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Existing {
    pub(crate) name: Number,
    pub(crate) kind: &'static str,
    pub(crate) channels: u64,
    pub(crate) queued: u64,
    /// The messages that there is room for, where that can be known.
    pub(crate) capacity: Option<u64>,
}

#[derive(Clone)]
struct Channel {
    name: Number,
    kind: &'static str,
    probe: Arc<dyn Probe>,
}

static EXISTING: Mutex<Vec<Channel>> = Mutex::new(Vec::new());

/// Looks at a sender's channel from now on, under this name alone. Says whether there was place for it.
pub(crate) fn add(name: &'static str, kind: &'static str, probe: Arc<dyn Probe>, sender: &dyn Any) -> bool {
    loop {
        // As in a look, the list is free meanwhile. Those that are gone are forgotten here too: nobody may look.
        let before = all().clone();
        let is_out = |channel: &&Channel| channel.probe.look().is_none() || channel.probe.is_of(sender);
        let out: Vec<_> = before.iter().filter(is_out).map(|channel| Arc::clone(&channel.probe)).collect();
        let list = &mut *all();
        // The newest is the last: where that was looked at, all were. Another may have listed this channel meanwhile.
        let is_seen = |last: &Channel| before.iter().any(|seen| Arc::ptr_eq(&seen.probe, &last.probe));
        if !list.last().is_none_or(is_seen) {
            continue;
        }
        list.retain(|channel| !out.iter().any(|out| Arc::ptr_eq(out, &channel.probe)));
        let has_place = list.len() < MOST;
        if has_place {
            list.push(Channel { name: Name::number_of(name), kind, probe });
        }
        return has_place;
    }
}

/// The messages in such channels, by name and kind. Those that are gone are looked at no longer.
pub(crate) fn look() -> Vec<Existing> {
    // A look may drop the last sender of a channel, which wakes its receiver: whatever that does, the list is free meanwhile.
    let list = all().clone();
    let mut sums: BTreeMap<(Number, &'static str), Existing> = BTreeMap::new();
    let mut gone = Vec::new();
    for Channel { name, kind, probe } in list {
        let Some((queued, capacity)) = probe.look() else {
            gone.push(probe);
            continue;
        };
        let none = Existing { name, kind, channels: 0, queued: 0, capacity: capacity.map(|_| 0) };
        let sum = sums.entry((name, kind)).or_insert(none);
        sum.channels += 1;
        sum.queued = sum.queued.saturating_add(queued);
        sum.capacity = sum.capacity.zip(capacity).map(|(sum, one)| sum.saturating_add(one));
    }
    forget(&gone);
    sums.into_values().collect()
}

/// Looks at some no longer. They are dropped by who has them here: with the last of a channel goes what is in it.
fn forget(out: &[Arc<dyn Probe>]) {
    if !out.is_empty() {
        all().retain(|channel| !out.iter().any(|out| Arc::ptr_eq(out, &channel.probe)));
    }
}

fn all() -> MutexGuard<'static, Vec<Channel>> {
    EXISTING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// A channel that is known by a text.
    struct Known(&'static str);

    impl Probe for Known {
        fn look(&self) -> Option<(u64, Option<u64>)> {
            Some((0, None))
        }

        fn is_of(&self, sender: &dyn Any) -> bool {
            sender.downcast_ref::<&'static str>() == Some(&self.0)
        }
    }

    /// Another channel; the first look at it finds time to list `"raced"`.
    struct Racing(AtomicBool);

    impl Probe for Racing {
        fn look(&self) -> Option<(u64, Option<u64>)> {
            if !self.0.swap(true, Ordering::Relaxed) {
                assert!(add("existing-inner", "raced", Arc::new(Known("raced")), &"raced"));
            }
            Some((0, None))
        }

        fn is_of(&self, _sender: &dyn Any) -> bool {
            false
        }
    }

    #[test]
    fn a_channel_that_another_lists_meanwhile_is_listed_once() {
        assert!(add("existing-other", "racing", Arc::new(Racing(AtomicBool::new(false))), &"other"));
        assert!(add("existing-outer", "raced", Arc::new(Known("raced")), &"raced"));
        let names: Vec<_> = all().iter().filter(|channel| channel.kind == "raced").map(|one| one.name).collect();
        assert_eq!(names, [Name::number_of("existing-outer")]);
    }
}
