//! The laws, held against programs of arbitrary steps.

use super::{keeps_the_laws, seen};
use perf_sync::std::{Mutex, RwLock};
use proptest::prelude::*;
use std::mem;

#[derive(Clone, Debug)]
enum Step {
    Try(u8),
    Read(u8),
    Write(u8),
    Drop(usize),
    Leak(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..3).prop_map(Step::Try),
        4 => (0_u8..3).prop_map(Step::Read),
        2 => (0_u8..3).prop_map(Step::Write),
        6 => any::<usize>().prop_map(Step::Drop),
        1 => any::<usize>().prop_map(Step::Leak),
    ]
}

/// A guard whose drop is its release.
trait Guard {}

impl<T> Guard for T {}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Expected {
    at_once: u64,
    refused: u64,
    released: u64,
    leaked: u64,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn attempts_and_holds_add_up_after_any_steps(steps in prop::collection::vec(step(), 0..60)) {
        let before = MODES.map(counts);
        let mut expected = [Expected::default(); 3];
        {
            let mutexes: Vec<_> = (0..3).map(|_| Mutex::named("laws", ())).collect();
            let locks: Vec<_> = (0..3).map(|_| RwLock::named("laws", ())).collect();
            let mut held: Vec<(usize, Box<dyn Guard + '_>)> = Vec::new();
            for step in steps {
                let taken: Option<(usize, Option<Box<dyn Guard + '_>>)> = match step {
                    Step::Try(n) => {
                        Some((0, mutexes[usize::from(n)].try_lock().ok().map(|guard| Box::new(guard) as Box<dyn Guard>)))
                    }
                    Step::Read(n) => {
                        Some((1, locks[usize::from(n)].try_read().ok().map(|guard| Box::new(guard) as Box<dyn Guard>)))
                    }
                    Step::Write(n) => {
                        Some((2, locks[usize::from(n)].try_write().ok().map(|guard| Box::new(guard) as Box<dyn Guard>)))
                    }
                    Step::Drop(which) | Step::Leak(which) => {
                        if !held.is_empty() {
                            let (mode, guard) = held.swap_remove(which % held.len());
                            if matches!(step, Step::Leak(_)) {
                                expected[mode].leaked += 1;
                                mem::forget(guard);
                            } else {
                                expected[mode].released += 1;
                            }
                        }
                        None
                    }
                };
                match taken {
                    Some((mode, Some(guard))) => {
                        expected[mode].at_once += 1;
                        held.push((mode, guard));
                    }
                    Some((mode, None)) => expected[mode].refused += 1,
                    None => {}
                }
            }
            held.drain(..).for_each(|(mode, _)| expected[mode].released += 1);
        }
        for ((mode, before), expected) in MODES.into_iter().zip(before).zip(expected) {
            let after = counts(mode);
            let view = seen("laws", mode);
            keeps_the_laws(&view, 0, 0);
            prop_assert_eq!(view.holding, Some(0), "leaked guards of locks that are gone are forgotten");
            let Expected { at_once, refused, released, leaked } = expected;
            prop_assert_eq!(after, Expected {
                at_once: before.at_once + at_once,
                refused: before.refused + refused,
                released: before.released + released,
                leaked: before.leaked + leaked,
            });
        }
    }
}

const MODES: [&str; 3] = ["lock", "read", "write"];

fn counts(mode: &str) -> Expected {
    // Each mode is there from the first case on.
    drop(Mutex::named("laws", ()).try_lock());
    drop(RwLock::named("laws", ()).try_read());
    drop(RwLock::named("laws", ()).try_write());
    let view = seen("laws", mode);
    let now = Expected {
        at_once: view.at_once,
        refused: view.refused,
        released: view.hold.map_or(0, |hold| hold.count),
        leaked: view.forgotten,
    };
    now.less_own()
}

impl Expected {
    /// Without the attempts that reading makes.
    fn less_own(self) -> Self {
        use std::sync::atomic::{AtomicU64, Ordering};
        static READS: AtomicU64 = AtomicU64::new(0);
        let reads = READS.fetch_add(1, Ordering::Relaxed) + 1;
        Self { at_once: self.at_once - reads, released: self.released - reads, ..self }
    }
}
