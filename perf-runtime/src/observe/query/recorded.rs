//! Whole calls that the recorder kept: each with every call that was made inside it.

use super::edge_sums::id;
use super::errors::ErrorView;
use super::range::TimeRange;
use super::recorded_call::RecordedCall;
use super::recorded_error::RecordedError;
use super::recorded_field::{self, RecordedField};
use super::recorded_head::{RecordedHead, Source, ended_in, name_of, number_in};
use super::recorded_tree::{self, Inside, Tree};
use super::selector::Selector;
use super::statistics::seconds;
use super::trace_url::TraceUrl;
use crate::measure::cells::failures::Group;
use crate::measure::cells::recorder::kept::{Entry, KeptCall};
use crate::measure::cells::recorder::store::Store;
use crate::measure::cells::recorder::values::KeptValues;
use crate::measure::cells::tree::node::Node;
use crate::measure::clock::{Moment, wall};
use crate::measure::model::field_access::FieldAccess;
use crate::measure::model::outcome::Outcome;
use crate::observe::series::entry::Series;
use crate::observe::series::registry::Registry;
use crate::observe::series::series_id::SeriesId;
use crate::text;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A [`RecordedCall`] with all calls inside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedTree {
    /// The call.
    pub call: RecordedCall,
    /// The calls inside it: each before those inside it, and calls of the same caller in the order in which they began.
    pub inside: Vec<CallInside>,
}

impl RecordedTree {
    /// The parts of a tree that was written apart, put together again.
    pub fn new(call: RecordedCall, inside: Vec<CallInside>) -> Self {
        Self { call, inside }
    }

    /// Takes the values of all fields away, for somebody who is not to see them: the names stay, and
    /// [`fields_withheld`](RecordedCall::fields_withheld) says so.
    pub fn withhold_fields(&mut self) {
        self.call.withhold_fields();
        for inside in &mut self.inside {
            self.call.fields_withheld |= recorded_field::withhold(&mut inside.fields);
        }
    }
}

/// A call that was made inside a [`RecordedCall`], directly or through others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallInside {
    /// Its series; a request is known by its method and route. Of series beyond the bound it is `operation{operation=__overflow__}`.
    pub series: SeriesId,
    /// The place of its caller in [`RecordedTree::inside`]; `None` where that is the recorded call itself.
    pub parent: Option<usize>,
    /// How many calls are around it: 1 where its caller is the recorded call itself.
    pub depth: usize,
    /// When it began, in seconds after the recorded call.
    pub start_seconds: f64,
    /// How long it took.
    pub seconds: f64,
    /// The part of it in which no call inside it ran.
    pub self_seconds: f64,
    /// How it ended.
    pub outcome: Outcome,
    /// The kind of failure, where it failed and that is known.
    pub error: Option<RecordedError>,
    /// The values of its fields, in the order of the attribute's option `fields(..)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<RecordedField>,
}

/// The state of the recorder: whether it is on, and the calls that it had no room for, since the process began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecorderState {
    /// Whether calls are recorded: see [`MonitorBuilder::recorder`](crate::MonitorBuilder::recorder).
    pub enabled: bool,
    /// Calls without a caller whose calls inside were not recorded, because 2,048 others were open at the time. Of
    /// these are not those that lost their room later, as a request may that streams its body while many others come.
    pub without_buffer: u64,
    /// Calls that were kept, and gave way to later ones before their time was over.
    pub gave_way: u64,
    /// The access to values of fields.
    #[serde(default)]
    pub fields: FieldAccess,
}

/// Recorded calls, as a monitor shows them.
pub(crate) struct RecorderView<'a> {
    pub(crate) store: &'static Store,
    /// How long calls are kept.
    pub(crate) kept_for: Duration,
    pub(crate) errors: &'a ErrorView,
    pub(crate) trace_url: Option<TraceUrl>,
    pub(crate) fields: FieldAccess,
    pub(crate) now: Moment,
}

/// The series by the numbers that kept calls know them by.
struct Names {
    by_serial: HashMap<u32, Arc<Series>>,
    by_node: HashMap<Node, Arc<Series>>,
}

impl Names {
    fn of(registry: &Registry) -> Self {
        let mut this = Self { by_serial: HashMap::new(), by_node: HashMap::new() };
        for series in registry.all().iter() {
            series.for_each_meter(|meter| {
                if let Some(serial) = meter.keep.serial() {
                    this.by_serial.insert(serial, Arc::clone(series));
                }
                // That of all beyond the bound is nobody's.
                if let Some(node) = meter.existing_node().filter(|&node| node != Node::OVERFLOW) {
                    this.by_node.insert(node, Arc::clone(series));
                }
            });
        }
        this
    }
}

