//! Cells of time, aligned to the wall clock.

use crate::measure::clock::{self, Moment, wall};
use crate::observe::history::ring::{before_cell, cell_of};
use crate::observe::history::window::Window;
use crate::observe::query::statistics::seconds;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where the cells of a window lie in time. Cell `n` begins `n` times [`step`](Self::step) seconds after the start of 1970
/// by the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CellGrid {
    /// The window.
    pub window: Window,
    /// The length of a cell in seconds: 1, 5 or 60.
    pub step: f64,
    /// How many cells the window has.
    pub cells: u64,
    /// The cell of the last tick.
    pub newest: u64,
    /// How long that cell had lasted by then, in seconds: it is still filling.
    pub filled: f64,
    /// The time of the last tick, in seconds since the monitor was made.
    pub ticked: f64,
}

impl CellGrid {
    /// The cell of an earlier tick, `at` after the monitor was made, or one before it.
    pub(crate) fn cell_at(&self, at: Duration) -> u64 {
        let cells = ((self.ticked - at.as_secs_f64()).max(0.0) / self.step).ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and a few")]
        self.newest.saturating_sub(cells as u64)
    }
}

/// The cells that are wanted, by their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grid {
    /// In nanoseconds.
    pub(crate) step: u64,
    pub(crate) oldest: u64,
    pub(crate) newest: u64,
    /// Only slices that ended after this are looked at.
    pub(crate) from: Moment,
    /// Of them only those that belong to this time, in nanoseconds since 1970, or a later one: the moment is not exact where the
    /// clock was set, and the past answers for what is earlier.
    pub(crate) since: u64,
    /// Only cells in which anything happened after this are wanted.
    pub(crate) after: Option<Moment>,
}

impl Grid {
    /// The cells of a window up to the last tick.
    pub(crate) fn of_window(window: Window, ticked: Moment) -> Self {
        let step = clock::nanos(step_of(window));
        let newest = cell_of(ticked, step);
        let oldest = (newest + 1).saturating_sub(cells_of(window));
        Self { step, oldest, newest, from: before_cell(oldest, step), since: 0, after: None }
    }

    /// Of these cells, those in which anything happened after a moment.
    pub(crate) fn after(self, after: Moment) -> Self {
        // From the beginning of that moment's cell on.
        Self { after: Some(after), from: self.from.max(before_cell(self.cell_of(after), self.step)), ..self }
    }

    pub(crate) fn cell_of(&self, end: Moment) -> u64 {
        cell_of(end, self.step)
    }

    /// Whether a slice that ended then is wanted.
    pub(crate) fn has(&self, end: Moment) -> bool {
        (self.oldest..=self.newest).contains(&self.cell_of(end)) && cell_of(end, 1) >= self.since
    }

    /// As it is shown: of this window, by a monitor that was made at `started` and ticked last at `ticked`.
    pub(crate) fn view(&self, window: Window, started: Moment, ticked: Moment) -> CellGrid {
        let begin_of_newest = self.newest.saturating_mul(self.step);
        CellGrid {
            window,
            step: seconds(self.step),
            cells: cells_of(window),
            newest: self.newest,
            filled: seconds(wall::unix_nanos(ticked).saturating_sub(begin_of_newest).min(self.step)),
            ticked: ticked.since(started).as_secs_f64(),
        }
    }
}

/// The length of the cells that a window is told in: what the rings hold that long.
pub(crate) fn step_of(window: Window) -> Duration {
    match window {
        Window::LastMinute => Duration::from_secs(1),
        Window::Last5Minutes => Duration::from_secs(5),
        Window::Last15Minutes | Window::LastHour => Duration::from_secs(60),
    }
}

fn cells_of(window: Window) -> u64 {
    clock::nanos(window.duration()) / clock::nanos(step_of(window))
}
