//! `start` in real processes: a monitor is installed once in each, so every case is a process of its own. The test runs this
//! very binary again with the name of the case in `PERF_KIT_CASE`.

mod compared;
mod grafana;
mod history;
mod insight;
mod llm;
mod notifications;
mod report;
#[path = "../servers.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod servers;
mod sql;
mod sync;

use perf_kit::extend::Deadline;
use perf_kit::{Monitor, Outcome, StartError, Window};
use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};

type Tested = Result<(), Box<dyn Error>>;
type Case = (&'static str, fn() -> Tested);

const CASES: [Case; 29] = [
    ("settings_in_effect", settings_in_effect),
    ("everything", everything),
    ("without_a_runtime", without_a_runtime),
    ("a_taken_port", a_taken_port),
    ("twice", twice),
    ("a_refused_setting", a_refused_setting),
    ("disabled", disabled),
    ("mounted", mounted),
    ("a_blocked_runtime", a_blocked_runtime),
    ("dropped", dropped),
    ("a_state_goes_on", a_state_goes_on),
    ("a_misspelt_section", a_misspelt_section),
    ("a_history", history::a_history),
    ("notifications", notifications::notifications),
    ("a_clean_up", history::a_clean_up),
    ("insight", insight::insight),
    ("insight_is_off", insight::insight_is_off),
    ("language_models", llm::language_models),
    ("a_run_that_is_kept", llm::a_run_that_is_kept),
    ("channels", sync::channels),
    ("locks", sync::locks),
    ("statements", sql::statements),
    ("reports", report::reports),
    ("dashboards", grafana::dashboards),
    ("the_end", report::the_end),
    ("kept_reports", report::kept_reports),
    ("kept_comparisons", compared::kept_comparisons),
    ("a_crash", report::a_crash),
    ("after_a_crash", report::after_a_crash),
];

/// Runs a case in a process of its own, in a folder of its own with this `perf.toml`.
fn run(case: &str, settings: &str, variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("perf.toml"), settings).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "the_case_of_this_process", "--nocapture"]).current_dir(folder.path());
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PERF_")) {
        command.env_remove(name);
    }
    // Not in the home of whoever runs the tests.
    command.env("PERF_HISTORY_PATH", folder.path().join("history")).env("XDG_STATE_HOME", folder.path().join("state"));
    command.env("PERF_KIT_CASE", case).envs(variables.iter().copied()).output().unwrap()
}

fn passes(case: &str, settings: &str, variables: &[(&str, &str)]) {
    let output = run(case, settings, variables);
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).join("\n");
    assert!(output.status.success(), "{case}:\n{text}");
    assert!(text.contains("1 passed"), "the case was run: {text}");
}

/// In the process of a case, the case; elsewhere nothing.
#[test]
fn the_case_of_this_process() {
    let Ok(wanted) = env::var("PERF_KIT_CASE") else { return };
    let (_, case) = CASES.into_iter().find(|(name, _)| *name == wanted).expect("a case");
    case().unwrap();
}

const FREE_PORT: &str = "[server]\nport = 0\n";

#[test]
fn one_line_starts_everything_and_the_end_flushes() {
    passes("everything", FREE_PORT, &[]);
}

#[test]
fn without_a_runtime_the_server_has_its_own() {
    passes("without_a_runtime", "", &[("PERF_PORT", "0")]);
}

#[test]
fn a_taken_port_is_an_error_that_says_what_to_set() {
    passes("a_taken_port", "", &[]);
}

#[test]
fn a_second_start_is_an_error() {
    passes("twice", FREE_PORT, &[]);
}

#[test]
fn a_setting_that_is_not_allowed_starts_nothing() {
    passes("a_refused_setting", FREE_PORT, &[("PERF_SERVER_PRT", "1")]);
}

#[test]
fn disabled_counts_and_starts_nothing() {
    passes("disabled", "enabled = false\n", &[]);
}

