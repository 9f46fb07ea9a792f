//! The HTML report as a file that somebody was sent: in a browser, on paper, without script, and with texts of strangers in it.

use super::accessibility::holds_axe;
use super::browser::{Browser, Screen};
use super::notifications::Shop;
use super::service::ADMIN;
use perf_kit::report::{Alongside, Finding, Format, Incident, Report, Spend, range_of};
use perf_runtime::extend::Service;
use perf_runtime::objective::Objective;
use perf_runtime::rule::{Rule, RuleSet, Statistic};
use perf_runtime::series::{SeriesId, SeriesTrack};
use perf_runtime::{Kind, Monitor, Outcome};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// Texts that are markup or a script where somebody forgets to escape them.
const HOSTILE: [&str; 7] = [
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "\"><svg onload=window.hacked=1>",
    "</title></style><script>window.hacked=1</script>",
    "javascript:window.hacked=1",
    "' onmouseover='window.hacked=1' style='color:red",
    "&lt;b&gt; \u{202e}abc {{constructor}} é",
];
/// Bytes of a day of a hundred series at most.
const MOST: usize = 300_000;
/// The steps of a day, and those in which the process was not there.
const STEPS: u64 = 288;
const GAP: std::ops::Range<u64> = 100..112;

/// A service that has every part, with an alert that fires, and whose labels and errors are hostile; a day of a hundred series.
fn day() -> Report {
    let rule = Rule::builder("errors").name(HOSTILE[0]).metric(Kind::Operation).statistic(Statistic::ErrorRate);
    let rule = rule.warning(0.01).critical(0.2).description(HOSTILE[1]).build().expect("a rule");
    let builder = Monitor::builder().service(Service::new("shop").version("1.4.2").instance(HOSTILE[2]));
    let objective = Objective::new(Kind::Operation).success(99.0).latency(Duration::from_millis(500), 95.0);
    let builder = builder.rules([rule].into_iter().collect::<RuleSet>()).objective(objective);
    let monitor = builder.build().expect("a monitor");
    monitor.tick();
    for (call, capability) in (0..60_u64).zip(HOSTILE.into_iter().cycle()) {
        for name in HOSTILE.into_iter().chain(["checkout", "search", "render a page"]) {
            let outcome = if call % 9 == 0 { Outcome::Error } else { Outcome::Ok };
            monitor.operation(name).record(Duration::from_millis(3 + 11 * call), outcome);
        }
        monitor.record_mcp_call("context7", capability, Duration::from_millis(30), call % 20 > 0);
        monitor.http_request("GET", "/carts/{id}").answer(if call % 30 == 0 { 500 } else { 200 });
    }
    monitor.record_custom_metric("queue_depth", 12.0, HOSTILE[3]);
    monitor.tick();
    std::thread::sleep(Duration::from_millis(1_100));
    monitor.tick();
    let now = monitor.time_of_day();
    let range = range_of(now - Duration::from_hours(1), now, None).expect("a range");
    let mut report = Report::of(&monitor, range, told(now));
    stretch(&mut report);
    report
}

/// Findings of other parts.
fn told(now: SystemTime) -> Alongside {
    let finding = |headline: &str, details: &[&str]| Finding {
        headline: headline.to_owned(),
        details: details.iter().map(|&detail| detail.to_owned()).collect(),
    };
    let incident = |headline: &str, cause: Option<&str>, ended| Incident {
        headline: headline.to_owned(),
        cause: cause.map(str::to_owned),
        since: now - Duration::from_hours(5),
        ended,
        alerts: 3,
    };
    let row = |name: &str, calls| perf_kit::report::SpendRow {
        name: name.to_owned(),
        calls,
        input_tokens: 1_200 * calls,
        output_tokens: 310 * calls,
        cost_dollars: format!("{calls}.0425"),
        without_price: 0,
    };
    Alongside {
        incidents: Some(vec![
            incident("Checkout is slow", Some("Likely cause: select on points takes 1.5 s where it took 20 ms"), None),
            incident(HOSTILE[1], None, Some(now - Duration::from_hours(4))),
        ]),
        bottlenecks: Some(vec![finding(
            "db_operation{operation=select,table=points}: checkout would take 180 ms less",
            &["It takes 61 % of the time of its callers.", "Ask for all of them at once.", HOSTILE[5]],
        )]),
        changes: Some(vec![finding(
            "operation{operation=search}: duration is worse by 31 %",
            &["0.020412 s before, 0.026740 s after."],
        )]),
        spend: Some(Spend {
            total: row("all", 41),
            models: vec![row("model anthropic claude-sonnet-4-5", 30), row(HOSTILE[3], 11)],
            agents: vec![row("agent writer", 41)],
            budgets: vec!["Budget of all, daily: 4.20 of 50.00 left (cost).".to_owned()],
        }),
        forecasts: Some(vec![finding(
            "system_disk_utilization_ratio{system_filesystem_mountpoint=/} is used up about 2026-12-14T06:00:00.000Z",
            &["Between 2026-12-09T12:00:00.000Z and no end in sight, if it goes on as it did."],
        )]),
        ..Alongside::default()
    }
}

