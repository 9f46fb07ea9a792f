//! The future of a send.

use super::sender::Sender;
use super::{SendError, TrySendError};
use crate::channel::{Offer, Offered};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// [`async_channel::Send`] of a watched channel. Dropped while it waits for room, it counts as cancelled.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Send<'a, T> {
        sender: &'a Sender<T>,
        // Until the first poll.
        value: Option<T>,
        // From then on, where there was no room.
        #[pin]
        future: Option<::async_channel::Send<'a, Offered<T>>>,
        offer: Option<Offer>,
    }

    impl<T> PinnedDrop for Send<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(offer) = this.offer.take() {
                offer.give_up(|| this.future.set(None));
            }
        }
    }
}

impl<'a, T> Send<'a, T> {
    pub(super) fn new(sender: &'a Sender<T>, value: T) -> Self {
        Self { sender, value: Some(value), future: None, offer: None }
    }
}

impl<T> Future for Send<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(value) = this.value.take() {
            match this.sender.send_at_once(value) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(TrySendError::Closed(value)) => return Poll::Ready(Err(SendError(value))),
                Err(TrySendError::Full(value)) => {
                    let (offer, message) = Offer::new(this.sender.channel(), value);
                    this.future.set(Some(this.sender.inner().send(message)));
                    *this.offer = Some(offer);
                }
            }
        }
        // One that is polled after its end waits for nothing.
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let polled = future.poll(context);
        if polled.is_pending() {
            if let Some(offer) = this.offer {
                offer.waits(false);
            }
            return Poll::Pending;
        }
        let offer = this.offer.take();
        this.future.set(None);
        polled.map(|sent| match sent {
            Ok(()) => {
                offer.into_iter().for_each(Offer::taken);
                Ok(())
            }
            Err(SendError(message)) => {
                offer.into_iter().for_each(Offer::closed);
                Err(SendError(message.back()))
            }
        })
    }
}

impl<T> fmt::Debug for Send<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Send").finish_non_exhaustive()
    }
}