#[test]
fn an_application_can_have_the_routes_in_its_own_server() {
    passes("mounted", "", &[("PERF_READ_TOKEN", "0123456789abcdef")]);
}

#[test]
fn the_settings_in_effect_can_be_read_without_secrets() {
    let file =
        "namespace = \"shop\"\n[server]\nport = 0\nadmin_token = \"hidden-in-the-file\"\n[host]\ninterval = \"5s\"\n";
    let variables = [("PERF_READ_TOKEN", "hidden-in-a-variable"), ("PERF_HOST_LATENCY_TARGETS", "127.0.0.1:1")];
    passes("settings_in_effect", file, &variables);
}

#[test]
fn the_dashboard_answers_while_the_runtime_is_blocked() {
    passes("a_blocked_runtime", FREE_PORT, &[]);
}

#[test]
fn dropping_the_guard_flushes_and_never_blocks_a_runtime() {
    passes("dropped", FREE_PORT, &[]);
}

#[test]
fn the_state_of_before_goes_on() {
    passes("a_state_goes_on", FREE_PORT, &[]);
}

#[test]
fn a_misspelt_section_is_told_its_nearest() {
    passes("a_misspelt_section", "[sever]\nport = 0\n", &[]);
}

/// The status and the body of a GET.
fn get(address: SocketAddr, path: &str, head: &str) -> std::io::Result<(u16, String)> {
    send(address, "GET", path, head, "")
}

fn send(address: SocketAddr, method: &str, path: &str, head: &str, body: &str) -> std::io::Result<(u16, String)> {
    answer(address, method, path, head, body).map(|(status, _, body)| (status, body))
}

/// The same with the headers of the answer.
fn answer(
    address: SocketAddr,
    method: &str,
    path: &str,
    head: &str,
    body: &str,
) -> std::io::Result<(u16, String, String)> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let length = body.len();
    let head = format!("{head}content-length: {length}\r\nconnection: close\r\n");
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{head}\r\n{body}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let is_in_pieces = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if is_in_pieces { joined(body).ok_or(ErrorKind::UnexpectedEof)? } else { body.to_owned() };
    Ok((status, head.to_owned(), body))
}

