//! Where the points of a report come from: from memory, or from the monitor, a group of series at a time.

use crate::report::Report;
use perf_runtime::Monitor;
use perf_runtime::series::{Selector, SeriesTrack, TimeRange, Tracks};
use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// The points of a group at most: up to 8 MB of calls.
const GROUP: usize = 20_000;

/// A report that is written.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The report. Where its series are asked for, those of calls have names, and neither points nor sums.
    pub(crate) report: &'a Report,
    asked: Option<(&'a Monitor, TimeRange)>,
}

impl<'a> Source<'a> {
    /// A report that is whole.
    pub(crate) fn held(report: &'a Report) -> Self {
        Self { report, asked: None }
    }

    /// A report without points, and who is asked for them.
    pub(crate) fn asked(head: &'a Report, monitor: &'a Monitor, range: TimeRange) -> Self {
        Self { report: head, asked: Some((monitor, range)) }
    }

    /// Shows these series of calls of the report, whole and in their order.
    pub(crate) fn calls<'t, E>(
        &self,
        series: impl IntoIterator<Item = &'t SeriesTrack>,
        mut show: impl FnMut(&SeriesTrack) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some((monitor, range)) = self.asked else { return series.into_iter().try_for_each(show) };
        let series: Vec<&SeriesTrack> = series.into_iter().collect();
        let steps = (range.duration().as_secs_f64() / self.report.tracks.step).ceil();
        let most = (GROUP as f64 / steps.max(1.0)).ceil();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to GROUP")]
        for group in series.chunks(most.max(1.0) as usize) {
            let selected = group.iter().map(|track| Selector::series(&track.id)).reduce(Selector::or);
            let found = selected.map(|selector| monitor.tracks(&selector, range).series);
            found.iter().flatten().try_for_each(&mut show)?;
        }
        Ok(())
    }

    /// Writes the report as JSON: [`Report::write_json`].
    pub(crate) fn write_json(&self, out: impl Write) -> io::Result<()> {
        serde_json::to_writer(out, &self.report.envelope(&AskedTracks(*self))).map_err(io::Error::from)
    }

    /// The whole report.
    pub(crate) fn gather(&self) -> Report {
        let mut series = Vec::new();
        let Ok(()) = self.calls(&self.report.tracks.series, |track| {
            series.push(track.clone());
            Ok::<(), std::convert::Infallible>(())
        });
        let mut report = self.report.clone();
        report.tracks.series = series;
        report
    }
}

/// [`Tracks`] as JSON has them, one series after the other.
struct AskedTracks<'a>(Source<'a>);

impl Serialize for AskedTracks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Tracks { start, step, metrics, left_out, .. } = &self.0.report.tracks;
        let mut fields = serializer.serialize_struct("Tracks", 5)?;
        fields.serialize_field("start", &perf_runtime::text::rfc3339(*start))?;
        fields.serialize_field("step", step)?;
        fields.serialize_field("series", &AskedSeries(self.0))?;
        fields.serialize_field("metrics", metrics)?;
        fields.serialize_field("left_out", left_out)?;
        fields.end()
    }
}

struct AskedSeries<'a>(Source<'a>);

impl Serialize for AskedSeries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(None)?;
        self.0.calls(&self.0.report.tracks.series, |track| all.serialize_element(track))?;
        all.end()
    }
}
