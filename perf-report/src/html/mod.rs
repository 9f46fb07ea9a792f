//! The report as one page: it loads nothing, runs nothing, and can be printed.

mod calls;
mod chart;
mod compared;
mod page;
mod sections;

use crate::overview::Overview;
use crate::source::Source;
use crate::words;
use page::Page;
use perf_runtime::text::rfc3339;
use std::io::{self, Write};
use std::time::SystemTime;

pub(crate) use compared::write as write_comparison;

pub(crate) fn write(source: Source<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = source.report;
    let overview = Overview::of(source)?;
    let mut page = Page::default();
    let title = format!("{}: report", report.service_text());
    page.begin(&title);
    page.element("h1", &report.service_text()).raw("\n<p class=\"quiet\">");
    page.text(&format!(
        "{} to {}, in steps of {}. Made {}{}. Times are in UTC.",
        moment(report.start),
        moment(report.end),
        perf_runtime::text::show_duration(report.step()),
        moment(report.made),
        if report.end < report.made { "" } else { ": the last step may go on" },
    ));
    page.raw("</p>\n</header>\n<main>\n");
    sections::verdict(report, &overview, &mut page);
    let alongside = &report.alongside;
    sections::health(report, &mut page);
    sections::incidents(report, &mut page);
    sections::alerts(report, &mut page);
    sections::findings(
        "Bottlenecks, by what would be gained",
        "Of the last minutes before the report was made.",
        alongside.bottlenecks.as_deref(),
        &mut page,
    );
    sections::findings(
        "Changes against the time before",
        "Against the time of the same length before this one.",
        alongside.changes.as_deref(),
        &mut page,
    );
    if !alongside.without_service {
        sections::objectives(report, &mut page);
    }
    sections::spend(report, &mut page);
    sections::findings(
        "Forecasts of resources",
        "When they are used up, if they go on as they did. Of the moment when the report was made.",
        alongside.forecasts.as_deref(),
        &mut page,
    );
    calls::kinds(report, &overview, &mut page);
    calls::series(source, &overview, &mut page)?;
    sections::metrics(report, &mut page);
    let missing = report.missing();
    if !missing.is_empty() {
        page.raw("<p class=\"quiet\">Not known, for the part is not enabled or does not tell of this time: ")
            .text(&missing.join(", "))
            .raw(".</p>\n");
    }
    page.raw("</main>\n</body>\n</html>\n");
    out.write_all(page.as_bytes())
}

/// A moment to the second, such as `2026-11-21 03:05:00`.
fn moment(at: SystemTime) -> String {
    // 2026-11-21T03:05:00.000Z
    let text = rfc3339(at);
    let (day, time) = (text.get(..10).unwrap_or_default(), text.get(11..19).unwrap_or_default());
    format!("{day} {time}")
}

/// A moment without what the range says already.
fn time_of_day(at: SystemTime) -> String {
    moment(at).get(5..).unwrap_or_default().to_owned()
}

/// Some seconds or nothing.
fn seconds(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "–".to_owned(), words::duration)
}

#[cfg(test)]
mod tests {
    use super::page::{STYLE, STYLE_HASH};
    use ring::digest::{SHA256, digest};

    #[test]
    fn the_policy_allows_the_style_that_the_page_has() {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let hash = digest(&SHA256, STYLE.as_bytes());
        let mut text = String::new();
        for three in hash.as_ref().chunks(3) {
            let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
            for place in 0..4 {
                let digit = char::from(DIGITS[(bits >> (18 - 6 * place)) as usize & 63]);
                text.push(if place > three.len() { '=' } else { digit });
            }
        }
        assert_eq!(text, STYLE_HASH);
    }
}
