//! Functions that return closures: the types of a closure's parameters come from the bounds of the return type.

use crate::support::{calls, finish};
use perf_runtime::monitor;

#[test]
fn a_returned_closure_takes_its_types_from_the_bound() {
    // Neither `x` nor `text` has a type of its own; `text` even needs to be of any lifetime.
    #[monitor("closure_plain")]
    fn adder(n: u32) -> impl Fn(u32) -> u32 {
        move |x| x.pow(2) + n
    }
    #[monitor("closure_any_lifetime")]
    fn measurer() -> impl FnOnce(&str) -> usize + Send {
        |text| text.len()
    }
    #[monitor("closure_of_self")]
    fn early(short: bool) -> impl FnMut(&mut Vec<u8>) {
        let by = if short { 1 } else { 2 };
        move |bytes| bytes.truncate(by)
    }
    let mut bytes = vec![1, 2, 3];
    early(true)(&mut bytes);
    assert_eq!((adder(1)(3), measurer()("four"), bytes.len()), (10, 4, 1));
    for label in ["closure_plain", "closure_any_lifetime", "closure_of_self"] {
        assert_eq!(calls(label), "1 ok", "{label}");
    }
}

#[test]
fn a_function_that_returns_a_closure_panics_like_others() {
    #[monitor("closure_panics")]
    fn f(fail: bool) -> impl Fn(u8) -> u8 {
        assert!(!fail, "told to");
        |x| x
    }
    assert!(std::panic::catch_unwind(|| drop(f(true))).is_err());
    assert_eq!(f(false)(1), 1);
    assert_eq!(calls("closure_panics"), "1 ok, 1 panicked");
}

#[test]
fn called_while_somebody_elses_panic_unwinds_it_is_ok() {
    struct CallsWhenDropped;
    impl Drop for CallsWhenDropped {
        fn drop(&mut self) {
            f()(1);
        }
    }
    #[monitor("closure_in_destructor")]
    fn f() -> impl Fn(u8) -> u8 {
        |x| x
    }
    let unwound = std::panic::catch_unwind(|| {
        let _guard = CallsWhenDropped;
        panic!("somebody else's");
    });
    assert!(unwound.is_err());
    assert_eq!(calls("closure_in_destructor"), "1 ok");
}

#[test]
fn an_async_function_returns_a_closure_that_says_its_types() {
    // Without `x: u32` the compiler asks for it: a limit, see the docs of the attributes.
    #[monitor("closure_async")]
    async fn adder(n: u32) -> impl Fn(u32) -> u32 {
        move |x: u32| x + n
    }
    assert_eq!(finish(adder(1))(3), 4);
    assert_eq!(calls("closure_async"), "1 ok");
}
