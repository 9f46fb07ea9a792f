//! Types have the bounds of the originals.

use super::seen;
use std::cell::Cell;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

/// Whether a type has a trait, by what the compiler chooses.
macro_rules! has {
    ($type:ty: $bound:path) => {{
        struct Asked<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code, reason = "one of the two is chosen")]
        trait Otherwise {
            const HAS: bool = false;
        }
        impl<T: ?Sized> Otherwise for Asked<T> {}
        #[allow(dead_code, reason = "one of the two is chosen")]
        impl<T: ?Sized + $bound> Asked<T> {
            const HAS: bool = true;
        }
        <Asked<$type>>::HAS
    }};
}

macro_rules! same {
    ($($ours:ty = $theirs:ty),+ $(,)?) => {
        $(
            assert_eq!(has!($ours: Send), has!($theirs: Send), stringify!($ours: Send));
            assert_eq!(has!($ours: Sync), has!($theirs: Sync), stringify!($ours: Sync));
            assert_eq!(has!($ours: Unpin), has!($theirs: Unpin), stringify!($ours: Unpin));
        )+
    };
}

macro_rules! same_unwinding {
    ($($ours:ty = $theirs:ty),+ $(,)?) => {
        $(
            assert_eq!(has!($ours: UnwindSafe), has!($theirs: UnwindSafe), stringify!($ours: UnwindSafe));
            assert_eq!(has!($ours: RefUnwindSafe), has!($theirs: RefUnwindSafe), stringify!($ours: RefUnwindSafe));
        )+
    };
}

#[test]
fn those_of_the_standard_library_go_where_the_originals_go() {
    use perf_sync::std as ours;
    use std::sync as theirs;
    macro_rules! of {
        ($($value:ty),+) => {
            $(
                same!(
                    ours::Mutex<$value> = theirs::Mutex<$value>,
                    ours::MutexGuard<'_, $value> = theirs::MutexGuard<'_, $value>,
                    ours::RwLock<$value> = theirs::RwLock<$value>,
                    ours::RwLockReadGuard<'_, $value> = theirs::RwLockReadGuard<'_, $value>,
                    ours::RwLockWriteGuard<'_, $value> = theirs::RwLockWriteGuard<'_, $value>,
                );
                same_unwinding!(
                    ours::Mutex<$value> = theirs::Mutex<$value>,
                    ours::RwLock<$value> = theirs::RwLock<$value>,
                );
            )+
        };
    }
    of!(u8, Cell<u8>, Rc<u8>, str);
    same!(ours::Condvar = theirs::Condvar);
    same_unwinding!(ours::Condvar = theirs::Condvar);
}

#[cfg(feature = "tokio")]
#[test]
fn those_of_tokio_go_where_the_originals_go() {
    use perf_sync::tokio as ours;
    use tokio::sync as theirs;
    macro_rules! of {
        ($($value:ty),+) => {
            $(
                same!(
                    ours::Mutex<$value> = theirs::Mutex<$value>,
                    ours::MutexGuard<'_, $value> = theirs::MutexGuard<'_, $value>,
                    ours::MappedMutexGuard<'_, $value> = theirs::MappedMutexGuard<'_, $value>,
                    ours::OwnedMutexGuard<$value> = theirs::OwnedMutexGuard<$value>,
                    ours::OwnedMappedMutexGuard<$value, u8> = theirs::OwnedMappedMutexGuard<$value, u8>,
                    ours::OwnedMappedMutexGuard<u8, $value> = theirs::OwnedMappedMutexGuard<u8, $value>,
                    ours::RwLock<$value> = theirs::RwLock<$value>,
                    ours::RwLockReadGuard<'_, $value> = theirs::RwLockReadGuard<'_, $value>,
                    ours::RwLockWriteGuard<'_, $value> = theirs::RwLockWriteGuard<'_, $value>,
                    ours::RwLockMappedWriteGuard<'_, $value> = theirs::RwLockMappedWriteGuard<'_, $value>,
                    ours::OwnedRwLockReadGuard<$value> = theirs::OwnedRwLockReadGuard<$value>,
                    ours::OwnedRwLockReadGuard<u8, $value> = theirs::OwnedRwLockReadGuard<u8, $value>,
                    ours::OwnedRwLockWriteGuard<$value> = theirs::OwnedRwLockWriteGuard<$value>,
                    ours::OwnedRwLockMappedWriteGuard<$value, u8> = theirs::OwnedRwLockMappedWriteGuard<$value, u8>,
                    ours::OwnedRwLockMappedWriteGuard<u8, $value> = theirs::OwnedRwLockMappedWriteGuard<u8, $value>,
                );
            )+
        };
    }
    of!(u8, Cell<u8>, Rc<u8>, str);
    same!(
        ours::Semaphore = theirs::Semaphore,
        ours::SemaphorePermit<'_> = theirs::SemaphorePermit<'_>,
        ours::OwnedSemaphorePermit = theirs::OwnedSemaphorePermit,
        ours::Notify = theirs::Notify,
        ours::Notified<'_> = theirs::futures::Notified<'_>,
    );
    same_unwinding!(ours::Notify = theirs::Notify);
}

