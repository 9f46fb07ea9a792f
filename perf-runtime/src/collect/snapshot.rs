//! All series, as they were when they were last read.

use super::entry::Entry;
use super::ladder::Ladder;
use super::profile::ProfileNumbers;
use super::streams::StreamNumbers;
use crate::measure::cells::reading::Reading;
use crate::measure::model::kind::Kind;
use crate::observe::series::entry::Series;
use std::mem;
use std::sync::Arc;

/// The state of all series that is kept from scrape to scrape.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// The series that there were, as the registry lists them.
    known: Arc<Vec<Arc<Series>>>,
    /// Each of them, in the same order: sorted by kind and labels.
    entries: Vec<Entry>,
    /// The bounds that they show.
    ladders: Vec<Arc<Ladder>>,
    /// The buffer that each series is read into.
    reading: Reading,
    /// The kinds of which calls have waited: mostly few, so that nobody looks for them among all series.
    waited: Vec<Kind>,
    /// And those of which calls are profiled.
    profiled: Vec<Kind>,
    /// And those of which calls were met by a profiler's samples.
    sampled: Vec<Kind>,
    /// And those of which calls are streams.
    streaming: Vec<Kind>,
}

impl Snapshot {
    /// Reads all series that there are now.
    pub(crate) fn read(&mut self, series: Arc<Vec<Arc<Series>>>) {
        self.follow(series);
        self.waited.clear();
        self.profiled.clear();
        self.sampled.clear();
        self.streaming.clear();
        for entry in &mut self.entries {
            entry.read(&mut self.reading, &mut self.ladders);
            if entry.numbers.waited && self.waited.last() != Some(&entry.kind()) {
                self.waited.push(entry.kind());
            }
            if entry.profile.is_some() && self.profiled.last() != Some(&entry.kind()) {
                self.profiled.push(entry.kind());
            }
            if entry.streams.is_some() && self.streaming.last() != Some(&entry.kind()) {
                self.streaming.push(entry.kind());
            }
            if entry.sampled_nanos > 0 && self.sampled.last() != Some(&entry.kind()) {
                self.sampled.push(entry.kind());
            }
        }
    }

    /// The series of a kind of which calls have waited, or kept their thread for long.
    pub(crate) fn waited(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        let any = self.waited.contains(&kind);
        let entries = if any { self.of(kind) } else { &[] };
        entries.iter().filter(|entry| entry.numbers.waited)
    }

    /// The series of a kind whose calls are profiled, and what they used.
    pub(crate) fn profiled(&self, kind: Kind) -> impl Iterator<Item = (&Entry, &ProfileNumbers)> {
        let any = self.profiled.contains(&kind);
        let entries = if any { self.of(kind) } else { &[] };
        entries.iter().filter_map(|entry| Some((entry, entry.profile.as_ref()?)))
    }

    /// The series of a kind whose calls are streams, and their items.
    pub(crate) fn streaming(&self, kind: Kind) -> impl Iterator<Item = (&Entry, &StreamNumbers)> {
        let any = self.streaming.contains(&kind);
        let entries = if any { self.of(kind) } else { &[] };
        entries.iter().filter_map(|entry| Some((entry, entry.streams.as_ref()?)))
    }

    /// The series of a kind whose calls were met by a profiler's samples.
    pub(crate) fn sampled(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        let any = self.sampled.contains(&kind);
        let entries = if any { self.of(kind) } else { &[] };
        entries.iter().filter(|entry| entry.sampled_nanos > 0)
    }

    /// The series of a kind.
    pub(crate) fn of(&self, kind: Kind) -> &[Entry] {
        let from = self.entries.partition_point(|entry| entry.kind() < kind);
        let until = self.entries.partition_point(|entry| entry.kind() <= kind);
        self.entries.get(from..until).unwrap_or_default()
    }

    /// Takes up new series. Both lists are sorted and series do not go, so those that are known come by in their order.
    fn follow(&mut self, series: Arc<Vec<Arc<Series>>>) {
        if Arc::ptr_eq(&self.known, &series) {
            return;
        }
        let mut known = mem::take(&mut self.entries).into_iter().peekable();
        let entries = series.iter().map(|one| {
            let known = known.next_if(|entry| Arc::ptr_eq(&entry.series, one));
            known.unwrap_or_else(|| Entry::new(one, &mut self.ladders))
        });
        self.entries = entries.collect();
        self.known = series;
    }
}
