//! Parameters are dropped in the language's order: the last one first, what a pattern binds before what it leaves behind.
//!
//! Each case is compared with a plain twin of the same body. By the rules of both editions, for this file is built by both.

use crate::support::{poll_once, yield_once};
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local!(static DROPPED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) });

/// Says its name when it is dropped.
pub(crate) struct D(&'static str);

impl D {
    fn touch(&self) -> usize {
        self.0.len()
    }

    async fn waits(&self) -> usize {
        yield_once().await;
        self.0.len()
    }
}

impl Drop for D {
    fn drop(&mut self) {
        DROPPED.with_borrow_mut(|dropped| dropped.push(self.0));
    }
}

pub(crate) struct Pair {
    first: D,
    second: D,
}

const fn pair(first: &'static str, second: &'static str) -> Pair {
    Pair { first: D(first), second: D(second) }
}

fn adder(by: usize) -> impl Fn(usize) -> usize {
    move |n| n + by
}

fn fails(with: usize) -> ! {
    panic!("{with}, as told");
}

fn order(run: impl FnOnce()) -> Vec<&'static str> {
    DROPPED.take();
    // A panic is part of what is compared.
    let _ = catch_unwind(AssertUnwindSafe(run));
    DROPPED.take()
}

/// Makes a plain and a measured module of the same function `f`.
macro_rules! twins {
    ($($item:tt)*) => {
        #[allow(unused_variables)]
        mod plain {
            use super::*;
            $($item)*
        }
        #[allow(unused_variables)]
        mod ours {
            use super::*;
            #[perf_runtime::monitor("drop_order")]
            $($item)*
        }
    };
}

/// A sync function drops in the order of its twin.
macro_rules! sync {
    ($name:ident, $args:tt, $($item:tt)*) => {
        #[test]
        fn $name() {
            twins!($($item)*);
            let plain = order(|| { let _ = plain::f $args; });
            assert!(!plain.is_empty(), "the case must drop something");
            assert_eq!(order(|| { let _ = ours::f $args; }), plain);
        }
    };
}

/// So does an async one: never polled, cancelled after its first poll, and finished.
macro_rules! asynchronous {
    ($name:ident, $args:tt, $($item:tt)*) => {
        #[test]
        fn $name() {
            twins!($($item)*);
            for polls in 0..3 {
                macro_rules! run {
                    ($future:expr) => {
                        order(|| {
                            let mut future = Box::pin($future);
                            for poll in 0..polls {
                                assert_eq!(poll_once(future.as_mut()).is_ready(), poll == 1);
                            }
                        })
                    };
                }
                let plain = run!(plain::f $args);
                assert!(!plain.is_empty(), "the case must drop something");
                assert_eq!(run!(ours::f $args), plain, "after {polls} polls");
            }
        }
    };
}

