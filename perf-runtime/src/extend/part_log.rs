//! Lines of parts: something that happened, noted once by a part, and kept by time.

use super::provider::Providers;
use crate::error::ConfigError;
use crate::observe::query::range::TimeRange;
use crate::text;
use serde::{Deserialize, Serialize};
use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

/// The lines that memory holds until a store has them, and their bytes: the oldest of more are forgotten.
const MOST_LINES: usize = 200;
const MOST_BYTES: usize = 2 << 20;
/// The longest id, in bytes.
const MOST_ID_BYTES: usize = 128;

/// The lines of parts beyond memory: what a store provides ([`Monitor::provide`](crate::Monitor::provide)`::<dyn PartLog>`), so that
/// [`KeptLines`] answers over any range. It follows [`Monitor::part_lines_since`](crate::Monitor::part_lines_since), and misses none.
///
/// A line takes the place of an earlier one of the same part and id that ended when it began or later.
///
/// Its methods are called by whoever asks, on their thread, and may take as long as that may.
pub trait PartLog: Send + Sync {
    /// Shows the lines of a part that [touch](PartLine::touches) a range, those that ended last first, until it is told `false`.
    fn for_each(&self, part: &str, range: &TimeRange, show: &mut dyn FnMut(PartLine) -> bool);

    /// The line of a part with this id; `None` where it is not kept.
    fn line(&self, part: &str, id: &str) -> Option<PartLine>;

    /// Since when it has every line of a part: the part kept lines whenever the service ran, and none of them is forgotten. `None`
    /// where it has none.
    fn known_since(&self, part: &str) -> Option<SystemTime>;
}

/// Something that happened to a part, and is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartLine {
    /// The part's name.
    pub part: String,
    /// Its id among the lines of the part.
    pub id: String,
    /// When it began.
    #[serde(with = "text::moment")]
    pub start: SystemTime,
    /// When it ended; by this time it is kept and forgotten.
    #[serde(with = "text::moment")]
    pub end: SystemTime,
    /// The part's own words for it, such as JSON.
    pub text: String,
}

impl PartLine {
    /// Whether some of its time, or its last moment, is in a range.
    pub fn touches(&self, range: &TimeRange) -> bool {
        self.start < range.end() && self.end >= range.start()
    }
}

/// Lines after one that is known: the answer of [`Monitor::part_lines_since`](crate::Monitor::part_lines_since).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartLines {
    /// The lines, in the order in which they were noted.
    pub lines: Vec<PartLine>,
    /// The parts that keep lines now, by their names.
    pub parts: Vec<String>,
    /// Lines after the known one, and before these, that are kept no more.
    pub missed: u64,
    /// The number of the newest line there is; what to ask with the next time.
    pub last_seq: u64,
}

/// The lines of a part, to note and to read: what [`Monitor::keep_lines`](crate::Monitor::keep_lines) gives.
#[must_use = "dropping it says that the part keeps no lines any more"]
#[derive(Debug)]
pub struct KeptLines {
    logs: Arc<PartLogs>,
    providers: Providers,
    part: Arc<str>,
}

impl KeptLines {
    /// The longest text of a line, in bytes.
    pub const MAX_BYTES: usize = 32 << 10;

    pub(crate) fn new(logs: &Arc<PartLogs>, providers: &Providers, part: &str) -> Self {
        Self { logs: Arc::clone(logs), providers: providers.clone(), part: logs.add(part) }
    }

    /// Notes something that began and ended at these times, to the millisecond, under an id: it takes the place of a line with that id
    /// that ended when it began or later.
    ///
    /// # Errors
    /// An empty id or one of more than 128 bytes, an end before the beginning, or a text of more than
    /// [`MAX_BYTES`](Self::MAX_BYTES): a [`ConfigError`] of the field `id`, `end` or `text`. Nothing is kept then.
    pub fn note(&self, id: &str, times: Range<SystemTime>, text: String) -> Result<(), ConfigError> {
        if id.is_empty() || id.len() > MOST_ID_BYTES {
            return Err(ConfigError::new("id", id.len().to_string(), "1 to 128 bytes"));
        }
        if times.end < times.start {
            return Err(ConfigError::new("end", text::rfc3339(times.end), "a time that is not before the beginning"));
        }
        if text.len() > Self::MAX_BYTES {
            return Err(ConfigError::new("text", text.len().to_string(), "at most 32768 bytes"));
        }
        let [start, end] = [times.start, times.end].map(text::to_millis);
        let line = PartLine { part: self.part.to_string(), id: id.to_owned(), start, end, text };
        self.logs.push(line);
        Ok(())
    }

