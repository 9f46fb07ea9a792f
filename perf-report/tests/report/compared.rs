//! Two ranges of time side by side.

use perf_report::{ChangeClass, Compared, ComparedFigure, Comparison};

fn row(series: &str, class: ChangeClass, relative: Option<f64>) -> Compared {
    let (before, after) = (Some(0.01), relative.map(|share| 0.01 * (1.0 + share)));
    Compared { series: series.to_owned(), class, before, after, between: Some((-0.001, 0.002)), relative }
}

fn page(rows: Vec<Compared>, notes: &[&str]) -> String {
    let notes = notes.iter().map(ToString::to_string).collect();
    let figure = ComparedFigure { name: "duration".to_owned(), unit: "seconds".to_owned(), rows, notes };
    let [service, before, after] = ["shop", "1.4.1", "1.4.2"].map(str::to_owned);
    let mut page = Vec::new();
    Comparison { service, before, after, figures: vec![figure] }.html(&mut page).unwrap();
    String::from_utf8(page).unwrap()
}

#[test]
fn what_is_worse_comes_first_and_the_greatest_change_of_it() {
    use ChangeClass::{Improved, NoChange, Regressed, Unclear};
    let rows = vec![
        row("same", NoChange, Some(0.001)),
        row("better", Improved, Some(-0.3)),
        row("worse", Regressed, Some(0.2)),
        row("worst", Regressed, Some(0.9)),
        row("noisy", Unclear, Some(0.5)),
    ];
    let page = page(rows, &["operation{operation=gone} was called only before"]);
    let place = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words}: {page}"));
    let order = [
        "2 regressed, 1 improved, 1 did not change, 1 cannot be told.",
        ">worst<",
        ">worse<",
        ">better<",
        ">noisy<",
        ">same<",
        "called only before",
    ];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{page}");
    assert!(page.contains("+90.0 %") && page.contains("−1.00 ms to +2.00 ms"), "{page}");
    assert!(page.contains("default-src 'none'") && page.contains("style-src 'sha256-") && !page.contains("<script"));
}

#[test]
fn names_of_strangers_stay_texts_and_many_are_counted() {
    let hostile = "<script>alert(1)</script>\u{202e}";
    let mut rows = vec![row(hostile, ChangeClass::Regressed, None)];
    rows.extend((0..700).map(|number| row(&format!("series {number}"), ChangeClass::NoChange, Some(0.0))));
    let page = page(rows, &[hostile]);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
    assert!(page.contains("700 did not change") && page.contains("200 more"), "{page}");
    assert!(page.len() < 300_000, "{}", page.len());
    assert!(self::page(Vec::new(), &[]).contains("Nothing can be compared"));
}
