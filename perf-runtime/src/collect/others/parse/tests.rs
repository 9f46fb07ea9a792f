use super::*;
use crate::expose::family::FamilyText;
use crate::expose::text::Format;
use proptest::prelude::*;

/// A parsed text, written as text again.
fn rewritten(parsed: &Parsed<'_>) -> String {
    let families = parsed.families.iter().map(|family| {
        let mut text = FamilyText::new(Format::Prometheus, &family.name, family.kind, family.help.as_deref(), None);
        for sample in &family.samples {
            let labels = sample.labels.iter().map(|(name, value)| (*name, &**value));
            text.sample(sample.suffix, labels, sample.value, sample.timestamp);
        }
        text.into_block().text()
    });
    families.collect()
}

fn left_out(text: &str) -> (String, usize) {
    let parsed = parse(text);
    (rewritten(&parsed), parsed.left_out)
}

#[test]
fn families_are_put_together_from_lines() {
    let text = "\
# A remark.
# HELP latency_seconds How long\\nit takes.
# TYPE latency_seconds histogram
latency_seconds_bucket{route=\"/a\",le=\"0.5\"} 3
latency_seconds_bucket{route=\"/a\",le=\"+Inf\"} 4
latency_seconds_sum{route=\"/a\"} 1.25
latency_seconds_count{route=\"/a\"} 4
plain 7
# TYPE size summary
size{quantile=\"0.5\"} nan
size_sum 1e400
size_count 2 1700000000000
  spaced  { a = \"x\" , b=\"\", }  -5
";
    let parsed = parse(text);
    assert_eq!((parsed.left_out, parsed.first_left_out), (0, None));
    let shown: Vec<_> = parsed.families.iter().map(|one| (&*one.name, one.kind, one.samples.len())).collect();
    assert_eq!(
        shown,
        [
            ("latency_seconds", FamilyType::Histogram, 4),
            ("plain", FamilyType::Unknown, 1),
            ("size", FamilyType::Summary, 3),
            ("spaced", FamilyType::Unknown, 1),
        ]
    );
    let again = rewritten(&parsed);
    for line in ["size{quantile=\"0.5\"} NaN", "size_sum +Inf", "size_count 2 1700000000000", "spaced{a=\"x\"} -5"] {
        assert!(again.lines().any(|written| written == line), "{line} is not in\n{again}");
    }
    assert!(again.starts_with("# HELP latency_seconds How long\\nit takes.\n# TYPE latency_seconds histogram\n"));
}

#[test]
fn a_bad_line_is_left_out_alone() {
    let bad = [
        "no value",
        "9name 1",
        "name",
        "name one",
        "name 0x1p3",
        "name 1 2 3",
        "name 1 1.5",
        "name{a=\"b\" 1",
        "name{a=\"b} 1",
        "name{a=b} 1",
        "name{a=\"b\\x\"} 1",
        "name{a=\"b\"c=\"d\"} 1",
        "name{a=\"b\",a=\"c\"} 1",
        "name{__name__=\"b\"} 1",
        "{\"quoted.name\"} 1",
        "# TYPE good counter",
        "# HELP good Again.",
        "# TYPE other strange",
        "good{a=\"1\"} 2",
        "good{b=\"\",a=\"1\"} 2",
        "typed 1",
        "typed_bucket 1",
        "typed_bucket{le=\"much\"} 1",
        "\u{0}\u{1}",
    ];
    for line in bad {
        let text = format!("# HELP good Good.\n# TYPE good gauge\n# TYPE typed histogram\ngood{{a=\"1\"}} 1\n{line}\n");
        let (kept, left_out) = left_out(&text);
        assert_eq!((kept.as_str(), left_out), ("# HELP good Good.\n# TYPE good gauge\ngood{a=\"1\"} 1\n", 1), "{line}");
    }
}

#[test]
fn the_same_labels_in_another_order_are_the_same_sample() {
    let text = "a{x=\"1\",y=\"2\"} 1\na{x=\"2\",y=\"1\"} 2\na{y=\"2\",x=\"1\"} 3\na{x=\"1\"} 4\na 5\na 6\n";
    let (kept, left_out) = left_out(text);
    assert_eq!(left_out, 2);
    let values: Vec<&str> = kept.lines().filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(values, ["untyped", "1", "2", "4", "5"]);
}

#[test]
fn a_name_with_a_type_of_its_own_is_no_part_of_another() {
    let text = "# TYPE a histogram\n# TYPE a_count gauge\na_count 1\na_sum 2\nb_count 3\n";
    let parsed = parse(text);
    let shown: Vec<_> = parsed.families.iter().map(|one| (&*one.name, one.samples[0].suffix)).collect();
    assert_eq!(shown, [("a", "_sum"), ("a_count", ""), ("b_count", "")]);
}

/// Label values, a number and a timestamp.
type Drawn = (Vec<String>, f64, Option<i64>);

/// Families with names, labels and numbers of all sorts.
fn texts() -> impl Strategy<Value = Vec<(String, FamilyType, Option<String>, Vec<Drawn>)>> {
    let kinds =
        [FamilyType::Counter, FamilyType::Gauge, FamilyType::Histogram, FamilyType::Summary, FamilyType::Unknown];
    let sample = (prop::collection::vec("\\PC{1,8}|[\\\\\"\n{},= #]{1,4}", 2), any::<f64>(), any::<Option<i64>>());
    let samples = prop::collection::vec(sample, 1..5);
    // Values that a text cannot hold: a help text that begins or ends with a blank, or is empty.
    let help = prop::option::of("[a-zé\\\\\"#](\\PC|\n){0,12}[a-z\\\\\"]");
    let family = (prop::sample::select(kinds.to_vec()), help, samples);
    prop::collection::btree_map("[a-z]{1,3}:[a-z0-9]{1,3}", family, 1..6)
        .prop_map(|map| map.into_iter().map(|(name, (kind, help, samples))| (name, kind, help, samples)).collect())
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(families in texts()) {
        let mut text = String::new();
        for (name, kind, help, samples) in &families {
            let mut family = FamilyText::new(Format::Prometheus, name, *kind, help.as_deref(), None);
            for (place, (values, number, timestamp)) in samples.iter().enumerate() {
                let place = place.to_string();
                let extra = match kind {
                    FamilyType::Histogram => ("le", place.as_str()),
                    FamilyType::Summary => ("quantile", place.as_str()),
                    _ => ("place", place.as_str()),
                };
                let labels = [("one", values[0].as_str()), ("_2", values[1].as_str()), extra];
                family.sample(kind.suffixes()[0], labels.into_iter(), crate::expose::family::Number(*number), *timestamp);
            }
            text += &family.into_block().text();
        }
        let parsed = parse(&text);
        prop_assert_eq!((parsed.left_out, parsed.families.len()), (0, families.len()), "{}", text);
        prop_assert_eq!(rewritten(&parsed), text);
    }

    #[test]
    fn rubbish_is_left_out_and_what_remains_is_read_the_same_again(text in "(\\PC|[ \n\t{}=\"\\\\#a1.,_]){0,200}") {
        let kept = rewritten(&parse(&text));
        let again = parse(&kept);
        prop_assert_eq!(again.left_out, 0, "{}", kept);
        prop_assert_eq!(rewritten(&again), kept);
    }
}

#[test]
fn openmetrics_is_told_from_the_older_format_by_its_end() {
    let counter = "# TYPE jobs counter\njobs_total 3\n";
    let names = |text: &str| -> Vec<(String, FamilyType)> {
        parse(text).families.iter().map(|one| (one.name.to_string(), one.kind)).collect()
    };
    assert_eq!(names(counter), [("jobs_total".to_owned(), FamilyType::Unknown)]);
    assert_eq!(names(&format!("{counter}# EOF\n")), [("jobs_total".to_owned(), FamilyType::Counter)]);
    for bad in ["jobs 3", "jobs_total 3 # no labels 1", "jobs_total 3 # {a=\"b\"} x", "jobs_total 3 now"] {
        let parsed = parse(&format!("# TYPE jobs counter\n{bad}\n# EOF\n")).left_out;
        assert_eq!(parsed, 1, "{bad}");
    }
}
