//! Calls at the edges of a process's and a thread's life. Nothing here installs a monitor.

use crate::support::{calls, finish, poll_once};
use perf_runtime::monitor;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::thread;

#[test]
fn calls_are_counted_without_any_monitor() {
    #[monitor("teardown_before_install")]
    fn f() {}
    f();
    assert_eq!(calls("teardown_before_install"), "1 ok");
}

#[test]
fn calls_from_the_destructor_of_a_thread_local_are_counted() {
    struct CallsWhenDropped;
    impl Drop for CallsWhenDropped {
        fn drop(&mut self) {
            f();
            finish(g());
        }
    }
    #[monitor("teardown_thread_local")]
    fn f() {}
    #[monitor("teardown_thread_local_async")]
    async fn g() {}
    thread_local!(static LAST: CallsWhenDropped = const { CallsWhenDropped });
    thread::spawn(|| LAST.with(|_| f())).join().unwrap();
    assert_eq!(calls("teardown_thread_local"), "2 ok");
    assert_eq!(calls("teardown_thread_local_async"), "1 ok");
}

#[test]
fn a_future_that_dies_with_its_thread_is_cancelled() {
    #[monitor("teardown_future")]
    async fn f() {
        std::future::pending().await
    }
    type Kept = RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>;
    thread_local!(static KEPT: Kept = const { RefCell::new(None) });
    let polled = || {
        let mut future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(f());
        assert!(poll_once(future.as_mut()).is_pending());
        KEPT.set(Some(future));
    };
    thread::spawn(polled).join().unwrap();
    assert_eq!(calls("teardown_future"), "1 cancelled");
}
