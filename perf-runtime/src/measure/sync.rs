//! The primitives of the cells: the standard library's, or loom's where a test tries every interleaving.

#[cfg(not(all(test, perf_loom)))]
pub(super) use std::sync::atomic::AtomicU64;

#[cfg(not(all(test, perf_loom)))]
pub(super) use std::sync::OnceLock;

#[cfg(all(test, perf_loom))]
pub(super) use loom::sync::atomic::AtomicU64;

#[cfg(all(test, perf_loom))]
pub(super) use model::OnceLock;

#[cfg(all(test, perf_loom))]
mod model {
    //! loom has no `OnceLock`; the cells need `get` and `get_or_init` of it.

    use loom::sync::atomic::{AtomicPtr, Ordering};
    use std::{marker::PhantomData, ptr};

    #[derive(Debug)]
    pub(in super::super) struct OnceLock<T> {
        value: AtomicPtr<T>,
        owns: PhantomData<T>,
    }

    impl<T> OnceLock<T> {
        pub(in super::super) fn new() -> Self {
            Self { value: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
        }

        pub(in super::super) fn get(&self) -> Option<&T> {
            // SAFETY: null, or a pointer from `Box::into_raw` that is freed only when `self` is dropped.
            unsafe { self.value.load(Ordering::Acquire).as_ref() }
        }

        pub(in super::super) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
            if let Some(value) = self.get() {
                return value;
            }
            let fresh = Box::into_raw(Box::new(make()));
            let (done, failed) = (Ordering::AcqRel, Ordering::Acquire);
            match self.value.compare_exchange(ptr::null_mut(), fresh, done, failed) {
                // SAFETY: now owned by `self`.
                Ok(_) => unsafe { &*fresh },
                Err(winner) => {
                    // SAFETY: `fresh` was never shared, `winner` is owned by `self`.
                    unsafe {
                        drop(Box::from_raw(fresh));
                        &*winner
                    }
                }
            }
        }
    }

    impl<T> Drop for OnceLock<T> {
        fn drop(&mut self) {
            let value = self.value.load(Ordering::Acquire);
            if !value.is_null() {
                // SAFETY: from `Box::into_raw`, and nobody else has `self`.
                drop(unsafe { Box::from_raw(value) });
            }
        }
    }
}
