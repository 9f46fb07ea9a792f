//! `[log] level`: it decides which of our own events are sent to `tracing`. One test, for it holds for the process.

use perf_runtime::Monitor;
use perf_runtime::rule::Rule;
use std::fs;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The levels and the texts of our own events since the last time it was asked.
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn the_level_of_the_settings_decides_what_is_logged_and_a_reload_changes_it() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(log.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let level = |level: &str| fs::write(file.path(), format!("[log]\nlevel = \"{level}\"\n")).unwrap();
    let deep = Rule::builder("deep-queue").metric("queue_depth").critical(10.0).build().unwrap();
    let rules = [deep].into_iter().collect();
    level("error");
    let monitor = Monitor::builder().rules(rules).config_file(file.path()).install().unwrap();
    assert_eq!(monitor.config().get("log.level"), Some(&"error".into()));
    let alert_and_reset = || {
        log.take();
        for depth in [0.0, 20.0] {
            monitor.record_custom_metric("queue_depth", depth, "jobs");
            monitor.tick();
        }
        monitor.reset();
        monitor.record_response_time("search", Duration::from_secs(30));
        let text = log.take();
        // The targets are names to filter by, and no private paths.
        for line in text.lines() {
            let (_, target) = [("queue_depth is", "::alert"), ("Slow response", "::slow"), ("", "")]
                .into_iter()
                .find(|(said, _)| line.contains(said))
                .unwrap();
            assert!(line.contains(&format!(" perf_runtime{target}: ")), "{line}");
        }
        (text.contains("ERROR"), text.contains("the baseline was reset"), text)
    };
    // An error passes, an information does not.
    let (is_told, is_reset_told, text) = alert_and_reset();
    assert!(is_told && !is_reset_told, "{text}");
    for (wanted, expected) in [("info", (true, true)), ("off", (false, false)), ("debug", (true, true))] {
        level(wanted);
        monitor.reload().unwrap();
        let (is_told, is_reset_told, text) = alert_and_reset();
        assert_eq!((is_told, is_reset_told), expected, "{wanted}: {text}");
    }
    // The application's own events are not its affair.
    level("off");
    monitor.reload().unwrap();
    log.take();
    tracing::info!("a word of the application");
    assert!(log.take().contains("a word of the application"));
}
