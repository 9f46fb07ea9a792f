//! Out: our series to the recorder that an application has installed.
//!
//! Counters go out as deltas, for not every recorder knows absolute values; gauges are set. Handles are asked for anew each
//! time, so a recorder that is installed later receives as well. Samples of histograms are not replayed: the percentiles
//! of the last minute go out as gauges. A push costs some microseconds for each series, of which the recorder takes most;
//! for one that was called within the last minute its percentiles cost as much again, so a ticker gives them only every
//! ten seconds: sooner than anybody scrapes.

use crate::collect::entry::Entry;
use crate::collect::families::Part;
use crate::collect::model::{Histogram, SampleLabels};
use crate::collect::number::Number;
use crate::collect::read::{Show, View};
use crate::collect::snapshot::Snapshot;
use crate::measure::clock::Moment;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::observe::history::window::Window;
use crate::observe::metrics::known as names;
use crate::observe::query::summary::SeriesSummary;
use crate::observe::series::entry::Series;
use crate::observe::series::registry::Registry;
use metrics::{Key, Label, Level, Metadata, Recorder, Unit};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// The figures of a series that go out as gauges, in seconds: what is behind the histogram's name.
const FIGURES: [&str; 4] = ["_p50", "_p90", "_p99", "_max"];
const METADATA: Metadata<'_> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// The values that were pushed already.
#[derive(Debug, Default)]
pub(crate) struct Pushed {
    /// All series, as they were read for the last push: not that of scrapes, for a recorder may ask for one.
    snapshot: Snapshot,
    /// When percentiles were last pushed.
    figures: Option<Moment>,
    /// By the address of the series, which stay where they are as long as their registry lives.
    series: HashMap<usize, Sent>,
    /// The gauges of kinds that have parts.
    wholes: BTreeMap<(Kind, String), Key>,
    overflowed: HashMap<Key, u64>,
}

/// The values of one series that were pushed.
#[derive(Debug)]
struct Sent {
    finished: [u64; Outcome::ALL.len()],
    /// When a push last found that calls had ended; `None` once its percentiles were withdrawn.
    active: Option<Moment>,
    counters: [Key; Outcome::ALL.len()],
    /// None for a series of calls that have ended: their late labels are known.
    in_flight: Option<Key>,
    figures: [Key; FIGURES.len()],
}

impl Pushed {
    /// Pushes what happened since the last push; percentiles where the last were pushed so long ago.
    pub(crate) fn push(
        &mut self,
        registry: &Registry,
        prefix: &str,
        recorder: &dyn Recorder,
        now: Moment,
        figures_every: Duration,
    ) {
        let with_figures = self.figures.is_none_or(|last| now.since(last) >= figures_every);
        if with_figures {
            self.figures = Some(now);
        }
        let Self { snapshot, series, wholes, .. } = self;
        snapshot.read(registry.all());
        let view = View::of_calls(snapshot);
        for kind in Kind::ALL {
            let entries = view.entries(kind);
            if !entries.is_empty() {
                describe(kind, prefix, recorder);
            }
            for entry in entries {
                let sent = series.entry(Arc::as_ptr(&entry.series).addr());
                sent.or_insert_with(|| Sent::new(&entry.series, prefix)).push(entry, recorder, now, with_figures);
            }
            if kind.family().parts.is_some() {
                view.samples(Part::InFlight(kind), &mut Wholes { kind, known: wholes, prefix, recorder });
            }
        }
        self.push_overflow(registry, prefix, recorder);
    }

    fn push_overflow(&mut self, registry: &Registry, prefix: &str, recorder: &dyn Recorder) {
        for (kind, label, count) in registry.overflowed() {
            let metric = format!("{prefix}{}", kind.family().counter);
            let labels = vec![Label::new("metric", metric), Label::new("label", label)];
            let key = Key::from_parts(format!("{prefix}{}", names::PERF_LABEL_OVERFLOW_TOTAL), labels);
            let sent = self.overflowed.entry(key.clone()).or_default();
            recorder.register_counter(&key, &METADATA).increment(count - *sent);
            *sent = count;
        }
    }
}

/// Pushes calls in flight of a kind that has parts: of what is not measured as a whole, its parts.
struct Wholes<'a> {
    kind: Kind,
    known: &'a mut BTreeMap<(Kind, String), Key>,
    prefix: &'a str,
    recorder: &'a dyn Recorder,
}

