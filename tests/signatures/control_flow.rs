//! Ways out of a body, and what may stand at its head.

use crate::support::{calls, finish, yield_once};
use perf_runtime::monitor;

#[test]
fn every_early_return_is_counted() {
    #[monitor("flow_early")]
    fn f(n: u8) -> Result<u8, String> {
        for i in 0..n {
            if i == 3 {
                return Ok(i);
            }
        }
        match n {
            0 => return Err("zero".into()),
            1 => "nine".parse::<u8>().map_err(|error| error.to_string())?,
            _ => 0,
        };
        // This one returns from the closure alone.
        let inner = || -> Result<u8, String> {
            if n == 2 {
                return Err("inner".into());
            }
            Ok(n)
        };
        inner().or(Ok(100))
    }
    assert_eq!(f(9), Ok(3), "out of a loop");
    assert_eq!(f(0), Err("zero".into()), "out of a match");
    assert!(f(1).is_err(), "through `?`");
    assert_eq!(f(2), Ok(100), "out of a nested closure only");
    assert_eq!(calls("flow_early"), "2 ok, 2 error");
}

#[test]
fn every_early_return_of_an_async_body_is_counted() {
    #[monitor("flow_early_async")]
    async fn f(n: u8) -> Result<&'static str, u8> {
        yield_once().await;
        if n == 0 {
            return Err(0);
        }
        let inner = async {
            if n == 1 {
                return Err(1);
            }
            Ok(())
        };
        inner.await?;
        let label = 'found: {
            if n == 2 {
                break 'found "two";
            }
            return Ok("many");
        };
        Ok(label)
    }
    assert_eq!(finish(f(0)), Err(0));
    assert_eq!(finish(f(1)), Err(1));
    assert_eq!(finish(f(2)), Ok("two"));
    assert_eq!(finish(f(3)), Ok("many"));
    assert_eq!(calls("flow_early_async"), "2 ok, 2 error");
}

#[test]
fn question_marks_work_on_options() {
    #[monitor("flow_option")]
    fn f(text: &str) -> Option<char> {
        let first = text.chars().next()?;
        Some(first)
    }
    assert_eq!((f("ab"), f("")), (Some('a'), None));
    assert_eq!(calls("flow_option"), "2 ok");
}

#[test]
fn inner_attributes_stay_in_force() {
    #[monitor("flow_inner_attribute")]
    fn f() {
        #![allow(unused_variables)]
        let i = 42;
    }
    #[monitor("flow_inner_attribute_async")]
    async fn g() -> u8 {
        #![allow(unused_variables, clippy::let_and_return)]
        //! Inner docs are attributes too.
        let i = 42;
        let answer = 7;
        answer
    }
    f();
    assert_eq!(finish(g()), 7);
    assert_eq!(calls("flow_inner_attribute"), "1 ok");
    assert_eq!(calls("flow_inner_attribute_async"), "1 ok");
}

#[test]
fn items_and_statics_inside_a_body_are_its_own() {
    #[monitor("flow_items")]
    fn f() -> u32 {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        const STEP: u32 = 2;
        #[monitor("flow_inner_item")]
        fn step() -> u32 {
            STEP
        }
        COUNT.fetch_add(step(), Ordering::Relaxed)
    }
    assert_eq!((f(), f()), (0, 2));
    assert_eq!(calls("flow_items"), "2 ok");
    assert_eq!(calls("flow_inner_item"), "2 ok");
}

#[test]
fn a_sync_function_that_never_returns_can_only_unwind() {
    #[monitor("flow_never")]
    fn run(limit: u8) -> ! {
        let mut n = 0;
        loop {
            n += 1;
            assert!(n < limit, "enough");
        }
    }
    assert!(std::panic::catch_unwind(|| run(3)).is_err());
    assert_eq!(calls("flow_never"), "1 panicked");
}

#[test]
fn an_async_function_that_never_returns_is_cancelled() {
    #[monitor("flow_never_async")]
    async fn run(start: u8) -> ! {
        let mut n = start;
        loop {
            yield_once().await;
            n = n.wrapping_add(1);
        }
    }
    {
        let mut running = std::pin::pin!(run(1));
        for _ in 0..3 {
            assert!(crate::support::poll_once(running.as_mut()).is_pending());
        }
        assert_eq!(calls("flow_never_async"), "1 in flight");
    }
    assert_eq!(calls("flow_never_async"), "1 cancelled");
}

#[test]
fn a_body_that_always_returns_or_panics_has_no_value() {
    // The block's own type is `!`, the function's is not.
    #[monitor("flow_always_returns")]
    fn f(n: u8) -> u8 {
        if n > 1 {
            return 1;
        }
        return 2;
    }
    #[monitor("flow_todo")]
    async fn g() -> Vec<u8> {
        unimplemented!()
    }
    assert_eq!(f(1), 2);
    assert!(std::panic::catch_unwind(|| finish(g())).is_err());
    assert_eq!(calls("flow_always_returns"), "1 ok");
    assert_eq!(calls("flow_todo"), "1 panicked");
}

#[test]
fn a_return_inside_a_macro_is_an_early_return() {
    // Where the macro's name is not one of the standard library's, or its `return` stands in the body, the value is seen.
    macro_rules! ensure {
        ($good:expr) => {
            if !$good {
                return Err("bad");
            }
        };
    }
    #[monitor("flow_macro")]
    fn of_a_name_of_its_own(good: bool) -> Result<u8, &'static str> {
        ensure!(good);
        Ok(1)
    }
    #[monitor("flow_macro_in_the_body")]
    fn in_the_body(good: bool) -> Result<u8, &'static str> {
        macro_rules! assert {
            ($good:expr) => {
                if !$good {
                    return Err("bad");
                }
            };
        }
        assert!(good);
        Ok(1)
    }
    // The attribute takes this one for the standard library's: it did not panic, and nobody saw its value.
    macro_rules! assert {
        ($good:expr) => {
            if !$good {
                return Err("bad");
            }
        };
    }
    #[monitor("flow_macro_of_a_known_name")]
    fn of_a_known_name(good: bool) -> Result<u8, &'static str> {
        assert!(good);
        Ok(1)
    }
    for f in [of_a_name_of_its_own, in_the_body, of_a_known_name] {
        assert_eq!((f(true), f(false)), (Ok(1), Err("bad")));
    }
    assert_eq!(calls("flow_macro"), "1 ok, 1 error");
    assert_eq!(calls("flow_macro_in_the_body"), "1 ok, 1 error");
    assert_eq!(calls("flow_macro_of_a_known_name"), "2 ok");
}
