//! Notifications. Nothing is held, so waits alone are counted.

use super::waiting::{Waited, Waiting};
use crate::watch::{Mode, Watch};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync as original;

/// [`tokio::sync::Notify`], watched: a wait for a notification may be long in coming without anything being wrong, and no rule looks at it.
///
/// ```
/// use perf_sync::tokio::Notify;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let changed = Notify::named("changed");
/// changed.notify_one();
/// changed.notified().await;
/// # }
/// ```
pub struct Notify {
    watch: Watch,
    // By itself, since the original's owned future keeps it: the watch stays with ours.
    inner: original::Notify,
}

impl Notify {
    /// A notification with a name, under which it is counted with all of the same name.
    pub const fn named(name: &'static str) -> Self {
        Self { watch: Watch::named(name), inner: original::Notify::const_new() }
    }

    /// [`tokio::sync::Notify::new`]. Its name is the place in the program where it is made.
    #[track_caller]
    pub fn new() -> Self {
        Self { watch: Watch::here(), inner: original::Notify::new() }
    }

    /// [`tokio::sync::Notify::const_new`].
    #[track_caller]
    pub const fn const_new() -> Self {
        Self { watch: Watch::here(), inner: original::Notify::const_new() }
    }

    /// [`tokio::sync::Notify::notified`].
    pub fn notified(&self) -> Notified<'_> {
        Notified { waiting: Waiting::new(&self.watch, Mode::Notified, self.inner.notified(), |()| Waited::Acquired(0)) }
    }

    /// [`tokio::sync::Notify::notified_owned`].
    pub fn notified_owned(self: Arc<Self>) -> OwnedNotified {
        OwnedNotified::new(self)
    }

    /// [`tokio::sync::Notify::notify_one`].
    pub fn notify_one(&self) {
        self.inner.notify_one();
    }

    /// [`tokio::sync::Notify::notify_last`].
    pub fn notify_last(&self) {
        self.inner.notify_last();
    }

    /// [`tokio::sync::Notify::notify_waiters`].
    pub fn notify_waiters(&self) {
        self.inner.notify_waiters();
    }
}

impl Default for Notify {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

pin_project_lite::pin_project! {
    /// [`tokio::sync::futures::Notified`] of a watched [`Notify`]. A wait begins at the first poll that is pending; [`enable`](Self::enable) alone
    /// is none.
    #[must_use = "futures do nothing unless polled"]
    pub struct Notified<'a> {
        #[pin]
        waiting: Waiting<'a, original::futures::Notified<'a>>,
    }
}

impl Notified<'_> {
    /// [`tokio::sync::futures::Notified::enable`].
    pub fn enable(self: Pin<&mut Self>) -> bool {
        self.project().waiting.inner().enable()
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.project().waiting.poll(context)
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified").finish_non_exhaustive()
    }
}

/// [`tokio::sync::futures::OwnedNotified`] of a watched [`Notify`].
#[must_use = "futures do nothing unless polled"]
pub struct OwnedNotified {
    // Before the `Arc` that keeps what it borrows.
    waiting: Pin<Box<Notified<'static>>>,
    _notify: Arc<Notify>,
}

impl OwnedNotified {
    fn new(notify: Arc<Notify>) -> Self {
        // SAFETY: the `Arc` beside it keeps the notification where it is until the future is dropped, which is before; and the future is not given out
        // with this lifetime.
        let there: &'static Notify = unsafe { &*Arc::as_ptr(&notify) };
        Self { waiting: Box::pin(there.notified()), _notify: notify }
    }

    /// [`tokio::sync::futures::OwnedNotified::enable`].
    pub fn enable(self: Pin<&mut Self>) -> bool {
        self.get_mut().waiting.as_mut().enable()
    }
}

impl Future for OwnedNotified {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.get_mut().waiting.as_mut().poll(context)
    }
}

impl fmt::Debug for OwnedNotified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedNotified").finish_non_exhaustive()
    }
}