/// Makes a day of a hundred series of it, with a pause in the night.
fn stretch(report: &mut Report) {
    // Other tests of this process have series too, of which nobody calls some.
    let is_called = |track: &&SeriesTrack| track.points.iter().any(|point| point.p95.is_some());
    let like: Vec<_> = report.tracks.series.iter().filter(is_called).cloned().collect();
    report.start = report.made - Duration::from_secs(300 * STEPS);
    (report.tracks.start, report.tracks.step) = (report.start, 300.0);
    report.tracks.series = (0..100).map(|number| like[number % like.len()].clone()).collect();
    for (number, track) in report.tracks.series.iter_mut().enumerate() {
        if number >= like.len() {
            let pairs = track.labels.pairs().map(|(name, value)| (name.to_owned(), format!("{value} {number}")));
            track.labels = pairs.collect();
            track.id = SeriesId { kind: track.kind, labels: track.labels.clone() };
        }
        let called = track.points.iter().find(|point| point.p95.is_some()).expect("it was called").clone();
        track.points = vec![called; 288];
        for (place, point) in (0..STEPS).zip(&mut track.points) {
            point.start = report.start + Duration::from_secs(300 * place);
            point.covered = 300.0;
            point.count = Some(40 + (place * 7_919 + number as u64 * 31) % 97);
            let wave = (place as f64 / 40.0 + number as f64).sin();
            point.p95 = point.p95.map(|p95| p95 * (1.5 + wave));
            if GAP.contains(&place) {
                (point.covered, point.count, point.outcomes, point.p95) = (0.0, None, None, None);
            }
        }
    }
    report.tracks.series.sort_by(|one, other| one.id.cmp(&other.id));
}

/// Writes a report as a page, and gives its address.
fn write(folder: &Path, name: &str, report: &Report) -> String {
    let mut page = Vec::new();
    Format::Html.write(report, &mut page).expect("it is written");
    assert!(page.len() < MOST, "{name}: {} bytes", page.len());
    let path = folder.join(format!("{name}.html"));
    std::fs::write(&path, page).expect("a file");
    format!("file://{}", path.display())
}

/// Notes what the policy of the page forbade, before anything else of the page.
const WATCH: &str = "window.forbidden = [];
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) =>
        window.forbidden.push([violatedDirective, blockedURI, sample]));";

/// When the page was read, laid out and first seen, in milliseconds since it was asked for.
const TIMES: &str = "const [opened] = performance.getEntriesByType('navigation');
    const seen = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null;
    return [opened.domContentLoadedEventEnd, opened.loadEventEnd, seen].map((time) => time === null ? null : Math.round(time))";

const OVERFLOW: &str = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";

#[tokio::test]
async fn a_report_runs_nothing_loads_nothing_and_can_be_read_by_everybody() {
    let Some(browser) = Browser::start_watching_sockets().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let report = day();
    let url = write(folder.path(), "day", &report);
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await;
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        browser.requests().await;
        let begun = Instant::now();
        browser.open(&url).await;
        let took = begun.elapsed();
        println!("opened in {took:?}; parsed, loaded and seen after {} ms; {screen}", browser.script(TIMES).await);
        assert_eq!(browser.requests().await, [url.as_str()], "nothing but the page, on {screen}");
        for details in [false, true] {
            browser
                .script(&format!("document.querySelectorAll('details').forEach((one) => one.open = {details})"))
                .await;
            assert_eq!(browser.script(OVERFLOW).await, json!(0), "nothing stands out on {screen}");
            holds_axe(&browser, format_args!("the report on {screen}")).await;
        }
        browser.whole_page(&format!("report-{screen}"), screen).await;
    }
    // Whatever a pointer could do to it.
    browser.script(POINT_AT_ALL).await;
    assert_eq!(browser.script("return [window.hacked ?? null, window.forbidden]").await, json!([null, []]));
    assert_eq!(browser.count("script, img, iframe, link, object, a, [style], [onload]").await, 0);
    for text in HOSTILE {
        let shown: String = text.chars().map(|one| if one == '\u{202e}' { '\u{fffd}' } else { one }).collect();
        let is_shown = format!("return document.body.textContent.includes({})", json!(shown));
        assert_eq!(browser.script(&is_shown).await, json!(true), "{shown}");
    }
    // As it is opened: what was unfolded above is folded again.
    browser.open(&url).await;
    let words = browser.seen("body").await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.open(&url).await;
    assert_eq!(browser.seen("body").await, words, "the same without script");
    browser.has_no_errors().await;
    browser.close().await;
}

