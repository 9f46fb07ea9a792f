//! `start` in real processes: a monitor is installed once in each, so every case is a process of its own. The test runs this
//! very binary again with the name of the case in `PERF_KIT_CASE`.

use perf_kit::extend::Deadline;
use perf_kit::{Monitor, Outcome, StartError, Window};
use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};

type Tested = Result<(), Box<dyn Error>>;
type Case = (&'static str, fn() -> Tested);

const CASES: [Case; 15] = [
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
    ("a_history", a_history),
    ("notifications", notifications),
    ("a_clean_up", a_clean_up),
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

#[test]
fn a_history_is_cleaned_up_by_who_may_change_things() {
    let tokens = [("PERF_READ_TOKEN", "0123456789abcdef"), ("PERF_ADMIN_TOKEN", "fedcba9876543210")];
    passes("a_clean_up", FREE_PORT, &tokens);
}

#[test]
fn a_history_goes_on_in_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for life in ["1", "2"] {
        passes("a_history", FREE_PORT, &[("PERF_HISTORY_PATH", path), ("PERF_KIT_LIFE", life)]);
    }
}

/// The secret in the address of a webhook.
const PLANTED: &str = "planted-in-an-address";

#[test]
fn an_alert_is_told_and_acknowledged_by_its_link() {
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let file = format!(
        "[server]\nport = 0\npublic_url = \"https://ops.example.com/perf\"\n\
        [notify.channels.team]\ntype = \"webhook\"\nurl = \"http://{}/{PLANTED}\"\n\
        [[notify.routes]]\nchannels = [\"team\"]\ngroup_wait = \"0s\"\n\
        [rules.deep-queue]\nmetric = \"queue_depth\"\nwarning = 10\n",
        receiver.local_addr().unwrap()
    );
    let received = thread::spawn(move || {
        let (mut stream, _) = receiver.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let (mut text, mut part) = (String::new(), [0; 4_096]);
        while let Ok(read @ 1..) = stream.read(&mut part) {
            text.push_str(&String::from_utf8_lossy(&part[..read]));
            if text.ends_with('}') {
                break;
            }
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        text
    });
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link");
    let variables = [
        ("PERF_READ_TOKEN", "0123456789abcdef"),
        ("PERF_ADMIN_TOKEN", "fedcba9876543210"),
        ("PERF_KIT_LINK", link.to_str().unwrap()),
    ];
    let case = thread::scope(|scope| {
        let case = scope.spawn(|| run("notifications", &file, &variables));
        let text = received.join().unwrap();
        let address = text.split('"').find(|text| text.contains("/acknowledge?")).expect("a link").to_owned();
        std::fs::write(link.with_extension("new"), address).unwrap();
        std::fs::rename(link.with_extension("new"), &link).unwrap();
        case.join().unwrap()
    });
    let text = [case.stdout, case.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).join("\n");
    assert!(case.status.success(), "{text}");
    assert!(!text.contains(PLANTED), "{text}");
}

fn notifications() -> Tested {
    runtime().block_on(async {
        let perf = perf_kit::start("shop")?;
        let address = perf.server_address().expect("a port");
        perf.monitor().record_custom_metric("queue_depth", 25.0, "jobs");
        let link = env::var("PERF_KIT_LINK")?;
        let begun = Instant::now();
        let link = loop {
            if let Ok(link) = std::fs::read_to_string(&link) {
                break link;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "no message came");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let path = link.strip_prefix("https://ops.example.com/perf").expect("below the public address").to_owned();
        let path: &'static str = path.leak();
        let ask =
            move |path: &'static str, head: &'static str| tokio::task::spawn_blocking(move || get(address, path, head));
        let (status, text) = ask(path, "").await??;
        assert_eq!(status, 200, "without a token: {text}");
        assert!(text.contains("queue_depth") && text.contains("method=\"post\""), "{text}");
        assert!(perf.monitor().alerts().active()[0].acknowledged.is_none(), "to look changes nothing");
        let post = move |path: &'static str, head: &'static str, body: &'static str| {
            tokio::task::spawn_blocking(move || send(address, "POST", path, head, body))
        };
        const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";
        let (status, text) = post(path, FORM, "by=Ada&comment=on+it").await??;
        assert_eq!(status, 200, "{text}");
        let by = perf.monitor().alerts().active()[0].acknowledged.clone().map(|known| (known.by, known.comment));
        assert_eq!(by, Some(("Ada".to_owned(), "on it".to_owned())));
        assert_eq!(post(path, FORM, "by=Eve").await??.0, 409, "a link works once");
        let forged: &'static str = path.replace("signature=", "signature=00").leak();
        assert_eq!(ask(forged, "").await??.0, 403);
        const READ: &str = "authorization: Bearer 0123456789abcdef\r\n";
        const ADMIN: &str = "authorization: Bearer fedcba9876543210\r\n";
        for path in
            ["/api/v1/notify", "/api/v1/notify/attempts", "/api/v1/info", "/api/v1/notify/route?rule=deep-queue"]
        {
            let (status, text) = ask(path, READ).await??;
            assert_eq!(status, 200, "{path}: {text}");
            assert!(!text.contains(PLANTED), "{path}: {text}");
        }
        assert_eq!(ask("/api/v1/notify", "").await??.0, 401);
        const TEST: &str = "/api/v1/notify/channels/team/test";
        assert_eq!(post(TEST, READ, "").await??.0, 403);
        let (status, text) = post(TEST, ADMIN, "").await??;
        // The receiver has gone by now: that is an answer too.
        assert!(status == 200 && text.contains("\"delivered\":false") && !text.contains(PLANTED), "{status} {text}");
        assert_eq!(post("/api/v1/notify/channels/tame/test", ADMIN, "").await??.0, 404);
        perf.shutdown().await;
        Ok(())
    })
}

/// The status and the body of a GET.
fn get(address: SocketAddr, path: &str, head: &str) -> std::io::Result<(u16, String)> {
    send(address, "GET", path, head, "")
}

fn send(address: SocketAddr, method: &str, path: &str, head: &str, body: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let length = body.len();
    let head = format!("{head}content-length: {length}\r\nconnection: close\r\n");
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{head}\r\n{body}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok((status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn a_history() -> Tested {
    let life: u64 = env::var("PERF_KIT_LIFE")?.parse()?;
    runtime().block_on(async move {
        let service = perf_kit::extend::Service::new("shop").version(format!("1.{life}"));
        let perf = perf_kit::builder("shop").monitor(|monitor| monitor.service(service)).start()?;
        assert_eq!(perf.history().off, None);
        let begun = Instant::now();
        let address = perf.server_address().expect("a port");
        perf.monitor().operation("resize").record(Duration::from_millis(3), Outcome::Ok);
        // A commit comes every five seconds.
        let overview = loop {
            let (status, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/history", "")).await??;
            assert_eq!(status, 200, "{text}");
            let overview: serde_json::Value = serde_json::from_str(&text)?;
            if overview["boots"].as_array().map(Vec::len) == Some(usize::try_from(life)?) {
                break overview;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{text}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        assert_eq!(overview["off"], serde_json::Value::Null);
        let boots = overview["boots"].as_array().expect("a list");
        let seen: Vec<_> = boots.iter().map(|boot| (boot["version"].as_str(), boot["clean"].as_bool())).collect();
        let all = [(Some("1.1"), Some(life == 2)), (Some("1.2"), Some(false))];
        assert_eq!(seen, all[..usize::try_from(life)?]);
        assert_eq!(overview["tiers"][0]["step"], 5.0);
        assert!(overview["tiers"][0]["oldest"].as_str().is_some_and(|at| at.ends_with('Z')), "{overview}");
        let query = "/api/v1/query?series=operation%7Boperation%3Dresize%7D&from=-5m";
        let (status, text) = tokio::task::spawn_blocking(move || get(address, query, "")).await??;
        assert_eq!(status, 200, "{text}");
        let tracks: serde_json::Value = serde_json::from_str(&text)?;
        let points = tracks["series"][0]["points"].as_array().expect("points");
        assert_eq!(points.iter().filter_map(|point| point["count"].as_u64()).sum::<u64>(), life, "{text}");
        loop {
            let path = format!("/api/v1/history/sessions/{life}");
            let (status, text) = tokio::task::spawn_blocking(move || get(address, &path, "")).await??;
            assert_eq!(status, 200, "{text}");
            let session: serde_json::Value = serde_json::from_str(&text)?;
            assert_eq!(session["number"].as_u64(), Some(life), "{text}");
            if session["kinds"]["operation"]["count"].as_u64() == Some(1) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{text}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for (path, expected) in [("sessions/99", 404), ("sessions/one", 422), ("sessions/1?x=1", 422)] {
            let path = format!("/api/v1/history/{path}");
            let (status, text) = tokio::task::spawn_blocking(move || get(address, &path, "")).await??;
            assert_eq!(status, expected, "{text}");
        }
        perf.shutdown().await;
        Ok(())
    })
}

fn a_clean_up() -> Tested {
    runtime().block_on(async move {
        let perf = perf_kit::start("shop")?;
        let address = perf.server_address().expect("a port");
        perf.monitor().operation("resize").record(Duration::from_millis(3), Outcome::Ok);
        let begun = Instant::now();
        while perf.history().series == 0 {
            assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", perf.history());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let (reader, admin) = ("authorization: Bearer 0123456789abcdef", "authorization: Bearer fedcba9876543210");
        let clean_up = "/api/v1/history?before=now";
        for (path, head, expected) in [
            (clean_up, "", 401),
            (clean_up, reader, 403),
            ("/api/v1/history", admin, 422),
            ("/api/v1/history?before=soon", admin, 422),
            ("/api/v1/history?before=2999-01-01T00:00:00Z", admin, 422),
            ("/api/v1/history?before=-1d", admin, 200),
            (clean_up, admin, 200),
        ] {
            let head = if head.is_empty() { String::new() } else { format!("{head}\r\n") };
            let asked = move || send(address, "DELETE", path, &head, "");
            let (status, text) = tokio::task::spawn_blocking(asked).await??;
            assert_eq!(status, expected, "{path}: {text}");
            if path == clean_up && status == 200 {
                let overview: serde_json::Value = serde_json::from_str(&text)?;
                assert_eq!((&overview["series"], &overview["off"]), (&0.into(), &serde_json::Value::Null), "{text}");
            }
        }
        perf.shutdown().await;
        Ok(())
    })
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
        assert_eq!(report.finished, ["part", "server", "history"], "the last registered ends first");
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
