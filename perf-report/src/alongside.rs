//! The sections of a report that other parts know of, as plain texts: this crate knows none of them.

use perf_runtime::text;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Sections that parts beside this one fill. `None` means that nobody looks for it, or tells of that time, which is told as "not known"; an empty list
/// means that somebody looked and found nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alongside {
    /// Alerts that one cause explains, the latest first.
    pub incidents: Option<Vec<Incident>>,
    /// Up to when incidents that ended are not known. `None` where all of the range are.
    #[serde(skip_serializing_if = "Option::is_none", with = "text::moment_or_none")]
    pub incidents_unknown_until: Option<SystemTime>,
    /// Whether there are more incidents than are listed, which are left out: they ended earlier.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_incidents: bool,
    /// Series and resources that hold callers up, the one with the greatest gain first. They are of the last minutes.
    pub bottlenecks: Option<Vec<Finding>>,
    /// Differences from the time of the same length before.
    pub changes: Option<Vec<Finding>>,
    /// Use and cost of language models.
    pub spend: Option<Spend>,
    /// Expected courses.
    pub forecasts: Option<Vec<Finding>>,
    /// Whether it was made of a history alone, beside which no service runs: health, alerts, objectives and calls in flight are told as "not known", and not in the JSON.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_service: bool,
}

/// One sentence with its evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The finding in one sentence.
    pub headline: String,
    /// The evidence, one sentence each.
    #[serde(default)]
    pub details: Vec<String>,
}

/// Alerts that one cause explains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The incident in one sentence.
    pub headline: String,
    /// The cause in one sentence that says how sure it is. `None` where no cause is clear.
    pub cause: Option<String>,
    /// Since when.
    #[serde(with = "text::moment")]
    pub since: SystemTime,
    /// When it ended; `None` while it lasts.
    #[serde(with = "text::moment_or_none")]
    pub ended: Option<SystemTime>,
    /// The number of its alerts.
    pub alerts: usize,
}

/// Use and cost of language models since the process began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    /// All calls.
    pub total: SpendRow,
    /// By model, the dearest first.
    pub models: Vec<SpendRow>,
    /// By agent, each without the agents that it called.
    pub agents: Vec<SpendRow>,
    /// Budgets, one sentence each.
    pub budgets: Vec<String>,
}

/// A row of a table of cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendRow {
    /// The name of the model or agent.
    pub name: String,
    /// Calls.
    pub calls: u64,
    /// The known tokens of prompts.
    pub input_tokens: u64,
    /// The known tokens that were generated.
    pub output_tokens: u64,
    /// The known cost in dollars, exactly.
    pub cost_dollars: String,
    /// Calls without a price, or whose use is not known: the cost leaves them out.
    pub without_price: u64,
}