    /// Shows the lines that [touch](PartLine::touches) a range, each id once, those that ended last first, until it is told `false`:
    /// from memory, and from the [`PartLog`] where a part provides one.
    pub fn for_each(&self, range: &TimeRange, mut show: impl FnMut(PartLine) -> bool) {
        // Those that were noted last come first, and of an id the first one stands.
        let mut noted = self.logs.of(&self.part);
        let mut ids = HashSet::new();
        noted.retain(|line| ids.insert(line.id.clone()));
        noted.sort_by_key(|line| std::cmp::Reverse(line.end));
        let mut noted = noted.into_iter().filter(|line| line.touches(range)).peekable();
        let mut goes_on = true;
        if let Some(log) = self.providers.ask::<dyn PartLog>() {
            log.for_each(&self.part, range, &mut |line| {
                if ids.contains(&line.id) {
                    return true;
                }
                while let Some(later) = noted.next_if(|noted| goes_on && noted.end >= line.end) {
                    goes_on = show(later);
                }
                goes_on = goes_on && show(line);
                goes_on
            });
        }
        for line in noted {
            goes_on = goes_on && show(line);
        }
    }

    /// The line with this id, from memory or from the [`PartLog`]; `None` where it is not known.
    pub fn line(&self, id: &str) -> Option<PartLine> {
        let noted = self.logs.of(&self.part).into_iter().find(|line| line.id == id);
        noted.or_else(|| self.providers.ask::<dyn PartLog>()?.line(&self.part, id))
    }

    /// Since when every line is known, as [`PartLog::known_since`] says. `None` where nobody keeps them beyond memory, or has none yet.
    pub fn known_since(&self) -> Option<SystemTime> {
        self.providers.ask::<dyn PartLog>()?.known_since(&self.part)
    }
}

/// The lines of all parts that memory holds, and who keeps some.
#[derive(Debug, Default)]
pub(crate) struct PartLogs(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    lines: VecDeque<PartLine>,
    bytes: usize,
    last_seq: u64,
    parts: Vec<Weak<str>>,
}

impl PartLogs {
    /// A name that counts as a part that keeps lines for as long as it is held.
    fn add(&self, part: &str) -> Arc<str> {
        let part: Arc<str> = part.into();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).parts.push(Arc::downgrade(&part));
        part
    }

    fn push(&self, line: PartLine) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.last_seq += 1;
        noted.bytes += line.text.len();
        noted.lines.push_back(line);
        while noted.lines.len() > MOST_LINES || noted.bytes > MOST_BYTES {
            let Some(oldest) = noted.lines.pop_front() else { break };
            noted.bytes = noted.bytes.saturating_sub(oldest.text.len());
        }
    }

    /// The lines of a part, those that were noted last first.
    fn of(&self, part: &str) -> Vec<PartLine> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.lines.iter().rev().filter(|line| line.part == part).cloned().collect()
    }

    /// The lines after the one with this number.
    pub(crate) fn since(&self, seq: u64) -> PartLines {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.parts.retain(|part| part.strong_count() > 0);
        let mut parts: Vec<String> =
            noted.parts.iter().filter_map(Weak::upgrade).map(|part| part.to_string()).collect();
        parts.sort();
        parts.dedup();
        let new = noted.last_seq.saturating_sub(seq);
        let kept = noted.lines.len();
        let wanted = usize::try_from(new).unwrap_or(usize::MAX).min(kept);
        let lines = noted.lines.range(kept - wanted..).cloned().collect();
        PartLines { lines, parts, missed: new - wanted as u64, last_seq: noted.last_seq }
    }
}
