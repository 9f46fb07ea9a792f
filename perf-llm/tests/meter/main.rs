//! Calls of annotated functions: what they used, what it cost, whose it was, and where it stops.

#[cfg(feature = "tracing-layer")]
mod attempts;
mod attribution;
mod budgets;
mod counted;
mod ends;
#[cfg(feature = "tracing-layer")]
mod hidden;
#[cfg(feature = "http")]
mod http;
mod judged;
#[cfg(all(unix, feature = "store"))]
mod killed;
mod modes;
mod names;
#[cfg(all(unix, feature = "prices-url"))]
mod prices;
mod recorded;
#[cfg(all(feature = "http", feature = "tracing-layer"))]
mod retries;
mod settings;
#[cfg(feature = "tracing-layer")]
mod spans;
#[cfg(feature = "tracing-layer")]
mod tools;

use perf_llm::{Llm, Meter, Settings};
use perf_runtime::Monitor;
use perf_runtime::extend::ToldUsage;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// A usage whose cost the provider tells, so that no table is needed.
fn told(input: u64, output: u64, picos: i64) -> ToldUsage {
    let mut told = ToldUsage::new().count("input", input).count("output", output);
    told.cost_picos = Some(picos);
    told
}

/// Budgets are kept in a folder of the test's own: that of the user's state has what was spent today.
fn metering(mut settings: Settings) -> (Monitor, Llm) {
    settings.path.get_or_insert_with(own_folder);
    let monitor = Monitor::builder().build().unwrap();
    let llm = Llm::with_settings(&monitor, settings).unwrap();
    (monitor, llm)
}

/// A folder that is not there yet, by the name of the test.
fn own_folder() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let thread = thread::current();
    let test = thread.name().unwrap_or("meter").replace("::", "-");
    let name = format!("{test}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("meter").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn plain() -> (Monitor, Llm) {
    metering(Settings::default())
}

/// Polls a future once, and gives it up.
async fn polled_once<F: Future>(future: F) {
    let mut future = Box::pin(future);
    std::future::poll_fn(|context| {
        drop(future.as_mut().poll(context));
        std::task::Poll::Ready(())
    })
    .await;
}

/// Settings as a file has them.
fn written(toml: &str) -> Result<Settings, perf_runtime::ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("perf.toml");
    std::fs::write(&path, toml).unwrap();
    let monitor = Llm::set_up(Monitor::builder()).config_file(path).build()?;
    Settings::read(&monitor.section("llm")?)
}

/// The sums of agents and of what no agent did are all there is.
fn assert_law(meter: &Meter) {
    let view = meter.view();
    let mut sum = view.unattributed.clone();
    view.agents.iter().for_each(|agent| sum.join(&agent.totals));
    assert_eq!(sum, view.total, "agents and unattributed");
    let mut sum = perf_llm::meter::Totals::default();
    view.models.iter().for_each(|model| sum.join(&model.totals));
    assert_eq!(sum, view.total, "models");
    let mut sum = perf_llm::meter::Totals::default();
    view.hours.iter().for_each(|hour| sum.join(&hour.totals));
    assert_eq!(sum, view.total, "hours");
}
