//! Random programs against the oracle.

use super::program::{End, Node, RecordedAs, SERIES, Step, Told, World, call};
use super::{observed, poll};
use crate::measure::cells::tree::frame::bound_edges;
use crate::monitor::tests::recorder::recorded;
use crate::series::{RecordedTree, Selector, SeriesId};
use crate::{Kind, Window};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Numbers for a program, the same for the same seed.
struct Source(u64);

impl Source {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn node(&mut self, depth: u64, is_sync: bool) -> Node {
        let steps = (0..self.below(5)).map(|_| self.step(depth, is_sync)).collect();
        let end = match self.below(12) {
            0 => End::Panic,
            1..4 => End::Error,
            _ => End::Ok,
        };
        Node { series: usize::try_from(self.below(3)).unwrap(), is_sync, steps, end }
    }

    fn nodes(&mut self, depth: u64) -> Vec<Node> {
        (0..=self.below(3)).map(|_| self.child(depth)).collect()
    }

    fn child(&mut self, depth: u64) -> Node {
        let is_sync = self.below(4) == 0;
        self.node(depth - 1, is_sync)
    }

    fn step(&mut self, depth: u64, is_sync: bool) -> Step {
        let kinds = if depth == 0 { 2 } else { 9 };
        match self.below(kinds) {
            2 | 3 if is_sync => Step::Call(self.node(depth - 1, true)),
            0 => Step::Work(self.below(1_000)),
            1 => Step::Wait,
            2 | 3 => Step::Call(self.child(depth)),
            4 => Step::Join(self.nodes(depth)),
            5 => Step::Select(self.nodes(depth)),
            6 => Step::Leave(self.child(depth)),
            7 => Step::Spawn(self.child(depth)),
            _ => Step::TakeUp,
        }
    }
}

fn nanos(seconds: f64) -> u64 {
    u64::try_from(Duration::from_secs_f64(seconds).as_nanos()).expect("some seconds")
}

fn place(id: &SeriesId) -> usize {
    SERIES.iter().position(|name| id.labels.get("operation") == Some(name)).expect("a series of the program")
}

/// A tree as the oracle tells it.
fn kept_as(tree: &RecordedTree) -> Vec<RecordedAs> {
    let call = &tree.call;
    let mut kept = vec![(0, place(&call.series), 0, nanos(call.seconds), nanos(call.self_seconds.expect("known")))];
    kept.extend(tree.inside.iter().map(|inside| {
        let [start, whole, own] = [inside.start_seconds, inside.seconds, inside.self_seconds].map(nanos);
        (inside.depth, place(&inside.series), start, whole, own)
    }));
    kept.sort_unstable();
    kept
}

/// The monitor's account, in nanoseconds.
fn told() -> Told {
    let monitor = crate::monitor();
    let edges = monitor.edges(Window::LastHour);
    let summary = monitor.summary(Window::LastHour);
    let own =
        SERIES.map(|name| nanos(summary.find(Kind::Operation, &[name]).map_or(0.0, |series| series.self_seconds)));
    let told = |edge: &crate::series::Edge| {
        let counts = (edge.calls, nanos(edge.seconds), edge.failed, nanos(edge.waited_seconds));
        ((place(&edge.parent), place(&edge.child)), counts)
    };
    Told { edges: edges.iter().map(told).collect(), own }
}

proptest! {
    #[test]
    fn the_recorder_keeps_what_the_oracle_saw(seed in any::<u64>()) {
        let mut source = Source(seed);
        let program = source.node(4, false);
        let (_alone, clock) = recorded();
        bound_edges(100_000);
        let world = World::new(&clock);
        let mut before = None;
        {
            let mut root = call(std::rc::Rc::clone(&world), None, program);
            for _ in 0..source.below(40) {
                let polled = catch_unwind(AssertUnwindSafe(|| poll(root.as_mut())));
                if !matches!(polled, Ok(std::task::Poll::Pending)) {
                    before = Some(world.ended());
                    break;
                }
                world.advance(source.below(1_000));
                world.poll_spawned();
            }
            // Dropped before it is ready, the call ends before those inside it.
            before = before.or_else(|| Some(world.ended()));
        }
        world.advance(5);
        world.drop_left();
        let (expected, missing) = world.recorded(before.unwrap_or_default());
        let kept = crate::monitor().recorded_calls(&Selector::calls(), Window::LastHour);
        if expected.is_empty() {
            prop_assert!(kept.is_empty());
        } else if expected.len() + missing < 1_000 {
            prop_assert_eq!(kept.len(), 1);
            let tree = crate::monitor().recorded_call(&kept[0].id).unwrap();
            prop_assert_eq!((kept_as(&tree), tree.call.missing), (expected, missing as u64));
        }
    }

    #[test]
    fn the_monitor_tells_what_the_oracle_does(seed in any::<u64>()) {
        let mut source = Source(seed);
        let program = source.node(4, false);
        let (_alone, clock) = observed();
        // Each case has series of its own, and the bound is that of the process.
        bound_edges(100_000);
        let world = World::new(&clock);
        {
            let mut root = call(std::rc::Rc::clone(&world), None, program);
            // Some are dropped before they are ready.
            for _ in 0..source.below(40) {
                let polled = catch_unwind(AssertUnwindSafe(|| poll(root.as_mut())));
                if !matches!(polled, Ok(std::task::Poll::Pending)) {
                    break;
                }
                world.advance(source.below(1_000));
                world.poll_spawned();
            }
        }
        world.advance(5);
        world.drop_left();
        prop_assert_eq!(told(), world.told());
        for name in SERIES {
            let id = format!("operation{{operation={name}}}").parse().unwrap();
            let Some(shares) = crate::monitor().shares(&id, Window::LastHour) else { continue };
            let all = shares.unannotated + shares.parts.iter().map(|part| part.share).sum::<f64>();
            prop_assert!((all - 1.0).abs() < 1e-9, "{name}: {all}");
        }
    }
}