#[cfg(feature = "tokio")]
#[test]
fn channels_of_tokio_go_where_the_originals_go() {
    use perf_sync::tokio::{broadcast, mpsc, oneshot, watch};
    use std::marker::PhantomPinned;
    use std::sync::MutexGuard;
    use tokio::sync as theirs;
    macro_rules! of {
        ($($value:ty),+) => {
            $(
                same!(
                    mpsc::Sender<$value> = theirs::mpsc::Sender<$value>,
                    mpsc::WeakSender<$value> = theirs::mpsc::WeakSender<$value>,
                    mpsc::Receiver<$value> = theirs::mpsc::Receiver<$value>,
                    mpsc::Permit<'_, $value> = theirs::mpsc::Permit<'_, $value>,
                    mpsc::PermitIterator<'_, $value> = theirs::mpsc::PermitIterator<'_, $value>,
                    mpsc::OwnedPermit<$value> = theirs::mpsc::OwnedPermit<$value>,
                    mpsc::UnboundedSender<$value> = theirs::mpsc::UnboundedSender<$value>,
                    mpsc::WeakUnboundedSender<$value> = theirs::mpsc::WeakUnboundedSender<$value>,
                    mpsc::UnboundedReceiver<$value> = theirs::mpsc::UnboundedReceiver<$value>,
                    broadcast::Sender<$value> = theirs::broadcast::Sender<$value>,
                    broadcast::WeakSender<$value> = theirs::broadcast::WeakSender<$value>,
                    broadcast::Receiver<$value> = theirs::broadcast::Receiver<$value>,
                    oneshot::Sender<$value> = theirs::oneshot::Sender<$value>,
                    oneshot::Receiver<$value> = theirs::oneshot::Receiver<$value>,
                    watch::Sender<$value> = theirs::watch::Sender<$value>,
                    watch::Receiver<$value> = theirs::watch::Receiver<$value>,
                );
                same_unwinding!(
                    mpsc::Sender<$value> = theirs::mpsc::Sender<$value>,
                    mpsc::Receiver<$value> = theirs::mpsc::Receiver<$value>,
                    oneshot::Sender<$value> = theirs::oneshot::Sender<$value>,
                );
            )+
        };
    }
    of!(u8, Cell<u8>, Rc<u8>, MutexGuard<'static, u8>, PhantomPinned);
}

#[cfg(feature = "tokio")]
#[test]
fn futures_of_channels_go_to_other_threads_and_types_show_themselves_as_the_originals_do() {
    use perf_sync::tokio::mpsc;
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let (sender, mut receiver) = mpsc::channel::<Cell<u8>>("shape-futures", 1);
    drop(is_send(sender.send(Cell::new(1))));
    drop(is_send(sender.reserve()));
    drop(is_send(sender.send_timeout(Cell::new(1), std::time::Duration::ZERO)));
    drop(is_send(sender.clone().reserve_owned()));
    drop(is_send(receiver.recv()));
    let (theirs, their_receiver) = tokio::sync::mpsc::channel::<Cell<u8>>(1);
    let name = |shown: String| shown.split(' ').next().unwrap_or_default().to_owned();
    assert_eq!(name(format!("{sender:?}")), name(format!("{theirs:?}")));
    assert_eq!(name(format!("{receiver:?}")), name(format!("{their_receiver:?}")));
    assert_eq!(format!("{:?}", sender.downgrade()), format!("{:?}", theirs.downgrade()));
    let (permit, original) = (sender.try_reserve().unwrap(), theirs.try_reserve().unwrap());
    assert_eq!(name(format!("{permit:?}")), name(format!("{original:?}")));
}

#[test]
fn a_lock_is_named_by_the_place_where_it_is_made() {
    let lock = perf_sync::std::Mutex::new(1);
    let line = line!() - 1;
    drop(lock.lock());
    let default: perf_sync::std::Mutex<u8> = perf_sync::std::Mutex::default();
    let line_of_default = line!() - 1;
    drop(default.lock());
    let from = perf_sync::std::RwLock::from(1);
    let line_of_from = line!() - 1;
    drop(from.read());
    assert_eq!(seen(&format!("{}:{line}", file!()), "lock").at_once, 1);
    assert_eq!(seen(&format!("{}:{line_of_default}", file!()), "lock").at_once, 1);
    assert_eq!(seen(&format!("{}:{line_of_from}", file!()), "read").at_once, 1);
}

#[test]
fn locks_show_themselves_as_the_originals_do() {
    let (ours, theirs) = (perf_sync::std::Mutex::new(7), std::sync::Mutex::new(7));
    assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    let (guard, original) = (ours.lock().unwrap(), theirs.lock().unwrap());
    assert_eq!(format!("{ours:?} {guard:?} {guard}"), format!("{theirs:?} {original:?} {original}"));
}

#[test]
fn values_without_a_size_are_guarded_too() {
    let lock: &perf_sync::std::Mutex<[u8]> = &perf_sync::std::Mutex::named("unsized", [1, 2, 3]);
    lock.lock().unwrap()[0] = 9;
    assert_eq!(*lock.lock().unwrap(), [9, 2, 3]);
}
