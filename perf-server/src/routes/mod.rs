//! Our own routes, each with the right that it needs.

use crate::auth::login;
use crate::context::Context;
use crate::dashboard;
use crate::table::RouteAccess::{self, Admin, Browser, Public, Read};
use axum::routing::{MethodRouter, delete, get, post};

mod alerts;
mod deliveries;
mod dry_run;
mod edges;
mod errors;
mod health;
mod info;
pub(crate) mod marks;
pub(crate) mod mcp;
mod metrics;
mod objectives;
mod openapi;
mod query;
mod range;
mod recorded;
mod series;
mod ui;

/// Every route of our own.
#[rustfmt::skip]
pub(crate) fn own() -> Vec<(RouteAccess, &'static str, MethodRouter<Context>)> {
    vec![
        (Public, "/health/live", get(health::live)),
        (Public, "/health/ready", get(health::ready)),
        (Public, "/login", get(login::page).post(login::log_in)),
        (Public, "/login.css", get(login::style)),
        (Public, "/login.js", get(login::script)),
        (Public, "/login.svg", get(login::icon)),
        (Public, "/logout", post(login::log_out)),
        (Public, "/ui.js", get(ui::script)),
        (Public, "/api/v1/whoami", get(info::whoami)),
        (Browser, "/api/v1/ui", post(ui::beacon)),
        (Read, "/", get(dashboard::page_or_feed)),
        (Read, "/ws", get(dashboard::feed)),
        (Read, "/perf-assets/{version}/{name}", get(dashboard::asset)),
        (Read, "/api/v1/pages", get(dashboard::pages)),
        (Read, "/api/v1/info", get(info::info)),
        (Read, "/mcp", post(mcp::message)),
        (Read, "/metrics", get(metrics::exposition)),
        (Read, "/metrics/summary", get(metrics::summary)),
        (Read, "/api/v1/metrics/summary", get(metrics::summary)),
        (Read, "/metrics/report", get(metrics::report)),
        (Read, "/api/v1/metrics/report", get(metrics::report)),
        (Read, "/metrics/dashboard", get(metrics::dashboard)),
        (Read, "/api/v1/metrics/dashboard", get(metrics::dashboard)),
        (Read, "/health/performance", get(health::performance)),
        (Read, "/api/v1/health/history", get(health::history)),
        (Read, "/api/v1/openapi.json", get(openapi::document)),
        (Read, "/api/v1/series", get(series::list)),
        (Read, "/api/v1/query", get(query::query)),
        (Read, "/api/v1/calls", get(series::calls)),
        (Read, "/api/v1/calls/recent", get(recorded::list)),
        (Read, "/api/v1/calls/{id}", get(recorded::one)),
        (Read, "/api/v1/edges", get(edges::list)),
        (Read, "/api/v1/shares", get(edges::shares)),
        (Read, "/api/v1/waits", get(edges::waits)),
        (Read, "/api/v1/errors", get(errors::list)),
        (Read, "/api/v1/objectives", get(objectives::list)),
        (Read, "/api/v1/objectives/history", get(objectives::history)),
        (Read, "/api/v1/alerts", get(alerts::list)),
        (Read, "/api/v1/alerts/{id}", get(alerts::one)),
        (Read, "/api/v1/alerts/history", get(alerts::history)),
        (Read, "/api/v1/alerts/deliveries", get(deliveries::list)),
        (Read, "/api/v1/alerts/record", get(alerts::record)),
        (Read, "/api/v1/alerts/rules", get(alerts::rules)),
        (Read, "/api/v1/alerts/silences", get(alerts::silences)),
        (Read, "/api/v1/alerts/dry-run", post(dry_run::dry_run)),
        (Admin, "/metrics/reset", post(metrics::reset)),
        (Admin, "/api/v1/metrics/reset", post(metrics::reset)),
        (Admin, "/api/v1/alerts/{id}/acknowledge", post(marks::acknowledge)),
        (Admin, "/api/v1/alerts/acknowledge", post(marks::acknowledge_several)),
        (Admin, "/api/v1/alerts/silence", post(marks::silence)),
        (Admin, "/api/v1/alerts/silences/{id}", delete(marks::unsilence)),
    ]
}