impl Show for Wholes<'_> {
    fn number(&mut self, labels: &SampleLabels<'_>, in_flight: Number<'_>) {
        let Some((label, value)) = labels.iter().next() else { return };
        let name = || format!("{}{}", self.prefix, self.kind.family().in_flight);
        let make = || Key::from_parts(name(), vec![Label::new(label.to_owned(), value.to_owned())]);
        let key = self.known.entry((self.kind, value.to_owned())).or_insert_with(make);
        self.recorder.register_gauge(key, &METADATA).set(in_flight.as_f64());
    }

    fn histogram(&mut self, _: &SampleLabels<'_>, _: &Histogram<'_>) {}
}

impl Sent {
    fn new(series: &Series, prefix: &str) -> Self {
        let kind = series.identity.kind;
        let family = kind.family();
        let pairs: Vec<(&str, &str)> = series.identity.pairs().collect();
        let key = |name: String, keep: &dyn Fn(&str) -> bool, outcome: Option<Outcome>| {
            let label = |&(name, value): &(&str, &str)| Label::new(name.to_owned(), value.to_owned());
            let outcome = outcome.map(|outcome| Label::new("outcome", outcome.as_str()));
            let labels = pairs.iter().filter(|(name, _)| keep(name)).map(label).chain(outcome);
            Key::from_parts(format!("{prefix}{name}"), labels.collect::<Vec<_>>())
        };
        let is_open = pairs.iter().all(|(name, value)| !kind.is_late(name) || value.is_empty());
        let has_in_flight = family.parts.is_none() && is_open;
        Self {
            finished: [0; Outcome::ALL.len()],
            active: None,
            counters: Outcome::ALL.map(|outcome| key(family.counter.to_owned(), &|_| true, Some(outcome))),
            in_flight: has_in_flight.then(|| key(family.in_flight.to_owned(), &|name| !kind.is_late(name), None)),
            figures: FIGURES.map(|figure| key(format!("{}{figure}", family.histogram), &|_| true, None)),
        }
    }

    fn push(&mut self, entry: &Entry, recorder: &dyn Recorder, now: Moment, with_figures: bool) {
        let Entry { series, numbers, .. } = entry;
        let is_shown_at_zero = !entry.kind().has_late_labels();
        for ((key, count), sent) in self.counters.iter().zip(numbers.finished).zip(&mut self.finished) {
            // Counted by zero, a counter is there before its first call.
            if count > *sent || (count == 0 && is_shown_at_zero) {
                recorder.register_counter(key, &METADATA).increment(count.saturating_sub(*sent));
                self.active = if count > *sent { Some(now) } else { self.active };
                *sent = count;
            }
        }
        if let Some(key) = &self.in_flight {
            recorder.register_gauge(key, &METADATA).set(numbers.in_flight as f64);
        }
        if let Some(active) = self.active.filter(|_| with_figures) {
            self.push_figures(series, recorder, now);
            // With the last call gone from the window, they are withdrawn: there is nothing that they could say.
            self.active = Some(active).filter(|&active| now.since(active) <= Window::LastMinute.duration());
        }
    }

    fn push_figures(&self, series: &Series, recorder: &dyn Recorder, now: Moment) {
        let summary = SeriesSummary::live(series, Window::LastMinute, now);
        let figures = [summary.p50, summary.p90, summary.p99, summary.max];
        for (key, figure) in self.figures.iter().zip(figures) {
            recorder.register_gauge(key, &METADATA).set(figure.unwrap_or(f64::NAN));
        }
    }
}

fn describe(kind: Kind, prefix: &str, recorder: &dyn Recorder) {
    let (family, name) = (kind.family(), |name: &str| format!("{prefix}{name}").into());
    recorder.describe_counter(
        name(family.counter),
        Some(Unit::Count),
        format!("{}, by outcome: those that ended.", family.plural).into(),
    );
    recorder.describe_gauge(
        name(family.in_flight),
        Some(Unit::Count),
        format!("{}: those that have started and not ended.", family.plural).into(),
    );
    for figure in FIGURES {
        recorder.describe_gauge(
            name(&format!("{}{figure}", family.histogram)),
            Some(Unit::Seconds),
            format!("{}: duration in seconds over the last minute.", family.plural).into(),
        );
    }
}
