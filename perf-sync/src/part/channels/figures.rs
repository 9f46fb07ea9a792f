//! The metrics of channels, and the rules on them.

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
const STOPPED: &str = "channel_stopped_seconds";

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
const STOPPED_FOR: SampledMetric = SampledMetric::gauge(
    STOPPED,
    "seconds",
    "For how long a channel has had messages and a receiver, and nothing was received, where it is a second or more.",
);

/// Shows the series as metrics, at each tick.
pub(in crate::part) struct Figures {
    histograms: Arc<Histograms>,
    stalls: Arc<Mutex<Stalls>>,
}

impl Figures {
    pub(in crate::part) fn new(histograms: Arc<Histograms>, stalls: Arc<Mutex<Stalls>>) -> Self {
        Self { histograms, stalls }
    }

    pub(in crate::part) fn show(&self, samples: &mut Samples<'_>, observed_from: u64) {
        let monitor = samples.monitor().clone();
        let look = Look::take(&monitor, observed_from, false, &self.stalls);
        for all in &look.channels {
            let text = all.number.name().text();
            let labels = [("channel", &*text), ("kind", all.kind.as_str())];
            counts(samples, all, labels);
            ages(samples, &look.names, all, labels);
            self.times(&monitor, all, labels);
        }
        for &Existing { name, kind, channels, queued, capacity } in &look.existing {
            let text = name.text();
            let labels = [("channel", &*text), ("kind", kind)];
            samples.put(&QUEUED, &labels, queued as f64);
            samples.put(&CHANNELS, &labels, channels as f64);
            samples.put(&CAPACITY, &labels, capacity.map(|capacity| capacity as f64));
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
        let by = by.map_or_else(|| "nobody yet".to_owned(), |by| names.caller(by));
        samples.put(&LONGEST_WAIT, &labels, seconds(age));
        let waiting = all.oldest().map(|sender| names.caller(sender.waiter.owner.series()));
        let waiting = waiting.map(|waiting| format!("{waiting} waits for room, ")).unwrap_or_default();
        samples.note(&LONGEST_WAIT, &labels, &format!("{waiting}received last by {by}"));
        let [of_channel, of_kind] = labels;
        samples.put(&WAITED_FOR, &[of_channel, of_kind, ("receiver", &by)], seconds(age));
    }
    let stopped = all.group.stopped.map(|(since, by)| (names.observed_age(since), by));
    if let Some((age, by)) = stopped.filter(|(age, _)| *age >= SHOWN_FROM) {
        let by = by.map_or_else(|| "nobody yet".to_owned(), |by| names.caller(by));
        samples.put(&STOPPED_FOR, &labels, seconds(age));
        samples.note(&STOPPED_FOR, &labels, &format!("received last by {by}"));
    }
}

/// The rules on channels.
pub(in crate::part) fn rules() -> impl Iterator<Item = Rule> {
    let rules = [
        Rule::builder("channel-full")
            .name("Senders wait for room in a channel")
            .metric(Metric::Gauge(LONGEST.to_owned()))
            .warning(5.0)
            .critical(30.0)
            .description(
                "The page of channels names the calls that wait and the one that received last; so does the label `receiver` of channel_send_waited_for_seconds.",
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
    Resource::new("channels", LONGEST)
        .limits(5.0, 30.0)
        .hint("Look at the call that receives from the channel: the page of channels names the one that did last")
}
