//! Return types whose coercions, lifetimes or inference an outer layer could disturb.

use crate::support::{calls, finish};
use perf_runtime::monitor;
use std::collections::HashMap;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::num::ParseIntError;
use std::pin::Pin;

#[test]
fn a_reborrow_of_an_argument_is_returned() {
    // Called in place, a closure would not be allowed to return what it reborrowed from its capture.
    #[monitor("returns_reborrow")]
    fn f(x: &mut u8) -> Result<&u8, &u8> {
        Ok(&*x)
    }
    assert_eq!(f(&mut 7), Ok(&7));
    assert_eq!(calls("returns_reborrow"), "1 ok");
}

#[test]
fn a_mutable_part_of_self_is_returned() {
    struct Slots(Vec<u8>);
    impl Slots {
        #[monitor("returns_part")]
        fn slot(&mut self) -> &mut Vec<u8> {
            &mut self.0
        }
        #[monitor("returns_part_async")]
        async fn slot_later(&mut self) -> &mut Vec<u8> {
            &mut self.0
        }
    }
    let mut slots = Slots(vec![]);
    slots.slot().push(1);
    finish(slots.slot_later()).push(2);
    assert_eq!(slots.0, [1, 2]);
    assert_eq!((calls("returns_part"), calls("returns_part_async")), ("1 ok".into(), "1 ok".into()));
}

#[test]
fn a_projection_with_a_qualified_self_keeps_it() {
    #[monitor("returns_projection")]
    fn next<I: Iterator>(mut i: I) -> <I as Iterator>::Item {
        i.next().expect("there is one")
    }
    assert_eq!(next([1, 2].into_iter()), 1);
    assert_eq!(next(["a"].into_iter()), "a");
    assert_eq!(calls("returns_projection"), "2 ok", "one series for all types");
}

#[test]
fn boxes_are_coerced_where_the_type_says_so() {
    // The coercion happens at `Ok(..)` inside the body: a type said outside of it comes too late.
    type Task = Pin<Box<dyn Future<Output = u32> + Send>>;
    #[monitor("returns_boxed_future_in_result")]
    fn sync(fail: bool) -> Result<Task, String> {
        if fail {
            return Err("no".into());
        }
        Ok(Box::pin(async { 1 }))
    }
    #[monitor("returns_boxed_future_in_async_result")]
    async fn later(fail: bool) -> Result<Task, String> {
        if fail {
            return Err("no".into());
        }
        Ok(Box::pin(async { 2 }))
    }
    #[monitor("returns_boxed_fn")]
    fn callback(n: u8) -> Option<Box<dyn Fn(&str) -> usize>> {
        Some(Box::new(move |text| text.len() + usize::from(n)))
    }
    assert_eq!(finish(sync(false).unwrap()), 1);
    assert!(sync(true).is_err());
    assert_eq!(finish(finish(later(false)).unwrap()), 2);
    assert!(finish(later(true)).is_err());
    assert_eq!(callback(1).unwrap()("ab"), 3);
    assert_eq!(calls("returns_boxed_future_in_result"), "1 ok, 1 error");
    assert_eq!(calls("returns_boxed_future_in_async_result"), "1 ok, 1 error");
    assert_eq!(calls("returns_boxed_fn"), "1 ok");
}

#[test]
fn inference_takes_the_type_from_the_signature() {
    #[monitor("returns_collect")]
    fn collect() -> Vec<usize> {
        (0..10).collect()
    }
    #[monitor("returns_collect_async")]
    async fn collect_later() -> HashMap<u8, String> {
        [(1, "a")].into_iter().map(|(key, value)| (key, value.into())).collect()
    }
    #[monitor("returns_default")]
    fn default<T: Default>() -> T {
        Default::default()
    }
    assert_eq!(collect().len(), 10);
    assert_eq!(finish(collect_later())[&1], "a");
    assert_eq!(default::<u8>(), 0);
    assert_eq!(calls("returns_collect"), "1 ok");
    assert_eq!(calls("returns_collect_async"), "1 ok");
    assert_eq!(calls("returns_default"), "1 ok");
}

#[test]
fn question_marks_convert_errors_without_annotation() {
    #[derive(Debug)]
    struct Failure;
    impl From<ParseIntError> for Failure {
        fn from(_: ParseIntError) -> Self {
            Self
        }
    }
    #[monitor("returns_question_mark")]
    fn parse(text: &str) -> Result<u8, Failure> {
        let n: u8 = text.parse()?;
        Ok(n)
    }
    #[monitor("returns_question_mark_boxed")]
    async fn parse_later(text: &str) -> Result<u8, Box<dyn std::error::Error + Send + Sync>> {
        if text.is_empty() {
            return Err("empty".into());
        }
        let n = text.parse()?;
        Ok(n)
    }
    assert_eq!(parse("5").unwrap(), 5);
    assert!(parse("x").is_err());
    assert_eq!(finish(parse_later("6")).unwrap(), 6);
    assert!(finish(parse_later("")).is_err());
    assert!(finish(parse_later("x")).is_err());
    assert_eq!(calls("returns_question_mark"), "1 ok, 1 error");
    assert_eq!(calls("returns_question_mark_boxed"), "1 ok, 2 error");
}

