//! The history's settings, and its routes.

use perf_history::{History, Settings};
use perf_runtime::{ConfigError, Monitor};

/// Opens the history: as the section `[history]` says or, where there is none, as the program does.
pub(crate) fn open(monitor: &Monitor, in_code: Option<Settings>) -> Result<History, ConfigError> {
    match in_code {
        Some(settings) if monitor.section("history")?.is_empty() => History::with_settings(monitor, settings),
        _ => History::open(monitor),
    }
}

/// The folder of the history, or that it would have.
#[cfg(feature = "report")]
pub(crate) fn folder(monitor: &Monitor, in_code: Option<&Settings>) -> Result<Option<std::path::PathBuf>, ConfigError> {
    let section = monitor.section("history")?;
    let set = match in_code {
        Some(settings) if section.is_empty() => settings.path.clone(),
        _ => Settings::read(&section)?.path,
    };
    let service = monitor.service().map_or("service", |service| &service.name);
    Ok(perf_runtime::extend::state_folder(set.as_deref(), service))
}

#[cfg(feature = "server")]
pub(crate) use routes::extension;

#[cfg(feature = "server")]
mod routes {
    use perf_history::{HistoryError, HistoryView};
    use perf_server::axum::Json;
    use perf_server::axum::extract::Path;
    use perf_server::axum::extract::rejection::PathRejection;
    use perf_server::axum::http::HeaderMap;
    use perf_server::axum::response::{IntoResponse, Response};
    use perf_server::axum::routing::{delete, get};
    use perf_server::openapi::utoipa::openapi::OpenApi;
    use perf_server::openapi::utoipa::openapi::path::HttpMethod;
    use perf_server::openapi::utoipa::openapi::schema::{ObjectBuilder, Type};
    use perf_server::openapi::{self, Description, Fields, Operations, object};
    use perf_server::respond::{self, Params, Problem, ProblemKind};
    use std::time::{Duration, SystemTime};

    const HISTORY: &str = "/api/v1/history";
    const SESSION: &str = "/api/v1/history/sessions/{id}";

    /// So long a request waits for a clean-up, which goes on beyond it.
    const LONGEST: Duration = Duration::from_secs(20);

