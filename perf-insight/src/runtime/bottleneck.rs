//! Bottlenecks: things that take the most time, or are used up, with an impact from 0 to 100, and what could be gained.

use super::words;
use perf_runtime::metric::{MetricKind, names};
use perf_runtime::series::{Selector, SeriesId, SeriesSummary, TimeRange};
use perf_runtime::{Kind, Monitor, Window};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;

/// The most that are told.
const MOST: usize = 20;
/// The shares of processors and memory from which they are one, of B11.
const CPU: f64 = 0.9;
const MEMORY: f64 = 0.85;
/// The mean duration in seconds from which a query is one, and from which an agent is.
const QUERY: f64 = 1.0;
const AGENT: f64 = 2.0;
/// The frames a second below which a page is one.
const FRAMES: f64 = 30.0;
/// The impact of what is just beyond one of these thresholds, and of what is twice beyond.
const FLOOR: (f64, f64) = (60.0, 80.0);
/// How much slower than in its good minutes a series must be, for its own time to be a gain: as a share.
const SLOWER: f64 = 0.25;
/// The fewest minutes with calls that tell what is usual, and the fewest calls that are judged.
const GOOD_MINUTES: usize = 5;
const FEWEST_CALLS: u64 = 20;

/// The sort of a bottleneck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BottleneckKind {
    /// The processors are in use to more than 90 %.
    Processor,
    /// Memory is in use to more than 85 %.
    Memory,
    /// A database operation takes more than a second on average.
    Query,
    /// An agent takes more than two seconds on average.
    Agent,
    /// A page draws fewer than 30 frames a second.
    Frames,
    /// A series takes longer than in its good minutes.
    Slower,
}

/// Something that holds the process up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bottleneck {
    /// Its sort.
    pub kind: BottleneckKind,
    /// How much it matters, 0 to 100: for a series, the share of its callers' time that would be gained; what is beyond a threshold of
    /// its sort has at least 60.
    pub impact: f64,
    /// Its name, such as `select on points`.
    pub component: String,
    /// The series, where it is one.
    pub series: Option<SeriesId>,
    /// The value: a share, seconds, or frames a second.
    pub value: f64,
    /// The threshold; for a series that is slower, its usual duration.
    pub threshold: f64,
    /// How many times as long as usual it takes, where that is known.
    pub slowdown: Option<f64>,
    /// The median of its durations over the same minutes, in seconds.
    pub median: Option<f64>,
    /// The 90th percentile of them.
    pub p90: Option<f64>,
    /// The evidence, one sentence each.
    pub evidence: Vec<String>,
    /// The gain, in one sentence, where it can be told.
    pub gain: Option<String>,
    /// Things that one could do.
    pub suggestions: Vec<String>,
}

/// The bottlenecks that were found, and what could be looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bottlenecks {
    /// The series whose usual duration is known, so that they would be told if they took longer. While it is 0, no bottleneck
    /// means only that nothing is beyond a fixed threshold.
    pub compared: usize,
    /// The bottlenecks, the one with the greatest impact first; 20 at most.
    pub bottlenecks: Vec<Bottleneck>,
}

/// The bottlenecks of the last five minutes, and those that only the last minute shows. Reads every series, some microseconds
/// each.
pub fn bottlenecks(monitor: &Monitor) -> Bottlenecks {
    let mut all = resources(monitor);
    let usual = usual(monitor);
    for window in [Window::Last5Minutes, Window::LastMinute] {
        let summary = monitor.summary(window);
        let mut callers = Callers::new(monitor, window);
        for series in summary.series.iter().filter(|series| series.count > 0 && series.is_timed()) {
            let Some(found) = of_series(&mut callers, series, &usual) else { continue };
            match all.iter_mut().find(|other| other.series == found.series) {
                Some(other) if found.impact > other.impact => *other = found,
                Some(_) => {}
                None => all.push(found),
            }
        }
    }
    all.sort_by(|one, other| other.impact.total_cmp(&one.impact).then_with(|| one.component.cmp(&other.component)));
    all.truncate(MOST);
    Bottlenecks { compared: usual.len(), bottlenecks: all }
}

/// The median of each series' good minutes of the last hour: of the faster half of them.
fn usual(monitor: &Monitor) -> HashMap<SeriesId, f64> {
    let hour = TimeRange::last(Duration::from_secs(3480)).with_step(Duration::from_secs(60));
    let tracks = monitor.tracks(&Selector::calls().joined(), hour).series.into_iter();
    let usual = tracks.filter_map(|track| {
        let mut means: Vec<f64> = track.points.iter().filter_map(|point| point.mean).collect();
        means.sort_by(f64::total_cmp);
        let good = means.get(means.len() / 4).copied().filter(|_| means.len() >= GOOD_MINUTES)?;
        Some((track.id, good))
    });
    usual.collect()
}

