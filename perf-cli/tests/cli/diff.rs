//! `diff`: reports of two versions, as a pipeline gives them.

use crate::reports::{Run, write};
use crate::service::{Ran, run};
use serde_json::Value;
use std::fs;
use std::path::Path;

const BASE: Run<'_> = (&[("checkout", 20, 0, 4.0), ("search", 50, 1, 9.0)], &[("statements_total", 120)]);
/// One statement of each call more, a failure, and a call that is new.
const HEAD: Run<'_> =
    (&[("checkout", 20, 2, 4.0), ("search", 50, 1, 9.0), ("refund", 3, 0, 1.0)], &[("statements_total", 140)]);

fn diff(folder: &Path, args: &[&str]) -> Ran {
    let at = |name: &str| folder.join(name).display().to_string();
    let paths = |arg: &str| arg.split(',').map(at).collect::<Vec<_>>().join(",");
    let args: Vec<String> =
        args.iter().enumerate().map(|(place, arg)| if place < 2 { paths(arg) } else { (*arg).to_owned() }).collect();
    let args: Vec<&str> = ["diff"].into_iter().chain(args.iter().map(String::as_str)).collect();
    run(&args, &[])
}

#[test]
fn a_report_of_each_side_is_judged_by_its_counts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&folder.join("base.json"), BASE);
    write(&folder.join("head.json"), HEAD);
    let same = diff(folder, &["base.json", "base.json"]);
    assert!(same.code == 0 && same.out.starts_with("Fine: of "), "{same:?}");
    assert!(same.err.contains("5 runs of each side"), "{same:?}");

    let worse = diff(folder, &["base.json", "head.json"]);
    assert_eq!(worse.code, 1, "{worse:?}");
    for words in ["worse", "statements_total", "+16.7 %", "exact", "operation{operation=checkout}", "Worse: of "] {
        assert!(worse.out.contains(words), "{words}: {worse:?}");
    }
    assert!(worse.err.contains("In the head alone: operation{operation=refund}"), "{worse:?}");
    assert!(!worse.out.contains("search"), "what is the same is counted alone: {worse:?}");
    assert!(diff(folder, &["base.json", "head.json", "--all"]).out.contains("search"));
    let ignored = ["base.json", "head.json", "--ignore", "statements*", "--ignore", "*checkout*"];
    assert_eq!(diff(folder, &ignored).code, 0);

    let json: Value = serde_json::from_str(&diff(folder, &["base.json", "head.json", "--json"]).out).unwrap();
    assert_eq!((json["schema"].as_str(), json["verdict"].as_str()), (Some("perf.diff/1"), Some("worse")));
    assert_eq!(json["figures"][0]["class"], "worse", "the worst first: {json}");
    let plain = diff(folder, &["base.json", "head.json", "--plain"]);
    let line = plain.out.lines().find(|line| line.contains("statements_total")).unwrap();
    assert_eq!(line.split('\t').take(3).collect::<Vec<_>>(), ["worse", "120", "140"]);
}

#[test]
fn times_are_judged_from_five_runs_of_each_side_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (side, slower) in [("base", 1.0), ("head", 1.2)] {
        fs::create_dir(folder.join(side)).unwrap();
        for number in 1..=5 {
            let time = 4.0 * slower * (1.0 + 0.01 * f64::from(number % 3));
            write(&folder.join(side).join(format!("{number}.json")), (&[("checkout", 20, 0, time)], &[]));
        }
    }
    let apart = diff(folder, &["base", "head"]);
    assert!(apart.code == 2 && apart.err.contains("not run in turn"), "one side was written first: {apart:?}");
    let worse = diff(folder, &["base", "head", "--apart"]);
    assert!(worse.code == 1 && worse.out.contains("mean"), "{worse:?}");
    assert!(worse.out.contains("+20.0 %") && worse.out.contains(" to +"), "{worse:?}");
    assert_eq!(diff(folder, &["head", "base", "--apart"]).code, 0, "better is fine");
    assert_eq!(diff(folder, &["base", "base", "--apart"]).code, 0);
    assert_eq!(diff(folder, &["base", "head", "--apart", "--at-least", "30%"]).code, 0);
    let few = diff(folder, &["base/1.json,base/2.json", "head/1.json,head/2.json"]);
    assert!(few.code == 0 && few.err.contains("there are 2 and 2"), "{few:?}");
    for (given, words) in [(",", "no file is named"), ("base/1.json,base/1.json", "named twice")] {
        let given = given.replace("base", &folder.join("base").display().to_string());
        let refused = run(&["diff", &given, &given], &[]);
        assert!(refused.code == 2 && refused.err.contains(words), "{refused:?}");
    }
    assert_eq!(diff(folder, &["base/1.json,base/2.json", "head/1.json", "--strict"]).code, 2);
}

