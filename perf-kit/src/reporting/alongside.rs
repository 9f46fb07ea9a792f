//! Findings of the other parts, in the words of a report.

use perf_report::Alongside;
use perf_runtime::Monitor;
use perf_runtime::series::TimeRange;
use std::time::Duration;

/// A range that ended no longer ago is one of now.
const OF_NOW: Duration = Duration::from_secs(300);

/// The parts that fill sections of a report.
#[derive(Clone, Default)]
pub(crate) struct Sources {
    #[cfg(feature = "history")]
    pub(crate) history: Option<perf_history::HistoryView>,
    #[cfg(feature = "insight")]
    pub(crate) insight: Option<perf_insight::runtime::InsightView>,
    #[cfg(feature = "llm")]
    pub(crate) llm: Option<perf_llm::Meter>,
    /// Whether there is a history alone, beside which no service runs.
    pub(crate) without_service: bool,
}

impl Sources {
    /// The version of the service that ran in a range, where it was one alone and a history knows it.
    #[cfg(all(feature = "server", feature = "insight"))]
    #[allow(clippy::unused_self, unused_variables, reason = "without a history nobody is asked")]
    pub(super) fn version_in(&self, range: TimeRange) -> Option<String> {
        #[cfg(feature = "history")]
        {
            let boots = self.history.as_ref()?.overview().boots.into_iter();
            let ran = boots.filter(|boot| {
                boot.started.zip(boot.ended).is_some_and(|(from, to)| from < range.end() && to > range.start())
            });
            let versions: std::collections::BTreeSet<Option<String>> = ran.map(|boot| boot.version).collect();
            if versions.len() > 1 { None } else { versions.into_iter().next().flatten() }
        }
        #[cfg(not(feature = "history"))]
        None
    }

    /// The sections for a range. Sections of parts that are not enabled stay empty.
    #[allow(clippy::unused_self, unused_variables, reason = "without these parts nobody is asked")]
    pub(super) fn of(&self, monitor: &Monitor, range: TimeRange) -> Alongside {
        #[allow(unused_mut, reason = "without these parts there is nothing to fill in")]
        let mut all = Alongside::default();
        #[cfg(feature = "insight")]
        if let Some(view) = self.insight.as_ref().filter(|view| view.is_enabled()) {
            insight::fill(&mut all, view, monitor, range);
        }
        #[cfg(feature = "llm")]
        if let Some(meter) = &self.llm {
            all.spend = Some(llm::spend(meter));
        }
        let now = monitor.time_of_day();
        // They are of the last minutes: of a range that ended before there is nothing to say.
        if range.end().checked_add(OF_NOW).is_some_and(|end| end < now) {
            all.bottlenecks = None;
        }
        // Both are of this process alone, and say nothing of one before.
        let began = now.checked_sub(monitor.uptime());
        if began.is_some_and(|began| range.end() <= began) {
            (all.spend, all.bottlenecks) = (None, None);
        }
        if self.without_service {
            // Figures of now are those of this process, in which nothing was called.
            let Alongside { changes, incidents, incidents_unknown_until, more_incidents, .. } = all;
            // A file that has none of the range says nothing of it.
            let is_known = incidents_unknown_until.is_none_or(|until| until < range.end());
            let incidents = incidents.filter(|all| is_known || !all.is_empty());
            let incidents_unknown_until = incidents_unknown_until.filter(|_| incidents.is_some());
            return Alongside {
                changes,
                incidents,
                incidents_unknown_until,
                more_incidents,
                without_service: true,
                ..Alongside::default()
            };
        }
        all
    }
}

#[cfg(feature = "insight")]
mod insight {
    use perf_insight::compare::ChangeClass;
    use perf_insight::forecast::Reach;
    use perf_insight::runtime::{Ahead, Bottleneck, Figure, InsightView, Question, Sureness, comparisons, forecasts};
    use perf_report::{Alongside, Finding, Incident};
    use perf_runtime::metric::names;
    use perf_runtime::series::{Selector, TimeRange};
    use perf_runtime::text::rfc3339;
    use perf_runtime::{Kind, Monitor};
    use std::collections::BTreeMap;
    use std::time::{Duration, UNIX_EPOCH};

