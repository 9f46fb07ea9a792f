//! The memory of a buffer: chunks of records, which are made as they are needed, and bounded for all buffers together.

use super::record::Record;
use super::recording::Recording;
use crate::measure::cells::lazy::LazyBox;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU8};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The records of a chunk, of 48 bytes each.
pub(super) const CHUNK: usize = 64;
/// The most chunks of a buffer.
pub(super) const CHUNKS: usize = 16;
/// The chunks of all buffers together, of 3 KiB each.
const MOST_MADE: usize = 4_096;
/// With so many, buffers that no root has are to give theirs back, until there are [few](FEW).
const MANY: usize = MOST_MADE / 4 * 3;
const FEW: usize = MOST_MADE / 8 * 5;
// Each buffer keeps one: were there no fewer than few then, memory would stay scarce for as long as any call has a second one.
const _: () = assert!(FEW > Recording::SLOTS, "idle buffers alone are few");

/// The number of chunks that there are. Whether one is made or refused is decided under this lock.
static MADE: Mutex<usize> = Mutex::new(0);
/// Whether there are many.
static IS_SCARCE: AtomicBool = AtomicBool::new(false);
/// Whether there are many since a moment ago.
static HAS_BECOME_SCARCE: AtomicBool = AtomicBool::new(false);

type Chunk = [Record; CHUNK];

/// The records of one buffer.
#[derive(Debug)]
pub(super) struct Chunks {
    chunks: [LazyBox<Chunk>; CHUNKS],
    /// How many places of each chunk were asked for in vain in this turn: a chunk that was refused once is not made before the next.
    refused: [AtomicU8; CHUNKS],
}

/// Whether chunks are so many that buffers without a root are to keep one alone.
#[inline]
pub(super) fn are_scarce() -> bool {
    IS_SCARCE.load(Relaxed)
}

/// Whether they became scarce since this was asked last.
pub(super) fn have_become_scarce() -> bool {
    HAS_BECOME_SCARCE.swap(false, Relaxed)
}

impl Chunks {
    pub(super) const fn new() -> Self {
        Self { chunks: [const { LazyBox::new() }; CHUNKS], refused: [const { AtomicU8::new(0) }; CHUNKS] }
    }

    /// The record at a place whose chunk is there.
    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<&Record> {
        self.chunks.get(place / CHUNK)?.get()?.get(place % CHUNK)
    }

    /// The record at a place that was just given out. The first one of a chunk makes it, as long as there is room for more.
    #[inline]
    pub(super) fn take(&self, place: usize) -> Option<&Record> {
        let chunk = self.chunks.get(place / CHUNK)?;
        let records = match chunk.get() {
            Some(records) => records,
            None => self.make(place / CHUNK)?,
        };
        records.get(place % CHUNK)
    }

    #[cold]
    #[inline(never)]
    fn make(&self, number: usize) -> Option<&Chunk> {
        let (chunk, refused) = (self.chunks.get(number)?, self.refused.get(number)?);
        let mut made = lock();
        if let Some(records) = chunk.get() {
            return Some(records);
        }
        if is_full(*made) || refused.load(Relaxed) > 0 {
            refused.fetch_add(1, Release);
            return None;
        }
        *made += 1;
        if *made >= MANY && !IS_SCARCE.swap(true, Relaxed) {
            HAS_BECOME_SCARCE.store(true, Relaxed);
        }
        Some(chunk.get_or_init(|| Box::new([const { Record::new() }; CHUNK])))
    }

    /// Whether nobody has any of the first `used` places, which were given out, any longer: each was written, left void, or refused. One whose
    /// chunk is neither there nor refused has been given out a moment ago.
    pub(super) fn are_done(&self, used: usize) -> bool {
        let mut chunks = self.chunks.iter().zip(&self.refused).zip(parts(used));
        chunks.all(|((chunk, refused), places)| match chunk.get() {
            Some(records) => records.iter().take(places).all(Record::is_done),
            None => usize::from(refused.load(Acquire)) == places,
        })
    }

    /// Makes the first `used` places ready for the next turn.
    pub(super) fn clear(&self, used: usize) {
        for ((chunk, refused), places) in self.chunks.iter().zip(&self.refused).zip(parts(used)) {
            refused.store(0, Relaxed);
            chunk.get().into_iter().flatten().take(places).for_each(Record::clear);
        }
    }

    /// The first `used` records, with their places. Those of chunks that are not there are none.
    pub(super) fn records(&self, used: usize) -> impl Iterator<Item = (usize, &Record)> + Clone {
        let chunks = self.chunks.iter().zip(parts(used)).zip((0..).step_by(CHUNK));
        chunks.flat_map(|((chunk, places), first)| {
            chunk.get().into_iter().flat_map(move |records| (first..).zip(records.iter().take(places)))
        })
    }

    /// Gives back the memory of all chunks but the first few.
    ///
    /// # Safety
    ///
    /// Nobody else has a record, or comes for one meanwhile.
    pub(super) unsafe fn give_back(&self, kept: usize) {
        for chunk in self.chunks.iter().skip(kept) {
            // SAFETY: as the caller says.
            let taken = unsafe { chunk.take() };
            if taken.is_some() {
                let mut made = lock();
                *made = made.saturating_sub(1);
                if *made <= FEW {
                    IS_SCARCE.store(false, Relaxed);
                }
            }
        }
    }
}

/// How many of the first `used` places are in each chunk.
fn parts(used: usize) -> impl Iterator<Item = usize> + Clone {
    (0..used.div_ceil(CHUNK)).map(move |chunk| (used - chunk * CHUNK).min(CHUNK))
}

fn is_full(made: usize) -> bool {
    #[cfg(test)]
    if IS_FULL.get() {
        return true;
    }
    made >= MOST_MADE
}

fn lock() -> MutexGuard<'static, usize> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many chunks there are.
#[cfg(test)]
pub(crate) fn made() -> usize {
    *lock()
}

#[cfg(test)]
thread_local! {
    /// Whether this thread is to find no room for another chunk.
    pub(super) static IS_FULL: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}
