//! All metrics as text for a scrape: Prometheus 0.0.4 and OpenMetrics 1.0.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>,
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>
//!
//! A scrape has two halves. First every series is read, in one go ([`cache`], [`entry`]): so the families of one series
//! agree with each other. Then the families are written in the order of their names, straight into the one text
//! ([`write`]). Names, help and their order are made once for a renderer ([`family`]), the text of a series' labels once
//! for a series; a series in which no call started or ended is not read again.
//!
//! A renderer keeps about 350 bytes for each series: its numbers, and the text of its labels. For each outcome that occurred
//! it keeps 8 more for each bound, about 130. Whole lines are not kept: that would be some kilobytes a series, and to read
//! them from memory costs as much as to put them together from parts that the processor has near at hand.

use super::block::Block;
use crate::observe::series::registry::Registry;
use cache::Cache;
use family::{Family, families};
pub(crate) use format::Format;
use std::sync::{Mutex, PoisonError};
use write::Source;

mod cache;
mod entry;
mod family;
mod format;
mod ladder;
mod pen;
pub(super) mod profile;
mod write;

/// Writes the series of one registry.
#[derive(Debug)]
pub(crate) struct Renderer {
    prefix: String,
    /// The families in each format, sorted by name.
    families: [Vec<Family>; 2],
    scrape: Mutex<Scrape>,
}

/// What one scrape leaves to the next.
#[derive(Debug, Default)]
struct Scrape {
    cache: Cache,
    /// The bytes of the last text in each format.
    written: [usize; 2],
}

impl Renderer {
    /// A renderer for one registry. `prefix` stands before every name.
    pub(crate) fn new(prefix: &str) -> Self {
        let families = [Format::Prometheus, Format::OpenMetrics].map(|format| families(format, prefix));
        Self { prefix: prefix.to_owned(), families, scrape: Mutex::default() }
    }

    /// What stands before every name.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Writes all series of the registry behind what `text` holds, and `others` between them by name. Where a name is in
    /// both, ours is written. `others` are sorted by name, each name once, and in the same format.
    ///
    /// Families are sorted by name and series by their labels, so that two scrapes differ only in their numbers. A second
    /// scrape at the same time waits for the first.
    pub(crate) fn render(&self, registry: &Registry, format: Format, others: &[Block], text: &mut String) {
        let scrape = &mut *self.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        scrape.cache.read(registry.all());
        let before = text.len();
        let written = &mut scrape.written[format as usize];
        // Numbers grow: a little more than the last time, so that the text is seldom moved while it grows.
        text.reserve(*written + *written / 64);
        let source = Source {
            format,
            prefix: &self.prefix,
            cache: &scrape.cache,
            overflowed: &registry.overflowed(),
            custom_overflowed: &registry.custom().overflowed(),
        };
        source.write(&self.families[format as usize], others, text);
        *written = text.len() - before;
    }
}

#[cfg(test)]
mod tests;
