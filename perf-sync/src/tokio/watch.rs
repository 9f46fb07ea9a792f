//! [`tokio::sync::watch`], watched: the same channel with the same methods, made with a name.
//!
//! ```
//! use perf_sync::tokio::watch;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (sender, mut receiver) = watch::channel("settings", 1);
//! sender.send(2).expect("a receiver is there");
//! receiver.changed().await.expect("the sender is there");
//! assert_eq!(*receiver.borrow_and_update(), 2);
//! # }
//! ```
//!
//! Sent are values that were put in, and received are new values that a receiver took note of: those that were replaced before nobody saw, so there is no sum.

use crate::channel::{self, Sending};
use crate::watch::kind::Kind;
use crate::watch::name::Name;
use crate::watch::series::SeriesNumber;
use std::fmt;
use std::panic::Location;
use tokio::sync::watch as original;
pub use tokio::sync::watch::{Ref, error};

use error::{RecvError, SendError};

/// [`tokio::sync::watch::channel`] with a name, under which it is counted with all of the same name.
pub fn channel<T>(name: &'static str, init: T) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = original::channel(init);
    let series = channel::series_of(name, Kind::Watch);
    (Sender { inner: sender, series }, Receiver { inner: receiver, series })
}

/// [`tokio::sync::watch::Sender`] of a watched channel.
pub struct Sender<T> {
    inner: original::Sender<T>,
    series: SeriesNumber,
}

/// [`tokio::sync::watch::Receiver`] of a watched channel.
pub struct Receiver<T> {
    inner: original::Receiver<T>,
    series: SeriesNumber,
}

impl<T> Sender<T> {
    /// [`tokio::sync::watch::Sender::new`] with a name.
    pub fn new(name: &'static str, init: T) -> Self {
        Self { inner: original::Sender::new(init), series: channel::series_of(name, Kind::Watch) }
    }

    /// [`tokio::sync::watch::Sender::send`].
    ///
    /// # Errors
    /// The value, where there is no receiver.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        let sending = Sending::new(self.series);
        self.inner.send(value).inspect_err(|_| sending.closed())
    }

    /// [`tokio::sync::watch::Sender::send_modify`].
    ///
    /// # Panics
    /// Where `modify` does, as the original does.
    pub fn send_modify<F: FnOnce(&mut T)>(&self, modify: F) {
        let mut sending = None;
        self.inner.send_modify(|value| {
            modify(value);
            sending = Some(Sending::new(self.series));
        });
        drop(sending);
    }

    /// [`tokio::sync::watch::Sender::send_if_modified`]. What is not modified is no attempt.
    ///
    /// # Panics
    /// Where `modify` does, as the original does.
    pub fn send_if_modified<F: FnOnce(&mut T) -> bool>(&self, modify: F) -> bool {
        let mut sending = None;
        let is_modified = self.inner.send_if_modified(|value| {
            let is_modified = modify(value);
            sending = is_modified.then(|| Sending::new(self.series));
            is_modified
        });
        drop(sending);
        is_modified
    }

    /// [`tokio::sync::watch::Sender::send_replace`].
    pub fn send_replace(&self, value: T) -> T {
        let _sending = Sending::new(self.series);
        self.inner.send_replace(value)
    }

    /// [`tokio::sync::watch::Sender::borrow`].
    pub fn borrow(&self) -> Ref<'_, T> {
        self.inner.borrow()
    }

    /// [`tokio::sync::watch::Sender::is_closed`].
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// [`tokio::sync::watch::Sender::closed`].
    pub async fn closed(&self) {
        self.inner.closed().await;
    }

    /// [`tokio::sync::watch::Sender::subscribe`].
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver { inner: self.inner.subscribe(), series: self.series }
    }

    /// [`tokio::sync::watch::Sender::receiver_count`].
    pub fn receiver_count(&self) -> usize {
        self.inner.receiver_count()
    }

    /// [`tokio::sync::watch::Sender::sender_count`].
    pub fn sender_count(&self) -> usize {
        self.inner.sender_count()
    }

    /// [`tokio::sync::watch::Sender::same_channel`].
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }
}

impl<T> Receiver<T> {
    /// [`tokio::sync::watch::Receiver::borrow`].
    pub fn borrow(&self) -> Ref<'_, T> {
        self.inner.borrow()
    }

    /// [`tokio::sync::watch::Receiver::borrow_and_update`].
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.inner.borrow_and_update();
        if value.has_changed() {
            channel::seen(self.series);
        }
        value
    }

    /// [`tokio::sync::watch::Receiver::has_changed`].
    ///
    /// # Errors
    /// Where all senders are gone.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        self.inner.has_changed()
    }

    /// [`tokio::sync::watch::Receiver::is_closed`].
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// [`tokio::sync::watch::Receiver::mark_changed`]. The value that is there is new once more.
    pub fn mark_changed(&mut self) {
        self.inner.mark_changed();
    }

    /// [`tokio::sync::watch::Receiver::mark_unchanged`]. A value that was not looked at is not received.
    pub fn mark_unchanged(&mut self) {
        self.inner.mark_unchanged();
    }

    /// [`tokio::sync::watch::Receiver::changed`].
    ///
    /// # Errors
    /// Where all senders are gone.
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        self.inner.changed().await?;
        channel::seen(self.series);
        Ok(())
    }

    /// [`tokio::sync::watch::Receiver::wait_for`]. Each new value that `f` is asked of is received, as far as it can be told: of a value that comes
    /// in the moment in which the call begins, and that `f` does not take, it cannot.
    ///
    /// # Errors
    /// Where all senders are gone.
    ///
    /// # Panics
    /// Where `f` does, as the original does.
    pub async fn wait_for(&mut self, mut f: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, RecvError> {
        let series = self.series;
        // It is asked of the value that is there first, new or not, and of every new one.
        let mut is_new = self.inner.borrow().has_changed();
        let mut counted = false;
        let asked = |value: &T| {
            counted = std::mem::replace(&mut is_new, true);
            if counted {
                channel::seen(series);
            }
            f(value)
        };
        let value = self.inner.wait_for(asked).await?;
        // It came after that was asked and before `f` was.
        if !counted && value.has_changed() {
            channel::seen(series);
        }
        Ok(value)
    }

    /// [`tokio::sync::watch::Receiver::same_channel`].
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), series: self.series }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), series: self.series }
    }
}

impl<T: Default> Default for Sender<T> {
    /// Its name is the place in the program where it is made.
    #[track_caller]
    fn default() -> Self {
        let name = Name::Place(Location::caller()).number();
        Self { inner: original::Sender::default(), series: SeriesNumber::of_channel(name, Kind::Watch) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
