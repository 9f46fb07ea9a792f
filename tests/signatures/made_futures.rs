//! Sync functions that return a future: the future is what is measured, and nothing before it is lost.

use crate::support::{calls, finish, poll_once, yield_once};
use futures::future::{BoxFuture, FutureExt, LocalBoxFuture};
use perf_runtime::monitor;
use std::cell::Cell;
use std::future::Future;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::rc::Rc;

#[test]
fn work_before_the_future_is_done_at_once_and_the_future_is_measured() {
    // A known trap: whoever rewrites only the last expression loses what stands before it.
    #[monitor("made_work_before")]
    fn f(seen: &Cell<u8>) -> Pin<Box<dyn Future<Output = Result<u8, String>> + '_>> {
        seen.set(1);
        let start = seen.get() + 1;
        Box::pin(async move {
            seen.set(start);
            yield_once().await;
            if start == 2 { Err("two".into()) } else { Ok(start) }
        })
    }
    let seen = Cell::new(0);
    let mut future = f(&seen);
    assert_eq!((seen.get(), calls("made_work_before")), (1, "none".into()));
    assert!(poll_once(future.as_mut()).is_pending());
    assert_eq!((seen.get(), calls("made_work_before")), (2, "1 in flight".into()));
    assert!(finish(future).is_err());
    assert_eq!(calls("made_work_before"), "1 error");
}

#[test]
fn an_early_return_makes_another_future() {
    #[monitor("made_early")]
    fn f(n: u8) -> Pin<Box<dyn Future<Output = u8> + Send>> {
        if n == 0 {
            return Box::pin(std::future::ready(100));
        }
        async move { n }.boxed()
    }
    assert_eq!((finish(f(0)), finish(f(1))), (100, 1));
    assert_eq!(calls("made_early"), "2 ok");
}

#[test]
fn futures_under_their_usual_names() {
    #[monitor("made_box_future")]
    fn boxed(text: &str) -> BoxFuture<'_, usize> {
        async move { text.len() }.boxed()
    }
    #[monitor("made_local_box_future")]
    fn local<'a>(shared: &'a Rc<u8>) -> LocalBoxFuture<'a, u8> {
        Box::pin(async move { **shared })
    }
    #[monitor("made_full_path")]
    fn full() -> ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = u8> + Send + 'static>> {
        Box::pin(async { 3 })
    }
    assert_eq!((finish(boxed("ab")), finish(local(&Rc::new(1))), finish(full())), (2, 1, 3));
    for label in ["made_box_future", "made_local_box_future", "made_full_path"] {
        assert_eq!(calls(label), "1 ok", "{label}");
    }
}

#[test]
fn an_impl_future_keeps_its_bounds() {
    #[monitor("made_impl")]
    fn sends<'a>(text: &'a str) -> impl Future<Output = Result<usize, ()>> + Send + 'a {
        let length = text.len();
        async move {
            yield_once().await;
            if length == 0 { Err(()) } else { Ok(length) }
        }
    }
    // Wrapped in an async block, it would no longer be `Unpin`.
    #[monitor("made_impl_unpin")]
    fn unpinned(n: u8) -> impl Future<Output = u8> + Unpin + Send + Sync {
        std::future::ready(n)
    }
    #[monitor("made_impl_precise")]
    fn precise<'a, T: Clone>(of: &'a T, _brief: &str) -> impl Future<Output = T> + use<'a, T> {
        async move { of.clone() }
    }
    let future = precise(&1, &String::from("gone at the end of this statement"));
    assert_eq!((finish(sends("ab")), finish(sends(""))), (Ok(2), Err(())));
    assert_eq!((unpinned(1).now_or_never(), finish(future)), (Some(1), 1));
    assert_eq!(calls("made_impl"), "1 ok, 1 error");
    assert_eq!(calls("made_impl_unpin"), "1 ok");
    assert_eq!(calls("made_impl_precise"), "1 ok");
}