    /// The most incidents.
    const INCIDENTS: usize = 1_000;
    /// A range that begins so long before incidents are known is one of which they are: a process is observed from its first tick on.
    const A_MOMENT: Duration = Duration::from_secs(1);
    /// The most series that are compared.
    const COMPARED: usize = 50;

    pub(super) fn fill(all: &mut Alongside, view: &InsightView, monitor: &Monitor, range: TimeRange) {
        let known = view.incidents_in(range, INCIDENTS);
        all.more_incidents = known.more;
        all.incidents_unknown_until = known.known_since.filter(|since| *since > range.start() + A_MOMENT);
        all.incidents = Some(known.incidents.into_iter().map(incident).collect());
        let found = view.bottlenecks();
        // Where nothing could be compared, an empty list says nothing.
        let is_known = found.compared > 0 || !found.bottlenecks.is_empty();
        all.bottlenecks = is_known.then(|| found.bottlenecks.into_iter().map(bottleneck).collect());
        all.changes = changes(monitor, range);
        all.forecasts = Some(limits(monitor));
    }

    fn incident(one: perf_insight::runtime::Incident) -> Incident {
        let cause = one.cause().map(|cause| {
            let sure = if one.sureness == Sureness::Likely { "Likely" } else { "Possible" };
            format!("{sure} cause: {}", cause.sentence)
        });
        let alerts = one.alerts.len() + one.more_alerts;
        Incident { headline: one.headline, cause, since: one.onset, ended: one.ended, alerts }
    }

    fn bottleneck(one: Bottleneck) -> Finding {
        let headline = match &one.gain {
            Some(gain) => format!("{}: {gain}", one.component),
            None => one.component,
        };
        Finding { headline, details: one.evidence.into_iter().chain(one.suggestions).collect() }
    }

    /// The changes that are sure since the time of the same length before, of latencies and errors. `None` where there is no time
    /// before.
    fn changes(monitor: &Monitor, range: TimeRange) -> Option<Vec<Finding>> {
        let before = range.start().checked_sub(range.duration())?;
        let before = TimeRange::between(before, range.start()).ok()?;
        let mut found = Vec::new();
        // The figures of a kind, by the reason: most often it is the same for all.
        let mut unknown: BTreeMap<String, BTreeMap<Kind, Vec<&str>>> = BTreeMap::new();
        for (figure, what) in [(Figure::Latency, "duration"), (Figure::Errors, "share of failures")] {
            let question = Question::about(Selector::calls()).figure(figure).most(COMPARED);
            let compared = comparisons(monitor, &question, before, range);
            if compared.left_out > 0 {
                let headline = format!("Series whose {what} was not compared: {}", compared.left_out);
                found.push(Finding { headline, details: Vec::new() });
            }
            for kind in compared.kinds {
                if let Some(why) = kind.why_not {
                    unknown.entry(why).or_default().entry(kind.kind).or_default().push(what);
                }
                for one in kind.series {
                    let way = match one.change.class {
                        ChangeClass::Improved => "better",
                        ChangeClass::Regressed => "worse",
                        ChangeClass::Increased => "more",
                        ChangeClass::Decreased => "less",
                        ChangeClass::NoChange | ChangeClass::Unclear => continue,
                    };
                    let by = one
                        .change
                        .relative
                        .map(|share| format!(" by {:.0} %", share.abs() * 100.0))
                        .unwrap_or_default();
                    let headline = format!("{}: {what} is {way}{by}", one.series);
                    let values = [one.change.before, one.change.after].map(|value| match figure {
                        Figure::Errors => format!("{:.2} %", value * 100.0),
                        _ => format!("{value:.6} s"),
                    });
                    found.push(Finding {
                        headline,
                        details: vec![format!("{} before, {} after.", values[0], values[1])],
                    });
                }
            }
        }
        for (why, kinds) in unknown {
            let mut of: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (kind, figures) in kinds {
                of.entry(figures.join(" and ")).or_default().push(kind.as_str().replace('_', " "));
            }
            let what: Vec<String> =
                of.into_iter().map(|(figures, kinds)| format!("{figures} of {}", kinds.join(", "))).collect();
            found.push(Finding { headline: format!("Not compared: {}", what.join("; ")), details: vec![why] });
        }
        Some(found)
    }

