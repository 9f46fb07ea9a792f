//! Measurements that browsers send of the pages that people use: how fast frames come, and how long drawing, input and
//! sockets take.
//!
//! A page sends it with `navigator.sendBeacon`, as a `Blob` of type `application/json`. That is also the fence against other
//! sites, beside the check of the origin: without asking first, which is never allowed, a page can send no JSON to another
//! origin.

use crate::context::Context;
use crate::frames::Frames;
use crate::respond::{self, Payload, Problem};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use perf_runtime::Monitor;
use perf_runtime::metric::names;
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::time::Instant;

/// The script that a page includes.
const SCRIPT: &str = include_str!("../../assets/ui.js");
/// The longest name of a page, in bytes, and the most values of one sort.
const MAX_PAGE: usize = 128;
const MAX_VALUES: usize = 100;
/// Faster than any screen; and a page that takes longer than an hour was asleep.
const HERTZ: RangeInclusive<f64> = 0.0..=1_000.0;
const SECONDS: RangeInclusive<f64> = 0.0..=3_600.0;

/// The measurements of a browser since its last message.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Beacon {
    /// Which page it is about: a template such as `/carts/{id}`. The first 200 are told apart.
    page: String,
    #[serde(default)]
    frame_rate_hertz: Vec<f64>,
    #[serde(default)]
    render_seconds: Vec<f64>,
    #[serde(default)]
    interaction_seconds: Vec<f64>,
    #[serde(default)]
    websocket_seconds: Vec<f64>,
}

/// One sort of values, and the histogram that they belong to.
struct Sort<'a> {
    field: &'static str,
    values: &'a [f64],
    allowed: RangeInclusive<f64>,
    metric: &'static str,
    unit: &'static str,
    help: &'static str,
}

impl Beacon {
    fn sorts(&self) -> [Sort<'_>; 4] {
        let seconds =
            |field, values, metric, help| Sort { field, values, allowed: SECONDS, metric, unit: "seconds", help };
        [
            Sort {
                field: "frame_rate_hertz",
                values: &self.frame_rate_hertz,
                allowed: HERTZ,
                metric: names::UI_FRAME_RATE_HERTZ,
                unit: "hertz",
                help: "Frames that a browser drew in a second, by page.",
            },
            seconds(
                "render_seconds",
                &self.render_seconds,
                names::UI_RENDER_SECONDS,
                "Time until a browser had drawn something, by page.",
            ),
            seconds(
                "interaction_seconds",
                &self.interaction_seconds,
                names::UI_INTERACTION_SECONDS,
                "Time from a person's input until a browser had drawn what came of it, by page.",
            ),
            seconds(
                "websocket_seconds",
                &self.websocket_seconds,
                names::UI_WEBSOCKET_SECONDS,
                "Time until a WebSocket was open or a message answered, by page.",
            ),
        ]
    }

    fn check(&self) -> Result<(), Problem> {
        if self.page.is_empty() || self.page.len() > MAX_PAGE || self.page.contains(char::is_control) {
            let shown: String = self.page.chars().take(MAX_PAGE).collect();
            return Err(Problem::invalid("page", &shown, format!("1 to {MAX_PAGE} bytes without control characters")));
        }
        for Sort { field, values, allowed, .. } in self.sorts() {
            if values.len() > MAX_VALUES {
                let found = format!("{} values", values.len());
                return Err(Problem::invalid(field, &found, format!("at most {MAX_VALUES} values")));
            }
            if let Some(wrong) = values.iter().find(|value| !allowed.contains(value)) {
                let (least, most) = allowed.into_inner();
                return Err(Problem::invalid(field, &wrong.to_string(), format!("{least} to {most}")));
            }
        }
        if self.sorts().iter().all(|sort| sort.values.is_empty()) {
            let fields = self.sorts().map(|sort| sort.field).join(", ");
            return Err(Problem::invalid("values", "none", format!("at least one in one of {fields}")));
        }
        Ok(())
    }

    fn record(&self, monitor: &Monitor, frames: &Frames) {
        for Sort { values, metric, unit, help, .. } in self.sorts() {
            if values.is_empty() {
                continue;
            }
            let histogram =
                monitor.metrics().histogram(metric).unit(unit).help(help).label("page", &self.page).register();
            for &value in values {
                histogram.record(value);
            }
        }
        if !self.frame_rate_hertz.is_empty() {
            frames.add(monitor, &self.page, &self.frame_rate_hertz, Instant::now());
        }
    }
}

/// `POST /api/v1/ui`: what a browser saw. All of it counts, or nothing.
pub(super) async fn beacon(
    State(context): State<Context>,
    Payload(beacon): Payload<Beacon>,
) -> Result<StatusCode, Problem> {
    beacon.check()?;
    beacon.record(&context.monitor, &context.frames);
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /ui.js`: the script that a page includes. Kept for an hour, for its address stays the same from version to version.
pub(super) async fn script(headers: HeaderMap) -> Response {
    respond::kept(&headers, "text/javascript; charset=utf-8", SCRIPT, "public, max-age=3600")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_script_is_small() {
        assert!(super::SCRIPT.len() <= 2_048, "{} bytes", super::SCRIPT.len());
    }
}
