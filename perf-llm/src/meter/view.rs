//! Everything that is known of language models, for JSON.

use super::Meter;
use super::book::{Book, Totals, show};
use super::refusals::RefusalView;
use super::run::{RunView, locked};
use super::sampled::{Watch, lasts};
use super::tools::LoopView;
use crate::budget::{AccountView, Durability, Measure, ScopeKind};
use perf_runtime::series::OutcomeCounts;
use perf_runtime::{Kind, Monitor, Window};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

/// Use and cost of language models since the process began, and the rest of each budget. Amounts of money are texts, in dollars, exactly.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct View {
    /// All calls.
    pub total: Totals,
    /// Those that were made in no run of an agent. With those of the agents they are all.
    pub unattributed: Totals,
    /// By agent, each without the agents that it called.
    pub agents: Vec<AgentView>,
    /// By tool: of functions with `#[monitor_tool]`, and of spans. The dearest first.
    pub tools: Vec<ToolView>,
    /// By model, the dearest first.
    pub models: Vec<ModelView>,
    /// By hour in UTC, the oldest first; 31 days at most. An hour that is not there had no call.
    pub hours: Vec<HourView>,
    /// The budgets that calls used, those of runs left out.
    pub budgets: Vec<BudgetView>,
    /// The calls that budgets refused, those of runs left out: 60 pairs of name and reason of each kind of scope (a third of
    /// `max_label_values`, where that is less), and later ones together.
    pub refusals: Vec<RefusalView>,
    /// Whether the budgets outlive the process.
    pub budgets_are_durable: bool,
    /// Why they do not, where they do not.
    pub not_durable: Option<String>,
    /// Calls that could not be charged to their budgets.
    pub uncharged_calls: u64,
    /// The dearest runs of agents that have ended, those inside them included.
    pub dearest_runs: Vec<RunView>,
    /// The runs that ended last, the last first.
    pub last_runs: Vec<RunView>,
    /// Runs that call the same tool with the same arguments again and again, the last found first; 50 at most.
    pub loops: Vec<LoopView>,
    /// The version of the table of prices; null while it is not loaded.
    pub prices: Option<String>,
    /// Why the newer table of prices that was looked for last was not taken; null where it was, and where none is looked for.
    pub prices_refused: Option<String>,
    /// Spans of calls to models that the layer of `tracing` saw.
    pub spans_seen: u64,
    /// Targets whose spans a filter in front of the whole subscriber, or one of that layer itself, hides from it, as of the last tick: their calls are not counted.
    pub spans_hidden: Vec<&'static str>,
    /// Whether no filter hides them, but a feature of the crate `tracing` (`max_level_*`, `release_max_level_*`) leaves them out of the program.
    pub spans_compiled_out: bool,
}

/// An agent.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AgentView {
    /// The agent.
    pub agent: Arc<str>,
    /// Runs that began.
    pub runs: u64,
    /// Runs that have not ended.
    pub running: u64,
    /// Runs that have ended, by [how](super::RunEnd): `ok`, `error`, `panicked`, `cancelled`, `budget` where a budget stopped it, and `unknown` where a span tells
    /// nothing of its end.
    pub ended: BTreeMap<&'static str, u64>,
    /// Calls of tools in the runs that have ended.
    pub tool_calls: u64,
    /// The calls made in its runs: their turns.
    pub totals: Totals,
}

/// A tool.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ToolView {
    /// The tool.
    pub tool: Arc<str>,
    /// Calls of it that ended.
    pub calls: u64,
    /// Those of them that ended well.
    pub ok: u64,
    /// Those that failed: errors and panics. The rest was given up.
    pub failed: u64,
    /// The mean duration of those of the last hour, in seconds; null where there were none.
    pub mean_seconds: Option<f64>,
    /// Calls that a run made again with the same arguments after they had failed, as far as spans tell both.
    pub retries: u64,
    /// The calls of models made inside it, which are in the other sums as well: where it is a span, or a function with the option `usage`.
    pub totals: Totals,
}

/// A model.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ModelView {
    /// The provider.
    pub provider: Arc<str>,
    /// The model.
    pub model: Arc<str>,
    /// The calls of it.
    pub totals: Totals,
    /// Why calls of it have no price, or none that is complete.
    pub gaps: Vec<String>,
}

/// An hour.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct HourView {
    /// Its beginning.
    #[serde(serialize_with = "super::book::moment")]
    pub from: SystemTime,
    /// The calls that were made in it.
    pub totals: Totals,
}

/// A budget in this turn of its period. Amounts are in dollars, tokens or calls, as texts.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BudgetView {
    /// `all`, `agent`, `model` or `user`.
    pub scope: &'static str,
    /// The name; empty for all.
    pub name: Arc<str>,
    /// `day`, `month` or `forever`.
    pub period: &'static str,
    /// `money`, `tokens` or `calls`.
    pub measure: &'static str,
    /// The need of a call that it reserves: `strict`, its worst case, or `estimated`, what it likely needs.
    pub mode: &'static str,
    /// The limit.
    pub limit: String,
    /// The amount spent.
    pub spent: String,
    /// The part of it that is an estimate.
    pub estimated: String,
    /// The amount that calls in flight have reserved.
    pub reserved: String,
    /// The rest that is left; below zero where calls cost more than they had reserved.
    pub left: String,
    /// Why it is stopped, where it is.
    pub stopped: Option<Arc<str>>,
    /// When it begins anew; null for one that never does.
    #[serde(serialize_with = "ends")]
    pub ends: Option<SystemTime>,
    /// Seconds until it is spent at the pace of the last hour (of a day) or day (of the others). Null where nothing is being spent, nothing is
    /// left, or that is not known yet: for ten minutes of a day, and four hours of the others.
    pub lasts_seconds: Option<f64>,
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn ends<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => super::book::moment(at, serializer),
        None => serializer.serialize_none(),
    }
}

