//! `budget`: budgets of language models.

use super::{FINE, HOLDS};
use crate::cell::Cell;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::table::Table;
use serde::Deserialize;

/// The answer of `GET /api/v1/llm`, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Spent {
    budgets: Vec<Budget>,
    not_durable: Option<String>,
}

/// A budget in this turn of its period. Amounts are texts, in dollars, tokens or calls.
#[derive(Debug, Deserialize)]
struct Budget {
    scope: String,
    name: String,
    period: String,
    measure: String,
    limit: String,
    spent: String,
    left: String,
    stopped: Option<String>,
}

pub(super) fn budget(client: &Client, output: &mut Output<'_>) -> Result<u8, Failure> {
    let answer = client.get("/api/v1/llm", &[])?;
    let spent: Spent = answer.read()?;
    let has_stopped = spent.budgets.iter().any(|budget| budget.stopped.is_some());
    let code = if has_stopped { HOLDS } else { FINE };
    if output.json(&answer)? {
        return Ok(code);
    }
    let mut table = Table::new(&["BUDGET", "PERIOD", "IN", "#LIMIT", "#SPENT", "#LEFT", "STOPPED"]);
    for budget in spent.budgets {
        let name = if budget.name.is_empty() { budget.scope } else { format!("{} {}", budget.scope, budget.name) };
        let look = if budget.stopped.is_some() { Look::Bad } else { Look::Plain };
        let stopped = Cell::known(budget.stopped.as_deref()).look(look);
        let cells = [name, budget.period, budget.measure, budget.limit, budget.spent, budget.left].map(Cell::from);
        table.row(cells.into_iter().chain([stopped]));
    }
    output.table(&table, "No budget is set.")?;
    if let Some(why) = spent.not_durable.filter(|_| !table.is_empty()) {
        output.note(&format!("A restart forgets them: {why}"))?;
    }
    Ok(code)
}
