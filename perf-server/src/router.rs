//! All routes together, with what holds for each of them.

use crate::context::Context;
use crate::routes;
use crate::settings::Settings;
use axum::Router;
use perf_runtime::Monitor;

/// A router that serves what `monitor` knows, to be merged into yours or served alone.
pub fn router(monitor: Monitor) -> Router {
    assemble(Context::new(monitor, Settings::default()))
}

/// Every route behind the checks that hold for it.
pub(crate) fn assemble(context: Context) -> Router {
    let read = routes::read();
    // The dashboard and its feed are merged here: `.merge(crate::dashboard::routes()).merge(crate::live::routes())`. They
    // take `State<Context>` and are behind the same authentication and security headers as all that readers may ask.
    let admin = routes::admin();
    routes::public().merge(read).merge(admin).with_state(context)
}
