//! Something on the heap that comes into being when it is first wanted.

use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// An `OnceLock<Box<T>>` in one word: what is there is found by one load, and every call looks for several such things.
///
/// Where two threads make it at once, the one that comes second drops what it made.
pub(crate) struct LazyBox<T, P: Pointer<T> = AtomicPtr<T>> {
    pointer: P,
    owns: PhantomData<Box<T>>,
}

/// The standard library's atomic pointer, or loom's where a test tries every interleaving; null by default.
pub(crate) trait Pointer<T>: Default {
    /// The pointer, loaded with acquire: all that was written to its target before is seen.
    fn get(&self) -> *mut T;
    /// Makes a null pointer point to `fresh`; else says what it points to.
    fn set_first(&self, fresh: *mut T) -> Result<(), *mut T>;
}

macro_rules! pointers {
    ($($atomic:ident)::+) => {
        impl<T> Pointer<T> for $($atomic)::+<T> {
            #[inline]
            fn get(&self) -> *mut T {
                self.load(Ordering::Acquire)
            }

            fn set_first(&self, fresh: *mut T) -> Result<(), *mut T> {
                self.compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire).map(drop)
            }
        }
    };
}

pointers!(AtomicPtr);
#[cfg(all(test, perf_loom))]
pointers!(loom::sync::atomic::AtomicPtr);

impl<T> LazyBox<T> {
    pub(crate) const fn new() -> Self {
        Self { pointer: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    /// Takes the value out, if it was made. It may be made anew.
    ///
    /// # Safety
    ///
    /// Nobody has a reference to the value, or asks for one before this is done.
    pub(crate) unsafe fn take(&self) -> Option<Box<T>> {
        let pointer = self.pointer.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: from `Box::into_raw`, if it is not null; and from now on nobody else has it.
        (!pointer.is_null()).then(|| unsafe { Box::from_raw(pointer) })
    }
}

impl<T, P: Pointer<T>> Default for LazyBox<T, P> {
    fn default() -> Self {
        Self { pointer: P::default(), owns: PhantomData }
    }
}

impl<T: Send + Sync, P: Pointer<T>> LazyBox<T, P> {
    /// The value, if it was made.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: null, or a pointer from `Box::into_raw` that is freed only when `self` is dropped.
        unsafe { self.pointer.get().as_ref() }
    }

    /// The value; `make` makes it where there is none.
    #[inline]
    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> Box<T>) -> &T {
        self.get().unwrap_or_else(|| self.put(make()))
    }

    #[cold]
    fn put(&self, fresh: Box<T>) -> &T {
        let fresh = Box::into_raw(fresh);
        let kept = self.pointer.set_first(fresh).err();
        if kept.is_some() {
            // SAFETY: from `Box::into_raw`, and nobody else has ever seen it.
            drop(unsafe { Box::from_raw(fresh) });
        }
        // SAFETY: `self` owns either of the two, as in `get`.
        unsafe { &*kept.unwrap_or(fresh) }
    }
}

impl<T, P: Pointer<T>> Drop for LazyBox<T, P> {
    fn drop(&mut self) {
        let pointer = self.pointer.get();
        if !pointer.is_null() {
            // SAFETY: from `Box::into_raw`, and nobody else has `self`.
            drop(unsafe { Box::from_raw(pointer) });
        }
    }
}

impl<T: Send + Sync + fmt::Debug, P: Pointer<T>> fmt::Debug for LazyBox<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;
    use std::sync::{Arc, Barrier};
    use std::thread;

    #[test]
    fn threads_that_make_it_at_once_see_the_same_and_all_else_is_dropped() {
        const THREADS: usize = 8;
        for _ in 0..100 {
            let (lazy, together) = (LazyBox::<Arc<()>>::new(), Barrier::new(THREADS));
            let counted = Arc::new(());
            let seen: Vec<usize> = thread::scope(|scope| {
                let ask = || {
                    together.wait();
                    ptr::from_ref(lazy.get_or_init(|| Box::new(Arc::clone(&counted)))).addr()
                };
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(seen.iter().all(|&place| place == seen[0]));
            assert_eq!(Arc::strong_count(&counted), 2, "one is kept");
            drop(lazy);
            assert_eq!(Arc::strong_count(&counted), 1);
        }
    }

    #[test]
    fn nothing_is_there_before_it_is_wanted() {
        let lazy = LazyBox::<u8>::new();
        assert_eq!((lazy.get(), format!("{lazy:?}").as_str()), (None, "None"));
        assert_eq!((lazy.get_or_init(|| Box::new(5)), lazy.get_or_init(|| Box::new(6))), (&5, &5));
        assert_eq!(size_of_val(&lazy), size_of::<usize>());
    }
}
