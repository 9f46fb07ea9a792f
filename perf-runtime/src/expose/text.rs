//! All metrics as text for a scrape: Prometheus 0.0.4 and OpenMetrics 1.0.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>,
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>
//!
//! The series are read into the [read model](crate::collect). Then its families are written in the order of their names,
//! straight into the one text ([`write`]). Names, help and their order are made once for a renderer ([`family`]).
//!
//! The read model keeps about 350 bytes for each series: its numbers, and the text of its labels. For each outcome that occurred
//! it keeps 8 more for each bound, about 130. Whole lines are not kept: that would be some kilobytes a series, and to read
//! them from memory costs as much as to put them together from parts that the processor has near at hand.

use super::block::Block;
use crate::collect::read::ReadModel;
use crate::measure::cells::recorder::store::Shown;
use crate::observe::series::registry::Registry;
use family::{Family, families};
pub(crate) use format::Format;
use std::sync::atomic::{AtomicUsize, Ordering};

mod family;
mod format;
mod pen;
mod write;

/// Writes what a read model knows.
#[derive(Debug)]
pub(crate) struct Renderer {
    /// The families of calls in each format, sorted by name.
    families: [Vec<Family>; 2],
    /// The bytes of the last text in each format.
    written: [AtomicUsize; 2],
}

impl Renderer {
    /// A renderer for one read model.
    pub(crate) fn new(model: &ReadModel) -> Self {
        let families = [Format::Prometheus, Format::OpenMetrics].map(|format| families(format, model.families()));
        Self { families, written: Default::default() }
    }

    /// Writes all series of the registry behind what `text` holds, and `others` between them by name. Where a name is in
    /// both, ours is written. `others` are sorted by name, each name once, and in the same format. Exemplars name those of the recorded calls that are shown.
    ///
    /// Families are sorted by name and series by their labels, so that two scrapes differ only in their numbers. A second
    /// scrape at the same time waits for the first.
    pub(crate) fn render(
        &self,
        model: &ReadModel,
        registry: &Registry,
        format: Format,
        (others, recorded): (&[Block], Option<Shown>),
        text: &mut String,
    ) {
        let (written, before) = (&self.written[format as usize], text.len());
        // Numbers grow: a little more than the last time, so that the text is seldom moved while it grows.
        let last = written.load(Ordering::Relaxed);
        text.reserve(last + last / 64);
        let families = &self.families[format as usize];
        model.read(registry, |view| write::write(view, format, families, (others, recorded), text));
        written.store(text.len() - before, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
