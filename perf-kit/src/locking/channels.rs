//! The route and the page of channels.

use perf_server::axum::http::HeaderMap;
use perf_server::axum::routing::get;
use perf_server::openapi::utoipa::openapi::OpenApi;
use perf_server::openapi::utoipa::openapi::path::HttpMethod;
use perf_server::openapi::utoipa::openapi::schema::{ObjectBuilder, Type};
use perf_server::openapi::{self, Description, Fields, Operations, object};
use perf_server::respond::{self, Params};
use perf_server::{Extension, Page, Place};
use perf_sync::LocksView;

const PATH: &str = "/api/v1/channels";
const SCRIPT: &str = include_str!("channels.js");

/// The route and the page of channels, which use the descriptions of times and callers of locks.
pub(crate) fn extension(view: LocksView) -> impl Fn() -> Extension + Send + Sync + 'static {
    move || {
        let (of_route, of_topic) = (view.clone(), view.clone());
        let overview = async move |params: Params, headers: HeaderMap| {
            params.only(&[])?;
            respond::json(&headers, move || of_route.channels()).await
        };
        Extension::new("channels")
            .read(PATH, get(overview))
            .topic("channels", move |_| serde_json::to_value(of_topic.channels()).unwrap_or_default())
            .page(Page::new("channels", "Channels", SCRIPT).place(Place::Now))
            .openapi(described())
    }
}

fn described() -> OpenApi {
    let overview =
        openapi::read("live", "Channels: their messages, who waits for room, and who receives").json("Channels");
    Description::new()
        .operation(HttpMethod::Get, PATH, overview)
        .schema(
            "Channels",
            object("Channels as they are now, and their counts since the process began.")
                .has("channels", openapi::list(openapi::named("Channel")))
                .has("existing", openapi::list(openapi::named("ExistingChannel"))),
        )
        .schema("Channel", channel())
        .schema(
            "ChannelWaiter",
            object("One that waits for room in a channel, and the call that received last from that channel.")
                .has("instance", openapi::count())
                .has("series", openapi::text_or_null())
                .has("by", openapi::text())
                .has("waited_seconds", openapi::number())
                .has("receiver", openapi::text_or_null())
                .has("has_received", openapi::flag())
                .has("has_receiver", openapi::flag()),
        )
        .schema(
            "ExistingChannel",
            object("Channels of a name that the program made by tokio itself, and had looked at.")
                .has("channel", openapi::text())
                .has("kind", openapi::choice(&["existing_mpsc", "existing_broadcast"]))
                .has("channels", openapi::count())
                .has("queued", openapi::count())
                .has("capacity", openapi::number_or_null()),
        )
        .build()
}

fn channel() -> ObjectBuilder {
    object(
        "All channels of a name, of a kind. `attempts` are `sent`, `full`, `closed`, `timed_out`, `cancelled`, `unused`, `reserved` and `waiting` together; `sent` are `received`, `queued` and `lost` together, where these are known.",
    )
    .has("channel", openapi::text())
    .has("kind", openapi::choice(&["mpsc", "unbounded", "broadcast", "oneshot", "watch", "mpmc", "unbounded_mpmc"]))
    .has("attempts", openapi::count())
    .has("sent", openapi::count())
    .has("full", openapi::count())
    .has("closed", openapi::count())
    .has("timed_out", openapi::count())
    .has("cancelled", openapi::count())
    .has("unused", openapi::count())
    .has("reserved", openapi::count())
    .has("waiting", openapi::count())
    .has("received", openapi::count())
    .has("lost", openapi::number_or_null())
    .has("queued", openapi::number_or_null())
    .has("lagged", openapi::number_or_null())
    .has("channels", openapi::number_or_null())
    .has("capacity", openapi::number_or_null())
    .has("peak", openapi::number_or_null())
    .has("wait", openapi::named("LockTimes"))
    .may_have("queue", openapi::named("LockTimes"))
    .has("longest_wait_seconds", openapi::number_or_null())
    .has("stopped_seconds", openapi::number_or_null())
    .has("stopped_receiver", openapi::text_or_null())
    .has("stopped_has_received", openapi::one_of(&[Type::Boolean, Type::Null]))
    .has("receiver", openapi::text_or_null())
    .has("waiters", openapi::list(openapi::named("ChannelWaiter")))
    .has("callers", openapi::list(openapi::named("LockCaller")))
}
