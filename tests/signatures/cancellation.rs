//! Futures that are dropped before they are ready, by whomever.

use crate::support::{calls, finish, poll_once, yield_once};
use perf_runtime::monitor;
use std::future::pending;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::oneshot;

#[test]
fn polled_once_and_dropped_it_is_cancelled() {
    #[monitor("cancel_dropped")]
    async fn f() {
        pending::<()>().await;
    }
    {
        let mut future = pin!(f());
        assert!(poll_once(future.as_mut()).is_pending());
        assert!(poll_once(future.as_mut()).is_pending());
        assert_eq!(calls("cancel_dropped"), "1 in flight");
    }
    assert_eq!(calls("cancel_dropped"), "1 cancelled");
}

#[test]
fn never_polled_it_is_not_a_call() {
    #[monitor("cancel_never_polled")]
    async fn f(_text: String) {}
    drop(f("x".into()));
    assert_eq!(calls("cancel_never_polled"), "none");
}

#[tokio::test]
async fn the_loser_of_a_select_is_cancelled() {
    #[monitor("cancel_select")]
    async fn f(wait: bool) -> u8 {
        if wait {
            pending::<()>().await;
        }
        1
    }
    tokio::select! {
        biased;
        _ = f(true) => unreachable!("it waits for ever"),
        won = f(false) => assert_eq!(won, 1),
    }
    assert_eq!(calls("cancel_select"), "1 ok, 1 cancelled");
}

#[tokio::test]
async fn a_timeout_cancels() {
    #[monitor("cancel_timeout")]
    async fn f() -> Result<(), String> {
        pending::<()>().await;
        Ok(())
    }
    assert!(tokio::time::timeout(Duration::ZERO, f()).await.is_err());
    assert_eq!(calls("cancel_timeout"), "1 cancelled");
}

#[tokio::test]
async fn an_aborted_task_is_cancelled() {
    #[monitor("cancel_abort")]
    async fn f(running: oneshot::Sender<()>) {
        running.send(()).unwrap();
        pending::<()>().await;
    }
    let (started, running) = oneshot::channel();
    let task = tokio::spawn(f(started));
    running.await.unwrap();
    assert_eq!(calls("cancel_abort"), "1 in flight");
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(calls("cancel_abort"), "1 cancelled");
}

#[test]
fn a_runtime_that_shuts_down_cancels_its_tasks() {
    #[monitor("cancel_shutdown")]
    async fn f(running: oneshot::Sender<()>) {
        running.send(()).unwrap();
        pending::<()>().await;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (started, running) = oneshot::channel();
        tokio::spawn(f(started));
        running.await.unwrap();
    });
    drop(runtime);
    assert_eq!(calls("cancel_shutdown"), "1 cancelled");
}

#[test]
fn a_forgotten_future_stays_in_flight() {
    #[monitor("cancel_forgotten")]
    async fn f() {
        pending::<()>().await;
    }
    let mut future = ManuallyDrop::new(Box::pin(f()));
    assert!(poll_once(future.as_mut()).is_pending());
    assert_eq!(calls("cancel_forgotten"), "1 in flight");
}

#[test]
fn dropped_while_somebody_elses_panic_unwinds_it_is_cancelled() {
    // `thread::panicking()` says yes here, and it is not this call that panicked.
    #[monitor("cancel_unwinding")]
    async fn f() {
        pending::<()>().await;
    }
    let unwound = catch_unwind(|| {
        let mut future = Box::pin(f());
        assert!(poll_once(future.as_mut()).is_pending());
        panic!("somebody else's");
    });
    assert!(unwound.is_err());
    assert_eq!(calls("cancel_unwinding"), "1 cancelled");
}

#[test]
fn a_panic_while_a_cancelled_body_is_dropped_changes_nothing() {
    struct PanicsWhenDropped;
    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    #[monitor("cancel_panicking_drop")]
    async fn f() {
        let _guard = PanicsWhenDropped;
        yield_once().await;
    }
    let mut future = Box::pin(f());
    assert!(poll_once(future.as_mut()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(future))).is_err());
    assert_eq!(calls("cancel_panicking_drop"), "1 cancelled");
}

#[test]
fn the_losers_of_futures_select_and_join_are_counted() {
    use futures::future::{Either, join, select};
    #[monitor("cancel_combinators")]
    async fn f(wait: bool) {
        if wait {
            pending::<()>().await;
        }
        yield_once().await;
    }
    finish(join(f(false), f(false)));
    let won = finish(async {
        let (loser, winner) = (pin!(f(true)), pin!(f(false)));
        matches!(select(loser, winner).await, Either::Right(_))
    });
    assert!(won);
    assert_eq!(calls("cancel_combinators"), "3 ok, 1 cancelled");
}

#[test]
fn a_call_that_its_own_body_cancels_from_within_is_counted_for_itself() {
    #[monitor("cancel_inner")]
    async fn inner() {
        pending::<()>().await;
    }
    #[monitor("cancel_outer")]
    async fn outer() -> Result<(), ()> {
        let mut waiting = pin!(inner());
        assert!(poll_once(waiting.as_mut()).is_pending());
        Err(())
    }
    assert!(finish(outer()).is_err());
    assert_eq!((calls("cancel_inner"), calls("cancel_outer")), ("1 cancelled".into(), "1 error".into()));
}
