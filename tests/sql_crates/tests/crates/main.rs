//! Real crates over real databases: each statement counts once, with its outcome.

mod diesel;
mod sqlx;

use perf_runtime::Monitor;
use perf_sql::{Settings, Sql, StatementView, View};

/// An account of its own.
struct Account {
    monitor: Monitor,
    sql: Sql,
}

impl Account {
    fn new() -> Self {
        Self::with_room(500)
    }

    /// With room for so many statements.
    fn with_room(statements: usize) -> Self {
        let monitor = Monitor::builder().build().unwrap();
        let mut settings = Settings::default();
        (settings.max_new_per_second, settings.max_statements) = (1_000_000, statements);
        let sql = Sql::with_settings(&monitor, &settings).unwrap();
        Self { monitor, sql }
    }

    fn view(&self) -> View {
        self.sql.statements().view()
    }

    fn find(&self, text: &str) -> Option<StatementView> {
        self.view().statements.into_iter().find(|one| one.statement == text)
    }

    fn statement(&self, text: &str) -> StatementView {
        self.find(text).unwrap_or_else(|| panic!("no {text}: {:#?}", self.view().statements))
    }

    /// Everything that is shown to anybody.
    fn shown(&self) -> String {
        let view = serde_json::to_string(&self.view()).unwrap();
        format!("{view}\n{}\n{:?}", self.monitor.render_prometheus(), self.monitor.waits())
    }
}

/// The executions, and of these the ones that are known to be ok, to have failed, and to be cancelled, and those that run.
fn outcomes(one: &StatementView) -> [u64; 5] {
    [one.executions, one.ok, one.errors, one.cancelled, one.running]
}

fn error_types(one: &StatementView) -> Vec<(&str, u64)> {
    one.error_types.iter().map(|kind| (kind.error_type.as_str(), kind.executions)).collect()
}

/// The sums of all statements, as [`outcomes`].
fn sums(view: &View) -> [u64; 5] {
    let all = view.statements.iter().chain(&view.overflow).map(outcomes);
    all.fold([0; 5], |sums, one| std::array::from_fn(|place| sums[place] + one[place]))
}

fn callers(one: &StatementView) -> Vec<(Option<&str>, u64)> {
    one.callers.iter().map(|caller| (caller.caller.as_deref(), caller.executions)).collect()
}
