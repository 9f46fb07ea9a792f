//! Exports, reports and dashboards: from the line that starts all to the routes.

use super::*;
use perf_kit::report::{Format, Report};

#[test]
fn a_report_is_a_request_away() {
    passes("reports", FREE_PORT, &[]);
}

#[test]
fn the_report_of_the_life_is_written_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("life.json");
    passes("the_end", FREE_PORT, &[("PERF_REPORT_AT_SHUTDOWN", file.to_str().unwrap())]);
    let report = Report::from_json(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(report.service.as_ref().map(|service| service.name.as_str()), Some("shop"));
    let calls = |track: &perf_kit::series::SeriesTrack| {
        track.id.to_string().contains("reported") && track.whole.count == Some(1)
    };
    assert!(report.tracks.series.iter().any(calls), "{:?}", report.tracks.series);
    assert!(report.alongside.incidents.is_some() && report.alongside.spend.is_some(), "the parts end after it");
}

pub(super) fn the_end() -> Tested {
    let perf = perf_kit::start("shop")?;
    perf.monitor().operation("reported").record(Duration::from_millis(3), Outcome::Ok);
    let ended = perf.shutdown_blocking(Duration::from_secs(5));
    assert_eq!(ended.finished, ["server", "report", "llm", "insight", "history"]);
    Ok(())
}

#[test]
fn reports_are_kept_and_ids_are_no_paths() {
    passes(
        "kept_reports",
        "[server]\nport = 0\nread_token = \"0123456789abcdef\"\nadmin_token = \"fedcba9876543210\"\n",
        &[],
    );
}

pub(super) fn kept_reports() -> Tested {
    const ADMIN: &str = "authorization: Bearer fedcba9876543210\r\n";
    let perf = perf_kit::start("shop")?;
    let address = perf.server_address().expect("a port");
    perf.monitor().operation("reported").record(Duration::from_millis(3), Outcome::Ok);
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text);
    let (status, text) = get(address, "/api/v1/reports", ADMIN)?;
    assert!(status == 200 && json(&text)?["reports"] == serde_json::json!([]), "{text}");
    let reader = "authorization: Bearer 0123456789abcdef\r\n";
    let (status, _) = send(address, "POST", "/api/v1/reports?from=-2m", reader, "")?;
    assert_eq!(status, 403, "who may read makes none");
    // Two minutes are kept in steps of five seconds: the last one is over, or each moment would have a tag of its own.
    let (status, text) = send(address, "POST", "/api/v1/reports?from=-2m&to=-10s", ADMIN, "")?;
    assert_eq!(status, 201, "{text}");
    let made = json(&text)?;
    let id = made["id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("range-") && made["kind"] == "range" && made["files"][0]["format"] == "json", "{made}");
    let folder = env::var("PERF_HISTORY_PATH")?;
    assert!(std::path::Path::new(&folder).join("reports").join(format!("{id}.html")).is_file(), "beside the history");
    let one = format!("/api/v1/reports/{id}");
    let (status, page) = get(address, &one, reader)?;
    assert!(status == 200 && page.ends_with("</html>\n"), "{page}");
    let (_, text) = get(address, &format!("{one}?format=json"), reader)?;
    let report = Report::from_json(text.as_bytes())?;
    let (status, text) = get(address, &format!("{one}?format=csv"), reader)?;
    let mut table = Vec::new();
    Format::Csv.write(&report, &mut table)?;
    assert!(status == 200 && text.as_bytes() == table, "of the JSON every format is made: {text}");
    let [from, to] = ["from", "to"].map(|end| made[end].as_str().expect("a time").to_owned());
    let of_the_past = format!("/api/v1/export?format=csv&from={from}&to={to}&step=1s");
    // Nothing of that range is still on its way, however late a tick came.
    perf.monitor().tick();
    for path in [one.clone(), format!("{one}?format=csv"), of_the_past.clone()] {
        is_not_sent_twice(address, &path, reader)?;
    }
    let (_, head, _) = answer(address, "GET", &of_the_past.replace("csv", "json"), reader, "")?;
    assert!(tag_in(&head).is_none(), "it says when it was made: {head}");
    for hostile in [
        "../../etc/passwd",
        "..%2F..%2Fetc%2Fpasswd",
        "%2Fetc%2Fpasswd",
        "..%5C..%5Cetc",
        "daily-2026-11-28%00",
        "daily-2026-11-28.html",
        "%FF",
        "daily-2026-11-31",
        "session-17",
    ] {
        for method in ["GET", "DELETE"] {
            let (status, text) = send(address, method, &format!("/api/v1/reports/{hostile}"), ADMIN, "")?;
            let is_no_route = hostile.starts_with("../") && status == 404;
            let is_no_id = status == 422 && text.contains("\"field\":\"id\"");
            assert!(is_no_route || is_no_id, "{method} {hostile}: {status} {text}");
        }
    }
    for (query, expected, words) in [
        ("?kind=session", 404, "no session before this one"),
        ("?kind=month", 422, "day, week, session"),
        ("?kind=day&from=-1h", 422, "either kind, or from and to"),
        ("", 422, "kind (day, week or session)"),
        ("?from=-1m&to=2999-01-01T00:00:00Z", 422, "\"field\":\"to\""),
    ] {
        let (status, text) = send(address, "POST", &format!("/api/v1/reports{query}"), ADMIN, "")?;
        assert!(status == expected && text.contains(words), "{query}: {status} {text}");
    }
    let (status, _) = get(address, "/api/v1/reports/daily-2020-01-01", reader)?;
    assert_eq!(status, 404);
    let (status, text) = send(address, "DELETE", &one, ADMIN, "")?;
    assert!(status == 200 && json(&text)?["reports"] == serde_json::json!([]), "{text}");
    assert_eq!(get(address, &one, reader)?.0, 404);
    let (_, text) = get(address, "/api/v1/openapi.json", reader)?;
    assert!(text.contains("/api/v1/reports/{id}"));
    assert!(perf.shutdown_blocking(Duration::from_secs(5)).is_clean());
    Ok(())
}

