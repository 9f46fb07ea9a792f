//! The calls of one test, counted apart from those of all others.
//!
//! Cells stand in `static`s, so the tests of a program that run side by side count into the same ones. A thread that works for
//! an isolated test counts into cells of that test's own instead. They stay in memory until the process ends, for a call may
//! outlast its test. In a program that is not built for tests there is none of this.

use crate::measure::cells::meter::Meter;
use crate::measure::cells::recorder::store::{self, Store};
use crate::measure::clock::hand::{self, HandClock};
use crate::measure::clock::manual;
use std::any::Any;
use std::cell::Cell;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

/// One test's cells and clock.
#[derive(Debug)]
pub(crate) struct Isolation {
    clock: HandClock,
    /// By the address of the meter that each stands for.
    meters: Mutex<HashMap<usize, &'static Meter>>,
    /// Its recorded calls.
    recorder: Store,
    /// The part that another room keeps for the test.
    part: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
}

thread_local! {
    static CURRENT: Cell<Option<&'static Isolation>> = const { Cell::new(None) };
}

/// The test that this thread works for, where it is isolated.
#[inline]
pub(crate) fn current() -> Option<&'static Isolation> {
    CURRENT.get()
}

/// Where this thread counts what it would count into `meter`.
#[inline]
pub(crate) fn meter(meter: &'static Meter) -> &'static Meter {
    current().map_or(meter, |isolation| isolation.meter(meter))
}

impl Isolation {
    /// A test that has counted nothing. It is never freed.
    pub(crate) fn new() -> &'static Self {
        Box::leak(Box::new(Self {
            clock: manual::apart(),
            meters: Mutex::default(),
            recorder: Store::new(),
            part: Mutex::default(),
        }))
    }

    /// Has this thread work for the test, until the guard is dropped.
    pub(crate) fn enter(&'static self) -> Entered {
        Entered {
            before: CURRENT.replace(Some(self)),
            clock_before: hand::go_by(Some(&self.clock)),
            recorder_before: store::go_by(Some(&self.recorder)),
            _thread: PhantomData,
        }
    }

    /// Where the test counts what others count into `of`.
    pub(crate) fn meter(&self, of: &'static Meter) -> &'static Meter {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        meters.entry(std::ptr::from_ref(of).addr()).or_insert_with(|| Box::leak(Box::new(Meter::in_place_of(of))))
    }

    /// The part that is kept for the test, made where there is none.
    pub(crate) fn part<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        let mut part = self.part.lock().unwrap_or_else(PoisonError::into_inner);
        let part = part.get_or_insert_with(|| Arc::<T>::default());
        Arc::clone(part).downcast().unwrap_or_default()
    }

    /// Lets go of the part that is kept.
    pub(crate) fn end(&self) {
        let part = self.part.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Nothing is locked while it is dropped.
        drop(part);
    }
}

/// A thread's work for an isolated test.
#[derive(Debug)]
pub(crate) struct Entered {
    before: Option<&'static Isolation>,
    clock_before: Option<&'static HandClock>,
    recorder_before: Option<&'static Store>,
    /// It belongs to the thread that entered.
    _thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
        hand::go_by(self.clock_before);
        store::go_by(self.recorder_before);
    }
}
