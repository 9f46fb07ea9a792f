//! A history that goes on in the next process, and is cleaned up by request.

use super::*;
use std::sync::atomic::AtomicBool;

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

pub(super) fn a_history() -> Tested {
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
        // Two questions about the past that take long, and 32 that wait: one more is told to come back.
        let is_over = Arc::<AtomicBool>::default();
        let ask = |_| {
            let is_over = Arc::clone(&is_over);
            let wait = move || {
                while !is_over.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(1));
                }
            };
            tokio::spawn(perf_kit::server::respond::of_the_past(wait))
        };
        let all: Vec<_> = (0..34).map(ask).collect();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (status, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/history", "")).await??;
        is_over.store(true, Ordering::SeqCst);
        assert_eq!(status, 429, "{text}");
        for one in all {
            assert!(one.await?.is_ok());
        }
        perf.shutdown().await;
        Ok(())
    })
}

pub(super) fn a_clean_up() -> Tested {
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
