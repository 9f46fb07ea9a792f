//! An alert becomes an incident, which is on the server.

use super::*;

#[test]
fn an_alert_is_an_incident_at_its_address() {
    let settings =
        "[server]\nport = 0\n[host]\nenabled = false\n[rules.deep-queue]\nmetric = \"queue_depth\"\nwarning = 10\n";
    passes("insight", settings, &[]);
    let without = "[server]\nport = 0\n[insight]\nenabled = false\n";
    passes("insight_is_off", without, &[]);
    let output = run("insight_is_off", "[server]\nport = 0\n[insight]\nkeep = 0\n", &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("insight.keep"), "{text}");
}

/// The status and the JSON of an answer.
fn body(address: SocketAddr, path: &str) -> Result<(u16, serde_json::Value), Box<dyn Error>> {
    let (status, text) = get(address, path, "")?;
    let begin = text.find(['{', '[']).ok_or("no JSON")?;
    let end = text.rfind(['}', ']']).ok_or("no JSON")?;
    Ok((status, serde_json::from_str(text.get(begin..=end).ok_or("no JSON")?)?))
}

pub(super) fn insight() -> Tested {
    let perf = perf_kit::start("shop")?;
    let address = perf.server_address().expect("a port");
    let begun = Instant::now();
    let incident = loop {
        perf.monitor().record_custom_metric("queue_depth", 25.0, "jobs");
        let (status, all) = body(address, "/api/v1/incidents?state=open")?;
        assert_eq!((status, all["enabled"].as_bool()), (200, Some(true)), "{all}");
        if let Some(incident) = all["incidents"].get(0) {
            break incident.clone();
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "no incident came");
        thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(incident["alerts"][0]["rule"], "deep-queue");
    // On a machine that is busy with other things, those are a possible cause.
    assert!(["no_clear_cause", "possible"].contains(&incident["sureness"].as_str().unwrap_or_default()), "{incident}");
    let id = incident["id"].as_str().expect("an id").to_owned();
    let (status, same) = body(address, &format!("/api/v1/incidents/{id}"))?;
    assert_eq!((status, same["id"].as_str()), (200, Some(id.as_str())));
    assert_eq!(body(address, "/api/v1/incidents/0000000000000000")?.0, 404);
    assert_eq!(body(address, "/api/v1/incidents?state=shut")?.0, 422);
    let (status, bottlenecks) = body(address, "/api/v1/insight/bottlenecks")?;
    assert!(status == 200 && bottlenecks["bottlenecks"].is_array() && bottlenecks["compared"] == 0, "{bottlenecks}");
    findings(address)?;
    let (_, document) = body(address, "/api/v1/openapi.json")?;
    assert!(document["paths"].get("/api/v1/incidents/{id}").is_some());
    assert!(perf.insight().expect("it is there").is_enabled());
    let (status, watching) = body(address, "/api/v1/insight/unusual")?;
    assert!(status == 200 && watching["learned"] == 0 && watching["unusual_ratio"].is_null(), "{watching}");
    assert!(perf.monitor().rules().get("unusual").is_some(), "a settings file may change it");
    assert!(perf.shutdown_blocking(Duration::from_secs(10)).is_clean());
    Ok(())
}

/// Questions about series: too little history is an answer, and what nobody can mean is refused.
fn findings(address: SocketAddr) -> Tested {
    for question in ["trends", "anomalies", "expected", "forecasts"] {
        let (status, found) = body(address, &format!("/api/v1/insight/{question}?series=queue_depth"))?;
        assert_eq!((status, found["left_out"].as_u64()), (200, Some(0)), "{found}");
        let one = &found["series"][0];
        assert_eq!((one["series"].as_str(), one.get("found")), (Some("queue_depth"), None), "{found}");
        assert!(one["why_not"].as_str().is_some_and(|why| why.starts_with("not enough history")), "{found}");
    }
    let (status, found) = body(address, "/api/v1/insight/compare?before=-2h/-1h&after=-1h/now&figure=errors")?;
    assert_eq!((status, found["figure"].as_str()), (200, Some("errors")), "{found}");
    assert!(found["kinds"].is_array() && found["before"]["start"].is_string(), "{found}");
    for (question, field, value) in [
        ("compare?after=-1h/now", "before", ""),
        ("compare?before=-1h/-2h&after=-1h/now", "before", "-1h/-2h"),
        ("compare?before=-2h/-1h&after=soon", "after", "soon"),
        ("trends?figure=colour", "figure", "colour"),
        ("trends?from=now", "from", "now"),
        ("anomalies?limit=201", "limit", "201"),
        ("expected?limit=201", "limit", "201"),
        ("forecasts?ahead=year", "ahead", "year"),
        ("forecasts?reaches=NaN", "reaches", "NaN"),
        ("forecasts?from=-1h", "from", "-1h"),
    ] {
        let (status, problem) = body(address, &format!("/api/v1/insight/{question}"))?;
        assert_eq!(status, 422, "{question}: {problem}");
        let text = problem.to_string();
        assert!(text.contains(field) && text.contains(value), "{question}: {problem}");
    }
    assert_eq!(body(address, "/api/v1/insight/trends?series=%7B")?.0, 404);
    Ok(())
}

pub(super) fn insight_is_off() -> Tested {
    let perf = perf_kit::start("shop")?;
    let address = perf.server_address().expect("a port");
    let (status, all) = body(address, "/api/v1/incidents")?;
    assert_eq!((status, all["enabled"].as_bool()), (200, Some(false)), "{all}");
    assert!(perf_kit::insight::runtime::incidents(perf.monitor()).is_none());
    Ok(())
}