#[test]
fn futures_made_in_traits_are_measured_for_each_implementation() {
    trait Loads {
        fn load(&self) -> impl Future<Output = u8> + Send;
        fn boxed(&self) -> BoxFuture<'_, u8>;
    }
    struct One(u8);
    impl Loads for One {
        #[monitor("made_in_trait")]
        fn load(&self) -> impl Future<Output = u8> + Send {
            async { self.0 }
        }
        #[monitor("made_in_trait_boxed")]
        fn boxed(&self) -> BoxFuture<'_, u8> {
            Box::pin(self.load())
        }
    }
    assert_eq!(finish(One(4).boxed()), 4);
    assert_eq!((calls("made_in_trait"), calls("made_in_trait_boxed")), ("1 ok".into(), "1 ok".into()));
}

#[test]
fn cancelled_forgotten_and_panicking_they_are_calls_like_others() {
    #[monitor("made_ends")]
    fn f(fail: bool) -> impl Future<Output = ()> {
        async move {
            yield_once().await;
            assert!(!fail, "told to");
        }
    }
    drop(f(false));
    assert_eq!(calls("made_ends"), "none");
    assert!(poll_once(Box::pin(f(false)).as_mut()).is_pending());
    assert!(catch_unwind(|| finish(f(true))).is_err());
    assert_eq!(calls("made_ends"), "1 panicked, 1 cancelled");
}

#[test]
fn a_panic_before_the_future_is_made_is_not_a_call() {
    #[monitor("made_panics_before")]
    fn f(fail: bool) -> BoxFuture<'static, ()> {
        assert!(!fail, "told to");
        Box::pin(async {})
    }
    assert!(catch_unwind(|| drop(f(true))).is_err());
    assert_eq!(calls("made_panics_before"), "none");
}

#[test]
fn predicates_and_fields_look_at_what_the_future_yields() {
    #[monitor("made_options", error_if = Option::is_none, fields(key = %key))]
    fn find(key: String) -> BoxFuture<'static, Option<usize>> {
        Box::pin(async move { key.find('x') })
    }
    assert_eq!((finish(find("ax".into())), finish(find("a".into()))), (Some(1), None));
    assert_eq!(calls("made_options"), "1 ok, 1 error");
}

#[test]
fn what_the_signature_says_of_the_output_is_known_when_the_outcome_is_looked_up() {
    // The body alone leaves the error's type open; what is looked up by it must not choose one.
    #[monitor("made_open_error")]
    fn parse(text: &'static str) -> impl Future<Output = Result<u8, String>> {
        async move {
            let n = text.parse::<u8>().map_err(|e| e.to_string())?;
            Ok(n)
        }
    }
    #[monitor("made_open_ready")]
    fn ready() -> impl Future<Output = Result<(), String>> {
        std::future::ready(Ok(()))
    }
    #[monitor("made_open_value")]
    fn number() -> impl Future<Output = u32> + Send {
        async { "1".parse().unwrap() }
    }
    #[monitor("made_open_inner")]
    fn inner() -> impl Future<Output = Option<impl Iterator<Item = u8>>> {
        async { Some([1, 2].into_iter()) }
    }
    assert!(finish(parse("x")).is_err() && finish(parse("7")) == Ok(7));
    assert_eq!((finish(ready()), finish(number())), (Ok(()), 1));
    assert_eq!(finish(inner()).map(Iterator::count), Some(2));
    assert_eq!(calls("made_open_error"), "1 ok, 1 error");
    for label in ["made_open_ready", "made_open_value", "made_open_inner"] {
        assert_eq!(calls(label), "1 ok");
    }
}

#[test]
fn a_boxed_future_of_a_type_parameter_needs_its_lifetime() {
    // Without `T: 'a` it is E0309: the measured future holds the one that it measures, whose type names `T`.
    trait Boxed: Sized {
        #[monitor("made_of_a_parameter")]
        fn into_boxed<'a, T: 'a>(self) -> BoxFuture<'a, T>
        where
            Self: Future<Output = T> + Send + 'a,
        {
            Box::pin(self)
        }
    }
    impl<F: Future> Boxed for F {}
    assert_eq!(finish(async { 1 }.into_boxed()), 1);
    assert_eq!(calls("made_of_a_parameter"), "1 ok");
}