#[test]
fn what_is_no_report_is_told_in_one_line_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&folder.join("base.json"), BASE);
    let whole = fs::read(folder.join("base.json")).unwrap();
    let other = String::from_utf8(whole.clone()).unwrap().replace("perf.report/1", "perf.report/9\\u001b");
    fs::write(folder.join("cut.json"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.join("other.json"), other).unwrap();
    fs::write(folder.join("empty.json"), "").unwrap();
    fs::create_dir(folder.join("none")).unwrap();
    for (name, code, words) in [
        ("cut.json", 2, "no report"),
        ("other.json", 2, "allowed is \"perf.report/1\""),
        ("empty.json", 2, "no report"),
        ("none", 2, "no report in this folder"),
        ("missing.json", 3, "missing.json"),
    ] {
        for args in [["base.json", name], [name, "base.json"]] {
            let ran = diff(folder, &args);
            assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (code, "", 1), "{name}: {ran:?}");
            assert!(ran.err.contains(words) && ran.err.contains(name) && !ran.err.contains('\u{1b}'), "{ran:?}");
        }
    }
    write(&folder.join("nothing.json"), (&[], &[]));
    let nothing = diff(folder, &["base.json", "nothing.json"]);
    assert!(nothing.code == 2 && nothing.out.contains("Cannot tell"), "{nothing:?}");
    for wrong in [["--at-least", "much"], ["--at-least", "-5%"], ["--json", "--markdown"]] {
        assert_eq!(diff(folder, &[&["base.json", "base.json"][..], &wrong].concat()).code, 2, "{wrong:?}");
    }
}

#[test]
fn markdown_is_for_a_pull_request_whatever_labels_hold() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let hostile = "</code>|<img src=x>|`@all`\n# big [x](http://evil)";
    write(&folder.join("base.json"), (&[("checkout", 20, 0, 4.0), (hostile, 1, 0, 1.0)], &[]));
    write(&folder.join("head.json"), (&[("checkout", 22, 0, 4.0), (hostile, 2, 0, 1.0)], &[]));
    let ran = diff(folder, &["base.json", "head.json", "--markdown"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.out, MARKDOWN);

    // As many series as a report has room for, each with a long name.
    let names: Vec<String> = (0..400).map(|number| format!("{number}{}", "|".repeat(110))).collect();
    let all = |calls| names.iter().map(|name| (name.as_str(), calls, 0, 1.0)).collect::<Vec<_>>();
    write(&folder.join("base.json"), (&all(1), &[]));
    write(&folder.join("head.json"), (&all(2), &[]));
    let ran = diff(folder, &["base.json", "head.json", "--markdown"]);
    assert!(ran.out.len() < 65_536 && ran.out.contains("more are not shown here"), "{}", ran.out.len());
}

const MARKDOWN: &str = "\
### perf: Worse: of 4 figures 2 worse, 2 not judged (one run of each side; what varies is judged from 5 % on).

| | series | figure | base | head | change | 95 % interval |
|---|---|---|--:|--:|--:|---|
| **worse** | <code>operation{operation=&#60;/code&#62;&#124;&#60;img src=x&#62;&#124;&#96;&#64;all&#96;&#92;n&#35; big &#91;x&#93;&#40;http&#58;//evil&#41;}</code> | calls | 1 | 2 | +100 % | exact |
| **worse** | <code>operation{operation=checkout}</code> | calls | 20 | 22 | +10.0 % | exact |

Times, and counts that vary, are not judged: that needs 5 runs of each side, and there are 1 and 1.

Of one run nobody knows which counts vary: one that does may be taken for a change.
";
