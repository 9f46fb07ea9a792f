//! Calls that wait for one thing alone.
//!
//! A call of an async body whose only pending future is one that waits for a lock goes on when it has that lock, and not before. Nothing shows it while it waits: a
//! future beside it (`join!`, `select!`) may sleep. So it is asked, seldom, of calls that have waited for long: each body gets a waker of our own around its
//! task's, and after a poll that is pending as many futures are to be woken as have a clone of that.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

/// The number of those who ask. Where somebody does, bodies that are polled count what they wait for.
static ASKING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The bodies that this thread polls and that count, from the outside.
    static BODIES: RefCell<Vec<Body>> = const { RefCell::new(Vec::new()) };
}

/// Whether somebody asks. Costs a load.
#[inline]
#[must_use]
pub fn is_asked() -> bool {
    ASKING.load(Ordering::Relaxed) > 0
}

/// Has each body that is polled count what it waits for, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the counting"]
pub struct Asking(());

impl Asking {
    /// Begins to ask.
    #[expect(clippy::new_without_default, reason = "a guard")]
    pub fn new() -> Self {
        ASKING.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        ASKING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A call of an async body: its address, which no other call has while it lasts, and when it started, by the clock of locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsyncCall {
    /// The address.
    pub address: usize,
    /// The moment of the start.
    pub started: u64,
}

/// The calls that waited for one future alone when they were last polled. They do so for as long as the future waits: nothing else of theirs runs meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Alone(Arc<Mutex<Vec<AsyncCall>>>);

impl Alone {
    /// Whether a call of an address, which had started by a moment, is one of them.
    #[must_use]
    pub fn has(&self, address: usize, by: u64) -> bool {
        self.calls().iter().any(|call| call.address == address && call.started <= by)
    }

    /// Whether no call is one of them.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls().is_empty()
    }

    /// Adds a call.
    pub fn add(&self, call: AsyncCall) {
        self.calls().push(call);
    }

    fn calls(&self) -> MutexGuard<'_, Vec<AsyncCall>> {
        let Self(calls) = self;
        calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that a future waits which was polled with this waker. The calls that wait for nothing else come in when their polls end. `None` where nobody asks, or where
/// the waker is not that of the innermost call.
#[must_use]
pub fn waits(waker: &Waker) -> Option<Alone> {
    if !is_asked() {
        return None;
    }
    with_bodies(|bodies| {
        let body = bodies.last_mut().filter(|body| body.woken.is_of(waker))?;
        Some(body.leaf.insert(Alone::default()).clone())
    })
}

fn with_bodies<R>(change: impl FnOnce(&mut Vec<Body>) -> Option<R>) -> Option<R> {
    BODIES.try_with(|bodies| change(&mut *bodies.try_borrow_mut().ok()?)).ok().flatten()
}

/// A body that is polled.
struct Body {
    woken: Arc<Woken>,
    /// The future of ours that said last that it waits.
    leaf: Option<Alone>,
}

/// The waker of one poll.
struct Woken {
    task: Waker,
    is_woken: AtomicBool,
}

impl Woken {
    fn is_of(&self, waker: &Waker) -> bool {
        std::ptr::eq(waker.data().cast(), self)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Before the clone that woke it is gone: see `Counting::end`.
        self.is_woken.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

/// A poll of a body that counts what it waits for.
pub(crate) struct Counting {
    woken: Arc<Woken>,
    waker: Waker,
}

/// Begins a poll that counts, where somebody asks. Costs a load where nobody does.
#[inline]
pub(crate) fn counting(context: &Context<'_>) -> Option<Counting> {
    if is_asked() { Counting::begin(context) } else { None }
}

impl Counting {
    #[cold]
    fn begin(context: &Context<'_>) -> Option<Self> {
        let woken = Arc::new(Woken { task: context.waker().clone(), is_woken: AtomicBool::new(false) });
        let body = Body { woken: Arc::clone(&woken), leaf: None };
        with_bodies(|bodies| {
            bodies.push(body);
            Some(())
        })?;
        Some(Self { waker: Waker::from(Arc::clone(&woken)), woken })
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Ends a poll that is pending, of a call.
    #[cold]
    pub(crate) fn end(self, call: AsyncCall) {
        // One is this one's, one its waker's and one the list's.
        let waiting = Arc::strong_count(&self.woken).saturating_sub(3);
        // A future that was woken meanwhile has a clone no longer: that it was woken was noted before.
        fence(Ordering::Acquire);
        let is_alone = waiting == 1 && !self.woken.is_woken.load(Ordering::Acquire);
        let around = Arc::clone(&self.woken);
        with_bodies(|bodies| {
            let leaf = bodies.last_mut()?.leaf.take().filter(|_| is_alone)?;
            leaf.add(call);
            // The clone of the waker of the call around it is this one's.
            let outer = bodies.len().checked_sub(2).and_then(|outer| bodies.get_mut(outer));
            outer.filter(|outer| outer.woken.is_of(&around.task))?.leaf = Some(leaf);
            Some(())
        });
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        // Polls end in the order of the stack.
        let body = with_bodies(Vec::pop);
        drop(body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{Future, pending, poll_fn};
    use std::pin::{Pin, pin};
    use std::task::Poll;

    const OUTER: AsyncCall = AsyncCall { address: 1, started: 10 };
    const INNER: AsyncCall = AsyncCall { address: 2, started: 20 };

    /// Polls a body as that of a call.
    async fn called<F: Future>(call: AsyncCall, body: F) -> F::Output {
        let mut body = pin!(body);
        poll_fn(|context| {
            let counting = counting(context).unwrap();
            let polled = body.as_mut().poll(&mut Context::from_waker(counting.waker()));
            if polled.is_pending() {
                counting.end(call);
            }
            polled
        })
        .await
    }

    /// The wakers of futures that wait, and what is known of them.
    type Kept = RefCell<Vec<(Waker, Option<Alone>)>>;

    /// A future that waits, keeps its waker and notes what is known of it.
    struct Waits<'a>(&'a Kept);

    impl Future for Waits<'_> {
        type Output = ();

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            self.0.borrow_mut().push((context.waker().clone(), waits(context.waker())));
            Poll::Pending
        }
    }

    fn poll(future: impl Future<Output = ()>) {
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(future).poll(&mut context).is_pending());
    }

    /// One test: whether anybody asks is the process's.
    #[test]
    fn calls_that_wait_for_one_future_alone_are_told_from_those_that_wait_for_two() {
        let kept: Kept = RefCell::default();
        let known = || {
            let (_, alone) = kept.borrow_mut().pop().unwrap();
            alone.map(|alone| [alone.has(1, 10), alone.has(2, 20)])
        };
        assert!(counting(&Context::from_waker(Waker::noop())).is_none(), "nobody asks");
        let asking = Asking::new();
        poll(called(OUTER, called(INNER, Waits(&kept))));
        let (_, alone) = kept.borrow_mut().pop().unwrap();
        let alone = alone.unwrap();
        assert!(alone.has(1, 10) && alone.has(2, 20) && alone.has(2, 21) && !alone.has(2, 19) && !alone.has(3, 30));

        // A future beside it, that keeps its waker, that hides the waker, or that was woken already.
        poll(called(OUTER, async {
            futures_beside(called(INNER, Waits(&kept)), Waits(&kept)).await;
        }));
        assert_eq!(known(), Some([false, false]), "beside a call");
        assert_eq!(known(), Some([false, true]), "in a call beside another future");
        poll(called(OUTER, poll_fn(|_| pin!(Waits(&kept)).poll(&mut Context::from_waker(Waker::noop())))));
        assert_eq!(known(), None, "nothing is known of one with another waker");
        poll(called(OUTER, async {
            let woken = poll_fn(|context| {
                context.waker().wake_by_ref();
                Poll::<()>::Pending
            });
            futures_beside(Waits(&kept), woken).await;
        }));
        assert_eq!(known(), Some([false, false]), "woken meanwhile");
        poll(called(OUTER, futures_beside(Waits(&kept), pending())));
        assert_eq!(known(), Some([true, false]), "one that nobody wakes goes on with nothing");
        poll(Waits(&kept));
        assert_eq!(known(), None, "outside of calls");
        drop(asking);
        assert!(counting(&Context::from_waker(Waker::noop())).is_none());
        assert!(BODIES.with_borrow(Vec::is_empty));
    }

    async fn futures_beside(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
        let (mut one, mut other) = (pin!(one), pin!(other));
        poll_fn(|context| {
            let _ = (one.as_mut().poll(context), other.as_mut().poll(context));
            Poll::<()>::Pending
        })
        .await;
    }
}
