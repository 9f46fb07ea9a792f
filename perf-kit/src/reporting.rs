//! Reports: what they are made with, their settings, and their routes.

mod alongside;
#[cfg(all(feature = "server", feature = "insight"))]
mod compared;
#[cfg(feature = "server")]
mod kept;
#[cfg(feature = "server")]
mod routes;

use perf_report::{Reports, Settings};
use perf_runtime::{ConfigError, Monitor};
use std::path::PathBuf;

pub(crate) use alongside::Sources;
#[cfg(feature = "server")]
pub(crate) use routes::extension;

/// Begins to make reports: as the section `[report]` says or, where there is none, as the program does.
pub(crate) fn open(
    monitor: &Monitor,
    in_code: Option<Settings>,
    sources: Sources,
    state: Option<PathBuf>,
    public_url: Option<String>,
) -> Result<Reports, ConfigError> {
    #[cfg(feature = "history")]
    let history = sources.history.clone();
    #[cfg(all(feature = "server", feature = "insight"))]
    let comparing = sources.clone();
    let joined = perf_report::Sources::default()
        .alongside(move |monitor, range| sources.of(monitor, range))
        .folder(state.map(|folder| folder.join("reports")))
        .public_url(public_url);
    #[cfg(all(feature = "server", feature = "insight"))]
    let joined = joined.comparing(move |monitor, ranges| compared::whole(monitor, &comparing, ranges));
    #[cfg(feature = "history")]
    let joined = match history.filter(|_| monitor.ask::<dyn perf_runtime::extend::Past>().is_some()) {
        Some(view) => joined.lives(move || lives(&view)),
        None => joined,
    };
    match in_code {
        Some(settings) if monitor.section("report")?.is_empty() => Reports::with_settings(monitor, settings, joined),
        _ => Reports::open(monitor, joined),
    }
}

/// The lives of processes, as the history knows them; why it is off, where it is.
#[cfg(feature = "history")]
fn lives(view: &perf_history::HistoryView) -> Result<Vec<perf_report::Life>, String> {
    let overview = view.overview();
    if let Some(off) = overview.status.off {
        return Err(off);
    }
    let life = |boot: perf_history::BootRecord| Some(perf_report::Life::new(boot.started?, boot.ended?, boot.clean));
    Ok(overview.boots.into_iter().filter_map(life).collect())
}
