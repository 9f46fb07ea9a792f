//! Selection among several operations.

use super::receiver::Receiver;
use super::sender::Sender;
use super::{RecvError, SendError};
use crate::channel::{Offer, Offered};
use std::fmt;
use std::time::{Duration, Instant};

pub use flume::select::SelectError;

/// [`flume::Selector`] among operations on watched channels. A send is counted when the selection has chosen it: one that waits in it is not shown, and one that was
/// not chosen counts as nothing.
///
/// ```
/// use perf_sync::flume::{self, Selector};
///
/// let ((first, numbers), (_second, words)) = (flume::bounded("numbers", 1), flume::bounded::<&str>("words", 1));
/// first.send(7).expect("a receiver is there");
/// let chosen = Selector::new().recv(&numbers, |number| number.ok()).recv(&words, |_| None).wait();
/// assert_eq!(chosen, Some(7));
/// ```
pub struct Selector<'a, T: 'a>(flume::Selector<'a, T>);

impl<'a, T: 'a> Selector<'a, T> {
    /// [`flume::Selector::new`].
    #[must_use]
    pub fn new() -> Self {
        Self(flume::Selector::new())
    }

    /// [`flume::Selector::send`].
    #[must_use]
    pub fn send<U, F: FnMut(Result<(), SendError<U>>) -> T + 'a>(
        self,
        sender: &'a Sender<U>,
        msg: U,
        mut mapper: F,
    ) -> Self {
        let (offer, message) = Offer::new(sender.channel(), msg);
        // A selection that is over drops it, and does not say so.
        offer.may_be_dropped();
        let mut offer = Some(offer);
        let sent = move |sent: Result<(), SendError<Offered<U>>>| {
            let offer = offer.take().into_iter();
            match sent {
                Ok(()) => {
                    offer.for_each(Offer::taken);
                    mapper(Ok(()))
                }
                Err(SendError(message)) => {
                    offer.for_each(Offer::closed);
                    mapper(Err(SendError(message.back())))
                }
            }
        };
        Self(self.0.send(sender.inner(), message, sent))
    }

    /// [`flume::Selector::recv`].
    #[must_use]
    pub fn recv<U, F: FnMut(Result<U, RecvError>) -> T + 'a>(self, receiver: &'a Receiver<U>, mut mapper: F) -> Self {
        let map = move |message: Result<Offered<U>, RecvError>| mapper(message.map(|message| receiver.take(message)));
        Self(self.0.recv(receiver.inner(), map))
    }

    /// [`flume::Selector::wait`]. Without an operation it waits for ever, as the original does.
    ///
    /// # Panics
    /// Without an operation, where flume has its feature `eventual-fairness`.
    pub fn wait(self) -> T {
        self.0.wait()
    }

    /// [`flume::Selector::wait_timeout`].
    ///
    /// # Errors
    /// Where none was completed in that time.
    pub fn wait_timeout(self, dur: Duration) -> Result<T, SelectError> {
        self.0.wait_timeout(dur)
    }

    /// [`flume::Selector::wait_deadline`].
    ///
    /// # Errors
    /// Where none was completed until then.
    pub fn wait_deadline(self, deadline: Instant) -> Result<T, SelectError> {
        self.0.wait_deadline(deadline)
    }
}

impl<'a, T: 'a> Default for Selector<'a, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T: 'a> fmt::Debug for Selector<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector").finish_non_exhaustive()
    }
}
