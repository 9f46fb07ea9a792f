//! Guards that borrow a lock which is kept beside them.
//!
//! tokio's owned guards keep an `Arc` of tokio's lock. Of a watched lock the `Arc` is another, so an owned guard keeps that, and the guard of
//! tokio's that borrows it, whose lifetime has no name.

use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr;
use tokio::sync as original;

/// A guard of tokio's, for each lifetime.
pub(super) trait Guards<T: ?Sized> {
    type Guard<'a>
    where
        T: 'a;
}

#[derive(Debug)]
pub(super) struct OfMutex;
#[derive(Debug)]
pub(super) struct Readers;
#[derive(Debug)]
pub(super) struct Writers;

impl<T: ?Sized> Guards<T> for OfMutex {
    type Guard<'a>
        = original::MutexGuard<'a, T>
    where
        T: 'a;
}

impl<T: ?Sized> Guards<T> for Readers {
    type Guard<'a>
        = original::RwLockReadGuard<'a, T>
    where
        T: 'a;
}

impl<T: ?Sized> Guards<T> for Writers {
    type Guard<'a>
        = original::RwLockWriteGuard<'a, T>
    where
        T: 'a;
}

/// Room for any of the guards, the largest of which are a pointer to the lock, a wide pointer to the value, and some numbers; with the span that
/// tokio has in guards where its unstable tracing is built in.
const WORDS: usize = if cfg!(tokio_unstable) { 12 } else { 5 };

/// A guard whose lifetime is not known. Whoever has it keeps the lock, and keeps it where it is, until this is dropped.
pub(super) struct Erased<G: Guards<T>, T: ?Sized> {
    bytes: MaybeUninit<[usize; WORDS]>,
    _guard: PhantomData<fn(G) -> Box<T>>,
}

impl<G: Guards<T>, T: ?Sized> Erased<G, T> {
    /// Takes a guard. The lock that it borrows is to be kept as said above: only this module's neighbours make them, each with the `Arc` beside it.
    pub(super) fn new<'a>(guard: G::Guard<'a>) -> Self
    where
        T: 'a,
    {
        const {
            assert!(size_of::<G::Guard<'a>>() <= size_of::<[usize; WORDS]>());
            assert!(align_of::<G::Guard<'a>>() <= align_of::<usize>());
        }
        let mut bytes = MaybeUninit::<[usize; WORDS]>::uninit();
        // SAFETY: there is room for it, rightly aligned, as was asserted.
        unsafe { bytes.as_mut_ptr().cast::<G::Guard<'a>>().write(guard) };
        Self { bytes, _guard: PhantomData }
    }

    /// The guard, for as long as this is borrowed.
    pub(super) fn get<'a>(&'a self) -> &'a G::Guard<'a>
    where
        T: 'a,
    {
        // SAFETY: `new` wrote a guard there. Its lock lives as long as this, and so longer than the borrow.
        unsafe { &*self.bytes.as_ptr().cast::<G::Guard<'a>>() }
    }

    /// The same, to change what it guards.
    pub(super) fn with_mut<'a, R: ?Sized>(
        &'a mut self,
        change: impl FnOnce(&'a mut G::Guard<'a>) -> &'a mut R,
    ) -> &'a mut R
    where
        T: 'a,
    {
        // SAFETY: as above; and nobody else has it.
        change(unsafe { &mut *self.bytes.as_mut_ptr().cast::<G::Guard<'a>>() })
    }

    /// The guard itself made into another of the same lock.
    pub(super) fn change<'a, H: Guards<T>>(self, change: impl FnOnce(G::Guard<'a>) -> H::Guard<'a>) -> Erased<H, T>
    where
        T: 'a,
    {
        let this = ManuallyDrop::new(self);
        // SAFETY: `new` wrote a guard there, and nobody reads or drops it again.
        let guard = unsafe { ptr::read(this.bytes.as_ptr().cast::<G::Guard<'a>>()) };
        Erased::new(change(guard))
    }
}

impl<G: Guards<T>, T: ?Sized> Drop for Erased<G, T> {
    fn drop(&mut self) {
        drop_guard::<G, T>(&mut self.bytes);
    }
}

fn drop_guard<'a, G: Guards<T>, T: ?Sized + 'a>(bytes: &'a mut MaybeUninit<[usize; WORDS]>) {
    // SAFETY: `new` wrote a guard there; this is its end, and its lock is still there.
    unsafe { bytes.as_mut_ptr().cast::<G::Guard<'a>>().drop_in_place() };
}
