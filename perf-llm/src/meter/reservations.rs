//! Reservations of a call of a model, and the reports of spans and requests inside it, each matched to one of them.

use super::metered::Metered;
use super::run::{Frame, locked};
use super::tracked::may_be;
use crate::budget::{Reservation, Spend};
use perf_runtime::extend::ToldUsage;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// Reservations of a call of a model.
#[derive(Debug, Default)]
pub(crate) struct Reservations(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether its body asked for room.
    was_planned: bool,
    /// The number of calls that it sent.
    sent: u32,
    /// The number of these that the provider refused, or never got.
    refused: u32,
    /// Reservations that its body still holds.
    held: u32,
    /// Reports of calls inside it, each of which settles a reservation that the body holds rather than being charged once
    /// more. Never more than there are held.
    reports: VecDeque<Report>,
    /// Reservations that the body left to its end.
    left: Vec<Left>,
    /// Calls without a reservation whose usage nobody told: the value of the function may tell that of the last one.
    unreserved: Vec<PendingCall>,
}

/// The most calls without a reservation that wait for the end of a function. Later ones count at once.
const MOST_UNRESERVED: usize = 64;

/// A reservation that its body left, with its call where that ended and told nothing.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) reservation: Reservation,
    pub(crate) pending: Option<Box<PendingCall>>,
}

/// The report of a span or a request on a call that has a reservation.
#[derive(Debug)]
pub(crate) enum Report {
    /// Its cost; it was counted with it.
    Cost(Spend),
    /// Nobody told yet what it cost: it is counted as its reservation is settled.
    Pending(Box<PendingCall>),
}

/// A call whose usage nobody told yet.
#[derive(Debug)]
pub(crate) struct PendingCall {
    provider: Box<str>,
    model: Box<str>,
    at: SystemTime,
    told: Option<ToldUsage>,
    took: Option<Duration>,
    pub(crate) user: Option<Box<str>>,
    pub(crate) operation: Option<Box<str>>,
    is_lost: bool,
    is_sum: bool,
}

/// The place of a report among the reservations.
#[derive(Debug)]
pub(crate) enum Matched {
    /// It is counted later: as the reservation is settled or, without one, as the function around it ends.
    Later,
    /// It settles a reservation. Another one that failed, and told nothing, was an earlier attempt of the same: it has no reservation any more.
    Settles(Option<Box<PendingCall>>),
    /// There is none for it.
    Nowhere,
}

impl PendingCall {
    pub(super) fn of(call: &Metered<'_>) -> Self {
        Self {
            provider: call.provider.into(),
            model: call.model.into(),
            at: call.at,
            told: call.told.cloned(),
            took: call.took,
            user: call.user.map(Into::into),
            operation: call.operation.map(Into::into),
            is_lost: call.is_lost,
            is_sum: call.is_sum,
        }
    }

    /// Whether a call of these names may be another attempt at it: it failed, and neither name is another one.
    fn may_be_tried_again(&self, provider: &str, model: &str) -> bool {
        self.is_lost && may_be((&self.provider, &self.model), (provider, model))
    }

    /// The call, to be booked as one that nobody else knows more of.
    pub(super) fn metered<'a>(&'a self, frame: Option<&'a Arc<Frame>>, is_charged: bool) -> Metered<'a> {
        Metered {
            provider: &self.provider,
            model: &self.model,
            at: self.at,
            told: self.told.as_ref(),
            took: self.took,
            frame,
            user: self.user.as_deref(),
            is_charged,
            is_free: false,
            is_lost: self.is_lost,
            operation: self.operation.as_deref(),
            is_sum: self.is_sum,
            was_deferred: true,
        }
    }

    /// Ends the reservation of a call that nobody told the usage of: of one that was lost its prompt is charged.
    pub(crate) fn end(&self, mut reservation: Reservation) {
        if self.is_lost {
            reservation.dispatched();
        } else {
            reservation.settle(&Spend::UNKNOWN);
        }
    }
}

impl Report {
    /// Whether what told of the call of a reservation is over: nothing that is open may tell of it. An attempt that failed may be made again.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Cost(_) => true,
            Self::Pending(pending) => !pending.is_lost,
        }
    }

    fn may_be_tried_again(&self, provider: &str, model: &str) -> bool {
        matches!(self, Self::Pending(pending) if pending.may_be_tried_again(provider, model))
    }
}

impl Left {
    fn may_be_tried_again(&self, provider: &str, model: &str) -> bool {
        self.pending.as_deref().is_some_and(|pending| pending.may_be_tried_again(provider, model))
    }
}

impl Reservations {
    /// Notes that the body asks for room: until it says so, nothing is sent.
    pub(crate) fn plan(&self) {
        locked(&self.0).was_planned = true;
    }

    /// Notes that a call is sent with the room that it got, once for each.
    pub(crate) fn send(&self) {
        locked(&self.0).sent += 1;
    }

    /// Notes that the call that was sent last was refused.
    pub(crate) fn refuse(&self) {
        locked(&self.0).refused += 1;
    }

    /// Whether the body asked for room and sent nothing, for it was refused or failed before, or nothing but calls that the provider refused, which
    /// are booked. That is no call of a model.
    pub(crate) fn was_never_sent(&self) -> bool {
        let state = locked(&self.0);
        state.was_planned && state.sent <= state.refused
    }

