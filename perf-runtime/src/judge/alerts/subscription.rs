//! Subscriptions to the events of alerts. Sending never waits for a subscriber.

use super::alert::AlertEvent;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// Events of alerts, from the moment of subscribing on.
///
/// It holds as many as was asked for. Whoever is too slow loses the oldest, and can see how many; the monitor never waits.
///
/// ```
/// use perf_runtime::Monitor;
/// use std::time::Duration;
///
/// let monitor = Monitor::builder().build()?;
/// let events = monitor.alerts().subscribe(16);
/// assert!(events.recv_timeout(Duration::from_millis(1)).is_none());
/// assert_eq!(events.take_missed(), 0);
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct AlertSubscription {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Debug)]
struct Queue {
    events: VecDeque<AlertEvent>,
    capacity: usize,
    missed: u64,
    waker: Option<Waker>,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AlertSubscription {
    /// The next event, if there is one.
    pub fn try_recv(&self) -> Option<AlertEvent> {
        self.shared.queue().events.pop_front()
    }

    /// Waits for the next event, at most so long. Blocks the thread: in async code use [`recv`](Self::recv).
    pub fn recv_timeout(&self, timeout: Duration) -> Option<AlertEvent> {
        let deadline = Instant::now().checked_add(timeout);
        let mut queue = self.shared.queue();
        loop {
            if let Some(event) = queue.events.pop_front() {
                return Some(event);
            }
            let left = deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return None;
            }
            let waited = self.shared.arrived.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the next event, on any async runtime.
    pub async fn recv(&mut self) -> AlertEvent {
        poll_fn(|context| {
            let mut queue = self.shared.queue();
            if let Some(event) = queue.events.pop_front() {
                return Poll::Ready(event);
            }
            queue.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// How many events were lost since this was last asked, because there was no room for them.
    pub fn take_missed(&self) -> u64 {
        std::mem::take(&mut self.shared.queue().missed)
    }
}

/// Those who want to be told.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    subscribers: Vec<Weak<Shared>>,
}

impl Publisher {
    pub(crate) fn subscribe(&mut self, capacity: usize) -> AlertSubscription {
        let queue = Queue { events: VecDeque::new(), capacity: capacity.max(1), missed: 0, waker: None };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), arrived: Condvar::new() });
        self.subscribers.push(Arc::downgrade(&shared));
        AlertSubscription { shared }
    }

    pub(crate) fn publish(&mut self, event: &AlertEvent) {
        self.subscribers.retain(|subscriber| {
            let Some(shared) = subscriber.upgrade() else { return false };
            let waker = {
                let mut queue = shared.queue();
                if queue.events.len() == queue.capacity {
                    queue.events.pop_front();
                    queue.missed += 1;
                }
                queue.events.push_back(event.clone());
                queue.waker.take()
            };
            shared.arrived.notify_one();
            waker.into_iter().for_each(Waker::wake);
            true
        });
    }
}