impl BudgetView {
    fn of(view: AccountView, watch: &Watch) -> Self {
        let lasts_seconds = watch.of_budget(&view).and_then(|pace| lasts(&view, pace));
        let AccountView { scope, period, measure, mode, limit, spent, estimated, reserved, stopped, ends, .. } = view;
        let shown = |amount: i128| if measure == Measure::Money { show(amount) } else { amount.to_string() };
        let left = i128::from(limit) - i128::from(spent) - i128::from(reserved);
        Self {
            scope: scope.kind.name(),
            name: scope.name,
            period: period.name(),
            measure: measure.name(),
            mode: mode.name(),
            limit: shown(limit.into()),
            spent: shown(spent.into()),
            estimated: shown(estimated.into()),
            reserved: shown(reserved.into()),
            left: shown(left),
            stopped,
            ends,
            lasts_seconds,
        }
    }
}

/// Calls of a tool that were measured.
#[derive(Default)]
struct Measured {
    total: OutcomeCounts,
    is_running: bool,
    /// Those of the last hour, and their seconds.
    last_hour: (f64, f64),
}

/// The calls of each tool, whatever further labels they have: of annotated functions, and of spans.
fn measured(monitor: &Monitor) -> BTreeMap<Arc<str>, Measured> {
    let mut all: BTreeMap<Arc<str>, Measured> = BTreeMap::new();
    for series in monitor.summary(Window::LastHour).series.iter().filter(|series| series.kind == Kind::Tool) {
        let Some(tool) = series.labels.get("tool") else { continue };
        let of_tool = all.entry(tool.into()).or_default();
        let (total, more) = (&mut of_tool.total, series.total);
        total.ok += more.ok;
        total.error += more.error;
        total.panicked += more.panicked;
        total.cancelled += more.cancelled;
        of_tool.is_running |= series.in_flight > 0;
        if let Some(mean) = series.mean {
            let calls = series.count as f64;
            of_tool.last_hour.0 += calls;
            of_tool.last_hour.1 += mean * calls;
        }
    }
    all
}

/// All tools: those that were measured, and those in which models were called.
fn tools(book: &Book, mut measured: BTreeMap<Arc<str>, Measured>) -> Vec<ToolView> {
    // A function that was never called is none yet.
    measured.retain(|_, of| of.total != OutcomeCounts::default() || of.is_running);
    for tool in book.tools.keys() {
        measured.entry(Arc::clone(tool)).or_default();
    }
    let views = measured.into_iter().map(|(tool, Measured { total, last_hour: (calls, seconds), .. })| {
        let of_book = book.tools.get(&tool);
        ToolView {
            calls: total.ok + total.error + total.panicked + total.cancelled,
            ok: total.ok,
            failed: total.error + total.panicked,
            mean_seconds: (calls > 0.0).then(|| seconds / calls),
            retries: of_book.map_or(0, |of| of.retries),
            totals: of_book.map(|of| of.totals.clone()).unwrap_or_default(),
            tool,
        }
    });
    views.collect()
}

impl Meter {
    /// Everything that is known, at one moment.
    pub fn view(&self) -> View {
        let inner = &self.inner;
        inner.note_recorded();
        let measured = measured(&inner.monitor);
        let book = locked(&inner.book);
        let agents = book.agents.iter().map(|(agent, of)| AgentView {
            agent: Arc::clone(agent),
            runs: of.runs,
            running: of.running,
            ended: of.ended.clone(),
            tool_calls: of.tool_calls,
            totals: of.totals.clone(),
        });
        let models = book.models.iter().map(|((provider, model), of)| ModelView {
            provider: Arc::clone(provider),
            model: Arc::clone(model),
            totals: of.totals.clone(),
            gaps: of.gaps.clone(),
        });
        let from = |hour: i64| SystemTime::UNIX_EPOCH + Duration::from_secs(hour.unsigned_abs().saturating_mul(3_600));
        let mut view = View {
            total: book.total.clone(),
            unattributed: book.unattributed.clone(),
            agents: agents.collect(),
            tools: tools(&book, measured),
            models: models.collect(),
            hours: book
                .hours
                .iter()
                .map(|(hour, totals)| HourView { from: from(*hour), totals: totals.clone() })
                .collect(),
            dearest_runs: book.dearest.clone(),
            last_runs: book.last.iter().rev().cloned().collect(),
            loops: book.loops.views(),
            budgets: Vec::new(),
            refusals: inner.refusals.views(),
            budgets_are_durable: inner.budgets.durability() == Durability::Store,
            not_durable: inner.not_durable.clone(),
            uncharged_calls: inner.uncharged.load(Ordering::Relaxed),
            prices: None,
            prices_refused: locked(&inner.prices_refused).clone(),
            spans_seen: inner.spans.load(Ordering::Relaxed),
            spans_hidden: locked(&inner.spans_hidden).clone(),
            spans_compiled_out: false,
        };
        #[cfg(feature = "tracing-layer")]
        {
            view.spans_compiled_out = !view.spans_hidden.is_empty() && crate::layer::are_compiled_out();
        }
        drop(book);
        view.tools.sort_by_key(|tool| std::cmp::Reverse(tool.totals.cost));
        view.models.sort_by_key(|model| std::cmp::Reverse(model.totals.cost));
        let budgets = inner.budgets.views().into_iter().filter(|view| view.scope.kind != ScopeKind::Run);
        let watch = locked(&inner.watch);
        view.budgets = budgets.map(|budget| BudgetView::of(budget, &watch)).collect();
        drop(watch);
        view.prices = inner.prices.table().map(|table| table.version.to_string());
        view
    }
}
