//! The lives of the service's processes.

use serde::{Deserialize, Serialize};

/// One life of a process of the service; two where its clock was set back in the middle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Boot {
    /// When it began, in nanoseconds since 1970, and its process id: no other boot has both.
    pub(crate) began: (u64, u32),
    /// The service's version, where it says one.
    pub(crate) version: Option<String>,
    /// The name of the instance, where it has one.
    pub(crate) instance: Option<String>,
    /// The times in which it was observed, in nanoseconds since 1970: between them it was stopped, or its clock was set.
    pub(crate) observed: Vec<(u64, u64)>,
    /// Whether it ended in order.
    pub(crate) clean: bool,
    /// Alerts that began to fire.
    pub(crate) fired: u64,
    /// The parts that kept lines, by their names. None of what was written before there were any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<String>,
}

/// So many stretches are kept for one boot, which is written with each commit: the oldest of more are forgotten, and nothing is
/// claimed of them.
const MOST_STRETCHES: usize = 1_000;

/// So many parts are named.
const MOST_PARTS: usize = 32;

impl Boot {
    /// Takes in that the process was observed from one time to another, or only at the end of it.
    pub(crate) fn observe(&mut self, from: u64, to: u64, throughout: bool) {
        match self.observed.last_mut() {
            Some((_, end)) if throughout && *end == from => *end = to.max(*end),
            // After a gap only its end is known: a nanosecond, so that a reader sees up to when there is something.
            _ => self.observed.push((if throughout { from } else { to.saturating_sub(1) }, to)),
        }
        if self.observed.len() > MOST_STRETCHES {
            self.observed.remove(0);
        }
    }

    /// Takes in that these parts keep lines.
    pub(crate) fn keep_lines_of(&mut self, parts: Vec<String>) {
        let new = parts.into_iter().filter(|part| !self.parts.contains(part)).collect::<Vec<_>>();
        self.parts.extend(new);
        self.parts.truncate(MOST_PARTS);
    }

    /// Forgets that it was observed before a time.
    pub(crate) fn forget_before(&mut self, time: u64) {
        self.observed.retain_mut(|(from, to)| {
            *from = time.max(*from);
            from < to
        });
    }

    pub(crate) fn started(&self) -> Option<u64> {
        self.observed.iter().map(|(start, _)| *start).min()
    }

    pub(crate) fn ended(&self) -> Option<u64> {
        self.observed.iter().map(|(_, end)| *end).max()
    }
}
