//! The history's settings, and its route.

use perf_history::{History, Settings};
use perf_runtime::{ConfigError, Monitor};

/// Opens the history: as the section `[history]` says or, where there is none, as the program does.
pub(crate) fn open(monitor: &Monitor, in_code: Option<Settings>) -> Result<History, ConfigError> {
    match in_code {
        Some(settings) if monitor.section("history")?.is_empty() => History::with_settings(monitor, settings),
        _ => History::open(monitor),
    }
}

/// `GET /api/v1/history`: the file, its tiers, and the boots that it knows.
#[cfg(feature = "server")]
pub(crate) fn extension(history: &History) -> impl Fn() -> perf_server::Extension + Send + Sync + 'static {
    use perf_server::axum::http::HeaderMap;
    use perf_server::axum::routing::get;
    use perf_server::openapi::utoipa::openapi::path::HttpMethod;
    use perf_server::openapi::{self, Description, Fields, Operations, object};
    use perf_server::respond::{self, Params};

    let view = history.view();
    let described = || {
        let tier = object("Steps of one length.")
            .has("step", openapi::number())
            .has("keep", openapi::number())
            .has("oldest", openapi::text_or_null());
        let boot = object("One life of a process of the service.")
            .has("number", openapi::count())
            .has("started", openapi::text_or_null())
            .has("ended", openapi::text_or_null())
            .has("version", openapi::text_or_null())
            .has("instance", openapi::text_or_null())
            .has("clean", openapi::flag());
        let overview = object("The past on disk: the file, its tiers, and the boots that it knows.")
            .has("path", openapi::text_or_null())
            .has("off", openapi::text_or_null())
            .has("bytes", openapi::count())
            .has("max_bytes", openapi::count())
            .has("series", openapi::count())
            .has("damaged", openapi::count())
            .has("set_aside", openapi::count())
            .has("tiers", openapi::list(openapi::named("HistoryTier")))
            .has("boots", openapi::list(openapi::named("HistoryBoot")));
        let operation = openapi::read("meta", "The past on disk: its file, tiers and boots").json("History");
        Description::new()
            .operation(HttpMethod::Get, "/api/v1/history", operation)
            .schema("History", overview)
            .schema("HistoryTier", tier)
            .schema("HistoryBoot", boot)
            .build()
    };
    move || {
        let view = view.clone();
        let overview = async move |params: Params, headers: HeaderMap| {
            params.only(&[])?;
            respond::json(&headers, move || view.overview()).await
        };
        perf_server::Extension::new("history").read("/api/v1/history", get(overview)).openapi(described())
    }
}
