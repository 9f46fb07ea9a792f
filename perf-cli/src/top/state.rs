//! The state of the screen: what was seen last, and what a key changes.

use super::feed::Look;
use crate::choice::Sort;
use crate::failure::Failure;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::{Duration, Instant};

/// A look that is so much older than the time between two is told as such.
const LATE: Duration = Duration::from_secs(3);

/// The order of series, by the column that is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order(usize);

/// The columns by which one can sort, as they stand on the screen.
pub(crate) const ORDERS: [Sort; 10] = [
    Sort::Id,
    Sort::Count,
    Sort::Rate,
    Sort::ErrorRate,
    Sort::Mean,
    Sort::P50,
    Sort::P95,
    Sort::P99,
    Sort::Max,
    Sort::InFlight,
];

impl Default for Order {
    /// By calls.
    fn default() -> Self {
        Self(1)
    }
}

impl Order {
    pub(crate) fn column(self) -> usize {
        self.0
    }

    pub(crate) fn parameter(self) -> String {
        ORDERS.get(self.0).copied().unwrap_or(Sort::Id).parameter()
    }

    fn moved(self, by: isize) -> Self {
        Self(self.0.saturating_add_signed(by).min(ORDERS.len() - 1))
    }
}

/// The lower part of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pane {
    Series,
    Kinds,
    Calls,
    Alerts,
}

/// The work after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Todo {
    Leave,
    Ask,
    Nothing,
}

/// The screen.
#[derive(Debug)]
pub(crate) struct Screen {
    pub(crate) url: String,
    pub(crate) look: Look,
    /// Why the last look failed.
    pub(crate) failure: Option<String>,
    pub(crate) pane: Pane,
    /// Rows above the first that is shown.
    pub(crate) scrolled: usize,
    pub(crate) has_help: bool,
    pub(crate) coloured: bool,
    order: Order,
    taken: Instant,
    interval: Duration,
}

impl Screen {
    pub(crate) fn new(url: String, look: Look, coloured: bool, interval: Duration) -> Self {
        Self {
            url,
            look,
            failure: None,
            pane: Pane::Series,
            scrolled: 0,
            has_help: false,
            coloured,
            order: Order::default(),
            taken: Instant::now(),
            interval,
        }
    }

    /// Takes a look, or the reason why there is none: the one before stays, with its age.
    pub(crate) fn take(&mut self, look: Result<Look, Failure>) {
        match look {
            Ok(look) => {
                self.look = look;
                self.failure = None;
                self.taken = Instant::now();
                self.scroll(0);
            }
            Err(failure) => self.failure = Some(failure.to_string()),
        }
    }

    pub(crate) fn order(&self) -> Order {
        self.order
    }

    /// The age of the figures, where they are older than they should be.
    pub(crate) fn age(&self) -> Option<Duration> {
        Some(self.taken.elapsed()).filter(|age| *age > self.interval + LATE || self.failure.is_some())
    }

    pub(crate) fn is_late(&self) -> bool {
        self.age().is_some()
    }

    pub(crate) fn rows(&self) -> usize {
        match self.pane {
            Pane::Series => self.look.series.series.len(),
            Pane::Kinds => self.look.kinds.metrics.len(),
            Pane::Calls => self.look.running.calls.len(),
            Pane::Alerts => self.look.firing.alerts.len(),
        }
    }

    pub(crate) fn key(&mut self, key: KeyEvent) -> Todo {
        if self.has_help {
            self.has_help = false;
            return if is_leaving(key) { Todo::Leave } else { Todo::Nothing };
        }
        if is_leaving(key) {
            return Todo::Leave;
        }
        match key.code {
            KeyCode::Char('?' | 'h') => self.has_help = true,
            KeyCode::Char('s') => self.turn_to(Pane::Series),
            KeyCode::Char('i') => self.turn_to(Pane::Kinds),
            KeyCode::Char('c') => self.turn_to(Pane::Calls),
            KeyCode::Char('a') => self.turn_to(Pane::Alerts),
            KeyCode::Tab => self.turn_to(match self.pane {
                Pane::Series => Pane::Kinds,
                Pane::Kinds => Pane::Calls,
                Pane::Calls => Pane::Alerts,
                Pane::Alerts => Pane::Series,
            }),
            KeyCode::Down | KeyCode::Char('j') => self.scroll(1),
            KeyCode::Up | KeyCode::Char('k') => self.scroll(-1),
            KeyCode::PageDown => self.scroll(10),
            KeyCode::PageUp => self.scroll(-10),
            KeyCode::Home => self.scrolled = 0,
            KeyCode::End => self.scrolled = self.rows().saturating_sub(1),
            KeyCode::Left | KeyCode::Char('<') => return self.sort(-1),
            KeyCode::Right | KeyCode::Char('>') => return self.sort(1),
            _ => {}
        }
        Todo::Nothing
    }

    fn turn_to(&mut self, pane: Pane) {
        self.pane = pane;
        self.scrolled = 0;
    }

    fn scroll(&mut self, by: isize) {
        self.scrolled = self.scrolled.saturating_add_signed(by).min(self.rows().saturating_sub(1));
    }

    fn sort(&mut self, by: isize) -> Todo {
        if self.pane != Pane::Series {
            return Todo::Nothing;
        }
        self.order = self.order.moved(by);
        Todo::Ask
    }
}

fn is_leaving(key: KeyEvent) -> bool {
    let is_break = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
    is_break || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc)
}
