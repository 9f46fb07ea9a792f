//! When the ticks of a registry came, and the times in which none did.

use crate::measure::clock::Moment;
use crate::observe::history::window::Window;
use crate::observe::pace::Pace;
use std::collections::VecDeque;

/// So many gaps are remembered.
const MAX_GAPS: usize = 1_000;
/// So many take no memory beyond what a registry takes at first.
const USUAL_GAPS: usize = 16;

/// A stretch of time in which no tick came: when it began and ended.
pub(crate) type Gap = (Moment, Moment);

/// When the ticks of a registry came, and when none did.
#[derive(Debug)]
pub(super) struct Ticks {
    /// The first tick, the last one, and how many there were.
    begun: Moment,
    last: Moment,
    count: u64,
    pace: Pace,
    /// Times in which no tick came, the oldest first.
    gaps: VecDeque<Gap>,
    /// Those of them in which somebody should have ticked.
    pauses: VecDeque<Gap>,
    /// One that ended with somebody's look, after ticks of a ticker: whoever looks may be awake before the ticker is.
    seen_first: Option<Gap>,
    /// Whether somebody ticks, and it is not only that windows go on when they are looked at.
    has_ticker: bool,
}

impl Default for Ticks {
    fn default() -> Self {
        Self {
            begun: Moment::default(),
            last: Moment::default(),
            count: 0,
            pace: Pace::default(),
            gaps: VecDeque::with_capacity(USUAL_GAPS),
            pauses: VecDeque::with_capacity(USUAL_GAPS),
            seen_first: None,
            has_ticker: false,
        }
    }
}

impl Ticks {
    /// When all series were last cut.
    pub(super) fn last(&self) -> Moment {
        self.last
    }

    /// When the first came: nothing is known of earlier times.
    pub(super) fn begun(&self) -> Moment {
        self.begun
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Times of the last hour in which no tick came, the oldest first.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        self.gaps.iter().copied().collect()
    }

    /// Those of them in which somebody should have ticked.
    pub(super) fn pauses(&self) -> Vec<Gap> {
        self.pauses.iter().copied().collect()
    }

    /// Begins a tick: remembers the gap, if there was one since the last.
    pub(super) fn begin(&mut self, now: Moment, is_of_ticker: bool) {
        let had_ticker = std::mem::replace(&mut self.has_ticker, is_of_ticker);
        if self.count == 0 {
            self.begun = now;
        } else if self.pace.is_gap(now.since(self.last)) {
            let gap = (self.last, now);
            add_gap(&mut self.gaps, gap);
            match self.seen_first.take() {
                // One after the other, until the ticker goes on.
                Some((from, to)) if to == self.last => self.found_pause((from, now), is_of_ticker),
                // With looks between, which the ticker left out too.
                Some(first) => {
                    self.found_pause(first, true);
                    self.found_pause(gap, is_of_ticker);
                }
                None if had_ticker => self.found_pause(gap, is_of_ticker),
                None => {}
            }
        } else if is_of_ticker && let Some(gap) = self.seen_first.take() {
            self.found_pause(gap, true);
        }
    }

    /// Notes a time in which somebody should have ticked, once the ticker goes on; whoever else ends it may be awake before that.
    fn found_pause(&mut self, gap: Gap, goes_on: bool) {
        if goes_on {
            add_gap(&mut self.pauses, gap);
        } else {
            self.seen_first = Some(gap);
        }
    }

    /// Ends a tick.
    pub(super) fn end(&mut self, now: Moment) {
        self.last = self.last.max(now);
        self.count += 1;
    }
}

/// Adds a gap behind the others. Where ticks are rare, all is one.
fn add_gap(gaps: &mut VecDeque<Gap>, (from, to): Gap) {
    match gaps.back_mut().filter(|(_, end)| *end == from) {
        Some((_, end)) => *end = to,
        None => gaps.push_back((from, to)),
    }
    let horizon = to.before(Window::LastHour.duration());
    while gaps.len() > MAX_GAPS || gaps.front().is_some_and(|&(_, end)| end < horizon) {
        gaps.pop_front();
    }
}