    /// Notes a reservation that the body holds.
    pub(crate) fn hold(&self) {
        locked(&self.0).held += 1;
    }

    /// A reservation that the body held ends: with the report on it, if there is one.
    pub(crate) fn release(&self) -> Option<Report> {
        locked(&self.0).release()
    }

    /// Leaves a reservation to the end of the call, or ends it where its cost was told.
    pub(crate) fn leave(&self, mut reservation: Reservation) {
        let mut state = locked(&self.0);
        let pending = match state.release() {
            Some(Report::Cost(spend)) => {
                drop(state);
                reservation.settle(&spend);
                return;
            }
            Some(Report::Pending(pending)) => Some(pending),
            None => None,
        };
        state.left.push(Left { reservation, pending });
    }

    /// Whether a reservation of the call waits for one of these names: nobody has told of its call yet, or that failed and may be tried again.
    #[cfg(feature = "http")]
    pub(crate) fn waits_for(&self, provider: &str, model: &str) -> bool {
        let state = locked(&self.0);
        state.reports.len() < state.held as usize
            || state.reports.iter().any(|report| report.may_be_tried_again(provider, model))
            || state.left.iter().any(|left| left.pending.is_none() || left.may_be_tried_again(provider, model))
    }

    /// Takes the report on a call of these names inside this one: one that has a reservation settles that. `is_over` says whether the call around it has ended.
    pub(crate) fn take(&self, report: Report, (provider, model): (&str, &str), is_over: &AtomicBool) -> Matched {
        let mut state = locked(&self.0);
        let is_cost = matches!(report, Report::Cost(_));
        if state.reports.len() < state.held as usize {
            state.reports.push_back(report);
            return if is_cost { Matched::Settles(None) } else { Matched::Later };
        }
        let (place, is_over) =
            (state.left.iter().position(|left| left.pending.is_none()), is_over.load(Ordering::Relaxed));
        match (report, place) {
            (Report::Cost(spend), Some(place)) => {
                let mut left = state.left.remove(place);
                drop(state);
                left.reservation.settle(&spend);
                Matched::Settles(None)
            }
            (Report::Pending(pending), Some(place)) if is_over => {
                let left = state.left.remove(place);
                drop(state);
                pending.end(left.reservation);
                Matched::Settles(None)
            }
            (Report::Pending(pending), Some(place)) => {
                if let Some(left) = state.left.get_mut(place) {
                    left.pending = Some(pending);
                }
                Matched::Later
            }
            // Each has been told of: one that failed was an attempt before this one.
            (Report::Cost(spend), None) => {
                let Some((before, left)) = state.try_again(spend, provider, model) else { return Matched::Nowhere };
                drop(state);
                if let Some(mut reservation) = left {
                    reservation.settle(&spend);
                }
                Matched::Settles(Some(before))
            }
            (Report::Pending(pending), None) if !is_over && state.unreserved.len() < MOST_UNRESERVED => {
                state.unreserved.push(*pending);
                Matched::Later
            }
            (Report::Pending(_), None) => Matched::Nowhere,
        }
    }

    /// Forgets the last call, of a reservation that the body holds, whose cost nobody told: its own function tells it.
    pub(crate) fn forget_pending(&self) -> bool {
        let mut state = locked(&self.0);
        let place = state.reports.iter().rposition(|report| matches!(report, Report::Pending(_)));
        place.and_then(|place| state.reports.remove(place)).is_some()
    }

    /// Whether a call of a reservation that the body holds has ended and told nothing.
    pub(crate) fn has_pending(&self) -> bool {
        locked(&self.0).reports.iter().any(|report| matches!(report, Report::Pending(_)))
    }

    /// Takes the calls without a reservation whose usage nobody told.
    pub(crate) fn take_unreserved(&self) -> Vec<PendingCall> {
        std::mem::take(&mut locked(&self.0).unreserved)
    }

    /// Takes the reservations that are left to the end: those whose calls have ended, and of the others where nothing is open that may tell of them.
    pub(crate) fn take_left(&self, is_open: bool) -> Vec<Left> {
        let mut state = locked(&self.0);
        let (taken, stays) =
            std::mem::take(&mut state.left).into_iter().partition(|left| !is_open || left.pending.is_some());
        state.left = stays;
        taken
    }
}

impl State {
    fn release(&mut self) -> Option<Report> {
        self.held = self.held.saturating_sub(1);
        self.reports.pop_front()
    }

    /// Takes a cost for that of a call that failed before: it was made again below its reservation. Gives the call, and the reservation where its body left
    /// that.
    fn try_again(
        &mut self,
        spend: Spend,
        provider: &str,
        model: &str,
    ) -> Option<(Box<PendingCall>, Option<Reservation>)> {
        if let Some(before) = self.reports.iter_mut().find(|report| report.may_be_tried_again(provider, model))
            && let Report::Pending(before) = std::mem::replace(before, Report::Cost(spend))
        {
            return Some((before, None));
        }
        let place = self.left.iter().position(|left| left.may_be_tried_again(provider, model))?;
        let Left { reservation, pending } = self.left.remove(place);
        Some((pending?, Some(reservation)))
    }
}
