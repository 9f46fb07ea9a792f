//! From an alert to the trace of a call.

use super::Alerts;
use crate::judge::alerts::alert::Alert;
use crate::judge::rule::condition::Threshold;
use crate::judge::rule::definition::Rule;
use crate::judge::rule::metric::Metric;
use crate::judge::rule::statistic::Statistic;
use crate::measure::cells::exemplar::Exemplar;
use crate::measure::model::outcome::Outcome;
use crate::observe::series::entry::Series;
use crate::observe::series::series_id::SeriesId;
use std::time::{SystemTime, UNIX_EPOCH};

/// The calls that show what an alert is about.
struct Wanted {
    outcomes: &'static [Outcome],
    /// The slowest of them, and not the newest.
    is_slowest: bool,
    /// None that took less.
    least_nanos: u64,
    /// None that ended earlier.
    since: SystemTime,
}

impl Alerts {
    /// The id of the trace of a call that shows what an alert is about, as [`trace_id_of`](crate::MonitorBuilder::trace_id_of) gave it:
    /// of a rule on durations the slowest call that is known, beyond the threshold where that is a duration; of one on errors or on
    /// cancelled calls the newest of these. Only of calls that ended since the alert began, or within the rule's window before.
    /// `None` for other rules, and where no such call is known.
    ///
    /// Looks at the exemplars of every series that the alert is about: some microseconds each.
    pub fn trace_of(&self, alert: &Alert) -> Option<String> {
        let rule = self.inner.alerts().rule(&alert.rule)?;
        let wanted = Wanted::of(&rule, alert)?;
        let about: SeriesId = alert.series.parse().ok()?;
        let is_meant = |series: &Series| {
            let labels = series.labels();
            series.identity.kind == about.kind
                && about.labels.pairs().all(|(name, value)| labels.get(name) == Some(value))
                && rule.signal.term.admits(&labels)
        };
        let mut found: Option<Exemplar> = None;
        for series in self.inner.registry.all().iter().filter(|series| is_meant(series.as_ref())) {
            for outcome in wanted.outcomes {
                series.for_each_meter(|meter| {
                    meter.exemplars.read(*outcome, |exemplar| {
                        if wanted.is_better(exemplar, found.as_ref()) {
                            found = Some(exemplar.clone());
                        }
                    });
                });
            }
        }
        found.map(|exemplar| exemplar.trace_id)
    }
}

impl Wanted {
    fn of(rule: &Rule, alert: &Alert) -> Option<Self> {
        let term = &rule.signal.term;
        let Metric::Kind(_) = term.metric else { return None };
        let (outcomes, is_slowest): (&'static [Outcome], bool) = match term.statistic {
            Statistic::ErrorRate | Statistic::SuccessRate => (&[Outcome::Error, Outcome::Panicked], false),
            Statistic::CancelledRate => (&[Outcome::Cancelled], false),
            // A call that waits still has left no trace.
            Statistic::OldestInFlight => return None,
            other if other.is_of_time() => (&[Outcome::Ok, Outcome::Error], true),
            _ => return None,
        };
        let is_duration = is_slowest
            && !term.statistic.is_estimated()
            && !matches!(term.statistic, Statistic::SlowRate | Statistic::Std);
        let least_nanos = match alert.threshold {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
            Some(Threshold::Value(seconds)) if is_duration => (seconds * 1e9) as u64,
            _ => 0,
        };
        let since = alert.since.checked_sub(term.window.duration()).unwrap_or(UNIX_EPOCH);
        Some(Self { outcomes, is_slowest, least_nanos, since })
    }

    fn is_better(&self, exemplar: &Exemplar, than: Option<&Exemplar>) -> bool {
        let rank = |exemplar: &Exemplar| (if self.is_slowest { exemplar.nanos } else { 0 }, exemplar.at);
        let fits = exemplar.at >= self.since && exemplar.nanos >= self.least_nanos;
        fits && than.is_none_or(|than| rank(exemplar) > rank(than))
    }
}
