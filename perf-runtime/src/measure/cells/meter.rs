//! Everything that one series, or one site of it, writes.

use super::cell_table::{Cells, Finished, Progress, Running, Started, Ticket, Waiter};
use super::exemplar::Exemplars;
use super::expected::ExpectedCounts;
use super::failures::Failures;
use super::histogram::Layout;
use super::profile::Profile;
use super::reading::Reading;
use super::recorder::keep::Keep;
use super::sampled::{self, Sampled, SampledReading};
use super::streams::{StreamBuckets, StreamCounts, StreamSums};
use super::times::Times;
use super::tree::children::Children;
use super::tree::context::{Context, OwnContexts};
use super::tree::edges::EdgeCounts;
use super::tree::node::{Node, OwnNode};
use super::tree::parent::Parent;
use crate::log_level::tell;
use crate::measure::clock::Moment;
use crate::measure::model::error_type::ErrorCounts;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::measure::model::target::Targets;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Counts, durations and waiting calls.
#[derive(Debug)]
pub(crate) struct Meter {
    kind: Kind,
    targets: &'static Targets,
    /// The duration from which `targets` call a call slow; the longest duration that there is where they say nothing.
    slow_nanos: u64,
    layout: OnceLock<&'static Layout>,
    cells: Cells,
    node: OwnNode,
    contexts: OwnContexts,
    /// The site that it belongs to, from its first call on; null where it belongs to none.
    site: AtomicPtr<()>,
    pub(crate) errors: ErrorCounts,
    pub(crate) failures: Failures,
    pub(crate) expected: ExpectedCounts,
    pub(crate) exemplars: Exemplars,
    pub(crate) profile: Profile,
    pub(super) sampled: Sampled,
    streams: StreamCounts,
    /// The calls that were made inside no other: which of them are kept.
    pub(crate) keep: Keep,
    /// The meter that an isolated test has this one for.
    #[cfg(any(test, feature = "test-util"))]
    original: Option<&'static Meter>,
}

