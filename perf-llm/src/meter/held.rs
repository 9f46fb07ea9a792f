//! Reservations of a call of a model, and what spans and requests inside it told of them.

use super::metered::Metered;
use super::run::{Frame, locked};
use super::tracked::UNKNOWN;
use crate::budget::{Reservation, Spend};
use perf_runtime::extend::ToldUsage;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// Reservations of a call of a model.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<State>);

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
    /// Calls inside it, as spans and requests told of them, each of which settles a reservation that the body holds rather than being charged once
    /// more. Never more than there are held.
    heard: VecDeque<Heard>,
    /// Reservations that the body left to its end.
    left: Vec<Left>,
}

/// A reservation that its body left, with its call where that ended and told nothing.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) reservation: Reservation,
    pub(crate) untold: Option<Box<Untold>>,
}

/// A call that has a reservation, as a span or a request told of it.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Its cost; it was counted with it.
    Cost(Spend),
    /// Nobody told yet what it cost: it is counted as its reservation is settled.
    Untold(Box<Untold>),
}

/// A call whose usage nobody told yet.
#[derive(Debug)]
pub(crate) struct Untold {
    provider: Box<str>,
    model: Box<str>,
    at: SystemTime,
    told: Option<ToldUsage>,
    took: Option<Duration>,
    user: Option<Box<str>>,
    pub(crate) operation: Option<Box<str>>,
    is_lost: bool,
    is_sum: bool,
}

/// The fate of a call that a reservation was told of.
#[derive(Debug)]
pub(crate) enum Hearing {
    /// It is counted later, as the reservation is settled.
    Kept,
    /// It settles a reservation. Another one that failed, and told nothing, was an earlier attempt of the same: it has no reservation any more.
    Settles(Option<Box<Untold>>),
    /// There is none for it.
    Nowhere,
}

impl Untold {
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

    /// Whether a call of these names may be another attempt at it: it failed, and neither name is another one. A name that nobody told may be any.
    fn may_be_tried_again(&self, provider: &str, model: &str) -> bool {
        let fits = |own: &str, other: &str| own == other || [own, other].contains(&UNKNOWN);
        self.is_lost && fits(&self.provider, provider) && fits(&self.model, model)
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
            was_heard: true,
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

impl Heard {
    fn may_be_tried_again(&self, provider: &str, model: &str) -> bool {
        matches!(self, Self::Untold(untold) if untold.may_be_tried_again(provider, model))
    }
}

impl Left {
    fn may_be_tried_again(&self, provider: &str, model: &str) -> bool {
        self.untold.as_deref().is_some_and(|untold| untold.may_be_tried_again(provider, model))
    }
}

impl Held {
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

    /// A reservation that the body held ends: with what a span told, if one did.
    pub(crate) fn release(&self) -> Option<Heard> {
        locked(&self.0).release()
    }

    /// Leaves a reservation to the end of the call, or ends it where its cost was told.
    pub(crate) fn leave(&self, mut reservation: Reservation) {
        let mut state = locked(&self.0);
        let untold = match state.release() {
            Some(Heard::Cost(spend)) => {
                drop(state);
                reservation.settle(&spend);
                return;
            }
            Some(Heard::Untold(untold)) => Some(untold),
            None => None,
        };
        state.left.push(Left { reservation, untold });
    }

    /// Whether a reservation of the call waits for one of these names: nobody has told of its call yet, or that failed and may be tried again.
    #[cfg(feature = "http")]
    pub(crate) fn waits_for(&self, provider: &str, model: &str) -> bool {
        let state = locked(&self.0);
        state.heard.len() < state.held as usize
            || state.heard.iter().any(|heard| heard.may_be_tried_again(provider, model))
            || state.left.iter().any(|left| left.untold.is_none() || left.may_be_tried_again(provider, model))
    }

    /// Tells of a call of these names inside this one: one that has a reservation settles that. `is_over` says whether the call around it has ended.
    pub(crate) fn hear(&self, heard: Heard, (provider, model): (&str, &str), is_over: &AtomicBool) -> Hearing {
        let mut state = locked(&self.0);
        let is_cost = matches!(heard, Heard::Cost(_));
        if state.heard.len() < state.held as usize {
            state.heard.push_back(heard);
            return if is_cost { Hearing::Settles(None) } else { Hearing::Kept };
        }
        let (place, is_over) =
            (state.left.iter().position(|left| left.untold.is_none()), is_over.load(Ordering::Relaxed));
        match (heard, place) {
            (Heard::Cost(spend), Some(place)) => {
                let mut left = state.left.remove(place);
                drop(state);
                left.reservation.settle(&spend);
                Hearing::Settles(None)
            }
            (Heard::Untold(untold), Some(place)) if is_over => {
                let left = state.left.remove(place);
                drop(state);
                untold.end(left.reservation);
                Hearing::Settles(None)
            }
            (Heard::Untold(untold), Some(place)) => {
                if let Some(left) = state.left.get_mut(place) {
                    left.untold = Some(untold);
                }
                Hearing::Kept
            }
            // Each has been told of: one that failed was an attempt before this one.
            (Heard::Cost(spend), None) => {
                let Some((before, left)) = state.try_again(spend, provider, model) else { return Hearing::Nowhere };
                drop(state);
                if let Some(mut reservation) = left {
                    reservation.settle(&spend);
                }
                Hearing::Settles(Some(before))
            }
            (Heard::Untold(_), None) => Hearing::Nowhere,
        }
    }

    /// Forgets the last call, of a reservation that the body holds, whose cost nobody told: its own function tells it.
    pub(crate) fn forget_untold(&self) -> bool {
        let mut state = locked(&self.0);
        let place = state.heard.iter().rposition(|heard| matches!(heard, Heard::Untold(_)));
        place.and_then(|place| state.heard.remove(place)).is_some()
    }

    /// Whether a call of a reservation that the body holds has ended and told nothing.
    pub(crate) fn has_untold(&self) -> bool {
        locked(&self.0).heard.iter().any(|heard| matches!(heard, Heard::Untold(_)))
    }

    /// Takes the reservations that are left to the end: those whose calls have ended, and of the others where nothing is open that may tell of them.
    pub(crate) fn take_left(&self, is_open: bool) -> Vec<Left> {
        let mut state = locked(&self.0);
        let (taken, stays) =
            std::mem::take(&mut state.left).into_iter().partition(|left| !is_open || left.untold.is_some());
        state.left = stays;
        taken
    }
}

impl State {
    fn release(&mut self) -> Option<Heard> {
        self.held = self.held.saturating_sub(1);
        self.heard.pop_front()
    }

    /// Takes a cost for that of a call that failed before: it was made again below its reservation. Gives the call, and the reservation where its body left
    /// that.
    fn try_again(&mut self, spend: Spend, provider: &str, model: &str) -> Option<(Box<Untold>, Option<Reservation>)> {
        if let Some(before) = self.heard.iter_mut().find(|heard| heard.may_be_tried_again(provider, model))
            && let Heard::Untold(before) = std::mem::replace(before, Heard::Cost(spend))
        {
            return Some((before, None));
        }
        let place = self.left.iter().position(|left| left.may_be_tried_again(provider, model))?;
        let Left { reservation, untold } = self.left.remove(place);
        Some((untold?, Some(reservation)))
    }
}
