//! The texts as Prometheus' own tools read them.

use super::*;
use std::collections::BTreeMap;
use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn promtool_finds_nothing_to_say_of_the_text() {
    let (_, report) = lived(told());
    promtool::check(&written(Format::Prometheus, &report));
}

#[test]
fn the_text_has_a_sample_for_each_step_and_ends() {
    let (_, report) = lived(Alongside::default());
    let text = written(Format::OpenMetrics, &report);
    assert!(text.ends_with("# EOF\n"));
    let of_errors: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with(r#"operations_total{operation="checkout",outcome="error"}"#))
        .collect();
    let track = report.tracks.series.iter().find(|track| track.labels.get("operation") == Some("checkout")).unwrap();
    let seen: Vec<u64> = track.points.iter().filter_map(|point| Some(point.outcomes?.error)).collect();
    assert_eq!(of_errors.len(), seen.len() + 1, "from zero on: {of_errors:?}");
    let last = of_errors.last().unwrap().split(' ').nth(1).unwrap();
    assert_eq!(last, seen.iter().sum::<u64>().to_string());
    let families: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert!(families.iter().all(|family| text.matches(&format!("# TYPE {family}\n")).count() == 1));
}

/// The samples that a Prometheus has read, as `promtool` writes them: by series, with their times in milliseconds.
fn dumped(text: &str) -> BTreeMap<String, Vec<(i64, f64)>> {
    let mut all = BTreeMap::<String, Vec<(i64, f64)>>::new();
    for line in text.lines() {
        let (series, rest) = line.rsplit_once("} ").unwrap_or_else(|| panic!("{line}"));
        let (value, time) = rest.split_once(' ').unwrap();
        all.entry(format!("{series}}}")).or_default().push((time.parse().unwrap(), value.parse().unwrap()));
    }
    all
}

#[test]
fn prometheus_takes_the_range_and_has_our_numbers() {
    let (_, report) = lived(Alongside::default());
    let text = written(Format::OpenMetrics, &report);
    let folder = tempfile::tempdir().unwrap();
    let (file, blocks) = (folder.path().join("range.openmetrics"), folder.path().join("data"));
    std::fs::write(&file, &text).unwrap();
    let mut made = Command::new("promtool");
    made.args(["tsdb", "create-blocks-from", "openmetrics"]).args([&file, &blocks]);
    let made = match made.output() {
        Ok(made) => made,
        Err(error) => {
            assert!(env::var_os("PERF_REQUIRE_SERVERS").is_none(), "promtool: {error}");
            println!("skipped: promtool: {error}");
            return;
        }
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // It opens a folder of a server, which has one of these.
    std::fs::create_dir(blocks.join("wal")).unwrap();
    let dump = Command::new("promtool").args(["tsdb", "dump"]).arg(&blocks).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let found = dumped(&String::from_utf8(dump.stdout).unwrap());
    let track = report.tracks.series.iter().find(|track| track.labels.get("operation") == Some("checkout")).unwrap();
    let mut sum = 0;
    let mut ours: Vec<f64> = vec![0.0];
    for point in track.points.iter().filter(|point| point.count.is_some()) {
        sum += point.outcomes.unwrap().ok;
        ours.push(sum as f64);
    }
    let of = |name: &str, more: &[&str]| {
        let mut found = found.iter().filter(|(series, _)| {
            series.contains(&format!("__name__=\"{name}\"")) && more.iter().all(|label| series.contains(label))
        });
        let (series, samples) = found.next().unwrap_or_else(|| panic!("{name} {more:?}"));
        assert!(found.next().is_none(), "{series} is one of several");
        samples.iter().map(|(_, value)| *value).collect::<Vec<f64>>()
    };
    assert_eq!(of("operations_total", &[r#"operation="checkout""#, r#"outcome="ok""#]), ours);
    let count = track.whole.count.unwrap() as f64;
    let last = |name: &str, more: &[&str]| of(name, more).last().copied().unwrap();
    assert_eq!(last("operation_duration_seconds_count", &[r#"operation="checkout""#]), count);
    assert_eq!(last("operation_duration_seconds_bucket", &[r#"operation="checkout""#, r#"le="+Inf""#]), count);
    // By the bounds: everything but the errors, of 700 ms, took no longer than half a second.
    let below = last("operation_duration_seconds_bucket", &[r#"operation="checkout""#, r#"le="0.5""#]);
    assert_eq!(below, sum as f64);
    let gauge = report.tracks.metrics.iter().find(|track| track.name == "queue_depth").unwrap();
    let values: Vec<f64> = gauge.points.iter().filter_map(|point| point.value).collect();
    assert_eq!(of("queue_depth", &[]), values);
}

#[test]
fn the_library_for_python_reads_the_text() {
    let Some(folder) = env::var_os("PERF_PROMETHEUS_CLIENT") else {
        println!("skipped: PERF_PROMETHEUS_CLIENT names no folder");
        return;
    };
    let (_, report) = lived(Alongside::default());
    // Each time by itself: of a histogram's later times it takes all samples but the first for doubles of those before (0.23.1).
    let program = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
        lines = sys.stdin.read().splitlines()\n\
        time = lambda line: line.rsplit(' ', 1)[1]\n\
        is_of = lambda line, at: line.startswith('#') or time(line) == at\n\
        times = {time(line) for line in lines if not line.startswith('#')}\n\
        pages = ['\\n'.join(line for line in lines if is_of(line, at)) + '\\n' for at in times]\n\
        print(sum(len(f.samples) for page in pages for f in read(page)))";
    let mut python = Command::new("python3");
    python.args(["-c", program]).env("PYTHONPATH", folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().unwrap();
    let text = written(Format::OpenMetrics, &report);
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), samples.to_string());
}
