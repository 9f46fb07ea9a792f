//! A report that is written from packed series.

use crate::alongside::Alongside;
use crate::format::Format;
use crate::gather;
use crate::packed::Packed;
use crate::report::Report;
use crate::source::Source;
use perf_runtime::Monitor;
use perf_runtime::series::TimeRange;
use perf_runtime::text::rfc3339;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Write};

/// All that a monitor knows of a range, to be written: a [`Report`] whose series of calls are read a group at a time, and packed. It takes
/// about 40 MB where a whole report takes 120.
///
/// ```
/// use perf_report::{Alongside, Export, Format, range_of};
/// use std::time::Duration;
///
/// let monitor = perf_runtime::Monitor::builder().build()?;
/// monitor.record_response_time("search", Duration::from_millis(30));
/// let now = monitor.time_of_day();
/// let export = Export::of(&monitor, range_of(now - Duration::from_secs(60), now, None)?, Alongside::default());
/// let mut text = Vec::new();
/// export.write(Format::Csv, &mut text)?;
/// assert!(text.starts_with(b"time,series,metric,statistic,value,unit"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Export {
    head: Report,
    packed: Vec<Packed>,
}

impl Export {
    /// Gathers a report of a range ([`range_of`](crate::range_of)): from memory and, where there is one, from the past on disk. At most
    /// [`MOST_SERIES`](crate::MOST_SERIES) series of calls, those that were called most, and as many of metrics; fewer where they had more
    /// than [`MOST_POINTS`](crate::MOST_POINTS) points together; the rest is counted. Where there are more than twice as many as there is
    /// room for, those are looked at that were called most in the hours that the range touches.
    ///
    /// Sections that another part knows come by `alongside`. Where it has no incidents, the open ones are asked of
    /// [`AlertGroups`](perf_runtime::extend::AlertGroups), if a part provides them.
    ///
    /// Costs what [`Monitor::tracks`] costs of all series, and about a kilobyte of memory for each while their names are read; with a past
    /// it reads from a disk. Call it where blocking is allowed.
    pub fn of(monitor: &Monitor, range: TimeRange, alongside: Alongside) -> Self {
        let (head, packed) = gather::packed(monitor, range, alongside);
        Self { head, packed }
    }

    /// Writes the report as [`Format::write`] writes a whole one.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        format.write_from(self.source(), out)
    }

    /// A name for a file: [`Format::file_name`].
    pub fn file_name(&self, format: Format) -> String {
        format.file_name(&self.head)
    }

    /// A fingerprint of what [`write`](Self::write) writes in a format, before it is written: exports that have the same in one version of this crate
    /// are the same. Where the last step is not over, that of each moment is another, but for changes of alerts. `None` of the formats that tell how the process was when they were made (`json`, `summary`, `html`): no two of those are
    /// the same. It reads all points once.
    pub fn fingerprint(&self, format: Format) -> Option<u64> {
        let head = &self.head;
        let mut read = Hashed(DefaultHasher::new());
        let range = (rfc3339(head.start), rfc3339(head.end));
        let of = (env!("CARGO_PKG_VERSION"), format, range, &head.service);
        let read_all = match format {
            Format::Json | Format::Summary | Format::Html => return None,
            // Its bodies tell of changes, and not of the range in which they are.
            Format::DatadogEvents => {
                let of = (env!("CARGO_PKG_VERSION"), format, &head.service);
                serde_json::to_writer(&mut read, &(of, &head.events))
            }
            Format::Csv | Format::Prometheus | Format::OpenMetrics | Format::Datadog | Format::NewRelic => {
                self.packed.iter().for_each(|packed| read.0.write(packed.bytes()));
                serde_json::to_writer(&mut read, &(of, &head.names, &head.tracks))
            }
        };
        // A report that cannot be read cannot be written either, and its writer is told.
        read_all.ok().map(|()| read.0.finish())
    }

    /// The report, whose series of calls have no points here.
    pub(crate) fn head(&self) -> &Report {
        &self.head
    }

    /// The whole report, in memory.
    pub fn into_report(self) -> Report {
        self.source().to_report()
    }

    fn source(&self) -> Source<'_> {
        Source::packed(&self.head, &self.packed)
    }
}

/// A hasher that can be written to.
struct Hashed(DefaultHasher);

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Report {
    /// Gathers the whole of an [`Export`], and holds it: up to about 120 MB where there is [most](crate::MOST_POINTS).
    pub fn of(monitor: &Monitor, range: TimeRange, alongside: Alongside) -> Self {
        Export::of(monitor, range, alongside).into_report()
    }
}
