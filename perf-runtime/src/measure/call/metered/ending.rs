//! The outcome of a call, for those who hear of its usage: it is found after the value that tells the usage, by the one that ends the call.

use super::usage::{MeteredCall, ToldUsage};
use crate::guarded::run_guarded;
use crate::measure::call::execution::Call;
use crate::measure::call::failed;
use crate::measure::model::outcome::Outcome;
use std::cell::RefCell;
use std::ptr;

type Awaited = (Box<dyn MeteredCall>, Option<ToldUsage>);

thread_local! {
    /// The call whose body has returned, until its outcome is known.
    static AWAITED: RefCell<Option<Awaited>> = const { RefCell::new(None) };
}

/// Keeps a call until its outcome is known.
pub(super) fn await_end(call: Box<dyn MeteredCall>, told: Option<ToldUsage>) {
    let mut next = Some((call, told));
    let _ = AWAITED.try_with(|awaited| {
        if let Ok(mut awaited) = awaited.try_borrow_mut() {
            next = awaited.replace(next.take()?);
        }
        Some(())
    });
    // There is none but where a body was polled by another than the one that ends its call, or while the thread ends.
    end(next, Outcome::Ok);
}

fn end(awaited: Option<Awaited>, outcome: Outcome) {
    if let Some((call, told)) = awaited {
        run_guarded(|| call.end(told, outcome));
    }
}

/// Ends a call, and then tells its outcome to the one who awaits it.
pub(crate) fn end_told(call: &mut Call, ends: impl FnOnce(&mut Call)) {
    /// Told where a predicate of the application's panics, too.
    struct Telling {
        awaited: Option<Awaited>,
        outcome: Outcome,
    }

    impl Drop for Telling {
        fn drop(&mut self) {
            end(self.awaited.take(), self.outcome);
        }
    }

    let awaited = AWAITED.try_with(|awaited| awaited.try_borrow_mut().ok()?.take()).ok().flatten();
    let mut telling = Telling { awaited, outcome: Outcome::Panicked };
    if telling.awaited.is_none() {
        return ends(call);
    }
    failed::forget();
    ends(call);
    telling.outcome = failed::take(ptr::from_ref(call).addr()).unwrap_or(Outcome::Ok);
}