impl Meter {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self::with_targets(kind, &Targets::NONE)
    }

    pub(crate) const fn with_targets(kind: Kind, targets: &'static Targets) -> Self {
        Self {
            kind,
            targets,
            slow_nanos: match targets.slow {
                Some(nanos) => nanos,
                None => u64::MAX,
            },
            layout: OnceLock::new(),
            cells: Cells::new(),
            node: OwnNode::new(),
            contexts: OwnContexts::new(),
            site: AtomicPtr::new(ptr::null_mut()),
            errors: ErrorCounts::new(),
            failures: Failures::new(),
            expected: ExpectedCounts::new(),
            exemplars: Exemplars::new(),
            profile: Profile::new(),
            sampled: Sampled::new(),
            streams: StreamCounts::new(),
            keep: Keep::new(),
            #[cfg(any(test, feature = "test-util"))]
            original: None,
        }
    }

    /// A meter that counts what others count into `original`.
    #[cfg(any(test, feature = "test-util"))]
    pub(crate) fn in_place_of(original: &'static Self) -> Self {
        Self { original: Some(original), ..Self::with_targets(original.kind, original.targets) }
    }

    /// The meter that its site knows: itself, but for an isolated test's.
    pub(crate) fn original(&self) -> &Self {
        #[cfg(any(test, feature = "test-util"))]
        if let Some(original) = self.original {
            return original;
        }
        self
    }

    /// The site that it was said to belong to; null where none was said.
    #[inline]
    pub(in crate::measure) fn site(&self) -> *const () {
        self.site.load(Ordering::Acquire)
    }

    /// Says which site it belongs to.
    pub(in crate::measure) fn belong_to(&self, site: *const ()) {
        if self.site().is_null() {
            self.site.store(site.cast_mut(), Ordering::Release);
        }
    }

    /// Its number among those that took part in edges, given out with the first one.
    #[inline]
    pub(crate) fn node(&self) -> Node {
        self.node.get(|| self.times())
    }

    /// Takes part in the tree from now on, with a call that is yet to be counted.
    pub(crate) fn join_tree(&self) {
        self.node();
    }

    /// Its number, if it was given out.
    pub(crate) fn existing_node(&self) -> Option<Node> {
        self.node.existing()
    }

    /// The context of calls that are made inside a call of it which was made inside `parent`.
    pub(crate) fn context(&self, parent: Option<Context>) -> Context {
        self.contexts.of(self.node(), parent)
    }

    /// Counts that a call which ended was made inside a call of `parent`.
    pub(crate) fn count_edge(&self, parent: Context, outcome: Outcome, nanos: u64) {
        // The call itself is counted already, and is no part of what was before.
        let before = || self.times().since(Times { nanos, ..Times::default() });
        self.cells.count_edge(parent, || self.node.get(before), outcome, nanos, || self.layout());
    }

    /// Shows the counts by caller, of each thread apart.
    pub(crate) fn for_each_edge(&self, look: impl FnMut(Context, EdgeCounts)) {
        self.cells.for_each_edge(look);
    }

    /// Shows the nanoseconds that calls waited for calls of another series, of each thread apart.
    pub(crate) fn for_each_wait(&self, look: impl FnMut(Node, u64)) {
        self.cells.for_each_wait(look);
    }

    /// The summed times of calls that ended.
    fn times(&self) -> Times {
        self.cells.times()
    }

    /// The summed times of calls that ended since it has a part in the tree.
    pub(crate) fn times_in_tree(&self) -> Times {
        self.times().since(self.node.before())
    }

    /// Counts the time that calls inside a call covered.
    pub(crate) fn cover(&self, nanos: u64) {
        self.cells.cover(nanos, || self.layout());
    }

    /// Keeps the children of a call that waits for its next poll.
    pub(crate) fn keep_children(&self, ticket: Ticket, children: &Children) {
        self.cells.keep_children(ticket, children);
    }

    /// Says by which name its children know a call that is listed, and keeps them elsewhere.
    pub(crate) fn name_waiting(&self, ticket: Ticket, name: Parent) {
        self.cells.name_waiting(ticket, name);
    }

    /// The children that were kept for a call, which has waited since for so many nanoseconds: for which child, if any.
    pub(crate) fn kept_children(&self, ticket: Ticket, waited_for: Option<(Node, u64)>) -> Children {
        self.cells.kept_children(ticket, waited_for)
    }

    /// Notes how long a call that goes on waited for one of its children.
    pub(crate) fn waited_for(&self, ticket: Ticket, child: Node, nanos: u64) {
        self.kept_children(ticket, Some((child, nanos)));
    }

    /// Counts a call as started whose body runs on this thread. `first_touch` runs when this thread's cells did not exist
    /// yet.
    #[inline]
    pub(crate) fn start(&self, first_touch: impl FnOnce()) -> Started<'_> {
        self.cells.start(|| {
            first_touch();
            self.layout()
        })
    }

    /// Counts a call as started that belongs to no thread: it is taken up where it ends.
    pub(crate) fn start_away(&self) {
        self.cells.start_away(|| self.layout());
    }

    /// A body that runs on this thread ceases to, though its call has not ended.
    pub(crate) fn let_go(&self) {
        self.cells.let_go(|| self.layout());
    }

    /// A body that was let go runs on this thread again, or is about to end on it.
    pub(crate) fn take_up(&self) -> Started<'_> {
        self.cells.take_up(|| self.layout())
    }

    /// Shows the calls that run on each thread, by the number of its slot.
    pub(crate) fn for_each_running(&self, look: impl FnMut(usize, Running)) {
        self.cells.for_each_running(look);
    }

    /// Counts a call as finished.
    #[inline]
    pub(crate) fn finish(&self, outcome: Outcome, nanos: u64) {
        self.cells.finish(outcome, nanos, || self.layout());
        self.tell_if_slow(nanos);
    }

    /// As [`start`](Self::start), where this thread has called before and writes alone; else nothing happens.
    #[inline]
    pub(crate) fn start_warm(&self) -> Option<Started<'_>> {
        self.cells.start_warm()
    }

    /// As [`finish`](Self::finish) of a call that is not slow, where this thread has called before and writes alone; else nothing
    /// happens.
    #[inline]
    pub(crate) fn finish_warm(&self, outcome: Outcome, nanos: u64) -> Option<Finished<'_>> {
        if self.is_slow(nanos) { None } else { self.cells.finish_warm(outcome, nanos) }
    }

    #[inline]
    fn is_slow(&self, nanos: u64) -> bool {
        nanos > self.slow_nanos
    }

    /// Lists a call that waits, and was made inside `parent`.
    pub(crate) fn wait(&self, started: Moment, parent: Parent) -> Option<Ticket> {
        self.cells.wait(started, parent, || self.layout())
    }

    /// Takes a call off the list of those that wait, and counts how long it waited.
    pub(crate) fn waited(&self, ticket: Ticket, nanos: u64) {
        self.leave(ticket);
        self.idle(nanos);
    }

    /// Takes a call off the list of those that wait.
    pub(crate) fn leave(&self, ticket: Ticket) {
        self.cells.leave(ticket, || self.node(), || self.layout());
    }

    /// Counts how long a call waited.
    pub(crate) fn idle(&self, nanos: u64) {
        self.cells.idle(nanos, || self.layout());
    }

    /// The processor time of its calls without that of calls inside them, by samples.
    pub(crate) fn sampled(&self) -> SampledReading {
        let mut sum = self.sampled.read();
        if let Some(node) = self.existing_node().filter(|&node| node != Node::OVERFLOW) {
            sum.add(sampled::lent(node));
        }
        sum
    }

    /// Counts a poll that kept its thread for long.
    pub(crate) fn slow_poll(&self) {
        self.cells.slow_poll(|| self.layout());
    }

    /// The kind of its calls.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The calls that started on this thread so far, less those that were taken back. Threads that have no cells of their own count together.
    pub(crate) fn started_here(&self) -> u64 {
        self.cells.started_here()
    }

    /// The buckets that it counts in.
    pub(crate) fn layout(&self) -> &'static Layout {
        self.layout.get_or_init(|| Layout::of_targets(self.kind, self.targets))
    }

    pub(crate) fn targets(&self) -> &'static Targets {
        self.targets
    }

    #[inline]
    fn tell_if_slow(&self, nanos: u64) {
        if self.is_slow(nanos) {
            self.tell_slow(nanos);
        }
    }

    #[cold]
    fn tell_slow(&self, nanos: u64) {
        let seconds = |nanos: u64| Duration::from_nanos(nanos).as_secs_f64();
        let (took, limit) = (seconds(nanos), seconds(self.slow_nanos));
        let name = self.targets.name;
        tell!(target: "perf_runtime::slow", WARN, kind = self.kind.as_str(), name, took, limit, "Slow response: {name} took {took:.2}s");
    }

    /// Counts a call that is over.
    pub(crate) fn record(&self, outcome: Outcome, nanos: u64) {
        self.cells.record(outcome, nanos, || self.layout());
        self.tell_if_slow(nanos);
    }

    /// Moves a call that `self` counted as [started away](Self::start_away) to `other`, where it ends.
    pub(crate) fn hand_over(&self, other: &Self, outcome: Outcome, nanos: u64) {
        other.record(outcome, nanos);
        self.cells.take_back(|| self.layout());
    }

    /// All that was counted.
    pub(crate) fn read(&self) -> Reading {
        let mut reading = Reading::default();
        self.read_own_into(&mut reading);
        reading
    }

    /// Adds what was counted to a reading in the buckets of `layout`. Where those are not its own, each of its buckets
    /// goes where its largest duration lies: exact at every bound that both have.
    pub(crate) fn read_into(&self, reading: &mut Reading, layout: &Layout) {
        let own = self.layout();
        if ptr::eq(own, layout) {
            self.read_own_into(reading);
        } else {
            reading.add(&self.read().moved(own, layout));
        }
    }

    fn read_own_into(&self, reading: &mut Reading) {
        self.cells.read_into(reading);
        reading.add_expected(self.expected.read());
    }

    /// A number that changes with every call that starts or ends; see [`Cells::changes`].
    pub(crate) fn changes(&self) -> u64 {
        self.cells.changes()
    }

    /// How many calls ended here; wraps, as the counts do.
    pub(crate) fn ended(&self) -> u64 {
        self.cells.ended()
    }

    /// The memory of the cells, of the groups of failures and of the counts of streams on the heap, in bytes.
    pub(crate) fn bytes_of_cells(&self) -> usize {
        self.cells.bytes() + self.failures.bytes() + self.streams.bytes()
    }

    /// Counts items of streams.
    pub(crate) fn add_items(&self, items: u64) {
        self.streams.add_items(items, self.layout());
    }

    /// Counts the first item of a stream, so long after its first poll.
    pub(crate) fn add_first_item(&self, nanos: u64) {
        self.streams.add_first(nanos, self.layout());
    }

    /// Counts the longest gap of a stream that ends.
    pub(crate) fn add_longest_gap(&self, nanos: u64) {
        self.streams.add_gap(nanos, self.layout());
    }

    /// Adds the sums of its streams to others.
    pub(crate) fn read_streams_into(&self, sums: &mut StreamSums) {
        self.streams.read_into(sums);
    }

    /// Adds the buckets of its streams to others, which are those of `layout`.
    pub(crate) fn read_stream_buckets_into(&self, buckets: &mut StreamBuckets, layout: &Layout) {
        self.streams.read_buckets_into(buckets, layout);
    }

    /// Says that a call that is listed is a stream, which tells how far it has come.
    pub(crate) fn follow(&self, ticket: Ticket) -> Option<Arc<Progress>> {
        self.cells.follow(ticket)
    }

    /// Shows each of the calls that are listed.
    pub(crate) fn for_each_waiting(&self, look: impl FnMut(Waiter)) {
        self.cells.for_each_waiting(look);
    }

    /// Since when the call has been waiting that has for longest.
    pub(crate) fn oldest(&self) -> Option<Moment> {
        let mut oldest: Option<Moment> = None;
        self.for_each_waiting(|waiter| oldest = [oldest, waiter.waits_since].into_iter().flatten().min());
        oldest
    }
}
