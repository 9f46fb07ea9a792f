//! The signal of a rule: a number for each series, read from the observation of a tick.

use super::estimate::EstimateQuestion;
use super::metric::Metric;
use super::notes::Notes;
use super::observation::{Labels, Observation, Tally};
use super::statistic::{Statistic, Unit};
use crate::measure::model::kind::Kind;
use crate::observe::history::window::Window;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// A label that is to have, or not to have, one of some values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Matcher {
    pub(crate) label: String,
    pub(crate) values: Vec<String>,
    /// Whether these values are the ones left out.
    pub(crate) except: bool,
}

impl Matcher {
    /// As in Prometheus, a label that is not there is the same as an empty one.
    fn admits(&self, labels: &Labels) -> bool {
        let value = labels.iter().find(|(name, _)| *name == self.label).map_or("", |(_, value)| value);
        self.values.iter().any(|wanted| wanted == value) != self.except
    }
}

/// One figure of some series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Term {
    pub(crate) metric: Metric,
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) statistic: Statistic,
    pub(crate) window: Window,
}

impl Term {
    pub(crate) fn admits(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.admits(labels))
    }

    /// The question to those who estimate it.
    fn question(&self) -> EstimateQuestion {
        EstimateQuestion { metric: self.metric.clone(), statistic: self.statistic, window: self.window }
    }

    /// Gives each series, or each group of them, that has a value.
    fn each(
        &self,
        by: Option<&[String]>,
        min_samples: u64,
        observation: &Observation<'_>,
        see: &mut dyn FnMut(&Labels, f64),
    ) {
        if self.statistic.is_estimated() {
            let estimates = observation.estimates(&self.question()).iter();
            estimates.filter(|one| self.admits(&one.labels)).for_each(|one| see(&one.labels, one.value));
            return;
        }
        match (&self.metric, by) {
            (Metric::Kind(kind), by) => {
                let series = observation.of_kind(*kind, self.window).iter().filter(|one| self.admits(&one.labels));
                let Some(by) = by else {
                    for one in series.filter(|one| one.count >= min_samples) {
                        if let Some(value) = Tally::value_of(one, self.statistic) {
                            see(&one.labels, value);
                        }
                    }
                    return;
                };
                let mut groups: BTreeMap<Box<Labels>, Tally> = BTreeMap::new();
                for one in series {
                    groups.entry(group(&one.labels, by)).or_default().add(one);
                }
                for (labels, tally) in groups.iter().filter(|(_, tally)| tally.count >= min_samples) {
                    if let Some(value) = tally.value(self.statistic) {
                        see(labels, value);
                    }
                }
            }
            (Metric::Gauge(name), None) => {
                for sample in observation.gauges(name).iter().filter(|sample| self.admits(&sample.labels)) {
                    see(&sample.labels, sample.value);
                }
            }
            (Metric::Gauge(name), Some(by)) => {
                let mut groups: BTreeMap<Box<Labels>, f64> = BTreeMap::new();
                for sample in observation.gauges(name).iter().filter(|sample| self.admits(&sample.labels)) {
                    *groups.entry(group(&sample.labels, by)).or_default() += sample.value;
                }
                for (labels, sum) in &groups {
                    see(labels, *sum);
                }
            }
        }
    }
}

/// The unit of a figure of this metric, which may be divided by another.
pub(crate) fn unit_of(metric: Option<&Metric>, statistic: Statistic, is_divided: bool) -> Unit {
    match (metric, statistic) {
        _ if is_divided => Unit::Plain,
        (Some(Metric::Gauge(_)), Statistic::Forecast) => Unit::Plain,
        _ => statistic.unit(),
    }
}

fn group(labels: &Labels, by: &[String]) -> Box<Labels> {
    labels.iter().filter(|(name, _)| by.contains(name)).cloned().collect()
}

/// The signal of a rule: a figure of each series, or of groups of them; divided by another and compared with the past
/// where the rule says so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Signal {
    pub(crate) term: Term,
    /// The denominator of a ratio.
    pub(crate) over: Option<Term>,
    /// The labels by which series are added up; `None` leaves each by itself.
    pub(crate) by: Option<Vec<String>>,
    /// How long ago the value is that is taken off.
    pub(crate) change: Option<Duration>,
    /// With fewer calls in the window there is no value.
    pub(crate) min_samples: u64,
}

impl Signal {
    /// Whether it is the same figure, whatever number of calls it takes to know it.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let Self { term, over, by, change, min_samples: _ } = self;
        (term, over, by, change) == (&other.term, &other.over, &other.by, &other.change)
    }

    /// Gives each value there is. The change over time is not taken here: only who remembers can.
    pub(crate) fn each(&self, observation: &Observation<'_>, see: &mut dyn FnMut(&Labels, f64)) {
        let by = self.by.as_deref();
        let Some(over) = &self.over else { return self.term.each(by, self.min_samples, observation, see) };
        let mut divisors: BTreeMap<Box<Labels>, f64> = BTreeMap::new();
        over.each(by, self.min_samples, observation, &mut |labels, value| {
            divisors.insert(labels.into(), value);
        });
        self.term.each(by, self.min_samples, observation, &mut |labels, value| {
            // Nothing divided by nothing is no value.
            let ratio = divisors.get(labels).map(|divisor| value / divisor).filter(|ratio| !ratio.is_nan());
            if let Some(ratio) = ratio {
                see(labels, ratio);
            }
        });
    }

    /// The words beside the values of its series. Only a gauge has any, where it is judged by itself.
    pub(crate) fn notes<'a>(&self, observation: &Observation<'a>) -> Notes<'a> {
        match &self.term.metric {
            Metric::Gauge(name) if self.by.is_none() && self.over.is_none() => Notes::of(observation.gauges(name)),
            _ => Notes::of(&[]),
        }
    }

    /// The same figures over another window.
    pub(crate) fn over_window(&self, window: Window) -> Self {
        let at = |term: &Term| Term { window, ..term.clone() };
        Self { term: at(&self.term), over: self.over.as_ref().map(at), ..self.clone() }
    }

    /// The number of calls that it is about.
    pub(crate) fn calls(&self) -> Self {
        let term = Term { statistic: Statistic::Calls, ..self.term.clone() };
        Self { term, over: None, by: self.by.clone(), change: None, min_samples: 0 }
    }

    fn counted_terms(&self) -> impl Iterator<Item = &Term> {
        [Some(&self.term), self.over.as_ref()].into_iter().flatten().filter(|term| !term.statistic.is_estimated())
    }

    /// The gauges that must be read for it.
    pub(crate) fn gauges(&self) -> impl Iterator<Item = &str> {
        self.counted_terms().filter_map(|term| match &term.metric {
            Metric::Gauge(name) => Some(name.as_str()),
            Metric::Kind(_) => None,
        })
    }

    /// The windows that must be summed up for it.
    pub(crate) fn windows(&self) -> impl Iterator<Item = (Kind, Window)> {
        self.counted_terms().filter_map(|term| match term.metric {
            Metric::Kind(kind) => Some((kind, term.window)),
            Metric::Gauge(_) => None,
        })
    }

    /// The estimates that must be had for it.
    pub(crate) fn estimates(&self) -> impl Iterator<Item = EstimateQuestion> {
        let terms = [Some(&self.term), self.over.as_ref()].into_iter().flatten();
        terms.filter(|term| term.statistic.is_estimated()).map(Term::question)
    }

    /// The unit of its values.
    pub(crate) fn unit(&self) -> Unit {
        unit_of(Some(&self.term.metric), self.term.statistic, self.over.is_some())
    }
}
