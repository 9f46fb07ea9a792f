//! The metrics of calls to language models. Their series are looked up once for each model, each agent and each tool, and kept: a call is counted without
//! a search for them.

use super::book::{Entry, Known, short};
use super::run::{RunView, locked};
use super::run_end::RunEnd;
use crate::cost::PriceState;
use crate::usage::Class;
use perf_runtime::Monitor;
use perf_runtime::extend::ToldUsage;
use perf_runtime::metric::{Counter, Histogram};
use rustc_hash::FxBuildHasher;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// The agent of calls that no agent made.
pub(super) const UNATTRIBUTED: &str = "(unattributed)";
/// The most models, the most agents and the most tools whose series are kept; those of others are searched for at each call.
const MOST_KEPT: usize = 1_000;
const STATES: [Known; 6] = [
    Known::Price(PriceState::Priced),
    Known::Price(PriceState::Free),
    Known::Price(PriceState::Unpriced),
    Known::Price(PriceState::Incomplete),
    Known::Price(PriceState::Local),
    Known::Unknown,
];

type ByName<T> = HashMap<Box<str>, T, FxBuildHasher>;

pub(super) struct Figures {
    monitor: Monitor,
    /// By provider and model.
    models: Mutex<ByName<ByName<Arc<OfModel>>>>,
    agents: Mutex<ByName<Arc<OfAgent>>>,
    tools: Mutex<ByName<Arc<OfTool>>>,
}

/// The series of a model, each made when it is first counted.
#[derive(Default)]
struct OfModel {
    tokens: [OnceLock<Counter>; Class::ALL.len()],
    states: [OnceLock<Counter>; STATES.len()],
    cost: OnceLock<Counter>,
    first_token: OnceLock<Histogram>,
    speed: OnceLock<Histogram>,
}

#[derive(Default)]
struct OfAgent {
    input: OnceLock<Counter>,
    output: OnceLock<Counter>,
    cost: OnceLock<Counter>,
    ended: [OnceLock<Counter>; RunEnd::ALL.len()],
}

#[derive(Default)]
struct OfTool {
    cost: OnceLock<Counter>,
    retries: OnceLock<Counter>,
}

impl Figures {
    pub(super) fn new(monitor: &Monitor) -> Self {
        let (models, agents, tools) = Default::default();
        Self { monitor: monitor.clone(), models, agents, tools }
    }

    pub(super) fn record(&self, entry: &Entry<'_>, told: Option<&ToldUsage>, took: Option<Duration>) {
        let (model, agent) = (self.of_model(entry), kept(&self.agents, entry.agent.unwrap_or(UNATTRIBUTED)));
        for (class, count) in entry.usage.iter().filter(|(class, count)| *count > 0 && !class.is_tool()) {
            if let Some(tokens) = model.tokens.get(class as usize) {
                tokens.get_or_init(|| self.tokens(entry, class)).add(count as f64);
            }
            match class {
                Class::Input => agent.input.get_or_init(|| self.agent_tokens(entry, "input")).add(count as f64),
                Class::Output => agent.output.get_or_init(|| self.agent_tokens(entry, "output")).add(count as f64),
                _ => {}
            }
        }
        if let Some(cost) = entry.cost {
            model.cost.get_or_init(|| self.cost(entry)).add(cost.dollars());
            agent.cost.get_or_init(|| self.agent_cost(entry)).add(cost.dollars());
            if let Some(tool) = entry.tool {
                kept(&self.tools, tool).cost.get_or_init(|| self.tool_cost(tool)).add(cost.dollars());
            }
        }
        let state = STATES.iter().zip(&model.states).find(|(state, _)| **state == entry.known);
        if let Some((_, state)) = state {
            state.get_or_init(|| self.state(entry)).increment();
        }
        if let Some(told) = told {
            for rule in &told.repairs {
                let repaired = self.monitor.metrics().counter("llm_usage_repaired_total");
                repaired
                    .help("Usage whose counts contradicted each other, by the rule that put them right.")
                    .label("rule", *rule)
                    .register()
                    .increment();
            }
            self.speed(&model, entry, told, took);
        }
    }

    /// Counts a run of an agent by how it ended.
    pub(super) fn run_ended(&self, run: &RunView) {
        let agent = kept(&self.agents, &run.agent);
        let Some(ended) = agent.ended.get(run.ended as usize) else { return };
        let help = "Runs of agents, those of spans too, by how they ended.";
        let made = || {
            let runs = self.monitor.metrics().counter("llm_agent_runs_total").help(help);
            runs.label("agent", &*run.agent).label("ended", run.ended.name()).register()
        };
        ended.get_or_init(made).increment();
    }

    /// Counts a newer table of prices that was looked for.
    pub(super) fn refreshed(&self, outcome: &'static str) {
        let refreshed = self.monitor.metrics().counter("llm_price_refreshes_total");
        refreshed
            .help("Newer tables of prices that were looked for, and whether they were taken.")
            .label("outcome", outcome)
            .register()
            .increment();
    }

    /// Counts usage that could not be true.
    pub(super) fn refuse(&self) {
        let refused = self.monitor.metrics().counter("llm_usage_refused_total");
        refused.help("Usage that could not be true: it counts as unknown.").register().increment();
    }