/// The callers of series over a window, read once something is slower: the whole tree of calls is, for one as for all.
struct Callers<'a> {
    monitor: &'a Monitor,
    window: Window,
    /// The callers of each series, with the calls that they made.
    all: Option<HashMap<SeriesId, Vec<(SeriesId, f64)>>>,
    /// The calls of a series that were looked at, and their seconds.
    whole: HashMap<SeriesId, Option<(f64, f64)>>,
}

impl<'a> Callers<'a> {
    fn new(monitor: &'a Monitor, window: Window) -> Self {
        Self { monitor, window, all: None, whole: HashMap::new() }
    }

    fn of(&mut self, id: &SeriesId) -> Vec<(SeriesId, f64)> {
        let all = self.all.get_or_insert_with(|| {
            let mut all: HashMap<SeriesId, Vec<(SeriesId, f64)>> = HashMap::new();
            for edge in self.monitor.edges(self.window) {
                all.entry(edge.child).or_default().push((edge.parent, edge.calls as f64));
            }
            all
        });
        all.get(id).cloned().unwrap_or_default()
    }

    fn whole(&mut self, id: &SeriesId) -> Option<(f64, f64)> {
        let read = || {
            let tracks = self.monitor.tracks(&Selector::from(id).joined(), TimeRange::from(self.window));
            let track = tracks.series.iter().find(|track| track.id == *id)?;
            Some((track.whole.count? as f64, track.whole.sum?))
        };
        *self.whole.entry(id.clone()).or_insert_with(read)
    }
}

fn of_series(callers: &mut Callers<'_>, series: &SeriesSummary, usual: &HashMap<SeriesId, f64>) -> Option<Bottleneck> {
    let mean = series.mean?;
    let id = SeriesId { kind: series.kind, labels: series.labels.clone() }.without_late_labels();
    let name = words::series(&id);
    let good = usual.get(&id).copied();
    let slowdown = good.filter(|good| *good > 0.0).map(|good| mean / good);
    let limit = match series.kind {
        Kind::DbOperation => Some((BottleneckKind::Query, QUERY)),
        Kind::Agent => Some((BottleneckKind::Agent, AGENT)),
        _ => None,
    };
    let beyond = limit.filter(|(_, limit)| mean > *limit);
    let gained = good.filter(|good| mean > good * (1.0 + SLOWER) && series.count >= FEWEST_CALLS).and_then(|good| {
        // Its own time, and no call's inside it.
        let own = if series.count > 0 { series.self_seconds / series.count as f64 } else { 0.0 };
        let saved = (mean - good).min(own) * series.count as f64;
        gain(callers, &id, saved, good)
    });
    let (kind, threshold) = match (beyond, &gained, good) {
        (Some(beyond), ..) => beyond,
        (None, Some(_), Some(good)) => (BottleneckKind::Slower, good),
        _ => return None,
    };
    let floor = beyond.map_or(0.0, |(_, limit)| at_least(mean / limit));
    let impact = gained.as_ref().map_or(floor, |gained| floor.max(gained.impact)).clamp(0.0, 100.0);
    let over = if callers.window == Window::LastMinute { "the last minute" } else { "five minutes" };
    let mut evidence = vec![format!("{} on average over {over}, {} calls", words::duration(mean), series.count)];
    if let Some((good, times)) = good.zip(slowdown) {
        evidence.push(format!("{times:.1} times the {} of its good minutes", words::duration(good)));
    }
    let suggestions = suggestions(series, &name);
    Some(Bottleneck {
        kind,
        impact,
        component: name,
        series: Some(id),
        value: mean,
        threshold,
        slowdown,
        median: series.p50,
        p90: series.p90,
        evidence,
        gain: gained.map(|gained| gained.words),
        suggestions,
    })
}

struct Gain {
    impact: f64,
    words: String,
}

/// The share of the time of the callers' roots that would be saved: of the one that would gain the most.
fn gain(callers: &mut Callers<'_>, id: &SeriesId, saved: f64, good: f64) -> Option<Gain> {
    let name = words::series(id);
    let above = callers.of(id);
    if above.is_empty() {
        let (count, seconds) = callers.whole(id)?;
        let (share, mean) = ((saved / seconds).clamp(0.0, 1.0), seconds / count.max(1.0));
        let words = format!(
            "As fast as in its good minutes, {name} would take {} instead of {}",
            words::duration(good),
            words::duration(mean)
        );
        return Some(Gain { impact: 100.0 * share, words });
    }
    let calls: f64 = above.iter().map(|(_, calls)| calls).sum();
    let best = above.iter().take(50).filter_map(|(caller, own)| {
        let (count, seconds) = callers.whole(caller)?;
        let share = (saved * own / calls.max(1.0) / seconds.max(1e-9)).clamp(0.0, 1.0);
        Some((share, seconds / count.max(1.0), caller))
    });
    let (share, mean, caller) = best.max_by(|one, other| one.0.total_cmp(&other.0))?;
    let words = format!(
        "Were {name} as fast as in its good minutes, {} would take {} on average instead of {} (-{})",
        words::series(caller),
        words::duration(mean * (1.0 - share)),
        words::duration(mean),
        words::share(share)
    );
    Some(Gain { impact: 100.0 * share, words })
}

