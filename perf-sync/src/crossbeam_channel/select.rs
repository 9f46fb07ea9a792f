//! Selection among several operations.

use super::receiver::Receiver;
use super::sender::Sender;
use super::{ReadyTimeoutError, RecvError, SelectTimeoutError, SendError, TryReadyError, TrySelectError};
use crate::channel::offered::try_send;
use std::fmt;
use std::time::{Duration, Instant};

/// [`crossbeam_channel::Select`](::crossbeam_channel::Select) among operations on watched channels.
///
/// ```
/// use perf_sync::crossbeam_channel::{Select, bounded};
///
/// let ((first, numbers), (_second, words)) = (bounded("numbers", 1), bounded::<&str>("words", 1));
/// first.send(7).expect("a receiver is there");
/// let mut select = Select::new();
/// let (of_numbers, of_words) = (select.recv(&numbers), select.recv(&words));
/// let operation = select.select();
/// assert_eq!(operation.index(), of_numbers);
/// assert_eq!(operation.recv(&numbers), Ok(7));
/// # let _ = of_words;
/// ```
#[derive(Clone, Default)]
pub struct Select<'a>(::crossbeam_channel::Select<'a>);

/// [`crossbeam_channel::SelectedOperation`](::crossbeam_channel::SelectedOperation) on a watched channel.
///
/// # Panics
/// Where it is dropped and was not completed, as the original does.
#[must_use = "a selected operation is to be completed"]
pub struct SelectedOperation<'a>(::crossbeam_channel::SelectedOperation<'a>);

impl<'a> Select<'a> {
    /// [`crossbeam_channel::Select::new`](::crossbeam_channel::Select::new).
    #[must_use]
    pub fn new() -> Self {
        Self(::crossbeam_channel::Select::new())
    }

    /// [`crossbeam_channel::Select::new_biased`](::crossbeam_channel::Select::new_biased).
    #[must_use]
    pub fn new_biased() -> Self {
        Self(::crossbeam_channel::Select::new_biased())
    }

    /// [`crossbeam_channel::Select::send`](::crossbeam_channel::Select::send).
    pub fn send<T>(&mut self, s: &'a Sender<T>) -> usize {
        self.0.send(s.inner())
    }

    /// [`crossbeam_channel::Select::recv`](::crossbeam_channel::Select::recv).
    pub fn recv<T>(&mut self, r: &'a Receiver<T>) -> usize {
        self.0.recv(r.inner())
    }

    /// [`crossbeam_channel::Select::recv`](::crossbeam_channel::Select::recv) of a receiver that is not watched, such as that of [`after`](super::after).
    pub fn recv_unwatched<T>(&mut self, r: &'a ::crossbeam_channel::Receiver<T>) -> usize {
        self.0.recv(r)
    }

    /// [`crossbeam_channel::Select::remove`](::crossbeam_channel::Select::remove).
    ///
    /// # Panics
    /// Where there is no such operation, as the original does.
    pub fn remove(&mut self, index: usize) {
        self.0.remove(index);
    }

    /// [`crossbeam_channel::Select::try_select`](::crossbeam_channel::Select::try_select).
    ///
    /// # Errors
    /// Where no operation is ready.
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        self.0.try_select().map(SelectedOperation)
    }

    /// [`crossbeam_channel::Select::select`](::crossbeam_channel::Select::select).
    ///
    /// # Panics
    /// Without an operation, as the original does.
    pub fn select(&mut self) -> SelectedOperation<'a> {
        SelectedOperation(self.0.select())
    }

    /// [`crossbeam_channel::Select::select_timeout`](::crossbeam_channel::Select::select_timeout).
    ///
    /// # Errors
    /// Where none was ready in that time.
    pub fn select_timeout(&mut self, timeout: Duration) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.0.select_timeout(timeout).map(SelectedOperation)
    }

    /// [`crossbeam_channel::Select::select_deadline`](::crossbeam_channel::Select::select_deadline).
    ///
    /// # Errors
    /// Where none was ready until then.
    pub fn select_deadline(&mut self, deadline: Instant) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.0.select_deadline(deadline).map(SelectedOperation)
    }

    /// [`crossbeam_channel::Select::try_ready`](::crossbeam_channel::Select::try_ready).
    ///
    /// # Errors
    /// Where none is ready.
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        self.0.try_ready()
    }

    /// [`crossbeam_channel::Select::ready`](::crossbeam_channel::Select::ready).
    ///
    /// # Panics
    /// Without an operation, as the original does.
    pub fn ready(&mut self) -> usize {
        self.0.ready()
    }

    /// [`crossbeam_channel::Select::ready_timeout`](::crossbeam_channel::Select::ready_timeout).
    ///
    /// # Errors
    /// Where none was ready in that time.
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        self.0.ready_timeout(timeout)
    }

    /// [`crossbeam_channel::Select::ready_deadline`](::crossbeam_channel::Select::ready_deadline).
    ///
    /// # Errors
    /// Where none was ready until then.
    pub fn ready_deadline(&mut self, deadline: Instant) -> Result<usize, ReadyTimeoutError> {
        self.0.ready_deadline(deadline)
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl SelectedOperation<'_> {
    /// [`crossbeam_channel::SelectedOperation::index`](::crossbeam_channel::SelectedOperation::index).
    #[must_use]
    pub fn index(&self) -> usize {
        self.0.index()
    }

    /// [`crossbeam_channel::SelectedOperation::send`](::crossbeam_channel::SelectedOperation::send).
    ///
    /// # Errors
    /// Where there is no receiver.
    ///
    /// # Panics
    /// Where it is no send by this sender, as the original does.
    pub fn send<T>(self, s: &Sender<T>, msg: T) -> Result<(), SendError<T>> {
        let Self(operation) = self;
        let send = |message| operation.send(s.inner(), message).map_err(|SendError(message)| (message, true));
        try_send(s.channel(), msg, send).map_err(|(msg, _)| SendError(msg))
    }

    /// [`crossbeam_channel::SelectedOperation::recv`](::crossbeam_channel::SelectedOperation::recv).
    ///
    /// # Errors
    /// Where nothing is there and nothing will come.
    ///
    /// # Panics
    /// Where it is no receive by this receiver, as the original does.
    pub fn recv<T>(self, r: &Receiver<T>) -> Result<T, RecvError> {
        self.0.recv(r.inner()).map(|message| r.take(message))
    }

    /// The same by a receiver that is not watched.
    ///
    /// # Errors
    /// As those of [`recv`](Self::recv).
    ///
    /// # Panics
    /// As [`recv`](Self::recv) does.
    pub fn recv_unwatched<T>(self, r: &::crossbeam_channel::Receiver<T>) -> Result<T, RecvError> {
        self.0.recv(r)
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
