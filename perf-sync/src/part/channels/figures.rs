//! The metrics of channels, and the rules on them.

use super::full::Full;
use super::look::{Channels, Look};
use crate::channel::existing::Existing;
use crate::channel::instance::Stalls;
use crate::part::figures::SHOWN_FROM;
use crate::part::histograms::Histograms;
use crate::part::names::Names;
use crate::part::times::seconds;
use perf_runtime::Monitor;
use perf_runtime::health::Resource;
use perf_runtime::metric::{SampledMetric, Samples};
use perf_runtime::rule::{Metric, Rule};
use std::sync::{Arc, Mutex};

pub(in crate::part) const SEND_WAIT: &str = "channel_send_wait_seconds";
pub(in crate::part) const QUEUE: &str = "channel_queue_seconds";
const LONGEST: &str = "channel_longest_send_wait_seconds";
const FULL: &str = "channel_full_seconds";
const STOPPED: &str = "channel_stopped_seconds";
const NOBODY: &str = "nobody yet";

const SENDS: SampledMetric = SampledMetric::counter(
    "channel_sends_total",
    "",
    "Attempts to send into a channel that ended, by their outcome; permits that were given back are unused.",
);
const RECEIVED: SampledMetric = SampledMetric::counter(
    "channel_received_total",
    "",
    "Messages that were received; of a broadcast by all receivers together, of a watch new values that were seen.",
);
const LOST: SampledMetric =
    SampledMetric::counter("channel_lost_total", "", "Messages that were sent and that nobody received.");
const LAGGED: SampledMetric = SampledMetric::counter(
    "channel_lagged_total",
    "",
    "Messages of a broadcast that a receiver was too late for, of all receivers together.",
);
const QUEUED: SampledMetric = SampledMetric::gauge("channel_queued", "", "Messages in channels now.");
const PEAK: SampledMetric = SampledMetric::gauge(
    "channel_queued_peak",
    "",
    "The most messages that one channel had in the last one or two minutes, as far as a receive found them; absent where none did.",
);
const CAPACITY: SampledMetric =
    SampledMetric::gauge("channel_capacity", "", "Messages that there is room for in the channels that are there.");
const CHANNELS: SampledMetric =
    SampledMetric::gauge("channel_instances", "", "Channels that are there and have a receiver.");
const RESERVED: SampledMetric = SampledMetric::gauge("channel_permits_in_use", "", "Permits to send that are out.");
const WAITERS: SampledMetric =
    SampledMetric::gauge("channel_send_waiters", "", "Attempts to send that wait for room now.");
const LONGEST_WAIT: SampledMetric = SampledMetric::gauge(
    LONGEST,
    "seconds",
    "For how long the oldest attempt to send has waited for room in a channel that has a receiver, where it is a second or more.",
);
const WAITED_FOR: SampledMetric = SampledMetric::gauge(
    "channel_send_waited_for_seconds",
    "seconds",
    "The same by the call that received last from the channel.",
);
const FULL_FOR: SampledMetric = SampledMetric::gauge(
    FULL,
    "seconds",
    "For how long there was no room in a channel: an attempt has waited so long, or the channel was full at each look and attempts were refused; where it is a second or more.",
);
const EXISTING_FULL_FOR: SampledMetric = SampledMetric::gauge(
    "channel_existing_full_seconds",
    "seconds",
    "For how long all existing channels of the name were full at each look, whether somebody waits or not; where it is a second or more.",
);
const STOPPED_FOR: SampledMetric = SampledMetric::gauge(
    STOPPED,
    "seconds",
    "For how long a channel has had messages and a receiver, and nothing was received, where it is a second or more.",
);

/// Shows the series as metrics, at each tick.
pub(in crate::part) struct Figures {
    histograms: Arc<Histograms>,
    stalls: Arc<Mutex<Stalls>>,
    full: Full,
}

impl Figures {
    pub(in crate::part) fn new(histograms: Arc<Histograms>, stalls: Arc<Mutex<Stalls>>) -> Self {
        Self { histograms, stalls, full: Full::default() }
    }

    pub(in crate::part) fn show(&mut self, samples: &mut Samples<'_>, observed_from: u64) {
        let monitor = samples.monitor().clone();
        let look = Look::take(&monitor, observed_from, false, &self.stalls);
        for all in &look.channels {
            let text = all.number.name().text();
            let labels = [("channel", &*text), ("kind", all.kind.as_str())];
            counts(samples, all, labels);
            ages(samples, &look.names, all, labels);
            no_room(samples, &look.names, all, labels, self.full.refusing_since(all, look.names.now));
            self.times(&monitor, all, labels);
        }
        let full = self.full.existing_since(&look.existing, look.names.now);
        for (&Existing { name, kind, channels, queued, capacity }, full_since) in look.existing.iter().zip(full) {
            let text = name.text();
            let labels = [("channel", &*text), ("kind", kind)];
            samples.put(&QUEUED, &labels, queued as f64);
            samples.put(&CHANNELS, &labels, channels as f64);
            samples.put(&CAPACITY, &labels, capacity.map(|capacity| capacity as f64));
            let full_for = full_since.map(|since| look.names.observed_age(since)).filter(|age| *age >= SHOWN_FROM);
            samples.put(&EXISTING_FULL_FOR, &labels, full_for.map(seconds));
        }
    }

    fn times(&self, monitor: &Monitor, all: &Channels, labels: [(&str, &str); 2]) {
        let Channels { number, kind, reading, .. } = all;
        if kind.is_timed() {
            let help = "How long messages were in a channel until they were received.";
            self.histograms.add(monitor, (QUEUE, help), *number, labels, (&reading.received, 0));
        }
        if kind.is_bounded() {
            let help = "How long room in a channel was waited for, of those that got it after a wait.";
            self.histograms.add(monitor, (SEND_WAIT, help), *number, labels, (&reading.waited, 0));
        }
    }
}

