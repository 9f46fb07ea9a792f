//! Many roots at once, with calls inside them that end on other threads, before and after them.

use super::{all_buffers, kept};
use crate::measure::cells::recorder::pool;
use crate::series::SeriesId;
use crate::test_util::{ManualClock, isolated};
use crate::{InCurrentCall, Monitor, monitor};
use std::pin::pin;
use std::sync::mpsc::{Receiver, sync_channel};
use std::task::{Context, Waker};
use std::thread;

type Work = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

const THREADS: usize = 4;
const ROOTS: usize = 2_000;

macro_rules! roots {
    ($($root:ident $child:ident $names:literal $child_names:literal)*) => {$(
        #[monitor($child_names)]
        fn $child() {}

        #[monitor($names)]
        async fn $root(children: usize, elsewhere: impl Fn(Work)) {
            (0..children).for_each(|_| $child());
            elsewhere(Box::pin(async { $child() }.in_current_call()));
        }
    )*};
}

roots! {
    root_a child_a "storm_root_a" "storm_child_a"
    root_b child_b "storm_root_b" "storm_child_b"
}

fn poll<F: Future>(future: F) {
    assert!(pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

#[test]
fn each_tree_has_its_own_calls_alone_and_every_buffer_comes_back() {
    let _buffers = all_buffers();
    let (alone, _clock) = (isolated(), ManualClock::hold());
    let handle = alone.handle();
    // Of no time at all: each is kept as long as there are fewer than so many.
    let builder = Monitor::builder().recorder(true).recorded_calls_per_minute(100, 0);
    let monitor = builder.install().unwrap();
    let before = pool::exhaust().len();
    thread::scope(|scope| {
        for place in 0..THREADS {
            let (send, receive): (_, Receiver<Work>) = sync_channel(4);
            scope.spawn(move || {
                let _joined = handle.enter();
                receive.into_iter().for_each(poll);
            });
            scope.spawn(move || {
                let _joined = handle.enter();
                let elsewhere = |work| send.send(work).unwrap();
                for root in 0..ROOTS {
                    let children = root % 70;
                    if place % 2 == 0 {
                        poll(root_a(children, elsewhere));
                    } else {
                        poll(root_b(children, elsewhere));
                    }
                }
            });
        }
    });
    for name in ["a", "b"] {
        let calls = kept(&format!("storm_root_{name}"));
        assert!(!calls.is_empty());
        for call in calls {
            let tree = monitor.recorded_call(&call.id).unwrap();
            let child: SeriesId = format!("operation{{operation=storm_child_{name}}}").parse().unwrap();
            assert!(tree.inside.iter().all(|inside| inside.series == child && inside.parent.is_none()));
        }
    }
    assert_eq!(monitor.recorder_state().without_buffer, 0);
    // Roots of other tests may have some, which do not wait for this one.
    assert!(pool::exhaust().len() + 16 >= before, "{} of {before}", pool::exhaust().len());
}
