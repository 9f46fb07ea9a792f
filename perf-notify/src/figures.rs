//! The metrics of the outbox, and the rules on them.

use crate::group::Now;
use crate::outbox::{AttemptOutcome, QueueState};
use perf_runtime::Monitor;
use perf_runtime::metric::{Counter, Gauge};
use perf_runtime::rule::{Metric, Rule, RuleSet};
use std::collections::BTreeMap;
use std::time::Duration;

const ATTEMPTS: &str = "notify_attempts_total";
const WAITING: &str = "notify_outbox_messages";
const OLDEST: &str = "notify_outbox_oldest_seconds";
const FAILING: &str = "notify_channel_failing";

/// The label that a channel's own failures have: they are told by other channels.
pub(crate) const CHANNEL: &str = "channel";
/// The rules on channels.
pub(crate) const OWN_RULES: &str = "notify-";

#[derive(Debug)]
pub(crate) struct Figures {
    attempts: BTreeMap<(String, AttemptOutcome), (Counter, u64)>,
    waiting: BTreeMap<String, [Gauge; 3]>,
}

impl Figures {
    /// Registers the metrics of each channel, at zero.
    pub(crate) fn new<'a>(monitor: &Monitor, channels: impl Iterator<Item = &'a str>) -> Self {
        let (mut attempts, mut waiting) = (BTreeMap::new(), BTreeMap::new());
        let metrics = monitor.metrics();
        for channel in channels {
            for outcome in AttemptOutcome::ALL {
                let counter = metrics.counter(ATTEMPTS).label(CHANNEL, channel).label("outcome", outcome.as_str());
                let counter =
                    counter.help("Attempts to send a message, and messages that ended without one.").register();
                attempts.insert((channel.to_owned(), outcome), (counter, 0));
            }
            let gauge = |name: &str, unit: &str, help: &str| {
                let gauge = metrics.gauge(name).label(CHANNEL, channel).unit(unit).help(help).register();
                gauge.set(0.0);
                gauge
            };
            let gauges = [
                gauge(WAITING, "messages", "Messages that wait to be sent."),
                gauge(OLDEST, "seconds", "The age of the oldest message about alerts that waits to be sent."),
                gauge(
                    FAILING,
                    "",
                    "Whether the last attempt to tell of alerts failed, or of a notice where the channel carries notices alone, and none has gone well since: 1 or 0.",
                ),
            ];
            waiting.insert(channel.to_owned(), gauges);
        }
        Self { attempts, waiting }
    }

    pub(crate) fn set(
        &mut self,
        counts: &BTreeMap<(String, AttemptOutcome), u64>,
        states: &BTreeMap<String, QueueState>,
        now: Now,
    ) {
        for (key, count) in counts {
            if let Some((counter, before)) = self.attempts.get_mut(key) {
                counter.add(count.saturating_sub(*before) as f64);
                *before = *count;
            }
        }
        for (channel, state) in states {
            let Some([waiting, oldest, failing]) = self.waiting.get(channel) else { continue };
            waiting.set(state.waiting as f64);
            let age = state.oldest_of_alerts.map(|oldest| oldest.elapsed(now)).unwrap_or_default();
            oldest.set(age.as_secs_f64());
            failing.set(f64::from(u8::from(state.is_trouble)));
        }
    }
}

/// The rules on the outbox: `notify-failing`, where a channel has failed to tell of alerts for a minute, or of a notice where no route leads to it and
/// it carries notices alone, and `notify-late`, where a message about alerts has waited for more than 5 minutes (critical: 30). Each alert is
/// told by other channels than the one that it is about. Other notices that fail or wait make none: they are news that nobody need act on.
pub fn rules() -> RuleSet {
    let rules = [
        Rule::builder("notify-failing")
            .name("A channel of notifications fails")
            .metric(Metric::Gauge(FAILING.to_owned()))
            .warning(0.5)
            .hold_for(Duration::from_secs(60))
            .description("Its receiver does not take messages. The page of notifications says why.")
            .build(),
        Rule::builder("notify-late")
            .name("Notifications wait")
            .metric(Metric::Gauge(OLDEST.to_owned()))
            .warning(300.0)
            .critical(1_800.0)
            .description("Messages are kept and tried again. The page of notifications says why they wait.")
            .build(),
    ];
    let mut all = RuleSet::new();
    // Checked by a test.
    rules.into_iter().flatten().for_each(|rule| all.insert(rule));
    all
}
