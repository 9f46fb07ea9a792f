//! A service to look at: its monitor ticks once a second, and when the test says so.

use perf_runtime::metric::SampledMetric;
use perf_runtime::rule::{Rule, RuleSet, Statistic, presets};
use perf_runtime::{Kind, Monitor, Outcome};
use perf_server::{Extension, Server, ServerBuilder};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const READER: &str = "the-token-of-whoever-may-look";
pub(crate) const ADMIN: &str = "the-token-of-whoever-may-change-things";

/// How often it ticks by itself.
pub(crate) const TICK: Duration = Duration::from_secs(1);

pub(crate) struct Service {
    pub(crate) monitor: Monitor,
    pub(crate) url: String,
    pub(crate) port: u16,
    ticks: Arc<AtomicBool>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::at(0, None).await
    }

    /// One that judges by these rules alone.
    pub(crate) async fn judged_by(rules: RuleSet) -> Self {
        Self::serve(Monitor::builder().rules(rules).build().expect("a monitor"), 0, None).await
    }

    /// One that asks who one is.
    pub(crate) async fn guarded() -> Self {
        Self::at(0, Some((READER, ADMIN))).await
    }

    async fn at(port: u16, tokens: Option<(&str, &str)>) -> Self {
        Self::serve(monitor(), port, tokens).await
    }

    async fn serve(monitor: Monitor, port: u16, tokens: Option<(&str, &str)>) -> Self {
        let server = Server::builder(&monitor);
        let server = match tokens {
            Some((reader, admin)) => server.read_token(reader).admin_token(admin),
            None => server,
        };
        Self::listen(monitor, server, port).await
    }

    /// One to which a part adds something.
    pub(crate) async fn extended(monitor: Monitor, part: Extension) -> Self {
        let server = Server::builder(&monitor).extend(part);
        Self::listen(monitor, server, 0).await
    }

    /// The same that asks who one is.
    pub(crate) async fn extended_and_guarded(monitor: Monitor, extension: Extension, port: u16) -> Self {
        let server = Server::builder(&monitor).extend(extension).read_token(READER).admin_token(ADMIN);
        Self::listen(monitor, server, port).await
    }

    /// One of a monitor of one's own.
    pub(crate) async fn of(monitor: Monitor, port: u16) -> Self {
        Self::serve(monitor, port, None).await
    }

    async fn listen(monitor: Monitor, server: ServerBuilder, port: u16) -> Self {
        let server = server.bind(("127.0.0.1", port)).await.expect("a port");
        let port = server.local_addr().port();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server.run_until(async {
            // A sender that is gone means the same.
            let _ = stopped.await;
        }));
        let ticks = Arc::new(AtomicBool::new(true));
        let (goes_on, ticked) = (Arc::clone(&ticks), monitor.clone());
        thread::spawn(move || {
            while goes_on.load(Ordering::Relaxed) {
                thread::sleep(TICK);
                ticked.tick();
            }
        });
        let url = format!("http://127.0.0.1:{port}/");
        Self { monitor, url, port, ticks, stop: Some(stop), task: Some(task) }
    }

    pub(crate) async fn stop(&mut self) {
        self.ticks.store(false, Ordering::Relaxed);
        drop(self.stop.take());
        if let Some(task) = self.task.take() {
            task.await.expect("the server ends");
        }
    }

    /// Another process at the same port, as far as the browser can tell.
    pub(crate) async fn restart(&mut self) {
        *self = Self::at(self.port, None).await;
    }

    pub(crate) async fn restart_with_other_tokens(&mut self) {
        *self = Self::at(self.port, Some(("another-token-for-readers", "another-token-for-admins"))).await;
    }

    pub(crate) fn tick(&self) {
        self.monitor.tick();
    }

    /// Calls of every kind that can be made at run time.
    pub(crate) fn some_calls(&self) {
        for call in 0..60_u64 {
            let status = if call % 60 == 59 { 404 } else { 200 };
            self.monitor.http_request("GET", "/carts/{id}").answer(status);
            self.monitor.http_request("POST", "/orders").answer(201);
            self.monitor.record_mcp_call("context7", "resolve", Duration::from_millis(40 + call * 3), true);
            for step in 0..8 {
                let took = Duration::from_micros(800 + 900 * step * step + 37 * call);
                self.monitor.operation(&format!("step {step}")).record(took, Outcome::Ok);
            }
        }
        self.monitor.operation("resize").record(Duration::from_millis(90), Outcome::Cancelled);
        self.monitor.record_custom_metric("queue_depth", 12.0, "jobs");
        self.monitor.tick();
    }

    /// A step that takes longer from now on than any other.
    pub(crate) fn slow_step(&self, step: u64) {
        for _ in 0..2_000 {
            self.monitor.operation(&format!("step {step}")).record(Duration::from_millis(700 + step), Outcome::Ok);
        }
    }

    /// More than fit on a screen.
    pub(crate) fn many_rows(&self) {
        for row in 0..60 {
            self.monitor.operation(&format!("row {row}")).record(Duration::from_millis(row), Outcome::Ok);
        }
        self.monitor.tick();
    }

    /// Ticks come only when the test says so.
    pub(crate) fn stop_ticks(&self) {
        self.ticks.store(false, Ordering::Relaxed);
    }

    /// 500 series, each of which changes.
    pub(crate) fn many_series(&self) {
        for series in 0..500_u64 {
            let (server, capability) = (format!("server-{}", series / 20), format!("capability-{}", series % 20));
            let took = Duration::from_micros(300 + series * 37 % 9_000);
            self.monitor.record_mcp_call(&server, &capability, took, series % 50 > 0);
        }
    }

    /// Some seconds of what a service does.
    pub(crate) fn a_day_in_short(&self) {
        for _ in 0..3 {
            self.some_calls();
            thread::sleep(Duration::from_millis(700));
        }
    }

    /// Samples of a host, as `perf-host` names it; and a GPU that is not there after all.
    pub(crate) fn a_host(&self) {
        const CPU: SampledMetric = SampledMetric::gauge("system_cpu_utilization_ratio", "ratio", "Processors in use.");
        const DISK: SampledMetric = SampledMetric::gauge("system_disk_utilization_ratio", "ratio", "How full.");
        const MEMORY: SampledMetric = SampledMetric::gauge("process_memory_usage_bytes", "bytes", "Memory.");
        const SWITCHES: SampledMetric = SampledMetric::counter("process_context_switches_total", "", "Switches.");
        const GPU: SampledMetric = SampledMetric::gauge("hw_gpu_utilization_ratio", "ratio", "Busy.");
        let mut seconds = 0.0;
        self.monitor.sample("host", Duration::ZERO, move |samples| {
            seconds += 1.0;
            samples.put(&CPU, &[], 0.5 + f64::sin(seconds) / 4.0);
            samples.put(&DISK, &[("system_filesystem_mountpoint", "/")], 0.95);
            samples.put(&MEMORY, &[], 3.0 * 1_024.0 * 1_024.0);
            samples.put(&SWITCHES, &[("process_context_switch_type", "voluntary")], 100.0 * seconds);
            samples.put(&GPU, &[("hw_id", "0")], None);
        });
        // Longer than a cell of the shortest window, so that each has one of its own.
        for _ in 0..2 {
            self.monitor.tick();
            thread::sleep(Duration::from_millis(1_100));
        }
    }

    /// Something that fires at once.
    pub(crate) fn an_alert(&self) {
        for _ in 0..40 {
            self.monitor.operation("backup").record(Duration::from_secs(4), Outcome::Ok);
        }
        self.monitor.tick();
    }
}

/// Says what it uses.
#[perf_runtime::monitor("import", profile, units = rows)]
pub(crate) fn import(rows: u64) -> u64 {
    (0..rows * 1_000).fold(0, |sum, row| std::hint::black_box(sum ^ row))
}

impl Drop for Service {
    fn drop(&mut self) {
        self.ticks.store(false, Ordering::Relaxed);
    }
}

/// The alert where a backup takes long.
pub(crate) fn slow_backup() -> Rule {
    let slow = Rule::builder("slow-backup").name("Slow backup").metric(Kind::Operation).only("operation", ["backup"]);
    slow.statistic(Statistic::P95).warning(1.0).critical(2.0).build().expect("a rule")
}

fn monitor() -> Monitor {
    let mut rules = presets::standard();
    rules.insert(slow_backup());
    Monitor::builder().rules(rules).build().expect("a monitor")
}
