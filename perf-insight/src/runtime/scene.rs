//! The process around an incident: every series slice by slice, the calls between them, and the metrics of the host.

use perf_runtime::metric::{MetricKind, names};
use perf_runtime::series::{Labels, Selector, SeriesId, SeriesPoint, TimeRange};
use perf_runtime::{Kind, Monitor, Window};
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// The length of a slice.
pub(crate) const STEP: Duration = Duration::from_secs(5);
/// The time that is looked at slice by slice: as much as memory holds in slices of this length.
const SPAN: Duration = Duration::from_secs(290);
/// The time before, minute by minute.
const EARLIER: Duration = Duration::from_secs(3480);
/// The slices of which it is told together for how long callers waited for streams: a minute.
const TOGETHER: usize = 12;
/// The most series of calls, and of metrics, that are looked at.
const MAX_SERIES: usize = 5_000;

/// The metrics that causes are looked for in.
const METRICS: [&str; 21] = [
    names::SYSTEM_CPU_UTILIZATION_RATIO,
    names::PROCESS_CPU_UTILIZATION_RATIO,
    names::SYSTEM_CPU_TIME_SECONDS_TOTAL,
    names::CONTAINER_CPU_PERIODS_TOTAL,
    names::CONTAINER_CPU_THROTTLED_PERIODS_TOTAL,
    names::SYSTEM_MEMORY_UTILIZATION_RATIO,
    names::SYSTEM_MEMORY_LIMIT_BYTES,
    names::CONTAINER_MEMORY_LIMIT_BYTES,
    names::PROCESS_MEMORY_USAGE_BYTES,
    names::PROCESS_MEMORY_UTILIZATION_RATIO,
    names::SYSTEM_DISK_UTILIZATION_RATIO,
    names::SYSTEM_DISK_IO_BUSY_RATIO,
    names::EXECUTOR_BLOCKED_SECONDS,
    names::DB_POOL_UTILIZATION_RATIO,
    names::DB_CLIENT_CONNECTIONS,
    names::DB_CLIENT_CONNECTION_MAX,
    names::DB_CLIENT_CONNECTION_PENDING_REQUESTS,
    names::CACHE_REQUESTS_TOTAL,
    names::CACHE_HIT_RATIO,
    names::SYSTEM_PAGING_UTILIZATION_RATIO,
    names::SYSTEM_LOAD_RATIO,
];

/// A series of calls, slice by slice.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: SeriesId,
    /// The calls that ended in each slice of the last minutes.
    pub(crate) slices: Vec<Ended>,
    /// The same in each minute before.
    pub(crate) earlier: Vec<Ended>,
    /// Calls that have begun and not ended.
    pub(crate) in_flight: u64,
    /// The age in seconds of the oldest of them.
    pub(crate) oldest: Option<f64>,
    /// Whether its calls wait by design.
    pub(crate) waits: bool,
    /// Whether its calls are streams, which last for as long as their consumer likes.
    pub(crate) is_stream: bool,
}

/// The calls that ended in a slice. All of it is not a number where nobody observed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) calls: f64,
    pub(crate) seconds: f64,
    pub(crate) failed: f64,
}

/// Calls of one series inside calls of another, by their places among the nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) caller: usize,
    pub(crate) callee: usize,
    pub(crate) calls: f64,
}

/// A series of a metric; not a number where nothing was read.
#[derive(Debug)]
pub(crate) struct MetricTrack {
    pub(crate) labels: Labels,
    pub(crate) slices: Vec<f64>,
    pub(crate) earlier: Vec<f64>,
}

/// The process as it is seen at one moment.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) now: SystemTime,
    /// When the first slice begins.
    pub(crate) start: SystemTime,
    pub(crate) length: usize,
    /// The first slice in which any call ended; 0 where calls are known from before.
    pub(crate) known_from: usize,
    pub(crate) nodes: Vec<Node>,
    pub(crate) links: Vec<Link>,
    /// Of the links whose callee is a stream, the share of its duration that the caller waited for it, slice by slice: the rest of it the
    /// caller had an item, and its time is its own.
    waited: HashMap<(usize, usize), Vec<f64>>,
    pub(crate) metrics: HashMap<&'static str, Vec<MetricTrack>>,
    places: HashMap<SeriesId, usize>,
}

impl Node {
    /// The thing that it works on, together with others: the database, another service, a server. `None` where it is on its own.
    pub(crate) fn resource(&self) -> Option<(Kind, &str)> {
        match self.id.kind {
            Kind::DbOperation => Some((Kind::DbOperation, "")),
            kind @ (Kind::ExternalCall | Kind::McpCall) => {
                self.id.labels.first().map(|(_, peer)| (kind, peer.as_str()))
            }
            _ => None,
        }
    }
}

