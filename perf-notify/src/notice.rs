//! Notices: short texts of other parts, and the keys of those that were told.

use crate::runner::Order;
use perf_runtime::extend::{Deliver, DeliverError, Notice};
use ring::digest::{SHA256, digest};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// So many notices wait to be sent.
pub(crate) const MOST_WAITING: usize = 100;
/// So many keys of notices that were told are remembered; of more the oldest are forgotten.
pub(crate) const MOST_TOLD: usize = 10_000;

/// Hashes of keys, each with the millisecond since 1970 at which its notice was told.
pub(crate) type ToldKeys = BTreeMap<[u8; 16], u64>;

/// The notices that were told.
#[derive(Debug, Default)]
pub(crate) struct Told(ToldKeys);

impl Told {
    pub(crate) fn new(keys: ToldKeys) -> Self {
        Self(keys)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(&hash(key))
    }

    /// Notes a notice as told, in `changes` too. Whether it was not before.
    pub(crate) fn note(&mut self, key: &str, at: SystemTime, changes: &mut ToldKeys) -> bool {
        if self.has(key) {
            return false;
        }
        let at = u64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
        for keys in [&mut self.0, changes] {
            keys.insert(hash(key), at);
            if keys.len() > MOST_TOLD {
                forget_oldest(keys);
            }
        }
        true
    }

    /// Has all of them written anew.
    pub(crate) fn write_all(&self, changes: &mut ToldKeys) {
        changes.extend(&self.0);
    }

    /// Takes over those that another process told.
    pub(crate) fn take_over(&mut self, keys: ToldKeys, changes: &mut ToldKeys) {
        for (key, at) in keys {
            if self.0.insert(key, at).is_none() {
                changes.insert(key, at);
            }
        }
        [&mut self.0, changes].into_iter().for_each(forget_oldest);
    }
}

/// Forgets the oldest, where there are too many.
fn forget_oldest(keys: &mut ToldKeys) {
    for key in oldest_beyond(keys.iter().map(|(key, at)| (*at, *key)).collect()) {
        keys.remove(&key);
    }
}

/// The oldest of these keys, of which so many are too many.
pub(crate) fn oldest_beyond(mut all: Vec<(u64, [u8; 16])>) -> impl Iterator<Item = [u8; 16]> {
    let beyond = all.len().saturating_sub(MOST_TOLD);
    if beyond > 0 {
        all.sort_unstable();
    }
    all.into_iter().take(beyond).map(|(_, key)| key)
}

