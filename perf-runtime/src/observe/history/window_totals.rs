//! Totals of a series now and at the start of each window: their difference is the window's counts.

use super::counts::{Hit, OUTCOMES, Place, Sums, hits_of};
use super::packed::{Packed, Packer};
use super::unseen::Counted;
use super::window::Window;
use crate::measure::cells::reading::Reading;
use crate::measure::model::outcome::Expected;

/// The last tick, and the beginning of each window.
const COLUMNS: usize = 1 + Window::ALL.len();
/// The column of the last tick.
const NOW: usize = 0;

const fn column(window: Window) -> usize {
    1 + window as usize
}

/// The sums and the counts of each place, at the last tick and at the beginning of each window.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The places that were ever hit, in order.
    places: Vec<Place>,
    /// Their counts, column by column: a tick looks at two of them, and it is memory that it waits for.
    counts: [Vec<u64>; COLUMNS],
    sums: [Sums; COLUMNS],
    /// Calls that had ended at the last tick, by outcome.
    finished: [u64; OUTCOMES],
}

impl Ledger {
    /// A ledger all of whose windows begin with this reading.
    pub(crate) fn new(reading: &Reading) -> Self {
        let mut ledger = Self::default();
        ledger.cut(reading, &mut Vec::new());
        let now = ledger.counts[NOW].clone();
        ledger.counts = std::array::from_fn(|_| now.clone());
        ledger.sums = [ledger.sums[NOW]; COLUMNS];
        ledger
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let counts = self.counts.iter().map(|column| column.capacity() * size_of::<u64>());
        self.places.capacity() * size_of::<Place>() + counts.sum::<usize>()
    }

    /// Goes on to a later reading, and gives what that has more. A count that went back, which none does, stays.
    pub(crate) fn cut(&mut self, reading: &Reading, bytes: &mut Vec<u8>) -> Option<Packed> {
        let sums = Sums::of(reading);
        let mut packer = Packer::new(sums.since(self.sums[NOW]), bytes);
        self.sums[NOW] = sums;
        let Self { places, counts, finished, .. } = self;
        let mut at = 0;
        // `for_each`, for a loop over the iterator would look again at each step in which of the nested parts it is.
        hits_of(reading).for_each(|hit| {
            while places.get(at).is_some_and(|&place| place < hit.place) {
                at += 1;
            }
            if places.get(at) != Some(&hit.place) {
                places.insert(at, hit.place);
                for counts in counts.iter_mut() {
                    counts.insert(at, 0);
                }
            }
            let known = &mut counts[NOW][at];
            let count = hit.count.saturating_sub(*known);
            if count > 0 {
                *known = hit.count;
                finished[hit.place.outcome()] += count;
                packer.hit(Hit { count, ..hit });
            }
            at += 1;
        });
        packer.pack_if_any()
    }

    /// Moves the beginning of a window past what happened there.
    pub(crate) fn leave(&mut self, window: Window, delta: &Packed) {
        let (sums, hits) = delta.read();
        self.sums[column(window)].add(sums);
        let mut counts = self.places.iter().zip(&mut self.counts[column(window)]);
        for hit in hits {
            if let Some((_, count)) = counts.find(|&(&place, _)| place == hit.place) {
                *count += hit.count;
            }
        }
    }

    /// Counts of a window at the last tick.
    pub(crate) fn at_last_tick(&self, window: Window) -> (Sums, Vec<Hit>) {
        let counts = || self.counts[NOW].iter().zip(&self.counts[column(window)]).map(|(now, before)| now - before);
        let mut hits = Vec::with_capacity(counts().filter(|&count| count > 0).count());
        let all = self.places.iter().zip(counts()).map(|(&place, count)| Hit { place, count });
        hits.extend(all.filter(|hit| hit.count > 0));
        (self.sums[NOW].since(self.sums[column(window)]), hits)
    }

    /// Counts of a window by a later reading.
    pub(crate) fn by(&self, reading: &Reading, window: Window) -> (Sums, Vec<Hit>) {
        self.since_column(reading, column(window))
    }

    /// Counts of a later reading beyond the last tick.
    pub(crate) fn since_last_tick(&self, reading: &Reading) -> (Sums, Vec<Hit>) {
        self.since_column(reading, NOW)
    }

    /// The counts since an earlier tick: up to a `live` reading, or to the last tick where there is none.
    pub(crate) fn since(&self, earlier: &Counted, live: Option<&Reading>) -> (Sums, Vec<Hit>) {
        let now = self.places.iter().zip(&self.counts[NOW]).map(|(&place, &count)| Hit { place, count });
        let (sums, hits) = match live {
            Some(reading) => (Sums::of(reading), more(hits_of(reading), &earlier.places, &earlier.counts)),
            None => (self.sums[NOW], more(now, &earlier.places, &earlier.counts)),
        };
        (sums.since(earlier.sums), hits)
    }

    fn since_column(&self, reading: &Reading, column: usize) -> (Sums, Vec<Hit>) {
        let hits = more(hits_of(reading), &self.places, &self.counts[column]);
        (Sums::of(reading).since(self.sums[column]), hits)
    }

    /// Totals at the last tick.
    pub(crate) fn counted(&self) -> Counted {
        Counted { places: self.places.clone(), counts: self.counts[NOW].clone(), sums: self.sums[NOW] }
    }

    /// Moves a reader on to the last tick, and gives what it had not seen: the hits into `more`.
    pub(crate) fn unseen(&self, by: &mut Counted, more: &mut Vec<Hit>) -> Sums {
        by.move_on(&self.places, &self.counts[NOW], self.sums[NOW], more)
    }

    /// Calls that had ended at the last tick, by outcome.
    pub(crate) fn finished(&self) -> [u64; OUTCOMES] {
        self.finished
    }

    /// How many of them were expected.
    pub(crate) fn expected(&self) -> Expected {
        self.sums[NOW].expected
    }
}

/// How much more each place was hit than is `known`. Both are sorted by place.
fn more(now: impl Iterator<Item = Hit>, places: &[Place], counts: &[u64]) -> Vec<Hit> {
    let mut known = places.iter().zip(counts).peekable();
    let mut hits = Vec::new();
    // `for_each`, as in `cut`.
    now.for_each(|Hit { place, count }| {
        while known.next_if(|&(&known, _)| known < place).is_some() {}
        let before = known.next_if(|&(&known, _)| known == place).map_or(0, |(_, &count)| count);
        if count > before {
            hits.push(Hit { place, count: count - before });
        }
    });
    hits
}
