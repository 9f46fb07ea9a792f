//! The routes, by what one must be to use them.

use crate::auth::login;
use crate::context::Context;
use axum::Router;
use axum::routing::{delete, get, post};

mod alerts;
mod dry_run;
mod health;
mod metrics;
mod openapi;
mod series;
mod ui;

/// What anybody may ask: whether the process is there and ready, and to be let in.
pub(crate) fn public() -> Router<Context> {
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/login", get(login::page).post(login::log_in))
        .route("/login.css", get(login::style))
        .route("/login.js", get(login::script))
        .route("/login.svg", get(login::icon))
        .route("/logout", post(login::log_out))
        .route("/ui.js", get(ui::script))
}

/// What pages of the application's may send.
pub(crate) fn pages() -> Router<Context> {
    Router::new().route("/api/v1/ui", post(ui::beacon))
}

/// What readers may ask.
pub(crate) fn read() -> Router<Context> {
    Router::new()
        .route("/metrics", get(metrics::exposition))
        .route("/metrics/summary", get(metrics::summary))
        .route("/api/v1/metrics/summary", get(metrics::summary))
        .route("/metrics/report", get(metrics::report))
        .route("/api/v1/metrics/report", get(metrics::report))
        .route("/metrics/dashboard", get(metrics::dashboard))
        .route("/api/v1/metrics/dashboard", get(metrics::dashboard))
        .route("/health/performance", get(health::performance))
        .route("/api/v1/openapi.json", get(openapi::document))
        .route("/api/v1/series", get(series::list))
        .route("/api/v1/query", get(series::query))
        .route("/api/v1/calls", get(series::calls))
        .route("/api/v1/objectives", get(alerts::objectives))
        .route("/api/v1/alerts", get(alerts::list))
        .route("/api/v1/alerts/history", get(alerts::history))
        .route("/api/v1/alerts/rules", get(alerts::rules))
        .route("/api/v1/alerts/silences", get(alerts::silences))
        .route("/api/v1/alerts/dry-run", post(dry_run::dry_run))
}

/// What changes something.
pub(crate) fn admin() -> Router<Context> {
    Router::new()
        .route("/metrics/reset", post(metrics::reset))
        .route("/api/v1/metrics/reset", post(metrics::reset))
        .route("/api/v1/alerts/{id}/acknowledge", post(alerts::acknowledge))
        .route("/api/v1/alerts/silence", post(alerts::silence))
        .route("/api/v1/alerts/silences/{id}", delete(alerts::unsilence))
}