    /// When resources are used up, if they go on as they did.
    fn limits(monitor: &Monitor) -> Vec<Finding> {
        let shares = names::ALL.iter().filter(|known| known.name.ends_with("utilization_ratio"));
        let Some(selector) = shares.map(|known| Selector::metric(known.name)).reduce(Selector::or) else {
            return Vec::new();
        };
        let coming = forecasts(monitor, &Question::about(selector).most(COMPARED), Ahead::Day, None);
        let mut unknown = coming.left_out;
        let mut found = Vec::new();
        for one in coming.series {
            let Some(reaches) = one.found.map(|coming| coming.reaches) else {
                unknown += 1;
                continue;
            };
            let headline = match reaches {
                Some(Reach::Already) => format!("{} is used up", one.series),
                Some(Reach::At { time, .. }) => format!("{} is used up about {}", one.series, at(time)),
                Some(Reach::NotInSight) | None => continue,
            };
            let details = match reaches {
                Some(Reach::At { earliest, latest, .. }) => {
                    let latest = latest.map_or_else(|| "no end in sight".to_owned(), at);
                    vec![format!("Between {} and {latest}, if it goes on as it did.", at(earliest))]
                }
                _ => Vec::new(),
            };
            found.push(Finding { headline, details });
        }
        if unknown > 0 {
            let headline = format!("Series of resources without a forecast, for want of history or of room: {unknown}");
            found.push(Finding { headline, details: Vec::new() });
        }
        found
    }

    fn at(seconds: i64) -> String {
        let since = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        UNIX_EPOCH.checked_add(since).map(rfc3339).unwrap_or_default()
    }
}

#[cfg(feature = "llm")]
mod llm {
    use perf_llm::Meter;
    use perf_llm::meter::Totals;
    use perf_report::{Spend, SpendRow};

    /// The states of a price in which a cost is not known.
    const WITHOUT_PRICE: [&str; 3] = ["unpriced", "incomplete", "unknown"];

    /// Use and cost since the process began.
    pub(super) fn spend(meter: &Meter) -> Spend {
        let view = meter.view();
        let models = view.models.iter().map(|one| row(format!("model {} {}", one.provider, one.model), &one.totals));
        let agents = view.agents.iter().map(|one| row(format!("agent {}", one.agent), &one.totals));
        let budgets = view.budgets.iter().map(|one| {
            let of = if one.name.is_empty() { one.scope.to_owned() } else { format!("{} {}", one.scope, one.name) };
            format!("Budget of {of}, {}: {} of {} left ({}).", one.period, one.left, one.limit, one.measure)
        });
        Spend {
            total: row("all".to_owned(), &view.total),
            models: models.collect(),
            agents: agents.collect(),
            budgets: budgets.collect(),
        }
    }

    fn row(name: String, totals: &Totals) -> SpendRow {
        // The view's own text of the cost: exact, and written in one place.
        let shown = serde_json::to_value(totals).unwrap_or_default();
        SpendRow {
            name,
            calls: totals.calls,
            input_tokens: totals.input_tokens,
            output_tokens: totals.output_tokens,
            cost_dollars: shown["cost_dollars"].as_str().unwrap_or_default().to_owned(),
            without_price: WITHOUT_PRICE.iter().filter_map(|state| totals.by_price.get(state)).sum(),
        }
    }
}