sync!(
    used_and_unused,
    (D("a"), D("b"), D("c")),
    pub(super) fn f(a: D, b: D, c: D) -> usize {
        b.touch()
    }
);
sync!(all_unused, (D("a"), D("b")), pub(super) fn f(a: D, b: D) {});
sync!(
    underscored,
    (D("a"), D("b"), D("c")),
    pub(super) fn f(a: D, _b: D, c: D) -> usize {
        a.touch()
    }
);
sync!(
    wildcards,
    (D("a"), D("b"), D("c")),
    pub(super) fn f(a: D, _: D, c: D) -> usize {
        a.touch()
    }
);
sync!(
    moved_out,
    (D("a"), D("b"), D("c")),
    pub(super) fn f(a: D, b: D, c: D) {
        drop(a);
        let local = D("local");
    }
);
sync!(
    mutable,
    (D("a"), D("b")),
    pub(super) fn f(mut a: D, b: D) {
        a.touch();
        a = D("new");
        a.touch();
    }
);
sync!(
    returned,
    (D("a"), D("b"), D("c")),
    pub(super) fn f(a: D, b: D, c: D) -> D {
        b
    }
);
sync!(
    early,
    (D("a"), D("b")),
    pub(super) fn f(a: D, b: D) -> Option<D> {
        if a.touch() == 1 {
            return Some(a);
        }
        Some(b)
    }
);
sync!(
    panicking,
    (D("a"), D("b")),
    pub(super) fn f(a: D, b: D) {
        let local = D("local");
        assert!(a.touch() > 9, "as told");
    }
);
sync!(
    whole_tuple,
    (D("a"), (D("b"), D("c")), D("d")),
    pub(super) fn f(a: D, (b, mut c): (D, D), d: D) {
        c.touch();
        c = D("new");
        c.touch();
    }
);
sync!(
    part_of_a_tuple,
    (D("a"), (D("b"), D("c")), D("d")),
    pub(super) fn f(a: D, (b, _): (D, D), d: D) {
        b.touch();
    }
);
sync!(rest_of_a_tuple, (D("a"), (D("b"), D("c"), D("d"))), pub(super) fn f(a: D, (b, ..): (D, D, D)) {});
sync!(part_of_a_struct, (D("a"), pair("b", "c"), D("d")), pub(super) fn f(a: D, Pair { second, .. }: Pair, d: D) {});
sync!(whole_struct, (pair("a", "b"), D("c")), pub(super) fn f(Pair { second: s, first }: Pair, c: D) {});
sync!(part_of_an_array, ([D("a"), D("b"), D("c")], D("d")), pub(super) fn f([first, .., last]: [D; 3], d: D) {});
sync!(
    borrowed_by_pattern,
    (D("a"), D("b"), (D("c"), D("d"))),
    pub(super) fn f(a: D, ref b: D, (ref c, d): (D, D)) {
        b.touch();
    }
);
sync!(whole_and_part, ((1, 2), D("b"), D("c")), pub(super) fn f(n @ (x, _): (u8, u8), b: D, c: D) {});
sync!(behind_a_reference, (&(1, 2), D("b")), pub(super) fn f(&(x, _): &(u8, u8), b: D) {});
sync!(
    either_side,
    (Ok(D("a")), D("b")),
    pub(super) fn f((Ok(a) | Err(a)): Result<D, D>, b: D) {
        b.touch();
    }
);
sync!(
    locals_before_parameters,
    (D("a"), D("b")),
    pub(super) fn f(a: D, b: D) {
        let x = D("x");
        let y = D("y");
    }
);
sync!(
    temporaries,
    (D("a"), D("b")),
    pub(super) fn f(a: D, b: D) -> usize {
        D("temporary").touch() + a.touch()
    }
);
// By the rules of 2021 after the locals, by those of 2024 before.
sync!(
    temporaries_of_the_last_expression,
    (D("a"), D("b")),
    pub(super) fn f(a: D, b: D) -> usize {
        let local = D("local");
        D("temporary").touch()
    }
);
sync!(
    temporaries_where_a_closure_is_returned,
    (D("a"), D("b")),
    pub(super) fn f(a: D, b: D) -> impl Fn(usize) -> usize {
        let local = D("local");
        adder(D("temporary").touch())
    }
);
sync!(
    temporaries_of_a_function_that_never_returns,
    (D("a"), D("b")),
    pub(super) fn f(a: D, b: D) -> ! {
        let local = D("local");
        fails(D("temporary").touch())
    }
);
sync!(
    of_a_closure,
    (D("a"), D("b"), D("c")),
    pub(super) fn f(a: D, b: D, c: D) -> impl Fn(u8) -> u8 {
        b.touch();
        |x| x
    }
);
sync!(
    of_a_boxed_value,
    (D("a"), D("b")),
    pub(super) fn f(a: D, b: D) -> Box<dyn std::any::Any> {
        Box::new(b)
    }
);

