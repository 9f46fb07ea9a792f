//! The HTTP API on a history's file that no service has.

use crate::error::StartError;
use perf_history::{HistoryError, HistoryFile};
use perf_runtime::extend::Provided;
use perf_runtime::{ConfigError, Monitor};
use perf_server::axum::http::Uri;
use perf_server::axum::response::Response;
use perf_server::{Server, Within};
use std::fmt;

/// The HTTP API on the file of a history that no service has, such as a copy or that of a stopped service: `/api/v1/query`, `/errors`,
/// `/calls/recent`, `/insight/compare`, `/export`, `/reports` and their like answer as the service did. Routes that tell of now
/// (`/api/v1/series`, `/health/performance`) tell of a process in which nothing was called.
///
/// Nothing listens, no setting is read, and the file is left as it is.
///
/// ```no_run
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// use perf_kit::history::HistoryFile;
/// use perf_kit::PastApi;
///
/// let api = PastApi::of(HistoryFile::open("/backup/history.redb")?)?;
/// let answer = api.get("/api/v1/query?kind=http_request&from=2026-11-28T00:00:00Z&to=2026-11-29T00:00:00Z".parse()?).await;
/// assert_eq!(answer.status(), 200);
/// api.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PastApi {
    routes: Within,
    file: HistoryFile,
    _provided: [Provided; 6],
    #[cfg(feature = "insight")]
    _insight: perf_insight::runtime::Insight,
    #[cfg(feature = "report")]
    _reports: perf_report::Reports,
}

impl fmt::Debug for PastApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PastApi").field("file", &self.file).finish_non_exhaustive()
    }
}

impl PastApi {
    /// Opens the API on a file. Reports that were kept beside it, in `reports` of its folder, are there too.
    ///
    /// # Errors
    /// Parts of this program that cannot be put together.
    pub fn of(file: HistoryFile) -> Result<Self, StartError> {
        // With a recorder, which makes none: what is kept is told by its routes.
        let monitor = Monitor::builder().recorder(true).section("insight").section("report").build()?;
        let provided =
            file.provide_to(&monitor).map_err(|error| ConfigError::new("history", error.to_string(), "one"))?;
        // Incidents that were open when the file was written last are told as such: nobody knows when they ended.
        if let Some(state) = file.state() {
            // One of a later version is left out.
            let _ = monitor.restore(state.of_parts());
        }
        let server = Server::builder(&monitor).extend(crate::remembering::extension(file.view())());
        #[cfg(feature = "insight")]
        let insight = perf_insight::runtime::Insight::open(&monitor)?;
        #[cfg(feature = "insight")]
        let server = server.extend(crate::explaining::extension(insight.view())());
        #[cfg(feature = "report")]
        let (reports, server) = {
            let sources = crate::reporting::Sources {
                history: Some(file.view()),
                #[cfg(feature = "insight")]
                insight: Some(insight.view()),
                #[cfg(feature = "llm")]
                llm: None,
                without_service: true,
            };
            let folder = file.view().overview().status.path.and_then(|path| Some(path.parent()?.to_owned()));
            let reports = crate::reporting::open(&monitor, None, sources.clone(), folder, None)?;
            let extension = crate::reporting::extension(&monitor, sources, reports.view());
            (reports, server.extend(extension()))
        };
        let routes = server.within().map_err(StartError::Server)?;
        Ok(Self {
            routes,
            file,
            _provided: provided,
            #[cfg(feature = "insight")]
            _insight: insight,
            #[cfg(feature = "report")]
            _reports: reports,
        })
    }

    /// Answers a `GET` of a path with its parameters. To be called where there is a runtime of tokio.
    pub async fn get(&self, question: Uri) -> Response {
        self.routes.get(question).await
    }

    /// The file that answers.
    pub fn file(&self) -> &HistoryFile {
        &self.file
    }

    /// Says whether the file was nobody's up to now: as [`HistoryFile::check`], to be asked after an answer was read.
    ///
    /// # Errors
    /// [`HistoryError::Busy`] where a process has the file, or has written it since it was opened.
    pub fn check(&self) -> Result<(), HistoryError> {
        self.file.check()
    }
}
