//! The sums of all calls: in all, by model, by agent and by hour. They are booked under one lock, so that they agree at any moment.

use super::run::RunView;
use super::tools::Loops;
use crate::Money;
use crate::cost::PriceState;
use crate::usage::{Class, Usage};
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::SystemTime;

/// The most agents, and the most models, that are told apart. Later ones are counted together.
const MOST_NAMES: usize = 1_000;
/// So long hours are kept: 31 days.
const MOST_HOURS: usize = 31 * 24;
/// So many runs are kept: the dearest, and the last.
const MOST_RUNS: usize = 50;
/// The most reasons for a missing price that are kept of a model.
const MOST_GAPS: usize = 8;
/// The name of all that are not told apart.
pub(crate) const OVERFLOW: &str = "__overflow__";

/// How the price of a call is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Its usage is known, and this became of the price.
    Price(PriceState),
    /// Nobody told its usage.
    Unknown,
}

impl Known {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Price(state) => state.name(),
            Self::Unknown => "unknown",
        }
    }
}

/// Sums of calls. Tokens and cost are those that are known: the counts by price say how many calls they leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Calls.
    pub calls: u64,
    /// Calls by the state of their price: `priced`, `free`, `unpriced`, `incomplete`, `local`, and `unknown` where nobody told the usage.
    pub by_price: BTreeMap<&'static str, u64>,
    /// Tokens of prompts, those of caches included.
    pub input_tokens: u64,
    /// The part of them that was read from a cache.
    pub cache_read_tokens: u64,
    /// The part of them that was written to a cache.
    pub cache_write_tokens: u64,
    /// Generated tokens, reasoning included.
    pub output_tokens: u64,
    /// The part of them that the model thought with.
    pub reasoning_tokens: u64,
    /// The known cost in dollars, exactly, as a text.
    #[serde(rename = "cost_dollars", serialize_with = "dollars")]
    pub cost: Picos,
}

/// A sum of money in 10^-12 dollars, without a bound that sums can meet.
pub type Picos = i128;

fn dollars<S: Serializer>(picos: &Picos, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&show(*picos))
}

/// A moment in RFC 3339, in UTC.
pub(super) fn moment<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&perf_runtime::text::rfc3339(*at))
}

/// An amount in dollars, exactly.
pub(crate) fn show(picos: Picos) -> String {
    Money::from_picos(i64::try_from(picos).unwrap_or(i64::MAX)).to_string()
}

impl Totals {
    pub(crate) fn add(&mut self, usage: &Usage, known: Known, cost: Option<Money>) {
        self.calls += 1;
        *self.by_price.entry(known.name()).or_default() += 1;
        let classes = [
            (Class::Input, &mut self.input_tokens),
            (Class::CacheRead, &mut self.cache_read_tokens),
            (Class::CacheWrite, &mut self.cache_write_tokens),
            (Class::Output, &mut self.output_tokens),
            (Class::Reasoning, &mut self.reasoning_tokens),
        ];
        for (class, sum) in classes {
            *sum = sum.saturating_add(usage.get(class).unwrap_or(0));
        }
        self.cost += cost.map_or(0, |cost| Picos::from(cost.picos()));
    }

    /// The sum of both.
    pub fn join(&mut self, other: &Self) {
        self.calls += other.calls;
        for (state, count) in &other.by_price {
            *self.by_price.entry(state).or_default() += count;
        }
        let Self { input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, .. } = other;
        self.input_tokens = self.input_tokens.saturating_add(*input_tokens);
        self.cache_read_tokens = self.cache_read_tokens.saturating_add(*cache_read_tokens);
        self.cache_write_tokens = self.cache_write_tokens.saturating_add(*cache_write_tokens);
        self.output_tokens = self.output_tokens.saturating_add(*output_tokens);
        self.reasoning_tokens = self.reasoning_tokens.saturating_add(*reasoning_tokens);
        self.cost += other.cost;
    }
}

/// One call, as it is booked.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) provider: &'a str,
    pub(crate) model: &'a str,
    pub(crate) agent: Option<&'a str>,
    pub(crate) tool: Option<&'a Arc<str>>,
    pub(crate) usage: &'a Usage,
    pub(crate) known: Known,
    pub(crate) cost: Option<Money>,
    /// The gaps of its price.
    pub(crate) gaps: &'a [String],
    /// The hour, in hours since 1970.
    pub(crate) hour: i64,
}

#[derive(Debug, Default)]
pub(crate) struct OfAgent {
    pub(crate) totals: Totals,
    pub(crate) runs: u64,
    pub(crate) running: u64,
    /// Calls of tools in the runs that have ended.
    pub(crate) tool_calls: u64,
    /// Runs that have ended, by how.
    pub(crate) ended: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Default)]
