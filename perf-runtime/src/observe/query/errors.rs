//! The failures of series over a range of time, grouped by kind of failure.

use super::range::TimeRange;
use super::recorded_error::RecordedError;
use super::selector::Selector;
use super::trace_url::TraceUrl;
use crate::guarded::run_guarded;
use crate::measure::cells::failures::{Group, cut};
use crate::measure::clock::{Moment, wall};
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::observe::history::failures::FailedGroups;
use crate::observe::history::wanted::Wanted;
use crate::observe::series::entry::Series;
use crate::observe::series::labels::Labels;
use crate::observe::series::registry::Registry;
use crate::observe::series::series_id::SeriesId;
use crate::text;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// So many bytes of a text are shown.
const MAX_SHOWN: usize = 200;

/// The text in place of one that could not be redacted.
const NOT_REDACTED: &str = "(the hook that redacts errors panicked)";

/// The failures of series over a range of time: [`Monitor::errors`](crate::Monitor::errors).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Errors {
    /// When the range begins.
    #[serde(with = "text::moment")]
    pub start: SystemTime,
    /// When it ends.
    #[serde(with = "text::moment")]
    pub end: SystemTime,
    /// Whether failures are told apart: false where the settings switch it off.
    pub enabled: bool,
    /// The series that failed in the range, the one with the most failures first.
    pub series: Vec<SeriesErrors>,
    /// How many more series there were than [`Selector::limit`] allowed.
    pub left_out: usize,
}

/// The failures of one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeriesErrors {
    /// The name of the series.
    pub id: SeriesId,
    /// The kind of work that it measures.
    pub kind: Kind,
    /// The names and values of its labels.
    pub labels: Labels,
    /// Calls that ended in an error, expected ones too, or panicked: those of `groups` and `others` together.
    pub failed: u64,
    /// When the last of the groups failed.
    #[serde(with = "text::moment_or_none")]
    pub last_seen: Option<SystemTime>,
    /// The kinds of failures, the most frequent first.
    pub groups: Vec<ErrorGroup>,
    /// Failures that are in none of the groups: of groups that gave way to more recent ones.
    pub others: u64,
}

/// Failures of one series that differ in nothing but numbers, ids and quoted values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorGroup {
    /// The fingerprint of what these failures have in common, 16 hexadecimal digits: the same in every process and after each restart. It
    /// is another one where texts are shown.
    pub fingerprint: String,
    /// `error` or `panicked`.
    pub outcome: Outcome,
    /// The sort of error: the name of a variant ([`ErrorType`](trait@crate::ErrorType)), the `type` of a problem document, or the status of an
    /// answer.
    pub error_type: Option<String>,
    /// The type of the error in the program.
    pub type_name: Option<String>,
    /// Whether the error is [expected](trait@crate::ErrorType).
    pub expected: bool,
    /// The text of one of them, redacted, of 200 bytes at most; of a panic its message. `None` where texts are not shown.
    pub text: Option<String>,
    /// Whether the function asks for the texts of its errors (`err`), so that they are shown whatever the settings say; also of a panic whose
    /// message stands in the source.
    #[serde(default)]
    pub text_is_open: bool,
    /// Where the thread panicked: file, line and column.
    pub place: Option<String>,
    /// How many there were in the range.
    pub count: u64,
    /// When the first of them came, in the range or before.
    #[serde(with = "text::moment")]
    pub first_seen: SystemTime,
    /// When the last of them came.
    #[serde(with = "text::moment")]
    pub last_seen: SystemTime,
    /// The trace of one of the last of them, where [`trace_id_of`](crate::MonitorBuilder::trace_id_of) tells it.
    pub trace_id: Option<String>,
    /// The address at which that trace is shown, where [`trace_url`](crate::MonitorBuilder::trace_url) is set and the id is one of W3C Trace
    /// Context.
    #[serde(default)]
    pub trace_link: Option<String>,
}

impl Errors {
    /// No failures.
    pub(crate) fn none(range: &TimeRange, enabled: bool) -> Self {
        Self { start: range.start(), end: range.end(), enabled, series: Vec::new(), left_out: 0 }
    }

    /// Adds failures of an earlier time, each kind to those of the same kind; of each series so many kinds are kept.
    pub(crate) fn add(&mut self, earlier: SeriesErrors, max_groups: usize) {
        let Some(known) = self.series.iter_mut().find(|series| series.id == earlier.id) else {
            return self.series.push(earlier);
        };
        known.failed += earlier.failed;
        known.others += earlier.others;
        known.last_seen = known.last_seen.max(earlier.last_seen);
        for group in earlier.groups {
            match known.groups.iter_mut().find(|own| own.fingerprint == group.fingerprint) {
                Some(own) => {
                    own.count += group.count;
                    own.first_seen = own.first_seen.min(group.first_seen);
                    own.last_seen = own.last_seen.max(group.last_seen);
                }
                None => known.groups.push(group),
            }
        }
        known.groups.sort_by_key(|group| Reverse(group.last_seen));
        known.others += known.groups.iter().skip(max_groups).map(|group| group.count).sum::<u64>();
        known.groups.truncate(max_groups);
        known.groups.sort_by_key(|group| (Reverse(group.count), Reverse(group.last_seen)));
    }

    /// Gives each group the address of its trace.
    pub(crate) fn link(&mut self, trace_url: Option<&TraceUrl>) {
        for group in self.series.iter_mut().flat_map(|series| &mut series.groups) {
            let link = |id: &String| trace_url.and_then(|url| url.link(id));
            group.trace_link = group.trace_id.as_ref().and_then(link);
        }
    }