impl Ended {
    const UNKNOWN: Self = Self { calls: f64::NAN, seconds: f64::NAN, failed: f64::NAN };

    fn of(point: &SeriesPoint) -> Self {
        let Some((count, outcomes)) = point.count.zip(point.outcomes) else { return Self::UNKNOWN };
        let seconds = point.sum.unwrap_or(0.0);
        Self { calls: count as f64, seconds, failed: outcomes.failed() as f64 }
    }
}

/// The first slice in which a call of one of these ended; 0 where any ended in the minutes before.
fn known_from(nodes: &[Node]) -> Option<usize> {
    let has_calls = |ended: &Ended| ended.calls > 0.0;
    let first = |node: &Node| {
        let is_older = node.earlier.iter().any(has_calls);
        if is_older { Some(0) } else { node.slices.iter().position(has_calls) }
    };
    nodes.iter().filter_map(first).min()
}

impl Scene {
    /// Reads it. Costs some microseconds for each series.
    pub(crate) fn read(monitor: &Monitor, now: SystemTime) -> Option<Self> {
        let recent = TimeRange::between(now.checked_sub(SPAN)?, now).ok()?.with_step(STEP);
        let before = TimeRange::between(now.checked_sub(EARLIER)?, now.checked_sub(SPAN)?).ok()?;
        let selector = METRICS.iter().fold(Selector::calls().joined(), |all, name| all.or(Selector::metric(*name)));
        let selector = selector.limit(MAX_SERIES);
        let tracks = monitor.tracks(&selector, recent);
        let mut earlier = monitor.tracks(&selector, before.with_step(Duration::from_secs(60)));
        let length = tracks.series.first().map(|track| track.points.len());
        let length = length.or(tracks.metrics.first().map(|track| track.points.len())).unwrap_or(0);
        let mut earlier_calls: HashMap<SeriesId, Vec<Ended>> = HashMap::new();
        for track in earlier.series.drain(..) {
            earlier_calls.insert(track.id, track.points.iter().map(Ended::of).collect());
        }
        let mut nodes = Vec::new();
        for track in tracks.series.into_iter().filter(|track| !track.labels.is_empty()) {
            let earlier = earlier_calls.remove(&track.id).unwrap_or_default();
            let slices = track.points.iter().map(Ended::of).collect();
            nodes.push(Node {
                id: track.id,
                slices,
                earlier,
                in_flight: 0,
                oldest: None,
                waits: false,
                is_stream: false,
            });
        }
        let places: HashMap<SeriesId, usize> =
            nodes.iter().enumerate().map(|(place, node)| (node.id.clone(), place)).collect();
        let mut metrics: HashMap<&'static str, Vec<MetricTrack>> = HashMap::new();
        for track in tracks.metrics {
            let Some(name) = METRICS.iter().find(|name| **name == track.name) else { continue };
            let value = |value: Option<f64>| value.unwrap_or(f64::NAN);
            let same = |other: &&perf_runtime::series::MetricSeriesTrack| {
                other.name == track.name && other.labels == track.labels && other.kind == track.kind
            };
            let per_slice = if track.kind == MetricKind::Counter { STEP.as_secs_f64() / 60.0 } else { 1.0 };
            let earlier = earlier.metrics.iter().find(same);
            let earlier =
                earlier.map(|track| track.points.iter().map(|point| value(point.value) * per_slice).collect());
            let slices = track.points.iter().map(|point| value(point.value)).collect();
            let earlier = earlier.unwrap_or_default();
            metrics.entry(name).or_default().push(MetricTrack { labels: track.labels, slices, earlier });
        }
        let known_from = known_from(&nodes).unwrap_or(length);
        let (links, waited) = (Vec::new(), HashMap::new());
        let mut scene = Self { now, start: tracks.start, length, known_from, nodes, links, waited, metrics, places };
        scene.add_calls_in_flight(monitor);
        scene.add_links(monitor, recent);
        scene.add_waits(monitor);
        Some(scene)
    }

    fn add_calls_in_flight(&mut self, monitor: &Monitor) {
        for series in monitor.summary(Window::LastMinute).series {
            let (waits, is_timed) = (series.waits, series.is_timed());
            let id = SeriesId { kind: series.kind, labels: series.labels }.without_late_labels();
            let Some(node) = self.places.get(&id).and_then(|place| self.nodes.get_mut(*place)) else { continue };
            node.in_flight += series.in_flight;
            node.oldest = [node.oldest, series.oldest_in_flight].into_iter().flatten().reduce(f64::max);
            node.waits |= waits;
            node.is_stream |= !is_timed && !waits;
        }
    }

