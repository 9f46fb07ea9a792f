use super::*;
use crate::collect::others::Source;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::observe::metrics::cell::Cell;
use crate::observe::metrics::kind::MetricKind;
use std::iter;

fn others(texts: &[&'static str]) -> Others {
    Others::new(texts.iter().map(|&text| Source::new(move || text.to_owned())).collect())
}

fn count(registry: &Registry, kind: MetricKind, name: &str, value: u32) {
    match registry.custom().resolve(kind, name, [("a", "b")].into_iter()).cell {
        Cell::Counter(counter) => counter.add(value.into()),
        Cell::Gauge(gauge) => gauge.put(value.into()),
        Cell::Histogram(histogram) => histogram.count(value.into(), 1),
        Cell::Sampled(..) => panic!("nobody samples here"),
    }
}

/// Names and types, by the TYPE lines.
fn types(blocks: &[Block]) -> Vec<&str> {
    let lines = blocks.iter().flat_map(|block| block.texts.iter().flat_map(|text| text.lines()));
    lines.filter_map(|line| line.strip_prefix("# TYPE ")).collect()
}

#[test]
fn ours_comes_first_then_the_applications_then_the_texts_in_their_order() {
    let registry = Registry::new();
    registry.record(Kind::Tool, &["merge_search"], Outcome::Ok, 1);
    for name in ["tool_calls_total", "zebra", "perf_anything", "app_jobs"] {
        count(&registry, MetricKind::Gauge, name, 1);
    }
    let others = others(&[
        "# TYPE app_jobs gauge\napp_jobs 5\n# TYPE first gauge\nfirst 1\ntool_call_duration_seconds_count 7\n",
        "# TYPE first counter\nfirst 2\nbear 1\n# TYPE tool_calls gauge\ntool_calls 2\n",
    ]);
    let written = blocks(&others, Format::Prometheus, &registry, &ReadModel::new("", true));
    assert_eq!(types(&written), ["app_jobs gauge", "bear untyped", "first gauge", "zebra gauge"]);
    assert!(written[0].text().contains("app_jobs{a=\"b\"} 1\n"));
    assert_eq!(others.told().len(), 6, "{:?}", others.told());
    blocks(&others, Format::Prometheus, &registry, &ReadModel::new("", true));
    assert_eq!(others.told().len(), 6, "told once");
    let written = blocks(&others, Format::Prometheus, &registry, &ReadModel::new("mcp_", true));
    assert_eq!(types(&written).len(), 8, "with a namespace all have room: {written:?}");
}

#[test]
fn the_samples_of_a_histogram_are_names_as_well() {
    let registry = Registry::new();
    count(&registry, MetricKind::Histogram, "latency", 2);
    count(&registry, MetricKind::Counter, "latency_count", 2);
    count(&registry, MetricKind::Gauge, "size_sum", 2);
    let others = others(&["# TYPE size histogram\nsize_bucket{le=\"+Inf\"} 1\nsize_sum 1\nsize_count 1\n"]);
    assert_eq!(
        types(&blocks(&others, Format::Prometheus, &registry, &ReadModel::new("", true))),
        ["latency histogram", "size_sum gauge"]
    );
}

#[test]
fn a_name_of_two_kinds_is_exposed_as_what_it_was_first() {
    let registry = Registry::new();
    count(&registry, MetricKind::Gauge, "jobs", 4);
    count(&registry, MetricKind::Counter, "jobs", 1);
    let written = blocks(&others(&[]), Format::Prometheus, &registry, &ReadModel::new("", true));
    assert_eq!((types(&written), written[0].text().lines().last()), (vec!["jobs gauge"], Some("jobs{a=\"b\"} 4")));
}

#[test]
fn a_source_that_panics_or_gives_rubbish_breaks_nothing() {
    let sources = [
        Source::new(|| panic!("on purpose")),
        Source::new(|| "\u{0}{{{\n<html>no metrics</html>\ngood 1\n".to_owned()),
        Source::new(|| "# TYPE fine gauge\nfine 2".to_owned()),
    ];
    let others = Others::new(sources.into());
    for _ in 0..2 {
        let written = blocks(&others, Format::Prometheus, &Registry::new(), &ReadModel::new("", true));
        assert_eq!(types(&written), ["fine gauge", "good untyped"]);
    }
    assert_eq!(others.told().len(), 2);
}

#[test]
fn in_openmetrics_counters_go_by_their_name_without_total() {
    let registry = Registry::new();
    for (kind, name) in [
        (MetricKind::Counter, "hits_total"),
        (MetricKind::Counter, "misses"),
        (MetricKind::Counter, "jobs_total"),
        (MetricKind::Gauge, "jobs"),
    ] {
        count(&registry, kind, name, 3);
    }
    let others = others(&["# TYPE calls_total counter\ncalls_total 1 1500\n# TYPE raw counter\nraw 1\nplain 1\n"]);
    let written = blocks(&others, Format::OpenMetrics, &registry, &ReadModel::new("", true));
    let expected = [
        "calls counter",
        "hits counter",
        "jobs gauge",
        "jobs_total unknown",
        "misses unknown",
        "plain unknown",
        "raw unknown",
    ];
    assert_eq!(types(&written), expected);
    assert!(written.iter().zip(expected).all(|(block, line)| line.starts_with(&format!("{} ", block.name))));
    assert!(written[0].text().ends_with("\ncalls_total 1 1.5\n"), "{}", written[0].text());
}

#[test]
fn a_histogram_is_written_with_its_bounds_in_each_format() {
    let registry = Registry::new();
    let custom = registry.custom();
    custom.describe(MetricKind::Histogram, "wait.seconds", Some("seconds"), Some("How long."));
    let Cell::Histogram(cell) = custom.resolve(MetricKind::Histogram, "wait.seconds", iter::empty()).cell else {
        panic!("not a histogram")
    };
    cell.count(0.75, 3);
    cell.count(60.0, 1);
    let text = |format| blocks(&others(&[]), format, &registry, &ReadModel::new("", true)).remove(0).text();
    let lines = [
        "# HELP wait_seconds How long.\n# TYPE wait_seconds histogram\n",
        "wait_seconds_bucket{le=\"0.5\"} 0\nwait_seconds_bucket{le=\"1\"} 3\n",
        "wait_seconds_bucket{le=\"10\"} 3\nwait_seconds_bucket{le=\"+Inf\"} 4\nwait_seconds_sum 62.25\nwait_seconds_count 4\n",
    ];
    let written = text(Format::Prometheus);
    assert!(lines.iter().all(|line| written.contains(line)), "{written}");
    let written = text(Format::OpenMetrics);
    assert!(written.contains("# UNIT wait_seconds seconds\n") && written.contains("{le=\"1.0\"} 3\n"), "{written}");
}

fn texts(others: &Others, format: Format, registry: &Registry) -> String {
    blocks(others, format, registry, &ReadModel::new("", true)).into_iter().map(|block| block.text()).collect()
}

#[test]
fn openmetrics_is_read_with_everything_in_it() {
    let others = others(&[
        "# HELP jobs All \"jobs\".\n# TYPE jobs counter\njobs_total{kind=\"mail\"} 3\njobs_created{kind=\"mail\"} 1.5e9\n\
        # TYPE wait_seconds histogram\n# UNIT wait_seconds seconds\n\
        wait_seconds_bucket{le=\"1.0\"} 1 # {trace_id=\"4bf9\"} 0.5\nwait_seconds_bucket{le=\"+Inf\"} 2\nwait_seconds_sum 3.5\nwait_seconds_count 2\n\
        # TYPE build info\nbuild_info{version=\"1\"} 1\n# TYPE switch stateset\nswitch{switch=\"on\"} 1\n\
        # TYPE depth unknown\ndepth 4 1600000000.25\n# EOF\n",
    ]);
    let registry = Registry::new();
    let prometheus = texts(&others, Format::Prometheus, &registry);
    let expected = "# TYPE build_info gauge\nbuild_info{version=\"1\"} 1\n# TYPE depth untyped\ndepth 4 1600000000250\n\
        # HELP jobs_total All \"jobs\".\n# TYPE jobs_total counter\njobs_total{kind=\"mail\"} 3\n\
        # TYPE switch gauge\nswitch{switch=\"on\"} 1\n# TYPE wait_seconds histogram\nwait_seconds_bucket{le=\"1.0\"} 1\n\
        wait_seconds_bucket{le=\"+Inf\"} 2\nwait_seconds_sum 3.5\nwait_seconds_count 2\n";
    assert_eq!(prometheus, expected);
    let open_metrics = texts(&others, Format::OpenMetrics, &registry);
    let expected = "# TYPE build info\nbuild_info{version=\"1\"} 1\n# TYPE depth unknown\ndepth 4 1600000000.25\n\
        # HELP jobs All \\\"jobs\\\".\n# TYPE jobs counter\njobs_total{kind=\"mail\"} 3\n\
        # TYPE switch stateset\nswitch{switch=\"on\"} 1\n# TYPE wait_seconds histogram\n# UNIT wait_seconds seconds\n\
        wait_seconds_bucket{le=\"1.0\"} 1 # {trace_id=\"4bf9\"} 0.5\nwait_seconds_bucket{le=\"+Inf\"} 2\n\
        wait_seconds_sum 3.5\nwait_seconds_count 2\n";
    assert_eq!(open_metrics, expected);
    assert_eq!(others.told().len(), 0, "nothing was missing: {:?}", others.told());
}

#[test]
fn two_texts_with_one_family_are_one_family() {
    let others = others(&[
        "# TYPE requests_total counter\nrequests_total{shard=\"a\"} 1\n",
        "# TYPE requests_total counter\nrequests_total{shard=\"b\"} 1\nrequests_total{shard=\"a\"} 9\n",
    ]);
    let text = texts(&others, Format::Prometheus, &Registry::new());
    let expected = "# TYPE requests_total counter\nrequests_total{shard=\"a\"} 1\nrequests_total{shard=\"b\"} 1\n";
    assert_eq!((text.as_str(), others.told().len()), (expected, 1), "and what both say is told");
}

#[test]
fn a_name_that_openmetrics_reserves_is_on_the_other_page_and_told() {
    let registry = Registry::new();
    count(&registry, MetricKind::Histogram, "job_seconds", 1);
    count(&registry, MetricKind::Gauge, "job_seconds_created", 1);
    count(&registry, MetricKind::Counter, "orders_total", 1);
    count(&registry, MetricKind::Counter, "orders_created_total", 1);
    let others = others(&[]);
    let prometheus = blocks(&others, Format::Prometheus, &registry, &ReadModel::new("", true));
    let all =
        ["job_seconds histogram", "job_seconds_created gauge", "orders_created_total counter", "orders_total counter"];
    assert_eq!(types(&prometheus), all);
    assert_eq!(others.told().len(), 0);
    let open_metrics = blocks(&others, Format::OpenMetrics, &registry, &ReadModel::new("", true));
    assert_eq!(types(&open_metrics), ["job_seconds histogram", "orders counter", "orders_created_total unknown"]);
    assert_eq!(others.told().len(), 1, "{:?}", others.told());
}