fn hash(key: &str) -> [u8; 16] {
    let mut hash = [0; 16];
    hash.iter_mut().zip(digest(&SHA256, key.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

/// How many notices wait, and whether any are taken still.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// Whether none is taken any more. Held while one is handed over: what was taken is before the end.
    has_ended: Mutex<bool>,
    /// On the way to the thread that puts them into the outbox.
    under_way: AtomicUsize,
    /// In the outbox.
    waiting: AtomicUsize,
    /// The keys of those that were taken and may be in memory alone.
    unsettled: Mutex<BTreeSet<String>>,
}

impl Backlog {
    /// Whether a notice is let in.
    fn check(&self, has_ended: bool) -> Result<(), DeliverError> {
        let under_way = self.under_way.load(Ordering::Acquire);
        let has_room = under_way.saturating_add(self.waiting.load(Ordering::Acquire)) < MOST_WAITING;
        match (has_ended, has_room) {
            (true, _) => Err(DeliverError::Ended),
            (false, false) => Err(DeliverError::Full { most: MOST_WAITING }),
            (false, true) => Ok(()),
        }
    }

    /// Whether a notice would be let in now.
    fn ready(&self) -> Result<(), DeliverError> {
        let has_ended = *self.has_ended.lock().unwrap_or_else(PoisonError::into_inner);
        self.check(has_ended)
    }

    fn unsettled(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note that a notice outlives the process, or was sent.
    pub(crate) fn settle(&self, key: &str) {
        self.unsettled().remove(key);
    }

    /// Lets a notice in by `hand_over`, where there is room and no end. Nothing is asked of others meanwhile.
    fn enter(&self, key: &str, hand_over: impl FnOnce() -> Result<(), DeliverError>) -> Result<(), DeliverError> {
        let has_ended = self.has_ended.lock().unwrap_or_else(PoisonError::into_inner);
        self.check(*has_ended)?;
        // At most as many as may wait, and those that cannot be written.
        self.unsettled().insert(key.to_owned());
        self.under_way.fetch_add(1, Ordering::AcqRel);
        hand_over()
    }

    /// Takes none any more: all that were taken have been handed over.
    pub(crate) fn end(&self) {
        *self.has_ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Takes note that so many came into the outbox, in which so many wait now.
    pub(crate) fn set(&self, came: usize, waiting: usize) {
        // In this order: one is counted twice for a moment, and never not at all.
        self.waiting.store(waiting, Ordering::Release);
        self.under_way.fetch_sub(came, Ordering::AcqRel);
    }
}

/// The way from other parts to the outbox.
#[derive(Debug)]
pub(crate) struct Notices {
    pub(crate) orders: Sender<Order>,
    pub(crate) backlog: Arc<Backlog>,
    /// Whether a channel takes notices.
    pub(crate) has_channels: bool,
}

impl Deliver for Notices {
    fn deliver(&self, notice: &Notice) -> Result<(), DeliverError> {
        if !self.has_channels {
            return Err(DeliverError::NoChannel);
        }
        let order = Order::Notice(Box::new(notice.clone()));
        self.backlog.enter(notice.key(), || self.orders.send(order).map_err(|_| DeliverError::Ended))
    }

    fn is_settled(&self, key: &str) -> bool {
        !self.backlog.unsettled().contains(key)
    }

    fn ready(&self) -> Result<(), DeliverError> {
        if self.has_channels { self.backlog.ready() } else { Err(DeliverError::NoChannel) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn what_was_taken_was_handed_over_before_the_end_and_nothing_after_it() {
        for _ in 0..50 {
            let (orders, receiver) = channel();
            let backlog = Arc::new(Backlog::default());
            let notices = Notices { orders, backlog: Arc::clone(&backlog), has_channels: true };
            let taken = std::thread::scope(|scope| {
                let deliver = || {
                    let all = (0..20).map(|number| Notice::new(number.to_string(), "Title", "text").unwrap());
                    all.filter(|notice| notices.deliver(notice).is_ok()).count()
                };
                let threads = [scope.spawn(deliver), scope.spawn(deliver)];
                backlog.end();
                let came = receiver.try_iter().count();
                let taken: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
                (taken, came)
            });
            assert_eq!(taken.0, taken.1);
            assert_eq!(notices.ready(), Err(DeliverError::Ended));
        }
    }

    #[test]
    fn whether_a_notice_would_be_taken_is_said_as_it_is() {
        let (orders, receiver) = channel();
        let backlog = Arc::new(Backlog::default());
        let notices = Notices { orders, backlog: Arc::clone(&backlog), has_channels: true };
        let notice = Notice::new("a", "Title", "text").unwrap();
        for _ in 0..MOST_WAITING {
            assert_eq!((notices.ready(), notices.deliver(&notice)), (Ok(()), Ok(())));
        }
        let full = Err(DeliverError::Full { most: MOST_WAITING });
        assert_eq!((notices.ready(), notices.deliver(&notice)), (full, full));
        assert_eq!(receiver.try_iter().count(), MOST_WAITING);
        backlog.set(MOST_WAITING, 0);
        assert_eq!(notices.ready(), Ok(()));
        let notices = Notices { has_channels: false, ..notices };
        assert_eq!(notices.ready(), Err(DeliverError::NoChannel));
    }

    #[test]
    fn the_oldest_keys_are_forgotten_first() {
        let (mut told, mut changes) = (Told::default(), ToldKeys::new());
        let at = |second: usize| UNIX_EPOCH + Duration::from_secs(second as u64);
        for second in 0..=MOST_TOLD {
            assert!(told.note(&second.to_string(), at(second), &mut changes));
        }
        assert!(!told.has("0") && told.has("1"));
        assert!(!told.note("1", at(1), &mut changes));
        assert_eq!((told.0.len(), changes.len()), (MOST_TOLD, MOST_TOLD));
        told.take_over(BTreeMap::from([(hash("new"), u64::MAX)]), &mut changes);
        assert!(told.has("new") && !told.has("1") && told.has("2"));
    }
}
