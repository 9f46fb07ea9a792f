//! Unpacking chunks on two threads, so that rows come in the order of their chunks.

use super::{Store, StoreError};
use crate::rows::{At, Row};
use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, Scope};

/// So many chunks are unpacked one after the other.
const AT_ONCE: usize = 3;

/// The second thread is given so many times as many ahead.
const AHEAD: usize = 2;

/// Chunks with the numbers of their series.
type Chunks = Vec<(u32, Vec<u8>)>;

/// The rows of chunks.
type Rows<R> = Vec<(u32, Vec<R>)>;

/// Unpacks the chunks that are taken, and gives their rows: those to which `step_of` gives the same number are joined, as
/// [`Row::decode`] has it. Of more than a few chunks, a second thread unpacks about half.
pub(super) fn unpack<R: Row>(
    store: &Store,
    step_of: impl Fn(&At) -> Option<u64> + Copy + Send + Sync,
    mut give: impl FnMut(u32, &R),
    chunks: impl FnOnce(&mut dyn FnMut((u32, Vec<u8>))) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let decode = |chunks: Chunks| -> Rows<R> {
        chunks.into_iter().map(|(series, chunk)| (series, store.decode_wide(&chunk, step_of))).collect()
    };
    thread::scope(|scope| {
        let mut unpacking = Unpacking { second: None, waiting: VecDeque::new(), sent: 0, is_first: true };
        let mut open = Chunks::new();
        chunks(&mut |chunk| {
            open.push(chunk);
            if open.len() >= AT_ONCE {
                unpacking.take(scope, decode, std::mem::take(&mut open));
                unpacking.give(store, AHEAD, &mut give);
            }
        })?;
        unpacking.waiting.push_back(Some(decode(open)));
        unpacking.give(store, 0, &mut give);
        Ok(())
    })
}

/// Chunks that are being unpacked.
struct Unpacking<R> {
    second: Option<(SyncSender<Chunks>, Receiver<Rows<R>>)>,
    /// Rows in the order of their chunks; `None` of those that the second thread has.
    waiting: VecDeque<Option<Rows<R>>>,
    /// How many of them it has.
    sent: usize,
    is_first: bool,
}

impl<R: Row> Unpacking<R> {
    /// Unpacks chunks here, or has them unpacked.
    fn take<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        decode: impl Fn(Chunks) -> Rows<R> + Copy + Send + 'scope,
        mut chunks: Chunks,
    ) where
        R: 'scope,
    {
        // The first ones may be all.
        let may_send = !std::mem::take(&mut self.is_first) && self.sent < AHEAD;
        if may_send {
            if self.second.is_none() {
                self.second = begin(scope, decode);
            }
            if let Some((chunks_to, _)) = &self.second {
                match chunks_to.send(chunks) {
                    Ok(()) => {
                        self.sent += 1;
                        return self.waiting.push_back(None);
                    }
                    Err(unsent) => chunks = unsent.0,
                }
            }
        }
        self.waiting.push_back(Some(decode(chunks)));
    }

    /// Gives rows in their order: those that are there, and waits for others where more than so many wait.
    fn give(&mut self, store: &Store, at_most: usize, give: &mut impl FnMut(u32, &R)) {
        while let Some(first) = self.waiting.pop_front() {
            let rows = match (first, &self.second) {
                (Some(rows), _) => rows,
                (None, Some((_, rows_from))) => {
                    let found = if self.waiting.len() < at_most {
                        rows_from.try_recv()
                    } else {
                        rows_from.recv().map_err(|_| TryRecvError::Disconnected)
                    };
                    if matches!(found, Err(TryRecvError::Empty)) {
                        return self.waiting.push_front(None);
                    }
                    self.sent -= 1;
                    found.unwrap_or_else(|_| {
                        store.count_damage();
                        Vec::new()
                    })
                }
                (None, None) => continue,
            };
            for (series, rows) in rows {
                for row in &rows {
                    give(series, row);
                }
            }
        }
    }
}

/// Begins the second thread; `None` where there is none to be had.
fn begin<'scope, R: Row + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    decode: impl Fn(Chunks) -> Rows<R> + Send + 'scope,
) -> Option<(SyncSender<Chunks>, Receiver<Rows<R>>)> {
    let ((chunks_to, chunks), (rows_to, rows)) = (sync_channel(AHEAD), sync_channel(AHEAD));
    let work = move || {
        while let Ok(chunks) = chunks.recv() {
            // A scope panics where a thread of it did: what cannot be unpacked is told by the end of the channel instead.
            let Ok(rows) = panic::catch_unwind(AssertUnwindSafe(|| decode(chunks))) else { return };
            if rows_to.send(rows).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("perf-past".to_owned()).spawn_scoped(scope, work).ok()?;
    Some((chunks_to, rows))
}
