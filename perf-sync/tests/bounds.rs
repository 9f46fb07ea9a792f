//! Nothing is kept of a lock or a channel that is gone, and names are bounded. One test in a program of its own: it counts the memory of the lists that all locks are in, and uses up the names.

use perf_runtime::Monitor;
use perf_sync::std::Mutex;
use perf_sync::{Locks, Settings};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what this thread has of memory.
struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

fn add(bytes: usize, sign: isize) {
    let _ = LIVE.try_with(|live| live.set(live.get() + sign * isize::try_from(bytes).unwrap_or(isize::MAX)));
}

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size(), 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        add(layout.size(), -1);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn live() -> isize {
    LIVE.get()
}

#[test]
fn locks_channels_and_names_are_bounded() {
    #[cfg(feature = "tokio")]
    a_hundred_thousand_channels_made_and_dropped_leave_nothing();
    a_hundred_thousand_locks_made_and_dropped_leave_nothing();
    locks_that_are_there_at_once_take_what_they_need_and_give_it_back();
    names_are_bounded_and_the_rest_share_one();
}

fn a_hundred_thousand_locks_made_and_dropped_leave_nothing() {
    let make = |times: u32| {
        for number in 0..times {
            let lock = Mutex::named("memory", number);
            *lock.lock().unwrap() += 1;
        }
    };
    make(1_000);
    let before = live();
    make(100_000);
    assert_eq!(live(), before);
}

#[cfg(feature = "tokio")]
fn a_hundred_thousand_channels_made_and_dropped_leave_nothing() {
    use perf_sync::tokio::{mpsc, oneshot};
    let make = |times: u32| {
        for number in 0..times {
            let (sender, receiver) = oneshot::channel("memory");
            sender.send(number).unwrap();
            drop(receiver);
            if number % 10 == 0 {
                let (sender, mut receiver) = mpsc::channel("memory", 4);
                sender.try_send(number).unwrap();
                sender.try_send(number).unwrap();
                receiver.try_recv().unwrap();
                let (sender, receiver) = mpsc::unbounded_channel("memory");
                sender.send(number).unwrap();
                drop((receiver, sender));
            }
        }
    };
    make(1_000);
    let before = live();
    make(100_000);
    assert_eq!(live(), before);
    let bare = each(tokio::sync::mpsc::unbounded_channel::<u64>);
    let watched = each(|| mpsc::unbounded_channel::<u64>("memory"));
    assert!((300..800).contains(&(watched - bare)), "{} bytes each", watched - bare);
}

/// The bytes that each of many channels takes.
#[cfg(feature = "tokio")]
fn each<T>(make: impl Fn() -> T) -> isize {
    let before = live();
    let there: Vec<T> = (0..1_000).map(|_| make()).collect();
    let each = (live() - before) / 1_000;
    drop(there);
    each
}

fn locks_that_are_there_at_once_take_what_they_need_and_give_it_back() {
    const MANY: usize = 20_000;
    drop(Mutex::named("memory-many", 0).lock());
    let before = live();
    let locks: Vec<_> = (0..MANY).map(|number| Mutex::named("memory-many", number)).collect();
    for lock in &locks {
        drop(lock.lock().unwrap());
    }
    let each = (live() - before) / isize::try_from(MANY).unwrap();
    assert!((40..400).contains(&each), "{each} bytes each");
    drop(locks);
    // Short lists keep the little room that they have.
    assert!(live() - before < 16 * 1_024, "{} bytes are left", live() - before);
}

fn names_are_bounded_and_the_rest_share_one() {
    let monitor = Locks::set_up(Monitor::builder()).build().unwrap();
    let locks = Locks::with_settings(&monitor, &Settings::default());
    let names: Vec<&'static str> = (0..400).map(|number| &*format!("name {number}").leak()).collect();
    for name in &names {
        drop(Mutex::named(name, ()).lock());
        drop(Mutex::named(name, ()).lock());
    }
    let view = locks.view().view();
    assert_eq!(view.locks.len(), 201);
    assert!(view.locks.iter().all(|lock| lock.holding == Some(0)));
    assert_eq!(view.locks.iter().find(|lock| &*lock.lock == "memory").map(|lock| lock.at_once), Some(101_000));
    let of = |name: &str| view.locks.iter().find(|lock| &*lock.lock == name).map(|lock| lock.at_once);
    assert_eq!((of("name 197"), of("name 198"), of("__overflow__")), (Some(2), None, Some(404)));
}