/// The tag of an answer.
fn tag_in(head: &str) -> Option<String> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(name, _)| name.eq_ignore_ascii_case("etag")).map(|(_, tag)| tag.to_owned()).next()
}

/// A client that has it already gets a tag and no body.
fn is_not_sent_twice(address: SocketAddr, path: &str, token: &str) -> Tested {
    let (status, head, body) = answer(address, "GET", path, token, "")?;
    let tag = tag_in(&head).unwrap_or_else(|| panic!("{path} has no tag: {head}"));
    assert!(status == 200 && tag.starts_with("W/\"") && !body.is_empty(), "{path}: {head}");
    for known in [tag.clone(), format!("\"other\", {tag}"), "*".to_owned()] {
        let head = format!("{token}if-none-match: {known}\r\n");
        let (status, head, body) = answer(address, "GET", path, &head, "")?;
        assert!(status == 304 && body.is_empty() && tag_in(&head).as_ref() == Some(&tag), "{path}: {head}");
    }
    let other = format!("{token}if-none-match: W/\"0\"\r\n");
    let (status, _, again) = answer(address, "GET", path, &other, "")?;
    assert!(status == 200 && again == body, "{path}: the same tag is the same text");
    Ok(())
}

/// A process that is killed, and the next one of the same service.
#[test]
fn a_session_that_crashed_has_its_report_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let settings = "[server]\nport = 0\n[history]\ncommit_every = \"1s\"\n[report]\nsession = true\n";
    let output = run("a_crash", settings, &[("PERF_HISTORY_PATH", path)]);
    assert!(!output.status.success(), "it was killed");
    passes("after_a_crash", settings, &[("PERF_HISTORY_PATH", path)]);
}

pub(super) fn a_crash() -> Tested {
    let perf = perf_kit::start("shop")?;
    perf.monitor().operation("reported").record(Duration::from_millis(3), Outcome::Ok);
    let begun = Instant::now();
    let is_kept = || perf.history().series > 0 && perf.monitor().ticks().ticks > 3;
    while !is_kept() && begun.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(50));
    }
    // Another process finds the call in the file, once two commits were made after it.
    let address = perf.server_address().expect("a port");
    let mut ends = std::collections::BTreeSet::new();
    while ends.len() < 4 && begun.elapsed() < Duration::from_secs(20) {
        let (_, text) = get(address, "/api/v1/history", "")?;
        let history: serde_json::Value = serde_json::from_str(&text)?;
        ends.extend(history["boots"][0]["ended"].as_str().map(str::to_owned));
        thread::sleep(Duration::from_millis(50));
    }
    std::process::abort()
}

