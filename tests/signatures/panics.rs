//! Panics: counted, and otherwise untouched.

use crate::support::{calls, finish, poll_once, yield_once};
use perf_runtime::monitor;
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Once;

thread_local!(static LOCATION: RefCell<Option<(u32, u32)>> = const { RefCell::new(None) });

/// Where the last panic of this thread was, and what it carried.
fn caught(f: impl FnOnce()) -> ((u32, u32), Box<dyn Any + Send>) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map(|location| (location.line(), location.column()));
            LOCATION.with_borrow_mut(|location| *location = place);
            before(info);
        }));
    });
    let payload = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    (LOCATION.take().unwrap(), payload)
}

#[derive(Debug, PartialEq)]
struct Payload(u8);

#[test]
fn a_sync_panic_keeps_its_payload_and_its_place() {
    const LINE: u32 = line!() + 3;
    #[monitor("panic_sync")]
    fn f() -> Result<u8, String> {
        panic_any(Payload(7));
    }
    let (place, payload) = caught(|| drop(f()));
    assert_eq!(place, (LINE, 9));
    assert_eq!(*payload.downcast::<Payload>().unwrap(), Payload(7));
    assert_eq!(calls("panic_sync"), "1 panicked");
}

#[test]
fn a_panic_in_the_third_poll_keeps_its_payload_and_its_place() {
    const LINE: u32 = line!() + 5;
    #[monitor("panic_third_poll")]
    async fn f(n: u8) {
        yield_once().await;
        yield_once().await;
        panic!("number {n}");
    }
    let mut future = Box::pin(f(3));
    assert!(poll_once(future.as_mut()).is_pending());
    assert!(poll_once(future.as_mut()).is_pending());
    assert_eq!(calls("panic_third_poll"), "1 in flight");
    let (place, payload) = caught(|| _ = poll_once(future.as_mut()));
    assert_eq!(place, (LINE, 9));
    assert_eq!(*payload.downcast::<String>().unwrap(), "number 3");
    assert_eq!(calls("panic_third_poll"), "1 panicked");
    drop(future);
    assert_eq!(calls("panic_third_poll"), "1 panicked", "and not cancelled on top");
}

#[tokio::test]
async fn a_panic_in_a_spawned_task_is_counted() {
    #[monitor("panic_task")]
    async fn f() -> u8 {
        tokio::task::yield_now().await;
        panic!("in a task");
    }
    let error = tokio::spawn(f()).await.unwrap_err();
    assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "in a task");
    assert_eq!(calls("panic_task"), "1 panicked");
}

#[test]
fn each_layer_that_unwinds_is_counted_once() {
    #[monitor("panic_inner")]
    fn inner() {
        panic!("inside");
    }
    #[monitor("panic_outer")]
    async fn outer() {
        inner();
    }
    #[monitor("panic_catcher")]
    fn catcher() -> bool {
        catch_unwind(|| finish(outer())).is_err()
    }
    assert!(catcher());
    assert_eq!(calls("panic_inner"), "1 panicked");
    assert_eq!(calls("panic_outer"), "1 panicked");
    assert_eq!(calls("panic_catcher"), "1 ok");
}

#[test]
fn a_healthy_call_from_a_destructor_during_an_unwind_is_ok() {
    struct CleansUp;
    impl Drop for CleansUp {
        fn drop(&mut self) {
            tidy();
            finish(tidy_later());
            let _ = fails();
        }
    }
    #[monitor("panic_destructor")]
    fn tidy() {}
    #[monitor("panic_destructor_async")]
    async fn tidy_later() {
        yield_once().await;
    }
    #[monitor("panic_destructor_fails")]
    fn fails() -> Result<(), ()> {
        Err(())
    }
    let unwound = catch_unwind(|| {
        let _guard = CleansUp;
        panic!("somebody else's");
    });
    assert!(unwound.is_err());
    assert_eq!(calls("panic_destructor"), "1 ok");
    assert_eq!(calls("panic_destructor_async"), "1 ok");
    assert_eq!(calls("panic_destructor_fails"), "1 error");
}

#[test]
fn a_panic_while_parameters_are_dropped_belongs_to_the_call() {
    struct PanicsWhenDropped;
    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    #[monitor("panic_parameter")]
    fn f(_guard: PanicsWhenDropped) {}
    #[monitor("panic_parameter_async")]
    async fn g(_: PanicsWhenDropped) {}
    assert!(catch_unwind(|| f(PanicsWhenDropped)).is_err());
    assert!(catch_unwind(|| finish(g(PanicsWhenDropped))).is_err());
    assert_eq!(calls("panic_parameter"), "1 panicked");
    assert_eq!(calls("panic_parameter_async"), "1 panicked");
}

#[test]
fn a_predicate_that_panics_ends_the_call_as_panicked() {
    fn broken(_: &u8) -> bool {
        panic!("in the predicate")
    }
    #[monitor("panic_predicate", ok_if = broken)]
    fn f() -> u8 {
        1
    }
    #[monitor("panic_predicate_async", error_if = broken)]
    async fn g() -> u8 {
        1
    }
    assert!(catch_unwind(f).is_err());
    assert!(catch_unwind(|| finish(g())).is_err());
    assert_eq!(calls("panic_predicate"), "1 panicked");
    assert_eq!(calls("panic_predicate_async"), "1 panicked");
}