pub(crate) struct OfTool {
    /// Calls of models that were made inside it.
    pub(crate) totals: Totals,
    pub(crate) retries: u64,
}

#[derive(Debug, Default)]
pub(crate) struct OfModel {
    pub(crate) totals: Totals,
    pub(crate) gaps: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) total: Totals,
    pub(crate) unattributed: Totals,
    pub(crate) agents: BTreeMap<Arc<str>, OfAgent>,
    pub(crate) tools: BTreeMap<Arc<str>, OfTool>,
    pub(crate) models: BTreeMap<(Arc<str>, Arc<str>), OfModel>,
    /// The last hours in which there were calls.
    pub(crate) hours: BTreeMap<i64, Totals>,
    pub(crate) dearest: Vec<RunView>,
    pub(crate) last: VecDeque<RunView>,
    pub(super) loops: Loops,
}

/// A name in at most as many bytes as a label has: names come from requests.
pub(super) fn short(name: &str) -> &str {
    let end = (0..=name.len().min(128)).rev().find(|end| name.is_char_boundary(*end));
    end.and_then(|end| name.get(..end)).unwrap_or_default()
}

impl Book {
    pub(crate) fn record(&mut self, entry: &Entry<'_>) {
        let Entry { usage, known, cost, .. } = *entry;
        self.total.add(usage, known, cost);
        match entry.agent {
            Some(agent) => self.agent(agent).totals.add(usage, known, cost),
            None => self.unattributed.add(usage, known, cost),
        }
        if let Some(tool) = entry.tool {
            self.tool(tool).totals.add(usage, known, cost);
        }
        let key = (Arc::from(short(entry.provider)), Arc::from(short(entry.model)));
        let is_new = !self.models.contains_key(&key);
        let key = if is_new && self.models.len() >= MOST_NAMES { (OVERFLOW.into(), OVERFLOW.into()) } else { key };
        let model = self.models.entry(key).or_default();
        model.totals.add(usage, known, cost);
        for gap in entry.gaps {
            if model.gaps.len() < MOST_GAPS && !model.gaps.contains(gap) {
                model.gaps.push(gap.clone());
            }
        }
        self.hour(entry.hour).add(usage, known, cost);
    }

    pub(crate) fn agent(&mut self, name: &str) -> &mut OfAgent {
        let is_new = !self.agents.contains_key(name);
        let name = if is_new && self.agents.len() >= MOST_NAMES { OVERFLOW } else { name };
        self.agents.entry(name.into()).or_default()
    }

    pub(super) fn tool(&mut self, name: &Arc<str>) -> &mut OfTool {
        let is_new = !self.tools.contains_key(name);
        let name = if is_new && self.tools.len() >= MOST_NAMES { OVERFLOW.into() } else { Arc::clone(name) };
        self.tools.entry(name).or_default()
    }

    /// The sums of an hour. A clock that is set back, or a call that is booked late, counts in the hour that it names; one older than all that
    /// are kept counts in the oldest.
    fn hour(&mut self, hour: i64) -> &mut Totals {
        let is_full = self.hours.len() >= MOST_HOURS && !self.hours.contains_key(&hour);
        let oldest = self.hours.keys().next().copied().filter(|_| is_full);
        let hour = oldest.map_or(hour, |oldest| hour.max(oldest));
        if oldest.is_some_and(|oldest| oldest < hour) {
            self.hours.pop_first();
        }
        self.hours.entry(hour).or_default()
    }

    /// The loops of runs that go on.
    pub(super) fn running_loops(&self, now: SystemTime) -> BTreeMap<(Arc<str>, Arc<str>), u64> {
        self.loops.running(now)
    }

    /// Notes where the runs that were made in these calls are recorded.
    pub(super) fn note_recorded(&mut self, recorded: &HashMap<NonZeroU64, String>) {
        for run in self.dearest.iter_mut().chain(&mut self.last).filter(|run| run.recorded.is_none()) {
            let id = run.root_call.and_then(|root| recorded.get(&root));
            run.recorded = id.map(|id| id.as_str().into());
        }
    }

    pub(crate) fn run_ended(&mut self, run: RunView) {
        self.loops.run_ended(run.id);
        let agent = self.agent(&run.agent);
        agent.running = agent.running.saturating_sub(1);
        agent.tool_calls += run.tool_calls;
        *agent.ended.entry(run.ended.name()).or_default() += 1;
        if self.last.len() >= MOST_RUNS {
            self.last.pop_front();
        }
        let place = self.dearest.partition_point(|other| other.totals.cost >= run.totals.cost);
        if place < MOST_RUNS {
            self.dearest.insert(place, run.clone());
            self.dearest.truncate(MOST_RUNS);
        }
        self.last.push_back(run);
    }
}