fn suggestions(series: &SeriesSummary, name: &str) -> Vec<String> {
    let busy = series.busy_share.unwrap_or(0.0);
    let mut all = match series.kind {
        Kind::DbOperation => vec![
            format!("Look at the plan of {name}: is there an index for it?"),
            format!("Ask for fewer rows in {name}, or keep its answer in a cache"),
        ],
        Kind::Agent => vec![format!("Look at the calls inside {name}: do its tools and models wait for each other?")],
        Kind::ExternalCall | Kind::McpCall => {
            vec![format!("Give {name} a timeout, or call it at the same time as others")]
        }
        _ => vec![format!("Look at what {name} waits for: its page shows the calls inside it")],
    };
    if busy > 0.5 {
        all.push(format!("{name} computes most of its time: profile it, or move it off the executor"));
    }
    all
}

/// The processors, memory and the frames of pages.
fn resources(monitor: &Monitor) -> Vec<Bottleneck> {
    let mut all = Vec::new();
    let cpu = latest(monitor, names::SYSTEM_CPU_UTILIZATION_RATIO);
    for (value, _) in cpu.into_iter().filter(|(value, _)| *value > CPU) {
        let own = latest(monitor, names::PROCESS_CPU_UTILIZATION_RATIO).first().map(|(own, _)| *own);
        let said = own
            .map(|own| format!("this process {}, others {}", words::share(own), words::share((value - own).max(0.0))));
        let advice = if own.is_some_and(|own| own < value / 2.0) {
            "Look at what else runs on this host"
        } else {
            "Do less at once, or find what computes the most by the time that series are busy"
        };
        all.push(resource(BottleneckKind::Processor, "processors", (value, CPU, value / CPU), said, advice));
    }
    for (value, _) in
        latest(monitor, names::SYSTEM_MEMORY_UTILIZATION_RATIO).into_iter().filter(|(value, _)| *value > MEMORY)
    {
        let own = latest(monitor, names::PROCESS_MEMORY_USAGE_BYTES).first().map(|(own, _)| *own);
        let said = own.map(|own| format!("this process has {}", words::bytes(own)));
        let advice = "Bound caches and queues, or keep less of the past";
        all.push(resource(BottleneckKind::Memory, "memory", (value, MEMORY, value / MEMORY), said, advice));
    }
    for (value, page) in latest(monitor, names::UI_FRAMES_PER_SECOND).into_iter().filter(|(value, _)| *value < FRAMES) {
        let advice = format!("Draw the page {page} less often, or less of it at once");
        let figures = (value, FRAMES, FRAMES / value.max(1.0));
        all.push(resource(BottleneckKind::Frames, &format!("page {page}"), figures, None, &advice));
    }
    all
}

/// The last values of a gauge's series, and the first label of each.
fn latest(monitor: &Monitor, name: &str) -> Vec<(f64, String)> {
    let tracks = monitor.tracks(&Selector::metric(name), TimeRange::from(Window::LastMinute)).metrics;
    let gauges = tracks.into_iter().filter(|track| track.kind == MetricKind::Gauge);
    let value = |track: perf_runtime::series::MetricSeriesTrack| {
        let label = track.labels.first().map(|(_, value)| value.clone()).unwrap_or_default();
        track.points.iter().rev().find_map(|point| point.value).map(|value| (value, label))
    };
    gauges.filter_map(value).collect()
}

fn resource(
    kind: BottleneckKind,
    component: &str,
    figures: (f64, f64, f64),
    said: Option<String>,
    advice: &str,
) -> Bottleneck {
    let (value, threshold, times) = figures;
    let impact = at_least(times).max(if kind == BottleneckKind::Frames { 0.0 } else { 100.0 * value }).min(100.0);
    let shown = |value: f64| {
        if kind == BottleneckKind::Frames { format!("{value:.0} frames a second") } else { words::share(value) }
    };
    let mut evidence = vec![format!("{}; the limit is {}", shown(value), shown(threshold))];
    evidence.extend(said);
    Bottleneck {
        kind,
        impact,
        component: component.to_owned(),
        series: None,
        value,
        threshold,
        slowdown: None,
        median: None,
        p90: None,
        evidence,
        gain: None,
        suggestions: vec![advice.to_owned()],
    }
}

/// The impact of what is so many times beyond its threshold: 60 at it, 80 at twice, and never more than 100.
fn at_least(times: f64) -> f64 {
    (FLOOR.0 + (FLOOR.1 - FLOOR.0) * (times - 1.0).max(0.0)).min(100.0)
}
