//! The state of parts, kept with that of the monitor over a restart.

use crate::guarded::run_guarded;
use crate::log_level::tell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The longest state of a part that is kept, in bytes.
const MAX_BYTES: usize = 1 << 20;

type Make = dyn Fn() -> Option<String> + Send + Sync;

/// The parts that keep a state, and what the process before left of theirs.
#[derive(Default)]
pub(crate) struct KeptStates {
    keepers: Mutex<Vec<Weak<Keeper>>>,
    before: Mutex<BTreeMap<String, String>>,
}

struct Keeper {
    name: Box<str>,
    make: Box<Make>,
}

/// The guard of a part's state that [`Monitor::keep_state`](crate::Monitor::keep_state) registered.
#[must_use = "dropping the guard keeps the state no longer"]
pub struct KeptState(Arc<Keeper>);

impl KeptStates {
    pub(crate) fn add(&self, name: &str, make: Box<Make>) -> KeptState {
        let keeper = Arc::new(Keeper { name: name.into(), make });
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&keeper));
        KeptState(keeper)
    }

    /// The states of all parts as they are now, and what the process before left of those that did not ask for it: they may come
    /// later. One that panics, or is too long, is left out.
    pub(crate) fn all(&self) -> BTreeMap<String, String> {
        let mut keepers = Vec::new();
        // Called when nothing is locked: a part may come or go meanwhile.
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner).retain(|keeper| {
            keepers.extend(keeper.upgrade());
            keeper.strong_count() > 0
        });
        let mut all = self.before.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for keeper in keepers {
            match keeper.ask() {
                Some(state) => all.insert(keeper.name.to_string(), state),
                None => all.remove(&*keeper.name),
            };
        }
        all
    }

    /// Takes over what the process before left.
    pub(crate) fn restore(&self, before: BTreeMap<String, String>) {
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = before;
    }

    /// The state that the process before left of a part, once.
    pub(crate) fn take(&self, name: &str) -> Option<String> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner).remove(name)
    }
}

impl Keeper {
    fn ask(&self) -> Option<String> {
        let name = &*self.name;
        let Some(made) = run_guarded(|| (self.make)()) else {
            tell!(WARN, part = name, "the state of {name:?} panicked: it is not kept");
            return None;
        };
        let bytes = made.as_ref().map_or(0, String::len);
        if bytes > MAX_BYTES {
            tell!(WARN, part = name, bytes, "the state of {name:?} is too long: it is not kept");
            return None;
        }
        made
    }
}

impl fmt::Debug for KeptStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptStates").finish_non_exhaustive()
    }
}

impl fmt::Debug for KeptState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptState").field("name", &self.0.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_panics_or_is_too_long_is_left_out_and_the_others_are_kept() {
        let states = KeptStates::default();
        let guards = [
            states.add("well", Box::new(|| Some("kept".to_owned()))),
            states.add("nothing", Box::new(|| None)),
            states.add("long", Box::new(|| Some("x".repeat(MAX_BYTES + 1)))),
            states.add("breaks", Box::new(|| panic!("on purpose"))),
        ];
        let kept = states.all();
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["well"]);
        states.restore(kept);
        assert_eq!([states.take("well"), states.take("well")], [Some("kept".to_owned()), None], "once");
        drop(guards);
        assert!(states.all().is_empty(), "the parts are gone");
        states.restore(BTreeMap::from([("late".to_owned(), "left".to_owned())]));
        assert_eq!(states.all().len(), 1, "a part that is not there yet loses nothing by a save");
        assert_eq!(states.take("late").as_deref(), Some("left"));
        assert!(states.all().is_empty());
    }
}