pub(super) fn after_a_crash() -> Tested {
    let perf = perf_kit::start("shop")?;
    let view = perf.reports().expect("reports");
    let begun = Instant::now();
    while view.overview()?.reports.is_empty() && begun.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(50));
    }
    let all = view.overview()?;
    let [kept] = &all.reports[..] else { panic!("{all:?}") };
    assert_eq!((kept.kind, kept.in_order), (perf_kit::report::ReportKind::Session, Some(false)));
    let (mut file, _) = view.open(kept.id, Format::Json)?.expect("a file");
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let report = Report::from_json(&text)?;
    let is_there = |track: &perf_kit::series::SeriesTrack| {
        track.id.to_string().contains("reported") && track.whole.count == Some(1)
    };
    assert!(report.tracks.series.iter().any(is_there), "{:?}", report.tracks.series);
    let sections = &report.alongside;
    assert!(sections.spend.is_none(), "the spend of this process is none of that one's");
    assert_eq!(sections.incidents_unknown_until, None, "the history keeps those of that process: {sections:?}");
    assert!(perf.shutdown_blocking(Duration::from_secs(5)).is_clean());
    Ok(())
}

pub(super) fn reports() -> Tested {
    runtime().block_on(async {
        let perf = perf_kit::start("shop")?;
        let address = perf.server_address().expect("a port");
        perf.monitor().operation("reported").record(Duration::from_millis(3), Outcome::Ok);
        perf.monitor().tick();
        let ask = async move |path: &'static str| tokio::task::spawn_blocking(move || get(address, path, "")).await?;
        for format in Format::ALL {
            let path = format!("/api/v1/export?format={format}&from=-5m");
            let (status, text) = tokio::task::spawn_blocking(move || get(address, &path, "")).await??;
            // The vendors are told of steps that are over, and of alerts: in a process that began just now there is neither.
            let is_told = text.contains("reported")
                || matches!(format, Format::Datadog | Format::DatadogEvents | Format::NewRelic);
            assert!(status == 200 && is_told, "{format}: {text}");
        }
        // Memory has short steps of the last minutes: of five, a slow machine may ask too late.
        let (_, text) = ask("/api/v1/export?format=json&from=-3m&step=10s").await?;
        let report = Report::from_json(text.as_bytes())?;
        assert_eq!(report.service.as_ref().map(|service| service.name.as_str()), Some("shop"));
        assert!((report.tracks.step - 10.0).abs() < 1e-9);
        // Parts that are enabled have their sections, if empty ones: but for bottlenecks, which nothing could be compared for yet.
        let sections = &report.alongside;
        assert!(sections.incidents.is_some() && sections.forecasts.is_some() && sections.spend.is_some());
        for (path, field) in [
            ("/api/v1/export?format=pdf", "format"),
            ("/api/v1/export?from=-5m&step=1ms", "step"),
            ("/api/v1/export?from=now&to=-5m", "from"),
            ("/api/v1/export?from=0", "from"),
            ("/api/v1/export?name=a", "name"),
            ("/api/v1/reports/compare?after=-1h/now", "before"),
            ("/api/v1/reports/compare?before=-2h/-1h&after=-1h/now&format=csv", "format"),
            ("/api/v1/reports/compare?before=-2h/-1h&after=-1h/now&limit=0", "limit"),
        ] {
            let (status, text) = ask(path).await?;
            assert!(status == 422 && text.contains(&format!("\"field\":\"{field}\"")), "{path}: {status} {text}");
        }
        let (status, text) = ask("/api/v1/grafana/overview").await?;
        assert!(status == 200 && text.contains("operations_total"), "{text}");
        let (status, text) = ask("/api/v1/grafana/operation").await?;
        assert!(status == 200 && text.contains("operation_duration_seconds_bucket"), "{text}");
        let (status, text) = ask("/api/v1/grafana/nothing").await?;
        assert!(status == 404 && text.contains("overview, "), "it says which there are: {text}");
        // An hour before this process is nothing to compare with, and the page says so.
        let (status, text) = ask("/api/v1/reports/compare?before=-2h/-1h&after=-1h/now").await?;
        assert!(
            status == 200 && text.starts_with("<!doctype html>") && text.contains("Nothing can be compared"),
            "{text}"
        );
        let (status, text) = ask("/api/v1/reports/compare?before=-2h/-1h&after=-1h/now&format=json").await?;
        let compared: perf_kit::report::Comparison = serde_json::from_str(&text)?;
        let names: Vec<&str> = compared.figures.iter().map(|figure| figure.name.as_str()).collect();
        assert_eq!((status, compared.service.as_str(), names), (200, "shop", vec!["duration", "failures", "calls"]));
        assert!(compared.figures.iter().all(|figure| figure.rows.is_empty()), "{text}");
        let (_, text) = ask("/api/v1/openapi.json").await?;
        assert!(text.contains("/api/v1/export") && text.contains("/api/v1/grafana/{name}"));
        let (_, text) = ask("/api/v1/pages").await?;
        assert!(text.contains("\"reports\""), "{text}");
        perf.shutdown().await;
        Ok(())
    })
}
