//! Async functions: what they borrow, whether they are `Send`, recursion, threads.

use crate::support::{calls, finish, poll_once, yield_once};
use perf_runtime::monitor;
use std::cell::RefCell;
use std::future::Future;
use std::panic::UnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread;

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn arguments_are_borrowed_across_an_await() {
    #[monitor("async_borrows")]
    async fn longest<'a>(one: &'a str, other: &'a mut String, _brief: &str) -> &'a str {
        other.push('!');
        yield_once().await;
        if one.len() > other.len() { one } else { other }
    }
    #[monitor("async_elided")]
    async fn first(of: &[u8]) -> Option<&u8> {
        yield_once().await;
        of.first()
    }
    let mut other = "abc".to_owned();
    let long = finish(is_send(longest("a", &mut other, &String::from("brief"))));
    assert_eq!(long, "abc!");
    assert_eq!(finish(first(&[4])), Some(&4));
    assert_eq!(calls("async_borrows"), "1 ok");
    assert_eq!(calls("async_elided"), "1 ok");
}

#[test]
fn two_lifetimes_are_both_captured() {
    // Neither outlives the other: before edition 2024 only `async fn` captures such.
    struct Both<'a, 'b>(&'a str, &'b str);
    impl<'a, 'b> Both<'a, 'b> {
        #[monitor("async_two_lifetimes")]
        async fn join<'c>(&'c self, sep: &'c str) -> (String, &'a str, impl Iterator<Item = &'b str>) {
            yield_once().await;
            (format!("{}{sep}{}", self.0, self.1), self.0, self.1.split(','))
        }
    }
    let (joined, first, parts) = finish(Both("a", "b,c").join("-"));
    assert_eq!((&*joined, first, parts.count()), ("a-b,c", "a", 2));
    assert_eq!(calls("async_two_lifetimes"), "1 ok");
}

#[test]
fn a_future_is_send_exactly_when_its_body_is() {
    #[monitor("async_send")]
    async fn sends(text: String) -> usize {
        yield_once().await;
        text.len()
    }
    // Would not compile if something of ours asked for `Send`.
    #[monitor("async_not_send")]
    async fn stays(shared: Rc<RefCell<u8>>) -> u8 {
        yield_once().await;
        *shared.borrow_mut() += 1;
        *shared.borrow()
    }
    fn is_sync<T: Sync>(value: T) -> T {
        value
    }
    // Nor that of unwinding safely.
    #[monitor("async_unwind_safe")]
    async fn unwinds(text: String) -> usize {
        text.len()
    }
    fn is_unwind_safe<T: UnwindSafe>(value: T) -> T {
        value
    }
    assert_eq!(finish(is_sync(is_send(sends("four".into())))), 4);
    assert_eq!(finish(is_unwind_safe(unwinds("four".into()))), 4);
    assert_eq!(finish(stays(Rc::new(RefCell::new(1)))), 2);
    assert_eq!(calls("async_send"), "1 ok");
    assert_eq!(calls("async_not_send"), "1 ok");
}

#[test]
fn a_value_that_is_not_send_is_returned_by_a_future_that_is() {
    #[monitor("async_returns_rc")]
    async fn f() -> Rc<u8> {
        yield_once().await;
        Rc::new(1)
    }
    assert_eq!(*finish(is_send(f())), 1);
    assert_eq!(calls("async_returns_rc"), "1 ok");
}

#[test]
fn recursion_counts_each_call() {
    #[monitor("recursion_sync")]
    fn factorial(n: u64) -> u64 {
        if n < 2 { 1 } else { n * factorial(n - 1) }
    }
    struct Tree;
    impl Tree {
        #[monitor("recursion_method")]
        async fn depth(&self, n: u64) -> u64 {
            if n == 0 {
                return 0;
            }
            1 + Box::pin(self.depth(n - 1)).await
        }
    }
    #[monitor("recursion_boxed")]
    fn boxed(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
        Box::pin(async move { if n == 0 { 0 } else { 1 + boxed(n - 1).await } })
    }
    assert_eq!(factorial(5), 120);
    assert_eq!(finish(is_send(Tree.depth(4))), 4);
    assert_eq!(finish(boxed(3)), 3);
    assert_eq!(calls("recursion_sync"), "5 ok");
    assert_eq!(calls("recursion_method"), "5 ok");
    assert_eq!(calls("recursion_boxed"), "4 ok");
}