/// Sends to each element what a pointer and a keyboard send.
const POINT_AT_ALL: &str = "for (const one of document.querySelectorAll('*')) {
        for (const name of ['mouseover', 'click', 'focus', 'load', 'error']) one.dispatchEvent(new Event(name, { bubbles: true }));
    }";

#[tokio::test]
async fn a_report_can_be_printed() {
    let Some(browser) = Browser::start().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let pages = [("day", day()), ("empty", empty())];
    for (name, report) in &pages {
        let url = write(folder.path(), name, report);
        for screen in [Screen::ALL[0], Screen::ALL[1]] {
            browser.look_through(screen).await;
            browser.open(&url).await;
            browser.print(&format!("report-{name}-{screen}")).await;
            browser.look_on_paper(screen).await;
            assert_eq!(browser.script(OVERFLOW).await, json!(0), "{name} on paper, {screen}");
            // On paper nobody can open what is folded, or scroll what is wide.
            assert_eq!(browser.script(CUT).await, json!([]), "{name}, {screen}");
            assert_eq!(browser.script(COLOURS).await, json!("rgb(255, 255, 255)"), "paper is white");
            holds_axe(&browser, format_args!("{name} on paper, {screen}")).await;
        }
    }
    browser.has_no_errors().await;
    browser.close().await;
}

const COLOURS: &str = "return getComputedStyle(document.body).backgroundColor";

/// Elements that do not fit in their places, and those that are hidden.
const CUT: &str = "const all = [...document.querySelectorAll('.wide, details > *, td, h3, p')];
    const is_cut = (one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline';
    return all.filter((one) => is_cut(one) || !one.checkVisibility({ contentVisibilityAuto: true }))
        .map((one) => [one.tagName, one.className, one.scrollWidth, one.clientWidth, one.textContent.slice(0, 60)]).slice(0, 9)";

/// A report of a service that did nothing, with no part.
fn empty() -> Report {
    let monitor = Monitor::builder().rules(RuleSet::default()).build().expect("a monitor");
    monitor.tick();
    let now = monitor.time_of_day();
    Report::of(&monitor, range_of(now - Duration::from_mins(1), now, None).expect("a range"), Alongside::default())
}

#[tokio::test]
async fn a_report_of_nothing_says_so() {
    let Some(browser) = Browser::start().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    browser.open(&write(folder.path(), "empty", &empty())).await;
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        holds_axe(&browser, format_args!("an empty report on {screen}")).await;
        browser.whole_page(&format!("report-empty-{screen}"), screen).await;
    }
    browser.has_no_errors().await;
    browser.close().await;
}

/// The page of the dashboard: reports that are kept, one that is due and of whose time nobody knows anything, and files of now.
#[tokio::test]
async fn kept_reports_are_listed_and_can_be_had() {
    let Some(browser) = Browser::start().await else { return };
    let shop = Shop::start("[report]\ndaily = \"00:00\"\nformats = [\"html\", \"json\", \"csv\"]\n");
    browser.open(&format!("{}#/reports", shop.url)).await;
    browser.log_in(ADMIN).await;
    browser.wait_for_text("main", |page| page.contains("No report is kept. The next is daily-")).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    for range in ["from=-1m", "from=-90s&to=-1s"] {
        let made = client.post(format!("{}api/v1/reports?{range}", shop.url)).bearer_auth(ADMIN).send().await;
        assert_eq!(made.expect("an answer").status(), 201);
    }
    // The page asks once a minute, and the thread that knows what is due looks when it is its turn.
    browser.wait_until(DUE, "one that is due", |due| due.as_u64() > Some(0)).await;
    browser.reload().await;
    browser.wait_for_text(ROWS, |row| row.contains("Range") && row.contains("html")).await;
    assert_eq!(browser.count(ROWS).await, 2);
    browser.wait_for_text("main", |page| page.contains("Due, but nothing is known of their time: daily-")).await;
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        assert_eq!(browser.script(OVERFLOW).await, json!(0), "nothing stands out on {screen}");
        assert_eq!(browser.count("main a[href*='reports/compare?before=']").await, 5, "ranges side by side");
        holds_axe(&browser, format_args!("reports on {screen}")).await;
        browser.whole_page(&format!("reports-{screen}"), screen).await;
    }
    // One after the other: each has the time that a script has.
    let links = browser.script("return [...document.querySelectorAll('main a')].map(({ href }) => href)").await;
    let links = links.as_array().expect("a list");
    assert!(links.len() > 30, "{links:#?}");
    for link in links {
        let fetched = format!("const answer = await fetch({link}); await answer.text(); return answer.status");
        assert_eq!(browser.script(&fetched).await, json!(200), "{link}");
    }
    browser.has_no_errors().await;
    browser.close().await;
}

const ROWS: &str = "main table.stack tbody tr";

/// Counts those that are due and of whose time nothing is known.
const DUE: &str = "return (await (await fetch('api/v1/reports')).json()).not_known.length";
