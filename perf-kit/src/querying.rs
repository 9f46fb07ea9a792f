//! SQL statements: their account, its route, and its page.

use perf_runtime::{ConfigError, Monitor};
use perf_sql::{Settings, Sql};

/// Begins to count: as the section `[sql]` says or, where there is none, as the program does.
pub(crate) fn open(monitor: &Monitor, in_code: Option<Settings>) -> Result<Sql, ConfigError> {
    match in_code {
        Some(settings) if monitor.section("sql")?.is_empty() => Sql::with_settings(monitor, &settings)?.for_process(),
        _ => Sql::open(monitor),
    }
}

#[cfg(feature = "server")]
pub(crate) use routes::extension;

#[cfg(feature = "server")]
mod routes {
    use perf_server::axum::http::HeaderMap;
    use perf_server::axum::routing::get;
    use perf_server::openapi::utoipa::openapi::OpenApi;
    use perf_server::openapi::utoipa::openapi::path::HttpMethod;
    use perf_server::openapi::utoipa::openapi::schema::{ObjectBuilder, Type};
    use perf_server::openapi::{self, Description, Fields, Operations, object};
    use perf_server::respond::{self, Params};
    use perf_server::{Extension, Page, Place};
    use perf_sql::{Sort, Statements};

    const PATH: &str = "/api/v1/statements";
    const SCRIPT: &str = include_str!("querying/page.js");
    /// So many statements an answer has unless it is asked for more or fewer, and the page.
    const LISTED: usize = 100;
    const MOST: usize = 2_000;
    const SORTS: [(&str, Sort); 6] = [
        ("seconds", Sort::Seconds),
        ("recent_seconds", Sort::RecentSeconds),
        ("executions", Sort::Executions),
        ("mean", Sort::Mean),
        ("p95", Sort::P95),
        ("rows", Sort::Rows),
    ];

    /// The route and the page of statements.
    pub(crate) fn extension(statements: &Statements) -> impl Fn() -> Extension + Send + Sync + 'static {
        let statements = statements.clone();
        move || {
            let (of_route, of_topic) = (statements.clone(), statements.clone());
            let overview = async move |params: Params, headers: HeaderMap| {
                let params = params.only(&["sort", "limit"])?;
                let sort = params.choice("sort", SORTS)?.unwrap_or(Sort::Seconds);
                let limit = params.limit(LISTED, MOST)?;
                respond::json(&headers, move || of_route.view().sorted(sort).limited(limit)).await
            };
            let recent = move |_: &perf_runtime::Monitor| {
                let view = of_topic.view().sorted(Sort::RecentSeconds).limited(LISTED);
                serde_json::to_value(view).unwrap_or_default()
            };
            Extension::new("sql")
                .read(PATH, get(overview))
                .topic("statements", recent)
                .page(Page::new("statements", "Statements", SCRIPT).place(Place::Calls))
                .openapi(described())
        }
    }

    fn described() -> OpenApi {
        let limit = openapi::count().minimum(Some(1_usize)).maximum(Some(MOST)).default(Some(LISTED.into()));
        let overview = openapi::read("calls", "SQL statements without their literals: time, executions, rows, callers")
            .query(
                "sort",
                "By which figure, the greatest first; `seconds` unless said.",
                openapi::choice(&SORTS.map(|(sort, _)| sort)),
            )
            .query("limit", "At most so many.", limit)
            .json("Statements");
        Description::new()
            .operation(HttpMethod::Get, PATH, overview)
            .schema("Statements", everything())
            .schema("Statement", statement())
            .schema(
                "StatementCaller",
                object("The executions of a statement that calls of one series made, whether they failed or not.")
                    .has("caller", openapi::text_or_null())
                    .has("is_rest", openapi::flag())
                    .has("executions", openapi::count())
                    .has("seconds", openapi::number()),
            )
            .schema(
                "StatementErrors",
                object("The errors of one kind that executions of a statement ended with.")
                    .has("error_type", openapi::text())
                    .has("executions", openapi::count()),
            )
            .schema(
                "RepeatedStatement",
                object("A statement that calls without a caller executed again and again.")
                    .has("root", openapi::text())
                    .has("id", openapi::text())
                    .has("statement", openapi::text())
                    .has("calls", openapi::count())
                    .has("recent_calls", openapi::count()),
            )
            .build()
    }

    fn everything() -> ObjectBuilder {
        object(
            "SQL statements since the process began. All of them, those left out and `overflow` are together `events`.",
        )
        .has("events", openapi::count())
        .has("statements", openapi::list(openapi::named("Statement")))
        .has("left_out", openapi::count())
        .has("overflow", openapi::one_of(&[Type::Object, Type::Null]))
        .has("repeated", openapi::list(openapi::named("RepeatedStatement")))
        .has("repeated_at", openapi::count())
        .has("max_statements", openapi::count())
        .has("evicted", openapi::count())
        .has("unread", openapi::count())
        .has("early_events", openapi::count())
        .has("enabled", openapi::flag())
        .has("has_layer", openapi::flag())
        .has("is_hidden", openapi::flag())
    }

    fn statement() -> ObjectBuilder {
        object("A statement. Durations are in seconds. Executions that are not in `ok`, `errors` or `cancelled` have an outcome that is not known.")
            .has("id", openapi::text())
            .has("statement", openapi::text())
            .has("operation", openapi::text())
            .has("executions", openapi::count())
            .has("ok", openapi::count())
            .has("errors", openapi::count())
            .has("cancelled", openapi::count())
            .has("running", openapi::count())
            .has("error_types", openapi::list(openapi::named("StatementErrors")))
            .has("recent_executions", openapi::count())
            .has("seconds", openapi::number())
            .has("recent_seconds", openapi::number())
            .has("mean", openapi::number_or_null())
            .has("p50", openapi::number_or_null())
            .has("p95", openapi::number_or_null())
            .has("p99", openapi::number_or_null())
            .has("max", openapi::number_or_null())
            .has("rows_returned", openapi::count())
            .has("rows_affected", openapi::count())
            .has("callers", openapi::list(openapi::named("StatementCaller")))
            .has("repeated_calls", openapi::count())
            .has("most_repeats", openapi::count())
    }
}
