//! All routes together, with what holds for each of them.

use crate::context::Context;
use crate::error::ServeError;
use crate::extension::{self, Additions, Extension};
use crate::layer::HttpLayer;
use crate::mounted::Mounted;
use crate::respond::{Problem, ProblemKind};
use crate::routes;
use crate::routes::mcp::Api;
use crate::server::Server;
use crate::serving::ServingLayer;
use crate::table::{OWN, Route, Table};
use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::any;
use perf_runtime::Monitor;
use tower_http::compression::{CompressionLayer, CompressionLevel};

/// A router that serves what `monitor` knows, to be merged into yours or nested under a path. [`mount`] does so, and has your
/// own routes measured as well.
///
/// | route | answer |
/// |---|---|
/// | `GET /` | the dashboard: health, every series, alerts, what runs now, live |
/// | `GET /ws` (and `/` by upgrade) | what the dashboard draws, pushed once a second over a WebSocket |
/// | `GET /metrics` | Prometheus text, format 0.0.4; OpenMetrics 1.0.0 with exemplars for those who accept it, as Prometheus servers do |
/// | `GET /metrics/summary` | JSON: every series over the last hour ([`MetricsSummary`](crate::shapes::MetricsSummary)) |
/// | `GET /metrics/report`, `/metrics/dashboard` | JSON: key figures and alerts, for reports and dashboards |
/// | `GET /health/performance` | JSON: score, status, indicators, recommendations ([`PerformanceHealth`](crate::shapes::PerformanceHealth)) |
/// | `GET /health/live`, `/health/ready` | for probes |
/// | `POST /mcp` | the same for coding agents: the Model Context Protocol, ten tools that change nothing |
/// | `POST /api/v1/ui` | what browsers tell of your pages: include `<script src="/ui.js" defer></script>` |
/// | `GET /api/v1/..` | series, their history, calls in flight, alerts, objectives, the pages of the dashboard, the process, the caller: `GET /api/v1/openapi.json` describes them all |
///
/// Tokens are read from the environment, as [`ServerBuilder`](crate::ServerBuilder) says; without any, only this machine may read and nobody may
/// change anything. Where the settings are not allowed, such as a token that is too short, each route answers `503`, and an
/// error in the log says why: [`Server::builder`](crate::Server::builder) gives that error instead. A path of your own that is the same as
/// one of these makes axum panic as it starts: [`mount`] does not.
///
/// ```no_run
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let monitor = perf_runtime::Monitor::builder().namespace("mcp").install()?;
/// let app = axum::Router::new().merge(perf_server::router(&monitor));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// axum::serve(listener, app).await?;
/// # Ok(())
/// # }
/// ```
pub fn router(monitor: &Monitor) -> Router {
    Server::builder(monitor).router().unwrap_or_else(|error| closed(&error))
}

/// An application as it is to be served: its own routes measured by an [`HttpLayer`](crate::HttpLayer), and those of [`router`] below `/perf`,
/// which are not: the dashboard's questions are no traffic of the application's. `/metrics` and `/health/..` are served at the
/// root as well, where the application has no route for them.
///
/// ```
/// use axum::{Router, routing::get};
///
/// let monitor = perf_runtime::Monitor::builder().build()?;
/// let app = Router::new().route("/users/{id}", get(|| async { "ada" }));
/// let app: Router = perf_server::mount(app, &monitor);
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
///
/// Mount last: routes, and a fallback, that are added later are neither measured nor give way to ours. Where something is not allowed (a token in the
/// environment, an application that has routes below `/perf`), an error is logged and our routes answer `503` or are not
/// there: [`mount_at`] and [`ServerBuilder::mount`](crate::ServerBuilder::mount) give that error instead.
pub fn mount<S: Clone + Send + Sync + 'static>(app: Router<S>, monitor: &Monitor) -> Router<S> {
    let own = Server::builder(monitor).mounted().unwrap_or_else(|error| Mounted::closed(closed(&error)));
    match own.check(&app) {
        Ok(()) => own.beside(app, monitor),
        Err(error) => {
            tracing::error!(target: "perf::server", %error, "perf is not mounted");
            app.layer(HttpLayer::new(monitor))
        }
    }
}

/// As [`mount`], below another path than `/perf`: with `/`, at the root of the application, where routes of both must differ.
///
/// ```
/// # let monitor = perf_runtime::Monitor::builder().build()?;
/// let app: axum::Router = perf_server::mount_at(axum::Router::new(), &monitor, "/internal/perf")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`ServerBuilder::mount`](crate::ServerBuilder::mount).
pub fn mount_at<S: Clone + Send + Sync + 'static>(
    app: Router<S>,
    monitor: &Monitor,
    prefix: &str,
) -> Result<Router<S>, ServeError> {
    Server::builder(monitor).mount_at(prefix).mount(app)
}

/// Our routes where the settings are not allowed: nothing is shown.
fn closed(error: &ServeError) -> Router {
    tracing::error!(target: "perf::server", %error, "perf shows nothing");
    let refuse = async || {
        Problem::new(ProblemKind::Misconfigured, "nothing is shown: the settings are not allowed, the log says which")
    };
    routes::own().into_iter().fold(Router::new(), |router, (_, path, _)| router.route(path, any(refuse)))
}

/// Answers what no route of ours matches.
pub(crate) fn with_fallback(router: Router) -> Router {
    router.fallback(async || {
        Problem::new(ProblemKind::UnknownPath, "there is no such page: GET /api/v1/openapi.json lists them")
    })
}

/// The table of our own routes and those of parts, and what else the parts add.
///
/// # Errors
/// Something that two of them add.
pub(crate) fn own_and(extensions: &[Extension]) -> Result<(Table, Additions), ServeError> {
    let mut table = Table::new();
    for (access, path, methods) in routes::own() {
        table.add(Route { path: path.to_owned(), access, part: OWN.to_owned() }, methods)?;
    }
    let parts = extension::add(extensions, &mut table)?;
    Ok((table, parts))
}

/// Every route behind the checks that hold for it.
pub(crate) fn assemble(context: Context, table: Table) -> Router {
    let routes = table.into_router(&context);
    let api = Api::new(routes.clone().with_state(context.clone()));
    routes
        .route_layer(axum::Extension(api))
        .route_layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .route_layer(axum::Extension(context.settings.body))
        .route_layer(map_response(with_security_headers))
        .route_layer(ServingLayer::new(&context.monitor))
        .method_not_allowed_fallback(not_allowed)
        .with_state(context)
}

async fn not_allowed(method: Method) -> Problem {
    Problem::new(ProblemKind::MethodNotAllowed, format!("{method} is not for this path: the header Allow says what is"))
}

/// Security headers of every answer. Our own pages get a referrer: without one, browsers would not say of a form where it
/// comes from.
const SECURITY: [(HeaderName, &str); 6] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

pub(crate) async fn with_security_headers(mut response: Response) -> Response {
    for (name, value) in SECURITY {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
