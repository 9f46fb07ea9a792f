//! The routes of a server, asked from within the process.

use crate::auth::Access;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Uri;
use axum::response::Response;
use tower_service::Service;

/// The routes of a server that listens nowhere, asked by the process itself: what [`ServerBuilder::within`](crate::ServerBuilder::within)
/// gives.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let monitor = perf_runtime::Monitor::builder().build()?;
/// let routes = perf_server::Server::builder(&monitor).within()?;
/// let answer = routes.get("/api/v1/query?kind=operation&from=-2h".parse()?).await;
/// assert_eq!(answer.status(), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Within(Router);

impl Within {
    pub(crate) fn new(routes: Router) -> Self {
        Self(routes)
    }

    /// Answers a `GET` of a path with its parameters. It sees what the admin token shows, for whoever asks has the monitor. To be called
    /// where there is a runtime of tokio.
    pub async fn get(&self, question: Uri) -> Response {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = question;
        request.extensions_mut().insert(Access::Admin);
        match self.0.clone().call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}
