//! Locks and channels: the part that shows them, its routes, and its pages.

use perf_runtime::{ConfigError, Monitor};
use perf_sync::{Locks, Settings};

/// Begins to show locks: as the section `[sync]` says or, where there is none, as the program does.
pub(crate) fn open(monitor: &Monitor, in_code: Option<&Settings>) -> Result<Locks, ConfigError> {
    match in_code {
        Some(settings) if monitor.section("sync")?.is_empty() => Ok(Locks::with_settings(monitor, settings)),
        _ => Locks::open(monitor),
    }
}

#[cfg(feature = "server")]
pub(crate) mod channels;

#[cfg(feature = "server")]
pub(crate) use routes::extension;

#[cfg(feature = "server")]
mod routes {
    use perf_server::axum::http::HeaderMap;
    use perf_server::axum::routing::get;
    use perf_server::openapi::utoipa::openapi::OpenApi;
    use perf_server::openapi::utoipa::openapi::path::HttpMethod;
    use perf_server::openapi::utoipa::openapi::schema::ObjectBuilder;
    use perf_server::openapi::{self, Description, Fields, Operations, object};
    use perf_server::respond::{self, Params};
    use perf_server::{Extension, Page, Place};
    use perf_sync::LocksView;

    const PATH: &str = "/api/v1/locks";
    const SCRIPT: &str = include_str!("locking/page.js");

    /// The route and the page of locks.
    pub(crate) fn extension(view: LocksView) -> impl Fn() -> Extension + Send + Sync + 'static {
        move || {
            let (of_route, of_topic) = (view.clone(), view.clone());
            let overview = async move |params: Params, headers: HeaderMap| {
                params.only(&[])?;
                respond::json(&headers, move || of_route.view()).await
            };
            Extension::new("sync")
                .read(PATH, get(overview))
                .topic("locks", move |_| serde_json::to_value(of_topic.view()).unwrap_or_default())
                .page(Page::new("locks", "Locks", SCRIPT).place(Place::Now))
                .openapi(described())
        }
    }

    fn described() -> OpenApi {
        let overview = openapi::read("live", "Locks: who holds them, who waits, and for how long").json("Locks");
        Description::new()
            .operation(HttpMethod::Get, PATH, overview)
            .schema(
                "Locks",
                object("Locks as they are now, and their counts since the process began.")
                    .has("locks", openapi::list(openapi::named("Lock")))
                    .has("deadlocks", openapi::list(openapi::named("LockCycle"))),
            )
            .schema("Lock", lock())
            .schema(
                "LockTimes",
                object("Times in seconds. Shares are told by the upper bound of the bucket in which they are reached.")
                    .has("count", openapi::count())
                    .has("sum_seconds", openapi::number())
                    .has("half_at_most_seconds", openapi::number_or_null())
                    .has("p99_at_most_seconds", openapi::number_or_null()),
            )
            .schema(
                "LockHolder",
                party("One that holds a lock.")
                    .has("held_seconds", openapi::number())
                    .has("waits_for", openapi::text_or_null()),
            )
            .schema("LockWaiter", party("One that waits for a lock.").has("waited_seconds", openapi::number()))
            .schema(
                "LockCaller",
                object("Calls of a series that waited for a lock, however that ended.")
                    .has("series", openapi::text_or_null())
                    .has("waits", openapi::count())
                    .has("waited_seconds", openapi::number()),
            )
            .schema(
                "LockCycle",
                object("Locks each of which is held by one that waits for the next.")
                    .has("cycle", openapi::text())
                    .has("text", openapi::text())
                    .has("certain", openapi::flag()),
            )
            .build()
    }

    fn lock() -> ObjectBuilder {
        let modes = ["lock", "read", "write", "upgradable_read", "acquire", "notified", "wait"];
        object(
            "All locks of a name, in a mode. `attempts` are `at_once`, `waited`, `resumed`, `refused`, `cancelled` and `waiting` together.",
        )
        .has("lock", openapi::text())
        .has("mode", openapi::choice(&modes))
        .has("attempts", openapi::count())
        .has("at_once", openapi::count())
        .has("waited", openapi::count())
        .has("resumed", openapi::count())
        .has("refused", openapi::count())
        .has("cancelled", openapi::count())
        .has("poisoned", openapi::count())
        .has("waiting", openapi::count())
        .has("holding", openapi::number_or_null())
        .has("permits", openapi::number_or_null())
        .has("forgotten", openapi::count())
        .has("made", openapi::count())
        .has("merged", openapi::count())
        .has("wait", openapi::named("LockTimes"))
        .may_have("hold", openapi::named("LockTimes"))
        .has("longest_wait_seconds", openapi::number_or_null())
        .has("holders", openapi::list(openapi::named("LockHolder")))
        .has("waiters", openapi::list(openapi::named("LockWaiter")))
        .has("callers", openapi::list(openapi::named("LockCaller")))
    }

    fn party(description: &str) -> ObjectBuilder {
        object(description)
            .has("instance", openapi::count())
            .has("series", openapi::text_or_null())
            .has("by", openapi::text())
    }
}