impl RecorderView<'_> {
    /// The heads of the calls of the selected series that ended in a range of time, the last first.
    pub(crate) fn heads(&self, registry: &Registry, selector: &Selector, range: &TimeRange) -> Vec<RecordedHead> {
        let names = Names::of(registry);
        let entries = self.store.entries(self.too_early()).into_iter();
        let in_range = entries.filter(|entry| ended_in(&entry.call, range));
        let with_series = in_range.filter_map(|entry| {
            let series = names.by_serial.get(&entry.call.serial)?;
            selector.selects_identity(&series.identity).then(|| RecordedHead::new(entry, Arc::clone(series)))
        });
        with_series.collect()
    }

    /// The calls that ended in a range of time, with all calls inside them, the last first.
    pub(crate) fn trees(&self, registry: &Registry, range: &TimeRange, mut show: impl FnMut(RecordedTree)) {
        let names = Names::of(registry);
        // By the range alone: those of a minute that is just over are there a little longer than they are shown.
        let entries = self.store.entries(self.now.before(Duration::MAX)).into_iter();
        for entry in entries.filter(|entry| ended_in(&entry.call, range)) {
            if let Some(tree) = self.tree_of(&entry, &names) {
                show(tree);
            }
        }
    }

    /// The call of this name, with all calls inside it.
    pub(crate) fn tree(&self, registry: &Registry, name: &str) -> Option<RecordedTree> {
        let is_it = |call: &KeptCall| call.ended >= self.too_early() && name_of(call) == name;
        let entry = self.store.entry(number_in(name)?).filter(|entry| is_it(&entry.call))?;
        self.tree_of(&entry, &Names::of(registry))
    }

    fn tree_of(&self, entry: &Entry, names: &Names) -> Option<RecordedTree> {
        let series = names.by_serial.get(&entry.call.serial)?;
        let tree = Tree::of(&entry.call);
        let inside = tree.calls.iter().map(|inside| self.inside(inside, &entry.call, names)).collect();
        Some(RecordedTree { call: self.shown_of(entry, series), inside })
    }

    fn too_early(&self) -> Moment {
        self.now.before(self.kept_for)
    }

    /// All of a call but those inside it; `None` of one that memory does not hold.
    pub(crate) fn shown(&self, head: &RecordedHead) -> Option<RecordedCall> {
        match &head.0 {
            Source::Memory(entry, series) => Some(self.shown_of(entry, series)),
            Source::Log(_) => None,
        }
    }

    /// A call of before, as it is shown today: without texts of errors and values of fields that are shown no longer, and with the address of its trace as it is now.
    pub(crate) fn shown_again(&self, mut call: RecordedCall) -> RecordedCall {
        self.errors.recorded_again(&mut call.error);
        call.trace_link = self.link(call.trace_id.as_deref());
        if self.fields == FieldAccess::Off {
            call.fields.clear();
            call.fields_missing = 0;
        }
        call
    }

    /// As [`shown_again`](Self::shown_again), with the calls inside it.
    pub(crate) fn tree_again(&self, mut tree: RecordedTree) -> RecordedTree {
        for inside in &mut tree.inside {
            self.errors.recorded_again(&mut inside.error);
            if self.fields == FieldAccess::Off {
                inside.fields.clear();
            }
        }
        RecordedTree { call: self.shown_again(tree.call), inside: tree.inside }
    }

    fn link(&self, trace_id: Option<&str>) -> Option<String> {
        self.trace_url.as_ref()?.link(trace_id?)
    }

    fn shown_of(&self, entry: &Entry, series: &Series) -> RecordedCall {
        let Entry { call, is_slowest, is_failed } = entry;
        let is_own = |serial: Option<u32>| serial == Some(call.serial);
        let (calls, beyond) = recorded_tree::shape(call);
        RecordedCall {
            id: name_of(call),
            series: SeriesId { kind: series.identity.kind, labels: series.labels() },
            start: text::to_millis(wall::time_of(call.started)),
            seconds: seconds(call.nanos),
            self_seconds: call.covered.map(|covered| seconds(call.nanos.saturating_sub(covered))),
            outcome: call.outcome,
            error: self.error(series, call.failure, |_, serial| is_own(serial)),
            trace_id: call.trace_id.as_deref().map(Into::into),
            trace_link: self.link(call.trace_id.as_deref()),
            calls_known: call.is_inside_known,
            calls,
            missing: call.missing + beyond,
            fields: self.fields_of(call.values.as_ref()),
            fields_withheld: false,
            fields_missing: if self.fields == FieldAccess::Off { 0 } else { call.values_missing },
            is_slowest: *is_slowest,
            is_failed: *is_failed,
        }
    }

    fn fields_of(&self, values: Option<&KeptValues>) -> Vec<RecordedField> {
        recorded_field::shown(values.filter(|_| self.fields != FieldAccess::Off))
    }

    fn inside(&self, inside: &Inside<'_>, call: &KeptCall, names: &Names) -> CallInside {
        let Inside { recorded, place, parent, depth } = *inside;
        let series = names.by_node.get(&recorded.node);
        let error =
            series.and_then(|series| self.error(series, recorded.failure, |node, _| node == Some(recorded.node)));
        CallInside {
            series: id(series.map(AsRef::as_ref)),
            parent,
            depth,
            start_seconds: seconds(recorded.started.nanos_since(call.started)),
            seconds: seconds(recorded.nanos),
            self_seconds: seconds(recorded.nanos.saturating_sub(recorded.covered)),
            outcome: recorded.outcome,
            error,
            fields: self.fields_of(call.values_inside.get(&place)),
        }
    }

    /// The group of a failure, of the meter that `is_it` knows by its node or by its serial number.
    fn error(
        &self,
        series: &Series,
        failure: u32,
        is_it: impl Fn(Option<Node>, Option<u32>) -> bool,
    ) -> Option<RecordedError> {
        let mut found = None;
        if failure > 0 && self.errors.enabled {
            series.for_each_meter(|meter| {
                if is_it(meter.existing_node(), meter.keep.serial()) {
                    let of_serial = |groups: &[Group]| groups.iter().find(|group| group.serial == failure).cloned();
                    found = meter.failures.read(|groups, _| of_serial(groups)).flatten();
                }
            });
        }
        found.map(|group| self.errors.recorded(group))
    }
}