    /// The routes of a history: what it is, a session of it, and the clean-up.
    pub(crate) fn extension(view: HistoryView) -> impl Fn() -> perf_server::Extension + Send + Sync + 'static {
        move || {
            let [of_overview, of_session, of_clean_up] = [(); 3].map(|()| view.clone());
            let overview = async move |params: Params, headers: HeaderMap| {
                params.only(&[])?;
                respond::past_json(&headers, move || Ok(of_overview.overview())).await
            };
            let session = async move |id: Id, params: Params, headers: HeaderMap| {
                params.only(&[])?;
                session(of_session, id, &headers).await
            };
            let clean_up = async move |params: Params| clean_up(of_clean_up, params).await;
            perf_server::Extension::new("history")
                .read(HISTORY, get(overview))
                .read(SESSION, get(session))
                .admin(HISTORY, delete(clean_up))
                .openapi(described())
        }
    }

    type Id = Result<Path<String>, PathRejection>;

    /// `GET /api/v1/history/sessions/{id}`: a boot from its start to its end, with figures of its own.
    async fn session(view: HistoryView, id: Id, headers: &HeaderMap) -> Result<Response, Problem> {
        let id = id.map_or_else(|rejection| rejection.body_text(), |Path(id)| id);
        let number: u64 = id.parse().map_err(|_| Problem::invalid("id", &id, "the number of a boot"))?;
        let unknown = move || {
            let detail = format!("there is no session {number}, or it is forgotten: GET {HISTORY} lists the boots");
            Problem::new(ProblemKind::UnknownEntry, detail)
        };
        respond::past_json(headers, move || view.session(number).ok_or_else(unknown)).await
    }

    /// `DELETE /api/v1/history?before=-7d`: forgets everything before a moment.
    async fn clean_up(view: HistoryView, params: Params) -> Result<Response, Problem> {
        let params = params.only(&["before"])?;
        let text = params.get("before").unwrap_or_default();
        let allowed = "a time up to now, such as 2026-11-21T03:05:00Z or -30d";
        let now = SystemTime::now();
        let before = params.moment("before", now)?.filter(|before| *before <= now);
        let before = before.ok_or_else(|| Problem::invalid("before", text, allowed))?;
        let off = |error: HistoryError| Problem::new(ProblemKind::Unavailable, error.to_string());
        let forget = move || view.forget_before(before, LONGEST).map(|()| view.overview());
        let overview = respond::of_the_past(forget).await?.map_err(off)?;
        Ok(Json(overview).into_response())
    }

    fn described() -> OpenApi {
        let overview = openapi::read("meta", "The past on disk: its file, tiers and boots").json("History");
        let session = openapi::read("meta", "A session: one boot from its start to its end, with figures of its own")
            .id("The number of the boot.")
            .json("HistorySession")
            .problem("404", "There is no such session.");
        let clean_up = openapi::admin("meta", "Forgets the past before a moment, of all steps")
            .query(
                "before",
                "The moment: RFC 3339, seconds since 1970, or a span before now such as -30d.",
                openapi::text(),
            )
            .answer("200", "It is forgotten: the history as it is now.", "History")
            .refused("400", "NoQuery")
            .refused("422", "NotAllowed")
            .refused("429", "TooMany")
            .problem("503", "The history is off, or it takes longer and goes on.");
        Description::new()
            .operation(HttpMethod::Get, HISTORY, overview)
            .operation(HttpMethod::Delete, HISTORY, clean_up)
            .operation(HttpMethod::Get, SESSION, session)
            .schema("History", history())
            .schema("HistoryTier", tier())
            .schema("HistoryBoot", boot(object("One life of a process of the service.")))
            .schema("HistorySession", described_session())
            .schema("HistorySessionCalls", calls(object("Calls that ended in a session. Durations in seconds.")))
            .build()
    }

    type Object = ObjectBuilder;

    fn history() -> Object {
        object("The past on disk: the file, its tiers, and the boots that it knows.")
            .has("path", openapi::text_or_null())
            .has("off", openapi::text_or_null())
            .has("bytes", openapi::count())
            .has("growth_bytes_per_hour", openapi::number_or_null())
            .has("max_bytes", openapi::count())
            .has("series", openapi::count())
            .has("damaged", openapi::count())
            .has("set_aside", openapi::count())
            .has(
                "recorded_left_out",
                openapi::count().note("Recorded calls that were not kept, because a day may take no more."),
            )
            .has("tiers", openapi::list(openapi::named("HistoryTier")))
            .has("boots", openapi::list(openapi::named("HistoryBoot")))
    }

    fn tier() -> Object {
        object("Steps of one length.")
            .has("step", openapi::number())
            .has("keep", openapi::number_or_null())
            .has("oldest", openapi::text_or_null())
    }

    fn boot(of: Object) -> Object {
        of.has("number", openapi::count())
            .has("started", openapi::text_or_null())
            .has("ended", openapi::text_or_null())
            .has("version", openapi::text_or_null())
            .has("instance", openapi::text_or_null())
            .has("clean", openapi::flag())
    }

    fn described_session() -> Object {
        let kinds = openapi::one_of(&[Type::Object, Type::Null])
            .additional_properties(Some(openapi::named("HistorySessionCalls")));
        boot(object("One boot from its start to its end. Null where nothing is known, or a part of it is forgotten."))
            .has("duration", openapi::number_or_null())
            .has("observed", openapi::number_or_null())
            .has("calls", calls(openapi::one_of(&[Type::Object, Type::Null])))
            .has("kinds", kinds)
            .has("alerts_fired", openapi::number_or_null())
    }

    fn calls(of: Object) -> Object {
        of.has("count", openapi::count())
            .has("errors", openapi::count())
            .has("outcomes", openapi::map(openapi::count()))
            .has("mean", openapi::number_or_null())
            .has("p95", openapi::number_or_null())
            .has("max", openapi::number_or_null())
    }
}