    fn add_links(&mut self, monitor: &Monitor, range: TimeRange) {
        for edge in monitor.edges(range) {
            let ends = self.places.get(&edge.parent).zip(self.places.get(&edge.child));
            let Some((&above, &below)) = ends else { continue };
            if above != below {
                self.links.push(Link { caller: above, callee: below, calls: edge.calls as f64 });
            }
        }
    }

    /// The slices of about a minute are told together: so edges are kept.
    fn add_waits(&mut self, monitor: &Monitor) {
        if self.nodes.iter().all(|node| !node.is_stream) {
            return;
        }
        for first in (0..self.length).step_by(TOGETHER) {
            let slices = first..(first + TOGETHER).min(self.length);
            let end = self.time_of(slices.end).min(self.now);
            let Ok(range) = TimeRange::between(self.time_of(first), end) else { continue };
            for edge in monitor.edges(range).into_iter().filter(|edge| edge.seconds > 0.0) {
                let ends = self.places.get(&edge.parent).zip(self.places.get(&edge.child));
                let Some((&above, &below)) = ends else { continue };
                if !self.nodes.get(below).is_some_and(|node| node.is_stream) {
                    continue;
                }
                let all = self.waited.entry((above, below)).or_insert_with(|| vec![0.0; self.length]);
                let share = (edge.waited_seconds / edge.seconds).min(1.0);
                all.get_mut(slices.clone()).unwrap_or_default().fill(share);
            }
        }
    }

    /// The share of a callee's duration that is its caller's too, in a slice: all of it, except where it is a stream.
    pub(crate) fn share_waited(&self, caller: usize, inner: usize, slice: usize) -> f64 {
        if !self.nodes.get(inner).is_some_and(|node| node.is_stream) {
            return 1.0;
        }
        self.waited.get(&(caller, inner)).and_then(|all| all.get(slice)).copied().unwrap_or(0.0)
    }

    /// Whether calls of a node have items of streams, as far as is known.
    pub(crate) fn has_streams(&self, place: usize) -> bool {
        let is_stream = |callee: usize| self.nodes.get(callee).is_some_and(|node| node.is_stream);
        self.links.iter().any(|link| link.caller == place && is_stream(link.callee))
    }

    /// The place of a series among the nodes.
    pub(crate) fn place_of(&self, id: &SeriesId) -> Option<usize> {
        self.places.get(&id.without_late_labels()).copied()
    }

    /// The slice that holds a time; the first or the last where it is beyond.
    pub(crate) fn slice_at(&self, at: SystemTime) -> usize {
        let since = at.duration_since(self.start).unwrap_or_default().as_secs_f64() / STEP.as_secs_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few dozen slices")]
        let slice = since as usize;
        slice.min(self.length.saturating_sub(1))
    }

    /// When a slice begins.
    pub(crate) fn time_of(&self, slice: usize) -> SystemTime {
        self.start + STEP * u32::try_from(slice).unwrap_or(0)
    }

    /// The tracks of a metric.
    pub(crate) fn metric(&self, name: &str) -> &[MetricTrack] {
        self.metrics.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether nothing calls a node, as far as is known.
    pub(crate) fn is_root(&self, place: usize) -> bool {
        self.links.iter().all(|link| link.callee != place)
    }

    /// All nodes from which one can come to one of these, and these themselves.
    pub(crate) fn above(&self, places: &[usize]) -> Vec<usize> {
        self.reach(places, |link| (link.callee, link.caller))
    }

    /// All nodes to which one can come from these, and these themselves.
    pub(crate) fn below(&self, places: &[usize]) -> Vec<usize> {
        self.reach(places, |link| (link.caller, link.callee))
    }

    fn reach(&self, places: &[usize], ends: impl Fn(&Link) -> (usize, usize)) -> Vec<usize> {
        let mut next: HashMap<usize, Vec<usize>> = HashMap::new();
        for link in &self.links {
            let (from, to) = ends(link);
            next.entry(from).or_default().push(to);
        }
        let (mut found, mut open) = (Vec::new(), places.to_vec());
        let mut seen = vec![false; self.nodes.len()];
        while let Some(place) = open.pop() {
            let Some(seen) = seen.get_mut(place).filter(|seen| !**seen) else { continue };
            *seen = true;
            found.push(place);
            open.extend(next.get(&place).into_iter().flatten());
        }
        found.sort_unstable();
        found
    }
}
