//! Calls that were told before spans or requests inside the same function had ended: one of these may be the same call, seen again.

use super::run::locked;
use super::tracked::may_be;
use crate::usage::{Class, usage_of};
use perf_runtime::extend::ToldUsage;
use std::collections::VecDeque;
use std::sync::Mutex;

/// The settled calls of one call of a model that something which was open then may tell again.
#[derive(Debug, Default)]
pub(crate) struct SettledCalls(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    calls: VecDeque<SettledCall>,
    /// The usage that the function told at its end.
    told: Option<Box<ToldUsage>>,
}

#[derive(Debug)]
struct SettledCall {
    provider: Box<str>,
    model: Box<str>,
    tokens: Tokens,
    /// The number of spans and requests that had begun.
    begun: u64,
    /// Whether one that told no usage was taken for it. It stays for the one that tells the same usage: the other may have been an attempt that failed.
    was_seen: bool,
}

/// The most that are kept of one call.
const MOST: usize = 64;

/// Tokens of the prompt and of the answer, as far as they are known.
type Tokens = [Option<u64>; 2];

const UNKNOWN: Tokens = [None, None];

fn tokens(told: Option<&ToldUsage>) -> Tokens {
    let usage = told.filter(|told| told.invalid.is_none()).and_then(|told| usage_of(told).ok());
    [Class::Input, Class::Output].map(|class| usage.as_ref().and_then(|usage| usage.get(class)))
}

impl SettledCalls {
    /// Notes a call that is settled, after so many had begun.
    pub(super) fn note(&self, (provider, model): (&str, &str), told: Option<&ToldUsage>, begun: u64) {
        let call = SettledCall {
            provider: provider.into(),
            model: model.into(),
            tokens: tokens(told),
            begun,
            was_seen: false,
        };
        let calls = &mut locked(&self.0).calls;
        calls.push_back(call);
        if calls.len() > MOST {
            calls.pop_front();
        }
    }

    /// Keeps the usage that the function tells at its end, where something inside it is open that will be counted in its place.
    pub(super) fn keep_told(&self, told: ToldUsage) {
        locked(&self.0).told = Some(Box::new(told));
    }

    /// Takes it for a call that is told of later and without usage, where that is the `last` one. One that tells usage is that call.
    pub(super) fn take_told(&self, instead_of: Option<&ToldUsage>, is_last: bool) -> Option<ToldUsage> {
        let is_told = instead_of.is_some_and(|told| told.cost_picos.is_some()) || tokens(instead_of) != UNKNOWN;
        let mut state = locked(&self.0);
        let told = if is_told || is_last { state.told.take() } else { None };
        told.filter(|_| !is_told).map(|told| *told)
    }

    /// Whether a call of these names, which was the one of this number to begin, is one of those that were settled: it tells the same usage, or none.
    pub(super) fn has(&self, number: u64, names: (&str, &str), told: Option<&ToldUsage>) -> bool {
        let tells = tokens(told);
        let calls = &mut locked(&self.0).calls;
        let mut among = calls
            .iter_mut()
            .enumerate()
            .filter(|(_, call)| number <= call.begun && may_be((&call.provider, &call.model), names));
        if tells == UNKNOWN {
            let found = among.find(|(_, call)| !call.was_seen);
            return found.map(|(_, call)| call.was_seen = true).is_some();
        }
        let is_same =
            |settled: &Tokens| tells.iter().zip(settled).all(|(tells, settled)| tells.is_none() || tells == settled);
        let place = among.find(|(_, call)| is_same(&call.tokens)).map(|(place, _)| place);
        place.and_then(|place| calls.remove(place)).is_some()
    }
}