/// The pieces of a body; `None` where it breaks off before its end.
fn joined(mut pieces: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (length, rest) = pieces.split_once("\r\n")?;
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.push_str(rest.get(..length)?);
        pieces = rest.get(length..)?.strip_prefix("\r\n")?;
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn everything() -> Tested {
    runtime().block_on(async {
        let perf = perf_kit::start("shop")?;
        let monitor = perf_kit::monitor();
        assert_eq!(monitor.service().map(|service| service.name.as_str()), Some("shop"));
        monitor.operation("resize").record(Duration::from_millis(3), Outcome::Ok);
        let address = perf.server_address().expect("a port");
        let (status, text) = tokio::task::spawn_blocking(move || get(address, "/metrics", "")).await??;
        assert_eq!(status, 200);
        assert!(text.contains(r#"operations_total{operation="resize",outcome="ok"} 1"#), "no namespace: {text}");
        // The host is sampled at the first tick, with its rules.
        let is_sampled = || monitor.render_prometheus().contains("system_memory_utilization_ratio");
        let begun = Instant::now();
        while !is_sampled() && begun.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(is_sampled());
        assert!(monitor.alerts().rules().iter().any(|one| one.rule.id() == "open-files"));
        assert!(monitor.alerts().rules().iter().any(|one| one.rule.id() == "http-latency"));
        monitor.operation("resize").record(Duration::from_millis(3), Outcome::Ok);
        let flushed = Arc::new(AtomicU32::new(0));
        let ours = Arc::clone(&flushed);
        let hook = monitor.on_shutdown("part", move |deadline: Deadline| {
            assert!(!deadline.remaining().is_zero());
            ours.fetch_add(1, Ordering::Relaxed);
        });
        let report = perf.shutdown().await;
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(report.finished, ["part", "server", "llm", "insight", "history"], "the last registered ends first");
        assert_eq!(flushed.load(Ordering::Relaxed), 1);
        drop(hook);
        assert!(TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err(), "the port is free");
        let summary = monitor.summary(Window::LastMinute);
        assert_eq!(summary.find(perf_kit::Kind::Operation, &["resize"]).unwrap().count, 2);
        Ok(())
    })
}

fn without_a_runtime() -> Tested {
    let perf = perf_kit::start("shop")?;
    let (status, _) = get(perf.server_address().expect("a port"), "/health/live", "")?;
    assert_eq!(status, 200);
    assert!(perf.shutdown_blocking(Duration::from_secs(5)).is_clean());
    Ok(())
}

fn a_taken_port() -> Tested {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    // SAFETY: no other thread of this process reads or writes variables now.
    unsafe { env::set_var("PERF_PORT", &port) };
    let error = perf_kit::start("shop").unwrap_err();
    let StartError::Port { address, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*address, format!("127.0.0.1:{port}"));
    let text = error.to_string();
    assert!(["[server] port", "PERF_PORT", "0 takes any"].iter().all(|part| text.contains(part)), "{text}");
    // Nothing is half started: another try is a first one.
    // SAFETY: as above; the thread that was to serve has ended or reads none.
    unsafe { env::set_var("PERF_PORT", "0") };
    let perf = perf_kit::start("shop")?;
    assert!(perf.shutdown_blocking(Duration::from_secs(5)).is_clean());
    Ok(())
}

fn twice() -> Tested {
    let perf = perf_kit::start("shop")?;
    let error = perf_kit::start("shop").unwrap_err();
    assert!(error.to_string().contains("installed already"), "{error}");
    let error = Monitor::builder().install().unwrap_err();
    assert!(error.to_string().contains("installed already"), "{error}");
    assert!(perf.shutdown_blocking(Duration::from_secs(5)).is_clean());
    Ok(())
}

fn a_refused_setting() -> Tested {
    let error = perf_kit::start("shop").unwrap_err();
    let StartError::Config(error) = error else { panic!("{error:?}") };
    assert_eq!((error.field.as_str(), error.source.as_deref()), ("PERF_SERVER_PRT", Some("environment")));
    assert!(error.allowed.contains("PERF_SERVER_PORT"), "{error}");
    Monitor::builder().install()?;
    Ok(())
}

fn a_misspelt_section() -> Tested {
    let StartError::Config(error) = perf_kit::start("shop").unwrap_err() else { return Err("no setting".into()) };
    assert_eq!((error.value.as_str(), error.source.as_deref()), ("sever", Some("perf.toml")));
    assert!(error.allowed.contains("\"server\""), "{error}");
    Ok(())
}

fn disabled() -> Tested {
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let before = threads();
    let perf = perf_kit::start("shop")?;
    assert_eq!(perf.server_address(), None);
    assert_eq!(threads(), before, "no thread");
    let monitor = perf_kit::monitor();
    monitor.operation("resize").record(Duration::from_millis(3), Outcome::Ok);
    assert!(monitor.render_prometheus().contains(r#"operations_total{operation="resize",outcome="ok"} 1"#));
    thread::sleep(Duration::from_millis(1_200));
    assert_eq!(monitor.ticks().ticks, 0);
    assert!(perf.shutdown_blocking(Duration::from_secs(1)).is_clean());
    Ok(())
}

fn mounted() -> Tested {
    runtime().block_on(async {
        let perf = perf_kit::builder("shop").without_server().start()?;
        assert_eq!(perf.server_address(), None);
        let app = axum::Router::new().route("/cart", axum::routing::get(|| async { "empty" }));
        let app = perf.mount(app)?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, app).await });
        let (own, refused, allowed) = tokio::task::spawn_blocking(move || {
            let token = "authorization: Bearer 0123456789abcdef\r\n";
            Ok::<_, std::io::Error>((
                get(address, "/cart", "")?,
                get(address, "/metrics", "")?,
                get(address, "/metrics", token)?,
            ))
        })
        .await??;
        assert_eq!(own, (200, "empty".to_owned()));
        assert_eq!(refused.0, 401, "the token of the settings holds here too");
        assert_eq!(allowed.0, 200);
        assert!(allowed.1.contains(r#"route="/cart""#), "the application's requests are measured");
        assert!(perf.shutdown().await.is_clean());
        Ok(())
    })
}

fn settings_in_effect() -> Tested {
    let set_up = |server: perf_kit::server::ServerBuilder| server.body_limit(4_096);
    let perf = perf_kit::builder("shop").monitor(|monitor| monitor.alert_history(200)).server(set_up).start()?;
    let token = "authorization: Bearer hidden-in-a-variable\r\n";
    let (_, text) = get(perf.server_address().expect("a port"), "/api/v1/info", token)?;
    let info: serde_json::Value = serde_json::from_str(&text)?;
    for (path, value) in [
        ("/namespace", "shop".into()),
        ("/service/name", "shop".into()),
        ("/alert_history", 200.into()),
        ("/log/level", "debug".into()),
        ("/rules/open-files/enabled", true.into()),
        ("/server/port", 0.into()),
        ("/server/host", "127.0.0.1".into()),
        ("/server/body_limit", 4_096.into()),
        ("/server/admin_token", "(not shown)".into()),
        ("/host/interval", "5s".into()),
        ("/host/latency_targets/0", "127.0.0.1:1".into()),
        ("/host/latency_timeout", "2s".into()),
    ] {
        assert_eq!(info["config"].pointer(path), Some(&value), "{path} in {info:#}");
    }
    assert!(!text.contains("hidden"), "{text}");
    assert!(perf.shutdown_blocking(Duration::from_secs(5)).is_clean());
    Ok(())
}

fn a_blocked_runtime() -> Tested {
    let runtime = runtime();
    let perf = runtime.block_on(async { perf_kit::start("shop") })?;
    runtime.spawn(async { thread::sleep(Duration::from_secs(2)) });
    let (status, _) = get(perf.server_address().expect("a port"), "/health/live", "")?;
    assert_eq!(status, 200);
    assert!(perf.shutdown_blocking(Duration::from_secs(5)).is_clean());
    Ok(())
}

fn dropped() -> Tested {
    let flushed = Arc::new(AtomicU32::new(0));
    let perf = perf_kit::start("shop")?;
    let (ours, monitor) = (Arc::clone(&flushed), perf.monitor().clone());
    let hook = monitor.on_shutdown("slow", move |_| {
        thread::sleep(Duration::from_millis(300));
        ours.fetch_add(1, Ordering::Relaxed);
    });
    let begun = Instant::now();
    runtime().block_on(async move { drop(perf) });
    assert!(begun.elapsed() < Duration::from_millis(250), "no task waits: {:?}", begun.elapsed());
    thread::sleep(Duration::from_secs(1));
    assert_eq!(flushed.load(Ordering::Relaxed), 1, "it was flushed all the same");
    drop(hook);
    Ok(())
}

fn a_state_goes_on() -> Tested {
    let before = Monitor::builder().build()?;
    before.reset();
    let state = serde_json::to_string(&before.state())?;
    let perf = perf_kit::builder("shop").restore(serde_json::from_str(&state)?).start()?;
    assert_eq!(perf.monitor().resets().len(), 1);
    let begun = Instant::now();
    while perf.monitor().ticks().ticks == 0 && begun.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(50));
    }
    assert!(perf.monitor().restore(serde_json::from_str(&state)?).is_err(), "after a tick it is too late");
    assert!(perf.shutdown_blocking(Duration::from_secs(5)).is_clean());
    Ok(())
}