asynchronous!(
    async_used_and_unused,
    (D("a"), D("b"), D("c")),
    pub(super) async fn f(a: D, b: D, c: D) {
        yield_once().await;
        b.touch();
    }
);
asynchronous!(
    async_all_unused,
    (D("a"), D("b")),
    pub(super) async fn f(a: D, b: D) {
        yield_once().await;
    }
);
asynchronous!(
    async_wildcards,
    (D("a"), D("b"), D("c")),
    pub(super) async fn f(a: D, _: D, _c: D) {
        yield_once().await;
        a.touch();
    }
);
asynchronous!(
    async_moved_out,
    (D("a"), D("b"), D("c")),
    pub(super) async fn f(a: D, b: D, c: D) {
        drop(b);
        let local = D("local");
        yield_once().await;
        drop(a);
    }
);
asynchronous!(
    async_whole_tuple,
    (D("a"), (D("b"), D("c")), D("d")),
    pub(super) async fn f(a: D, (b, mut c): (D, D), d: D) {
        c.touch();
        yield_once().await;
        c = D("new");
        c.touch();
    }
);
asynchronous!(
    async_part_of_a_tuple,
    (D("a"), (D("b"), D("c")), D("d")),
    pub(super) async fn f(a: D, (b, _): (D, D), d: D) {
        yield_once().await;
    }
);
asynchronous!(
    async_part_of_a_struct,
    (D("a"), pair("b", "c"), D("d")),
    pub(super) async fn f(a: D, Pair { first, .. }: Pair, d: D) {
        yield_once().await;
    }
);
asynchronous!(
    async_borrowed_by_pattern,
    (D("a"), D("b"), D("c")),
    pub(super) async fn f(a: D, ref b: D, c: D) {
        yield_once().await;
        b.touch();
    }
);
asynchronous!(
    async_temporaries,
    (D("a"), D("b")),
    pub(super) async fn f(a: D, b: D) -> usize {
        yield_once().await;
        D("temporary").touch() + b.touch()
    }
);
asynchronous!(
    async_temporaries_of_the_last_expression,
    (D("a"), D("b")),
    pub(super) async fn f(a: D, b: D) -> usize {
        let local = D("local");
        D("temporary").waits().await
    }
);
asynchronous!(
    async_returned,
    (D("a"), D("b"), D("c")),
    pub(super) async fn f(a: D, b: D, c: D) -> D {
        yield_once().await;
        b
    }
);
asynchronous!(
    async_that_is_used,
    (D("a"), D("b"), (D("c"), D("d"))),
    #[must_use]
    pub(super) async fn f(a: D, _: D, (c, _): (D, D)) {
        yield_once().await;
    }
);
asynchronous!(
    made_future,
    (D("a"), D("b"), D("c")),
    pub(super) fn f(a: D, _: D, c: D) -> impl Future<Output = ()> {
        c.touch();
        async move {
            yield_once().await;
            drop(a);
        }
    }
);

mod methods {
    use super::{D, order, poll_once, yield_once};
    use perf_runtime::monitor;
    use std::future::Future;

    struct Plain(D, D);
    struct Ours(D, D);

    impl Plain {
        fn take(self, b: D) -> usize {
            b.touch()
        }
        async fn take_later(self, _b: D, _: D) {
            yield_once().await;
            self.0.touch();
        }
        fn split(mut self, _b: D) -> D {
            std::mem::replace(&mut self.1, D("new"))
        }
    }

    impl Ours {
        #[monitor("drop_order")]
        fn take(self, b: D) -> usize {
            b.touch()
        }
        #[monitor("drop_order")]
        async fn take_later(self, _b: D, _: D) {
            yield_once().await;
            self.0.touch();
        }
        #[monitor("drop_order")]
        fn split(mut self, _b: D) -> D {
            std::mem::replace(&mut self.1, D("new"))
        }
    }

    #[test]
    fn self_is_dropped_last() {
        let plain = order(|| _ = Plain(D("x"), D("y")).take(D("b")));
        assert_eq!(order(|| _ = Ours(D("x"), D("y")).take(D("b"))), plain);
        let plain = order(|| drop(Plain(D("x"), D("y")).split(D("b"))));
        assert_eq!(order(|| drop(Ours(D("x"), D("y")).split(D("b")))), plain);
    }

    #[test]
    fn self_is_dropped_last_by_a_future_however_far_it_came() {
        for polls in 0..3 {
            let poll = |mut future: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
                for _ in 0..polls {
                    let _ = poll_once(future.as_mut());
                }
            };
            let plain = order(|| poll(Box::pin(Plain(D("x"), D("y")).take_later(D("b"), D("c")))));
            let ours = order(|| poll(Box::pin(Ours(D("x"), D("y")).take_later(D("b"), D("c")))));
            assert_eq!(ours, plain, "after {polls} polls");
        }
    }
}