#[test]
fn nothing_is_returned() {
    fn other() {}
    #[monitor("returns_nothing")]
    fn empty() {}
    #[monitor("returns_nothing_from_blocks")]
    fn blocks() {
        {}
        other()
    }
    #[monitor("returns_unit")]
    fn unit() -> () {
        other()
    }
    #[monitor("returns_nothing_async")]
    async fn empty_async() {}
    empty();
    blocks();
    unit();
    finish(empty_async());
    for label in ["returns_nothing", "returns_nothing_from_blocks", "returns_unit", "returns_nothing_async"] {
        assert_eq!(calls(label), "1 ok", "{label}");
    }
}

#[test]
fn an_impl_trait_is_inferred_at_any_depth() {
    #[monitor("returns_impl")]
    fn plain<'a>(of: &'a [u8]) -> impl Iterator<Item = u16> + 'a {
        of.iter().copied().map(Into::into)
    }
    #[monitor("returns_impl_in_result")]
    fn in_result(fail: bool) -> Result<Option<(impl Debug, Vec<impl Display>)>, String> {
        if fail {
            return Err("no".into());
        }
        Ok(Some((1, vec!["x"])))
    }
    #[monitor("returns_impl_in_dyn")]
    fn in_dyn() -> Box<dyn Iterator<Item = impl Display>> {
        Box::new([1, 2].into_iter())
    }
    #[monitor("returns_impl_async")]
    async fn later(of: &[u8]) -> impl Iterator<Item = u8> {
        of.iter().rev().copied()
    }
    #[monitor("returns_impl_in_async_result")]
    async fn in_async_result(text: &str) -> Result<impl Display, ParseIntError> {
        text.parse::<u8>()
    }
    assert_eq!(plain(&[1, 2]).sum::<u16>(), 3);
    assert!(in_result(false).unwrap().is_some() && in_result(true).is_err());
    assert_eq!(in_dyn().count(), 2);
    assert_eq!(finish(later(&[1, 2])).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(finish(in_async_result("8")).unwrap().to_string(), "8");
    assert!(finish(in_async_result("y")).is_err());
    assert_eq!(calls("returns_impl_in_result"), "1 ok, 1 error");
    assert_eq!(calls("returns_impl_in_async_result"), "1 ok, 1 error");
    for label in ["returns_impl", "returns_impl_in_dyn", "returns_impl_async"] {
        assert_eq!(calls(label), "1 ok", "{label}");
    }
}

#[test]
fn a_future_that_waits_for_ever_has_the_type_of_its_function() {
    // By the type of the function alone the compiler knows what `pending` is pending for.
    #[monitor("returns_never_async")]
    async fn serve() -> ! {
        std::future::pending().await
    }
    let mut serving = Box::pin(serve());
    assert!(crate::support::poll_once(serving.as_mut()).is_pending());
    drop(serving);
    assert_eq!(calls("returns_never_async"), "1 cancelled");
}

#[test]
fn temporaries_of_the_last_expression_go_before_the_parameters() {
    // The guard of the lock borrows the parameter, and in edition 2021 lives to the end of the statement that it is in.
    use std::sync::Mutex;
    #[monitor("returns_temporary")]
    fn locked(m: Mutex<u8>) -> u8 {
        *m.lock().unwrap()
    }
    #[monitor("returns_temporary_async")]
    async fn locked_later(m: Mutex<u8>) -> u8 {
        *m.lock().unwrap()
    }
    assert_eq!(locked(Mutex::new(3)), 3);
    assert_eq!(finish(locked_later(Mutex::new(4))), 4);
    assert_eq!(calls("returns_temporary"), "1 ok");
    assert_eq!(calls("returns_temporary_async"), "1 ok");
}

#[test]
fn a_return_type_that_a_macro_stands_for() {
    macro_rules! number {
        () => {
            u16
        };
    }
    macro_rules! returning {
        ($name:ident, $label:literal, $ty:ty, $body:block) => {
            #[monitor($label)]
            fn $name() -> $ty $body
        };
    }
    #[monitor("returns_macro")]
    fn f() -> number!() {
        5
    }
    returning!(typed, "returns_macro_type", Result<Box<dyn Debug>, String>, { Ok(Box::new(1)) });
    returning!(opaque, "returns_macro_impl", impl Iterator<Item = u8>, { [1, 2].into_iter() });
    assert_eq!((f(), opaque().count()), (5, 2));
    assert_eq!(format!("{:?}", typed().unwrap()), "1");
    for label in ["returns_macro", "returns_macro_type", "returns_macro_impl"] {
        assert_eq!(calls(label), "1 ok", "{label}");
    }
}
