//! The service as it is, and measured by this project.

use crate::service::{Failed, Served, greeting, hello};
use axum::Router;
use perf_runtime::{Monitor, monitor};
use perf_server::HttpLayer;

pub(crate) fn plain() -> Served {
    Served::new(hello(greeting), String::new)
}

pub(crate) fn function() -> Served {
    with_monitor(hello(monitored), |app, _| app)
}

pub(crate) fn function_and_layer() -> Served {
    with_monitor(hello(monitored), |app, monitor| app.layer(HttpLayer::new(monitor)))
}

pub(crate) fn layer() -> Served {
    with_monitor(hello(greeting), |app, monitor| app.layer(HttpLayer::new(monitor)))
}

pub(crate) fn layer_with_sizes() -> Served {
    with_monitor(hello(greeting), |app, monitor| app.layer(HttpLayer::new(monitor).with_sizes()))
}

fn with_monitor(app: Router, measured: impl Fn(Router, &Monitor) -> Router) -> Served {
    let monitor = Monitor::builder().install().expect("the only one, and a thread for its ticker");
    Served::new(measured(app, &monitor), move || monitor.render_prometheus())
}

#[monitor("greeting")]
async fn monitored(id: u64) -> Result<&'static str, Failed> {
    greeting(id).await
}
