//! Two ranges side by side, made by a request and kept.

use super::*;
use perf_kit::report::{ChangeClass, Comparison};
use perf_kit::test_util::ManualClock;

const ADMIN: &str = "authorization: Bearer fedcba9876543210\r\n";
const READER: &str = "authorization: Bearer 0123456789abcdef\r\n";

#[test]
fn a_comparison_is_kept_and_had_again_by_its_id() {
    let settings = "[server]\nport = 0\nread_token = \"0123456789abcdef\"\nadmin_token = \"fedcba9876543210\"\n";
    passes("kept_comparisons", settings, &[]);
}

pub(super) fn kept_comparisons() -> Tested {
    let clock = ManualClock::hold();
    let perf = perf_kit::builder("shop")
        .monitor(|monitor| monitor.service(perf_kit::extend::Service::new("shop").version("1.4.2")))
        .start()?;
    let address = perf.server_address().expect("a port");
    let monitor = perf.monitor();
    let search = monitor.operation("search");
    // Half an hour, and half an hour in which it takes twice as long.
    for step in 0..720_u64 {
        for call in 0..4 {
            let millis = if step < 360 { 10 } else { 20 } + (step + call) % 3;
            search.record(Duration::from_millis(millis), Outcome::Ok);
        }
        clock.advance(Duration::from_secs(5));
        monitor.tick();
    }
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text);
    let asked = "/api/v1/reports?before=-58m/-32m&after=-28m/-2m";
    assert_eq!(send(address, "POST", asked, READER, "")?.0, 403, "who may read keeps nothing");
    let (status, text) = send(address, "POST", asked, ADMIN, "")?;
    assert_eq!(status, 201, "{text}");
    let made = json(&text)?;
    let id = made["id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("compare-") && made["kind"] == "comparison", "{made}");
    let minutes = |range: &serde_json::Value| {
        let at = |end: &str| perf_kit::text::parse_rfc3339(range[end].as_str()?);
        Some(at("to")?.duration_since(at("from")?).ok()?.as_secs() / 60)
    };
    assert_eq!((minutes(&made), minutes(&made["before"])), (Some(26), Some(26)), "{made}");
    let (_, text) = get(address, "/api/v1/reports", READER)?;
    assert_eq!(json(&text)?["reports"][0]["id"], *id);

    let one = format!("/api/v1/reports/{id}");
    let (status, page) = get(address, &one, READER)?;
    assert!(status == 200 && page.contains("regressed") && page.ends_with("</html>\n"), "{page}");
    let (_, text) = get(address, &format!("{one}?format=json"), READER)?;
    let compared: Comparison = serde_json::from_str(&text)?;
    let row =
        compared.figures[0].rows.iter().find(|row| row.series == "operation{operation=search}").expect("the series");
    assert_eq!((compared.figures[0].name.as_str(), row.class), ("duration", ChangeClass::Regressed));
    // Each side is told with the version that ran then.
    assert!(compared.before.starts_with("1.4.2 ("), "{}", compared.before);
    let (status, text) = get(address, &format!("{one}?format=csv"), READER)?;
    assert!(status == 404 && text.contains("is not kept as csv"), "{status} {text}");
    for (query, field) in [
        ("before=-58m/-32m", "after"),
        ("before=-58m&after=-28m/-2m", "before"),
        ("before=-58m/-32m&after=-28m/-2m&kind=day", "kind"),
        ("before=-58m/-32m&after=-28m/2999-01-01T00:00:00Z", "after"),
        ("before=-58m/-32m&after=-28m/-2m&limit=3", "limit"),
    ] {
        let (status, text) = send(address, "POST", &format!("/api/v1/reports?{query}"), ADMIN, "")?;
        assert!(status == 422 && text.contains(&format!("\"field\":\"{field}\"")), "{query}: {status} {text}");
    }
    let long_ago = "/api/v1/reports?before=2020-01-01T00:00:00Z/2020-01-02T00:00:00Z&after=-28m/-2m";
    let (status, text) = send(address, "POST", long_ago, ADMIN, "")?;
    assert!(status == 404 && text.contains("nothing can be compared"), "{status} {text}");
    assert_eq!(send(address, "DELETE", &one, ADMIN, "")?.0, 200);
    assert_eq!(get(address, &one, READER)?.0, 404);
    assert!(perf.shutdown_blocking(Duration::from_secs(10)).is_clean());
    Ok(())
}