#[test]
fn mutual_recursion_counts_each_call() {
    #[monitor("recursion_even")]
    async fn even(n: u8) -> bool {
        n == 0 || Box::pin(odd(n - 1)).await
    }
    #[monitor("recursion_odd")]
    async fn odd(n: u8) -> bool {
        n != 0 && Box::pin(even(n - 1)).await
    }
    assert!(finish(even(4)));
    assert_eq!((calls("recursion_even"), calls("recursion_odd")), ("3 ok".into(), "2 ok".into()));
}

#[test]
fn async_recursion_stands_above_or_below() {
    use async_recursion::async_recursion;
    #[async_recursion]
    #[monitor("async_recursion_above")]
    async fn above(n: u8) -> Result<u8, String> {
        yield_once().await;
        if n == 0 { Err("end".into()) } else { above(n - 1).await.or(Ok(n)) }
    }
    #[monitor("async_recursion_below")]
    #[async_recursion]
    async fn below(n: u8) -> Result<u8, String> {
        yield_once().await;
        if n == 0 { Err("end".into()) } else { below(n - 1).await.or(Ok(n)) }
    }
    assert_eq!(finish(above(2)), Ok(1));
    assert_eq!(finish(below(2)), Ok(1));
    assert_eq!(calls("async_recursion_above"), "2 ok, 1 error");
    assert_eq!(calls("async_recursion_below"), "2 ok, 1 error");
}

#[test]
fn a_future_is_polled_by_one_thread_and_then_another() {
    #[monitor("async_two_threads")]
    async fn f() -> u8 {
        yield_once().await;
        1
    }
    let mut future = Box::pin(f());
    assert!(poll_once(future.as_mut()).is_pending());
    assert_eq!(calls("async_two_threads"), "1 in flight");
    let ended = thread::spawn(move || poll_once(future.as_mut())).join().unwrap();
    assert_eq!(ended, Poll::Ready(1));
    assert_eq!(calls("async_two_threads"), "1 ok");
}

#[test]
fn a_call_ends_when_its_future_is_ready_not_when_it_is_dropped() {
    #[monitor("async_ends_at_ready")]
    async fn f() {}
    let mut future = Box::pin(f());
    assert!(poll_once(future.as_mut()).is_ready());
    assert_eq!(calls("async_ends_at_ready"), "1 ok");
    drop(future);
    assert_eq!(calls("async_ends_at_ready"), "1 ok");
}

#[test]
fn polled_after_its_end_it_panics_as_any_async_fn_does() {
    #[monitor("async_polled_after_end")]
    async fn f() {}
    async fn plain() {}
    fn message(mut future: Pin<Box<dyn Future<Output = ()> + UnwindSafe>>) -> String {
        assert!(poll_once(future.as_mut()).is_ready());
        let panic = std::panic::catch_unwind(move || poll_once(future.as_mut())).unwrap_err();
        (*panic.downcast::<&str>().unwrap()).to_owned()
    }
    assert_eq!(message(Box::pin(f())), message(Box::pin(plain())));
    assert_eq!(calls("async_polled_after_end"), "1 ok");
}

#[test]
fn an_async_function_that_makes_a_stream_is_measured_while_it_makes_it() {
    use futures::{Stream, StreamExt};
    #[monitor("async_makes_stream")]
    async fn numbers() -> impl Stream<Item = u8> {
        yield_once().await;
        futures::stream::iter([1, 2, 3])
    }
    let stream = finish(numbers());
    assert_eq!(calls("async_makes_stream"), "1 ok");
    assert_eq!(finish(stream.collect::<Vec<_>>()), [1, 2, 3]);
}

#[test]
fn an_async_function_is_passed_where_async_closures_are_asked_for() {
    async fn call(f: impl AsyncFn(&str) -> usize) -> usize {
        f(&String::from("four")).await
    }
    #[monitor("async_as_function")]
    async fn length(text: &str) -> usize {
        yield_once().await;
        text.len()
    }
    assert_eq!(finish(call(length)), 4);
    assert_eq!(calls("async_as_function"), "1 ok");
}

#[test]
fn what_is_to_be_used_is_still_asked_for() {
    // `#[must_use]` on an `async fn` speaks of what is awaited. Were it lost, the expectation would not be met.
    #[monitor("async_must_use")]
    #[must_use]
    async fn f() -> u8 {
        1
    }
    async fn caller() {
        #[expect(unused_must_use)]
        {
            f().await;
        }
    }
    finish(caller());
    assert_eq!(calls("async_must_use"), "1 ok");
}
