//! Exports, reports and dashboards: from the line that starts all to the routes.

use super::*;
use perf_kit::report::{Format, Report};

#[test]
fn a_report_is_a_request_away() {
    passes("reports", FREE_PORT, &[]);
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
            // The vendors are told of steps that are over: in a process that began just now none is.
            let is_told = text.contains("reported") || matches!(format, Format::Datadog | Format::NewRelic);
            assert!(status == 200 && is_told, "{format}: {text}");
        }
        let (_, text) = ask("/api/v1/export?format=json&from=-5m&step=10s").await?;
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
        let (_, text) = ask("/api/v1/openapi.json").await?;
        assert!(text.contains("/api/v1/export") && text.contains("/api/v1/grafana/{name}"));
        let (_, text) = ask("/api/v1/pages").await?;
        assert!(text.contains("\"reports\""), "{text}");
        perf.shutdown().await;
        Ok(())
    })
}
