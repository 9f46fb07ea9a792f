//! The metrics of calls to language models.

use super::book::Entry;
use perf_runtime::Monitor;
use perf_runtime::extend::ToldUsage;
use perf_runtime::metric::Histogram;
use std::time::Duration;

/// The agent of calls that no agent made.
pub(super) const UNATTRIBUTED: &str = "(unattributed)";

pub(super) struct Figures(Monitor);

impl Figures {
    pub(super) fn new(monitor: &Monitor) -> Self {
        Self(monitor.clone())
    }

    pub(super) fn record(&self, entry: &Entry<'_>, told: Option<&ToldUsage>, took: Option<Duration>) {
        let (provider, model) = (entry.provider, entry.model);
        let agent = entry.agent.unwrap_or(UNATTRIBUTED);
        for (class, count) in entry.usage.iter().filter(|(class, count)| *count > 0 && !class.is_tool()) {
            let class = class.name().trim_end_matches("_tokens");
            self.of_model(
                "llm_tokens_total",
                "Tokens by class: input and output are the totals, of which the others are parts.",
                entry,
                [("class", class)],
                count as f64,
            );
            if matches!(class, "input" | "output") {
                let of_agent =
                    self.0.metrics().counter("llm_agent_tokens_total").help("Tokens that agents used, by class.");
                of_agent.label("agent", agent).label("class", class).register().add(count as f64);
            }
        }
        if let Some(cost) = entry.cost {
            let help = "The known cost in dollars: calls that are unpriced, incomplete or of unknown usage are in llm_calls_by_price_total.";
            self.of_model("llm_cost_dollars_total", help, entry, [], cost.dollars());
            let of_agent =
                self.0.metrics().counter("llm_agent_cost_dollars_total").help("The known cost of agents, in dollars.");
            of_agent.label("agent", agent).register().add(cost.dollars());
        }
        let help = "Calls by the state of their price.";
        self.of_model("llm_calls_by_price_total", help, entry, [("state", entry.known.name())], 1.0);
        if let Some(told) = told {
            for rule in &told.repairs {
                let repaired = self.0.metrics().counter("llm_usage_repaired_total");
                repaired
                    .help("Usage whose counts contradicted each other, by the rule that put them right.")
                    .label("rule", *rule)
                    .register()
                    .increment();
            }
            self.speed(provider, model, entry, told, took);
        }
    }

    /// Counts a newer table of prices that was looked for.
    pub(super) fn refreshed(&self, outcome: &'static str) {
        let refreshed = self.0.metrics().counter("llm_price_refreshes_total");
        refreshed
            .help("Newer tables of prices that were looked for, and whether they were taken.")
            .label("outcome", outcome)
            .register()
            .increment();
    }

    /// Counts usage that could not be true.
    pub(super) fn refuse(&self) {
        let refused = self.0.metrics().counter("llm_usage_refused_total");
        refused.help("Usage that could not be true: it counts as unknown.").register().increment();
    }

    /// The time to the first token, and tokens a second from there on.
    fn speed(&self, provider: &str, model: &str, entry: &Entry<'_>, told: &ToldUsage, took: Option<Duration>) {
        let histogram = |name: &str, unit: &str, help: &str| -> Histogram {
            let named = self.0.metrics().histogram(name).unit(unit).help(help);
            named.label("provider", provider).label("model", model).register()
        };
        if let Some(first) = told.first_token {
            let help = "From the request to the first token of the answer.";
            histogram("llm_time_to_first_token_seconds", "seconds", help).record(first.as_secs_f64());
        }
        let written = took.map(|took| took.saturating_sub(told.first_token.unwrap_or_default()).as_secs_f64());
        if let (Some(output), Some(seconds)) =
            (entry.usage.get(crate::usage::Class::Output), written.filter(|s| *s > 0.0))
        {
            let help = "Generated tokens a second, after the first one where its time is known.";
            histogram("llm_output_tokens_per_second", "tokens", help).record(output as f64 / seconds);
        }
    }

    fn of_model<const N: usize>(&self, name: &str, help: &str, entry: &Entry<'_>, labels: [(&str, &str); N], by: f64) {
        let named =
            self.0.metrics().counter(name).help(help).label("provider", entry.provider).label("model", entry.model);
        labels.into_iter().fold(named, |named, (label, value)| named.label(label, value)).register().add(by);
    }
}
