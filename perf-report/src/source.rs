//! A report that is written: whole, or with its series of calls packed.

use crate::packed::Packed;
use crate::report::Report;
use perf_runtime::series::{SeriesTrack, Tracks};
use serde::ser::{Error as _, SerializeSeq, SerializeStruct};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::io::{self, Write};

/// A report that is written.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The report. Where its series of calls are packed, they have no points here.
    pub(crate) report: &'a Report,
    packed: Option<&'a [Packed]>,
}

impl<'a> Source<'a> {
    /// A report that is whole.
    pub(crate) fn held(report: &'a Report) -> Self {
        Self { report, packed: None }
    }

    /// A report without points, and the points of each of its series of calls.
    pub(crate) fn packed(head: &'a Report, packed: &'a [Packed]) -> Self {
        Self { report: head, packed: Some(packed) }
    }

    /// Shows these series of calls of the report, one after the other with their points.
    pub(crate) fn calls<'t>(
        &self,
        series: impl IntoIterator<Item = &'t SeriesTrack>,
        mut show: impl FnMut(&SeriesTrack) -> io::Result<()>,
    ) -> io::Result<()> {
        series.into_iter().try_for_each(|track| show(&*self.whole(track).map_err(io::Error::other)?))
    }

    /// A series of the report with its points.
    fn whole<'t>(&self, head: &'t SeriesTrack) -> Result<Cow<'t, SeriesTrack>, postcard::Error> {
        let Some(packed) = self.packed else { return Ok(Cow::Borrowed(head)) };
        let place = self.report.tracks.series.binary_search_by(|track| track.id.cmp(&head.id));
        let points = place.ok().and_then(|place| packed.get(place));
        points.map_or(Ok(Cow::Borrowed(head)), |points| points.track(head).map(Cow::Owned))
    }

    /// Writes the report as JSON: [`Report::write_json`].
    pub(crate) fn write_json(&self, out: impl Write) -> io::Result<()> {
        serde_json::to_writer(out, &self.report.envelope(&WholeTracks(*self))).map_err(io::Error::from)
    }

    /// The whole report.
    pub(crate) fn to_report(self) -> Report {
        let whole = |track| self.whole(track).map_or_else(|_| SeriesTrack::clone(track), Cow::into_owned);
        let series = self.report.tracks.series.iter().map(whole).collect();
        let mut report = self.report.clone();
        report.tracks.series = series;
        report
    }
}

/// [`Tracks`] as JSON has them, one series after the other.
struct WholeTracks<'a>(Source<'a>);

impl Serialize for WholeTracks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Tracks { start, step, metrics, left_out, .. } = &self.0.report.tracks;
        let mut fields = serializer.serialize_struct("Tracks", 5)?;
        fields.serialize_field("start", &perf_runtime::text::rfc3339(*start))?;
        fields.serialize_field("step", step)?;
        fields.serialize_field("series", &WholeSeries(self.0))?;
        fields.serialize_field("metrics", metrics)?;
        fields.serialize_field("left_out", left_out)?;
        fields.end()
    }
}

struct WholeSeries<'a>(Source<'a>);

impl Serialize for WholeSeries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let series = &self.0.report.tracks.series;
        let mut all = serializer.serialize_seq(Some(series.len()))?;
        for track in series {
            all.serialize_element(&*self.0.whole(track).map_err(S::Error::custom)?)?;
        }
        all.end()
    }
}
