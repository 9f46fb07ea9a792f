//! Series of calls, as clients know them.

use super::common::member;
use super::number::{push, push_count};
use super::table::{Entry, Rows, comma, write_grid};
use perf_runtime::{CellGrid, OutcomeCounts, Panorama, SeriesSummary, Track, TrackBucket, TrackPoint};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

/// What the arrays of numbers hold, in this order.
const COLUMNS: &str = r#"["count","ok","error","panicked","cancelled","covered","error_rate","mean","p50","p95","p99","max","in_flight","oldest","busy_share","apdex","slow_polls"]"#;
const POINT_COLUMNS: &str =
    r#"["cell","ok","error","panicked","cancelled","mean","p50","p95","p99","max","busy_share"]"#;
const BUCKET_COLUMNS: &str = r#"["outcome","lower","upper","count"]"#;
/// So many of the series that make up one that is shown.
const PARTS: usize = 50;

/// All series over a window, the kinds as a whole first.
pub(super) fn rows(panorama: &Panorama) -> Rows {
    Rows::new(["rows", "new"], panorama.grid, tracks(panorama))
}

/// Goes on to what is seen now; see [`Rows::update`].
pub(super) fn update(rows: &mut Rows, panorama: &Panorama, body: &mut String) -> bool {
    rows.update(panorama.grid, tracks(panorama), body)
}

fn tracks(panorama: &Panorama) -> impl Iterator<Item = &Track> {
    panorama.kinds.iter().chain(&panorama.series)
}

impl Entry for &Track {
    fn name(&self) -> String {
        self.summary.name()
    }

    fn definition(&self) -> Value {
        let summary = &self.summary;
        json!({ "kind": summary.kind, "labels": summary.labels, "name": summary.name() })
    }

    fn numbers(&self) -> String {
        numbers_text(&self.summary)
    }

    fn points(&self) -> Vec<(u64, String)> {
        self.points.iter().map(|point| (point.cell, point_text(point))).collect()
    }

    /// Calls since the baseline.
    fn total(&self) -> u64 {
        self.summary.total.finished()
    }
}

/// One series with its histograms, or several taken together.
#[derive(Debug)]
pub(super) struct TrackFrame {
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    grid: CellGrid,
    detail: String,
    points: VecDeque<(u64, String)>,
    total: u64,
}

impl TrackFrame {
    pub(super) fn new(found: Option<(CellGrid, Track)>) -> Self {
        let seen = found.map(|(grid, track)| Seen {
            grid,
            detail: detail_text(&track),
            points: track.points.iter().map(|point| (point.cell, point_with_buckets(point))).collect(),
            total: track.summary.total.finished(),
        });
        Self { seen }
    }

    pub(super) fn ticked(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.seen.as_ref()?.grid.ticked).ok()
    }

    /// Where there is no such series, `detail` is null.
    pub(super) fn write_all(&self, body: &mut String) {
        write_columns(body);
        let Some(seen) = &self.seen else { return member(body, "detail", "null") };
        write_grid(body, &seen.grid);
        member(body, "detail", &seen.detail);
        let points: Vec<&str> = seen.points.iter().map(|(_, text)| text.as_str()).collect();
        member(body, "points", &format!("[{}]", points.join(",")));
    }

    /// As [`Rows::update`].
    pub(super) fn update(&mut self, found: Option<(CellGrid, Track)>, body: &mut String) -> bool {
        let Some((grid, track)) = found else {
            member(body, "detail", "null");
            return true;
        };
        let total = track.summary.total.finished();
        let Some(seen) = self.seen.as_mut().filter(|seen| total >= seen.total) else { return false };
        let oldest = (grid.newest + 1).saturating_sub(grid.cells);
        let mut texts = Vec::new();
        for point in &track.points {
            let text = point_with_buckets(point);
            texts.push(text.clone());
            seen.points.retain(|(cell, _)| *cell >= oldest && *cell < point.cell);
            seen.points.push_back((point.cell, text));
        }
        (seen.grid, seen.detail, seen.total) = (grid, detail_text(&track), total);
        write_grid(body, &seen.grid);
        member(body, "detail", &seen.detail);
        member(body, "points", &format!("[{}]", texts.join(",")));
        true
    }
}

pub(super) fn write_columns(body: &mut String) {
    member(body, "columns", COLUMNS);
    member(body, "point_columns", POINT_COLUMNS);
    member(body, "bucket_columns", BUCKET_COLUMNS);
}

fn numbers_text(summary: &SeriesSummary) -> String {
    let mut text = String::with_capacity(96);
    text.push('[');
    push_count(&mut text, summary.count);
    push_outcomes(&mut text, summary.outcomes);
    // Of what nothing happened in, it would only change and say nothing.
    let covered = (summary.count > 0).then(|| summary.covered.round().max(1.0));
    for value in [covered, summary.error_rate, summary.mean, summary.p50, summary.p95, summary.p99, summary.max] {
        text.push(',');
        push(&mut text, value);
    }
    text.push(',');
    push_count(&mut text, summary.in_flight);
    for value in [summary.oldest_in_flight, summary.busy_share, summary.apdex] {
        text.push(',');
        push(&mut text, value);
    }
    text.push(',');
    push_count(&mut text, summary.slow_polls);
    text.push(']');
    text
}

fn push_outcomes(text: &mut String, outcomes: OutcomeCounts) {
    for count in [outcomes.ok, outcomes.error, outcomes.panicked, outcomes.cancelled] {
        text.push(',');
        push_count(text, count);
    }
}

fn point_text(point: &TrackPoint) -> String {
    let mut text = String::with_capacity(64);
    text.push('[');
    push_count(&mut text, point.cell);
    push_outcomes(&mut text, point.outcomes);
    for value in [point.mean, point.p50, point.p95, point.p99, point.max, point.busy_share] {
        text.push(',');
        push(&mut text, value);
    }
    text.push(']');
    text
}

/// A point, and behind its numbers an array of buckets.
fn point_with_buckets(point: &TrackPoint) -> String {
    let mut text = point_text(point);
    text.pop();
    text.push_str(",[");
    for (place, TrackBucket { outcome, lower, upper, count, .. }) in point.buckets.iter().enumerate() {
        comma(&mut text, place);
        // A `String` takes all that is written.
        let _ = write!(text, "[{},", *outcome as u8);
        push(&mut text, *lower);
        text.push(',');
        push(&mut text, *upper);
        let _ = write!(text, ",{count}]");
    }
    text.push_str("]]");
    text
}

fn detail_text(track: &Track) -> String {
    let parts: Vec<_> = track.parts.iter().take(PARTS).map(|part| json!({ "labels": part.labels, "name": part.name(), "count": part.count, "outcomes": part.outcomes, "p95": part.p95 })).collect();
    let (summary, name) = (&track.summary, track.summary.name());
    let numbers = numbers_text(summary);
    let rest = json!({
        "kind": summary.kind,
        "labels": summary.labels,
        "name": name,
        "total": summary.total,
        "error_types": summary.error_types,
        "min": summary.min,
        "p90": summary.p90,
        "std": summary.std,
        "apdex_threshold": summary.apdex_threshold,
        "slow": summary.slow,
        "profile": summary.profile,
        "objective": summary.objective,
        "parts": parts,
    });
    let rest = rest.to_string();
    format!(r#"{{"numbers":{numbers},{}"#, rest.strip_prefix('{').unwrap_or("}"))
}