    fn of_model(&self, entry: &Entry<'_>) -> Arc<OfModel> {
        // As long as a label at most: longer names that are labels alike have the same series.
        let (provider, model) = (short(entry.provider), short(entry.model));
        let mut providers = locked(&self.models);
        if let Some(kept) = providers.get(provider).and_then(|models| models.get(model)) {
            return Arc::clone(kept);
        }
        let made = Arc::<OfModel>::default();
        if providers.values().map(HashMap::len).sum::<usize>() < MOST_KEPT {
            providers.entry(provider.into()).or_default().insert(model.into(), Arc::clone(&made));
        }
        made
    }

    /// The time to the first token, and tokens a second from there on.
    fn speed(&self, model: &OfModel, entry: &Entry<'_>, told: &ToldUsage, took: Option<Duration>) {
        let histogram = |name: &str, unit: &str, help: &str| -> Histogram {
            let named = self.monitor.metrics().histogram(name).unit(unit).help(help);
            named.label("provider", entry.provider).label("model", entry.model).register()
        };
        if let Some(first) = told.first_token {
            let help = "From the request to the first token of the answer.";
            let made = || histogram("llm_time_to_first_token_seconds", "seconds", help);
            model.first_token.get_or_init(made).record(first.as_secs_f64());
        }
        let written = took.map(|took| took.saturating_sub(told.first_token.unwrap_or_default()).as_secs_f64());
        if let (Some(output), Some(seconds)) = (entry.usage.get(Class::Output), written.filter(|s| *s > 0.0)) {
            let help = "Generated tokens a second, after the first one where its time is known.";
            let made = || histogram("llm_output_tokens_per_second", "tokens", help);
            model.speed.get_or_init(made).record(output as f64 / seconds);
        }
    }

    fn tokens(&self, entry: &Entry<'_>, class: Class) -> Counter {
        let help = "Tokens by class: input and output are the totals, of which the others are parts.";
        self.made("llm_tokens_total", help, entry, &[("class", class.name().trim_end_matches("_tokens"))])
    }

    fn cost(&self, entry: &Entry<'_>) -> Counter {
        let help = "The known cost in dollars: calls that are unpriced, incomplete or of unknown usage are in llm_calls_by_price_total.";
        self.made("llm_cost_dollars_total", help, entry, &[])
    }

    fn state(&self, entry: &Entry<'_>) -> Counter {
        let help = "Calls by the state of their price.";
        self.made("llm_calls_by_price_total", help, entry, &[("state", entry.known.name())])
    }

    fn agent_tokens(&self, entry: &Entry<'_>, class: &str) -> Counter {
        let tokens =
            self.monitor.metrics().counter("llm_agent_tokens_total").help("Tokens that agents used, by class.");
        tokens.label("agent", entry.agent.unwrap_or(UNATTRIBUTED)).label("class", class).register()
    }

    fn agent_cost(&self, entry: &Entry<'_>) -> Counter {
        let help = "The known cost of agents, in dollars.";
        let cost = self.monitor.metrics().counter("llm_agent_cost_dollars_total").help(help);
        cost.label("agent", entry.agent.unwrap_or(UNATTRIBUTED)).register()
    }

    fn tool_cost(&self, tool: &str) -> Counter {
        let help = "The known cost of calls of models that were made inside tools, in dollars.";
        self.monitor.metrics().counter("llm_tool_cost_dollars_total").help(help).label("tool", tool).register()
    }

    /// Counts a call of a tool that its run had made before, and that had failed.
    pub(super) fn tool_retried(&self, tool: &str) {
        let help = "Calls of tools that a run made again with the same arguments after they had failed, as spans tell.";
        let made =
            || self.monitor.metrics().counter("llm_tool_retries_total").help(help).label("tool", tool).register();
        kept(&self.tools, tool).retries.get_or_init(made).increment();
    }

    fn made(&self, name: &str, help: &str, entry: &Entry<'_>, labels: &[(&str, &str)]) -> Counter {
        let counter = self.monitor.metrics().counter(name).help(help);
        let named = counter.label("provider", entry.provider).label("model", entry.model);
        labels.iter().fold(named, |named, (label, value)| named.label(*label, *value)).register()
    }
}

/// The series of a name, made where there are none yet; those of one name more than are kept are made anew each time.
fn kept<T: Default>(all: &Mutex<ByName<Arc<T>>>, name: &str) -> Arc<T> {
    let name = short(name);
    let mut all = locked(all);
    if let Some(kept) = all.get(name) {
        return Arc::clone(kept);
    }
    let made = Arc::<T>::default();
    if all.len() < MOST_KEPT {
        all.insert(name.into(), Arc::clone(&made));
    }
    made
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;
    use crate::usage::Usage;

    #[test]
    fn names_are_kept_as_long_as_labels_at_most() {
        let figures = Figures::new(&Monitor::builder().build().unwrap());
        let long = "x".repeat(1 << 20);
        let entry = Entry {
            provider: &long,
            model: &long,
            agent: Some(&long),
            tool: Some(&long.as_str().into()),
            usage: &Usage::UNKNOWN,
            known: Known::Unknown,
            cost: Some(crate::Money::ZERO),
            gaps: &[],
            hour: 0,
        };
        figures.record(&entry, None, None);
        let (models, agents, tools) = (locked(&figures.models), locked(&figures.agents), locked(&figures.tools));
        let models = models.iter().flat_map(|(provider, models)| models.keys().chain([provider]));
        let lengths: Vec<_> = models.chain(agents.keys()).chain(tools.keys()).map(|name| name.len()).collect();
        assert_eq!(lengths, [128; 4]);
    }
}