fn counts(samples: &mut Samples<'_>, all: &Channels, labels: [(&str, &str); 2]) {
    let Channels { kind, reading, group, .. } = all;
    let both = [("sent", reading.sent), ("closed", reading.closed)];
    let of_bounded = [
        ("full", reading.full),
        ("timed_out", reading.timed_out),
        ("cancelled", reading.cancelled),
        ("unused", reading.unused),
    ];
    let of_bounded = of_bounded.into_iter().filter(|_| kind.is_bounded());
    for (outcome, count) in both.into_iter().chain(of_bounded) {
        let [of_channel, of_kind] = labels;
        samples.put(&SENDS, &[of_channel, of_kind, ("outcome", outcome)], count as f64);
    }
    samples.put(&RECEIVED, &labels, reading.received.count() as f64);
    if kind.queues() {
        samples.put(&LOST, &labels, reading.lost as f64);
        samples.put(&QUEUED, &labels, reading.queued as f64);
    }
    if kind.lags() {
        samples.put(&LAGGED, &labels, reading.lagged as f64);
    }
    if kind.is_looked_at() {
        samples.put(&CHANNELS, &labels, group.channels as f64);
        samples.put(&PEAK, &labels, group.peak.map(|peak| peak as f64));
    }
    if kind.is_bounded() {
        samples.put(&CAPACITY, &labels, group.capacity as f64);
        samples.put(&RESERVED, &labels, reading.reserved as f64);
        samples.put(&WAITERS, &labels, reading.waiting as f64);
    }
}

/// Shows old waits and, as a series of its own, the call that is to be asked; and a channel that has stopped.
fn ages(samples: &mut Samples<'_>, names: &Names, all: &Channels, labels: [(&str, &str); 2]) {
    let oldest = all.oldest().map(|sender| (names.observed_age(sender.waiter.since), sender.by));
    if let Some((age, by)) = oldest.filter(|(age, _)| *age >= SHOWN_FROM) {
        let by = by.map_or_else(|| NOBODY.to_owned(), |by| names.caller(by));
        samples.put(&LONGEST_WAIT, &labels, seconds(age));
        let waiting = all.oldest().map(|sender| names.caller(sender.waiter.owner.series()));
        let waiting = waiting.map(|waiting| format!("{waiting} waits for room, ")).unwrap_or_default();
        samples.note(&LONGEST_WAIT, &labels, &format!("{waiting}received last by {by}"));
        let [of_channel, of_kind] = labels;
        samples.put(&WAITED_FOR, &[of_channel, of_kind, ("receiver", &by)], seconds(age));
    }
    let stopped = all.group.stopped.map(|(since, by)| (names.observed_age(since), by));
    if let Some((age, by)) = stopped.filter(|(age, _)| *age >= SHOWN_FROM) {
        let by = by.map_or_else(|| NOBODY.to_owned(), |by| names.caller(by));
        samples.put(&STOPPED_FOR, &labels, seconds(age));
        samples.note(&STOPPED_FOR, &labels, &format!("received last by {by}"));
    }
}

/// Shows for how long there was no room, for those that wait or for those that were refused, whichever is longer.
fn no_room(
    samples: &mut Samples<'_>,
    names: &Names,
    all: &Channels,
    labels: [(&str, &str); 2],
    refusing_since: Option<u64>,
) {
    let oldest = all.oldest().map(|sender| (names.observed_age(sender.waiter.since), sender));
    let oldest = oldest.filter(|(age, _)| *age >= SHOWN_FROM);
    let refused_for = refusing_since.map(|since| names.observed_age(since)).filter(|age| *age >= SHOWN_FROM);
    let Some(age) = refused_for.max(oldest.map(|(age, _)| age)) else { return };
    let (told, by) = match (oldest, all.group.stopped) {
        (Some((_, sender)), _) => {
            (format!("{} waits for room", names.caller(sender.waiter.owner.series())), Some(sender.by))
        }
        (None, stopped) => {
            ("full at each look, and attempts to send were refused".to_owned(), stopped.map(|(_, by)| by))
        }
    };
    let by = by.map(|by| by.map_or_else(|| NOBODY.to_owned(), |by| names.caller(by)));
    let by = by.map(|by| format!(", received last by {by}")).unwrap_or_default();
    samples.put(&FULL_FOR, &labels, seconds(age));
    samples.note(&FULL_FOR, &labels, &format!("{told}{by}"));
}

/// The rules on channels.
pub(in crate::part) fn rules() -> impl Iterator<Item = Rule> {
    let rules = [
        Rule::builder("channel-full")
            .name("Senders find no room in a channel")
            .metric(Metric::Gauge(FULL.to_owned()))
            .warning(5.0)
            .critical(30.0)
            .description(
                "One waits for room, or the channel stays full and refuses (`try_send`, a time that was over). The page of channels names the calls that wait and the one that received last; so does the label `receiver` of channel_send_waited_for_seconds.",
            )
            .build(),
        Rule::builder("channel-stopped")
            .name("Nothing is received from a channel that has messages")
            .metric(Metric::Gauge(STOPPED.to_owned()))
            .warning(30.0)
            .critical(300.0)
            .description(
                "The receiver is there and takes nothing. The page of channels names the call that received last.",
            )
            .build(),
    ];
    // Checked by a test.
    rules.into_iter().flatten()
}

/// The indicator of the health.
pub(in crate::part) fn resource() -> Resource {
    Resource::new("channels", FULL)
        .limits(5.0, 30.0)
        .hint("Look at the call that receives from the channel: the page of channels names the one that did last")
}