    /// Sorts the series, and leaves out those beyond a limit.
    pub(crate) fn settle(&mut self, limit: usize) {
        self.series.sort_by(|one, other| (Reverse(one.failed), &one.id).cmp(&(Reverse(other.failed), &other.id)));
        self.left_out = self.series.len().saturating_sub(limit);
        self.series.truncate(limit);
    }
}

/// The application's own way to take out of a text what nobody may see.
#[derive(Clone)]
pub(crate) struct Redaction(Arc<dyn Fn(&str) -> String + Send + Sync>);

impl Redaction {
    pub(crate) fn new(redact: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(redact))
    }

    /// A panic of the hook shows nothing of the text.
    fn apply(&self, text: &str) -> String {
        run_guarded(|| (self.0)(text)).unwrap_or_else(|| NOT_REDACTED.to_owned())
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction").finish_non_exhaustive()
    }
}

/// The settings by which a monitor shows failures.
#[derive(Clone, Debug)]
pub(crate) struct ErrorView {
    pub(crate) enabled: bool,
    /// Whether all texts are shown, and not only those that functions ask for.
    pub(crate) shows_text: bool,
    pub(crate) max_groups: usize,
    pub(crate) redaction: Option<Redaction>,
}

impl ErrorView {
    /// The failures of the selected series that memory holds. Others, of before, may be [added](Errors::add).
    pub(crate) fn errors(
        &self,
        registry: &Registry,
        selector: &Selector,
        wanted: &Wanted,
        now: Moment,
    ) -> Vec<SeriesErrors> {
        let all = registry.all();
        let selected = all.iter().filter(|series| self.enabled && selector.selects_identity(&series.identity));
        selected.filter_map(|series| self.of_series(series, series.failed(wanted, now)?)).collect()
    }

    /// `None` where nothing failed in the range.
    fn of_series(&self, series: &Series, FailedGroups { groups, mut others }: FailedGroups) -> Option<SeriesErrors> {
        // Several functions may write a series, and groups that differ only in texts that are not shown are one.
        let mut joined: BTreeMap<u64, (Group, u64)> = BTreeMap::new();
        for (group, count) in groups.into_iter().filter(|(_, count)| *count > 0) {
            match joined.get_mut(&self.fingerprint(&group)) {
                Some((known, sum)) => {
                    *sum += count;
                    known.join(&group);
                }
                None => _ = joined.insert(self.fingerprint(&group), (group, count)),
            }
        }
        let mut groups: Vec<(u64, (Group, u64))> = joined.into_iter().collect();
        groups.sort_by_key(|(_, (group, _))| Reverse(group.last));
        others += groups.iter().skip(self.max_groups).map(|(_, (_, count))| count).sum::<u64>();
        groups.truncate(self.max_groups);
        groups.sort_by_key(|(_, (group, count))| (Reverse(*count), Reverse(group.last)));
        let groups: Vec<ErrorGroup> =
            groups.into_iter().map(|(fingerprint, (group, count))| self.shown(fingerprint, group, count)).collect();
        let failed = others + groups.iter().map(|group| group.count).sum::<u64>();
        let (kind, labels) = (series.identity.kind, series.labels());
        let last_seen = groups.iter().map(|group| group.last_seen).max();
        let id = SeriesId { kind, labels: labels.clone() };
        (failed > 0).then_some(SeriesErrors { id, kind, labels, failed, last_seen, groups, others })
    }

    /// Takes the text out of a group of before where it would not be shown today, and has today's hook look at it.
    pub(crate) fn show_again(&self, group: &mut ErrorGroup) {
        let shown = group.text.take().filter(|_| self.shows_text || group.text_is_open);
        group.text = shown.map(|text| self.redacted(&text));
    }

    fn redacted(&self, text: &str) -> String {
        let redacted = self.redaction.as_ref().map(|redaction| redaction.apply(text));
        cut(redacted.as_deref().unwrap_or(text), MAX_SHOWN).to_owned()
    }

    fn fingerprint(&self, group: &Group) -> u64 {
        if self.shows(group) { group.fingerprints.whole } else { group.fingerprints.without_text }
    }

    fn shows(&self, group: &Group) -> bool {
        self.shows_text || group.is_open
    }

    /// The kind of failure of a recorded call.
    pub(crate) fn recorded(&self, group: Group) -> RecordedError {
        let fingerprint = self.fingerprint(&group);
        let ErrorGroup { fingerprint, error_type, type_name, text, text_is_open, place, .. } =
            self.shown(fingerprint, group, 1);
        RecordedError { fingerprint, error_type, type_name, text, text_is_open, place }
    }

    /// As [`show_again`](Self::show_again), of the kind of failure of a recorded call of before: none where errors are not told apart.
    pub(crate) fn recorded_again(&self, error: &mut Option<RecordedError>) {
        if !self.enabled {
            *error = None;
        }
        let Some(error) = error else { return };
        let shown = error.text.take().filter(|_| self.shows_text || error.text_is_open);
        error.text = shown.map(|text| self.redacted(&text));
    }

    fn shown(&self, fingerprint: u64, group: Group, count: u64) -> ErrorGroup {
        let text = group.text.as_deref().filter(|_| self.shows(&group)).map(|text| self.redacted(text));
        let [first_seen, last_seen] = [group.first, group.last].map(|at| text::to_millis(wall::time_of(at)));
        ErrorGroup {
            fingerprint: format!("{fingerprint:016x}"),
            outcome: group.outcome,
            error_type: Some(group.name).filter(|name| !name.is_empty()).map(Into::into),
            type_name: group.type_name.map(str::to_owned),
            expected: group.is_expected,
            text,
            text_is_open: group.is_open,
            place: group.place.map(Into::into),
            count,
            first_seen,
            last_seen,
            trace_id: group.trace_id.map(Into::into),
            // All groups get theirs at the end, those of before too.
            trace_link: None,
        }
    }
}
