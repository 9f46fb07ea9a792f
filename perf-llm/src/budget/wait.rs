//! Calls that wait for room, in the order in which they came.

use super::event::Event;
use super::ledger::{Charge, Ledger, Parts, Request, Verdict, may_end};
use super::reservation::Reservation;
use super::shared::Shared;
use super::{BudgetError, sync};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Calls that may wait at the same time.
pub(super) const MAX_WAITERS: usize = 10_000;

#[derive(Debug)]
struct Waiter {
    request: Request,
    waker: Waker,
    outcome: Option<Result<Parts, BudgetError>>,
}

/// Those who wait, by their number.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    next: u64,
    waiting: BTreeMap<u64, Waiter>,
}

/// Those whose outcome is there: they sleep on until they are woken, outside of the lock.
#[must_use = "who is granted room and not woken holds it and never uses it"]
#[derive(Debug, Default)]
pub(super) struct Woken(Vec<Waker>);

impl Woken {
    pub(super) fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}

impl Ledger {
    /// Grants what has room now to those who wait, the first first. They are woken by the caller, outside of the lock.
    ///
    /// Called under the lock after everything that can make room: so nobody sleeps while there is room for him.
    pub(super) fn serve(&mut self, now: i64) -> Woken {
        let mut woken = Woken::default();
        if self.waiters.waiting.is_empty() {
            return woken;
        }
        let numbers: Vec<u64> = self.waiters.waiting.keys().copied().collect();
        for number in numbers {
            let Some(request) = self.waiters.pending(number) else { continue };
            let outcome = match self.admit(&request, now) {
                Verdict::Granted(parts) => Some(Ok(parts)),
                Verdict::Refused(error) if may_end(&error) => continue,
                Verdict::Refused(error) => Some(Err(error)),
                // It must write to the store first, which is done by its own thread.
                Verdict::Lease => None,
            };
            if let Some(waiter) = self.waiters.waiting.get_mut(&number) {
                waiter.outcome = outcome;
                woken.0.push(waiter.waker.clone());
            }
        }
        woken
    }
}

impl Waiters {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn pending(&self, number: u64) -> Option<Request> {
        self.waiting.get(&number).filter(|waiter| waiter.outcome.is_none()).map(|waiter| waiter.request)
    }

    /// Puts a call among those who wait, or renews its waker.
    fn put(&mut self, number: &mut Option<u64>, request: Request, waker: &Waker) -> Result<(), BudgetError> {
        if let Some(waiter) = number.and_then(|number| self.waiting.get_mut(&number)) {
            waiter.waker.clone_from(waker);
            return Ok(());
        }
        if self.waiting.len() >= MAX_WAITERS {
            return Err(BudgetError::TooManyWaiters { max: MAX_WAITERS });
        }
        let given = self.next;
        self.next += 1;
        *number = Some(given);
        self.waiting.insert(given, Waiter { request, waker: waker.clone(), outcome: None });
        Ok(())
    }
}

/// A call that waits for room; a future, for any executor.
///
/// It ends as soon as there is room in all accounts, and with [`BudgetError::Denied`] as soon as what is spent leaves none, whatever calls
/// in flight give back. Those who came first are looked at first, but a call with room is not held back by one before it without. Dropping it
/// ends the waiting. Room that a new day or month brings is seen when the next call in flight settles or
/// somebody looks at an account.
#[must_use = "a future waits only while it is polled"]
#[derive(Debug)]
pub struct Waiting {
    pub(super) shared: Arc<Shared>,
    pub(super) request: Result<Request, BudgetError>,
    pub(super) number: Option<u64>,
}

impl Waiting {
    /// The outcome that somebody else brought about, if there is one.
    fn brought(&mut self, ledger: &mut Ledger) -> Option<Result<Parts, BudgetError>> {
        let number = self.number?;
        ledger.waiters.waiting.get(&number)?.outcome.as_ref()?;
        self.number = None;
        ledger.waiters.waiting.remove(&number)?.outcome
    }

    pub(super) fn look(&mut self, waker: &Waker) -> Poll<Result<Parts, BudgetError>> {
        let request = match &self.request {
            Ok(request) => *request,
            Err(error) => return Poll::Ready(Err(error.clone())),
        };
        let shared = Arc::clone(&self.shared);
        loop {
            let now = shared.now();
            let mut ledger = sync::lock(&shared.ledger);
            if let Some(outcome) = self.brought(&mut ledger) {
                return Poll::Ready(outcome);
            }
            let outcome = match ledger.admit(&request, now) {
                Verdict::Granted(parts) => Ok(parts),
                Verdict::Refused(error) if may_end(&error) => {
                    match ledger.waiters.put(&mut self.number, request, waker) {
                        Ok(()) => return Poll::Pending,
                        Err(error) => Err(error),
                    }
                }
                Verdict::Refused(error) => Err(error),
                Verdict::Lease => {
                    drop(ledger);
                    match shared.lease(&request) {
                        Ok(()) => continue,
                        Err(error) => {
                            self.leave();
                            return Poll::Ready(Err(error.into()));
                        }
                    }
                }
            };
            if let Some(number) = self.number.take() {
                ledger.waiters.waiting.remove(&number);
            }
            return Poll::Ready(outcome);
        }
    }

    /// Ends the waiting, and gives back what was granted meanwhile.
    fn leave(&mut self) {
        let Some(number) = self.number.take() else { return };
        let now = self.shared.now();
        let mut ledger = sync::lock(&self.shared.ledger);
        let granted = ledger.waiters.waiting.remove(&number).and_then(|waiter| waiter.outcome);
        let mut woken = Woken::default();
        if let Some(Ok(parts)) = granted {
            ledger.end(&parts, &Charge::Nothing, &mut Vec::new());
            woken = ledger.serve(now);
        }
        drop(ledger);
        woken.wake();
    }
}

impl Future for Waiting {
    type Output = Result<Reservation, BudgetError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let looked = self.look(context.waker());
        looked.map(|outcome| match outcome {
            Ok(parts) => Ok(Reservation::new(Arc::clone(&self.shared), &parts)),
            Err(error) => {
                self.shared.tell(&[Event::Refused(error.clone())]);
                Err(error)
            }
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.leave();
    }
}
