//! The mail itself: the words in a plain and an HTML part.

use crate::message::Message;
use crate::words::{Count, Paragraph, Style, Words};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use ring::digest::{SHA256, digest};
use std::fmt::Write;
use std::time::SystemTime;

/// The most bytes of the HTML part: Gmail cuts a mail at 102 kB.
const MAX_HTML: usize = 80_000;
/// The most pictures in the plain part.
const MAX_CHARTS: usize = 10;
/// The most bytes of the plain part, without the pictures.
const MAX_PLAIN: usize = 60_000;

/// A mail, as it goes over the wire but for dots at the beginning of lines.
pub(super) fn mail(message: &Message, from: &Mailbox, to: &[Mailbox]) -> Result<Vec<u8>, String> {
    let words = Words::of(message);
    let domain = from.email.domain();
    // The same at each attempt, so that a repetition is seen to be one; and one thread a group.
    let id = format!("<{}.perf@{domain}>", short_hash(&message.id));
    let thread = format!("<{}.group.perf@{domain}>", short_hash(&message.group));
    let now = SystemTime::now().max(SystemTime::UNIX_EPOCH);
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    let builder = lettre::Message::builder()
        .from(from.clone())
        .date(now)
        .subject(&*words.headline)
        .message_id(Some(id))
        .in_reply_to(thread.clone())
        .references(thread)
        .raw_header(automatic);
    let builder = to.iter().fold(builder, |builder, to| builder.to(to.clone()));
    let mail = builder.multipart(MultiPart::alternative_plain_html(plain(&words), html(&words)));
    mail.map(|mail| mail.formatted()).map_err(|error| format!("the mail cannot be written: {error}"))
}

fn short_hash(text: &str) -> String {
    crate::hex::hex(&digest(&SHA256, text.as_bytes()).as_ref()[..12])
}

fn plain(words: &Words) -> String {
    let text = words.text(Style::Plain, Count::Bytes, MAX_PLAIN);
    let charts = words.paragraphs.iter().filter_map(|paragraph| Some((paragraph, paragraph.chart.as_ref()?)));
    let charts = charts.take(MAX_CHARTS).map(|(paragraph, chart)| {
        format!("{}\n{chart}\n", Style::Plain.fitted(&paragraph.sentence, 100, Count::Characters))
    });
    let charts: Vec<String> = charts.collect();
    if charts.is_empty() { format!("{text}\n") } else { format!("{text}\n\nThe last hour:\n\n{}", charts.join("\n")) }
}

/// A table a paragraph, with all styles written where they apply: mail clients drop style sheets.
fn html(words: &Words) -> String {
    let mut html = String::from(
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"></head>\
        <body style=\"font-family:sans-serif;font-size:14px;color:#222\">",
    );
    let _ = write!(html, "<h2 style=\"font-size:18px\">{}</h2>", Style::Html.escaped(&words.headline));
    if let Some(service) = &words.service {
        let _ = write!(html, "<p>{}</p>", Style::Html.escaped(service));
    }
    if let Some(cause) = &words.cause {
        let _ = write!(html, "<p><b>{}</b></p>", Style::Html.escaped(cause));
    }
    if let Some(notice) = &words.notice {
        let text = Style::Html.fitted(&notice.text, MAX_PLAIN, Count::Bytes).replace('\n', "<br>");
        let _ = write!(html, "<p>{text}</p>");
    }
    let mut left_out = words.more;
    for (place, paragraph) in words.paragraphs.iter().enumerate() {
        let block = block(paragraph);
        if html.len() + block.len() > MAX_HTML {
            left_out += (words.paragraphs.len() - place) as u64;
            break;
        }
        html.push_str(&block);
    }
    if left_out > 0 {
        let _ = write!(html, "<p>and {left_out} more</p>");
    }
    if let Some(link) = &words.link {
        let _ = write!(html, "<p>{}</p>", Style::Html.link("Look", link));
    }
    html.push_str("</body></html>");
    html
}

fn block(paragraph: &Paragraph) -> String {
    let colour = match paragraph.tag {
        "CRITICAL" => "#b3261e",
        "WARNING" => "#8a5a00",
        _ => "#1b6e3c",
    };
    let escaped = |text: &str| Style::Html.escaped(text);
    let line = |text: String| format!("<p style=\"margin:4px 0\">{text}</p>");
    let mut block = format!("<div style=\"border-left:4px solid {colour};padding:4px 12px;margin:12px 0\">");
    let tag = format!("<b style=\"color:{colour}\">{}</b>", paragraph.tag);
    block.push_str(&line(format!("{tag} {}", escaped(&paragraph.sentence))));
    block.push_str(&line(escaped(&paragraph.since)));
    let optional = [
        ("", &paragraph.meaning),
        ("Touches: ", &paragraph.touches),
        ("Try first: ", &paragraph.advice),
        ("Trace: ", &paragraph.trace),
    ];
    for (label, text) in optional {
        block.extend(text.iter().map(|text| line(format!("{label}{}", escaped(text)))));
    }
    let cells = paragraph
        .numbers
        .iter()
        .map(|(name, value)| format!("<td style=\"padding:2px 16px 2px 0\">{name}<br><b>{}</b></td>", escaped(value)));
    let cells: String = cells.collect();
    if !cells.is_empty() {
        let _ = write!(block, "<table role=\"presentation\" cellspacing=\"0\"><tr>{cells}</tr></table>");
    }
    if let Some(chart) = &paragraph.chart {
        block.push_str(&line(format!(
            "<span style=\"font-family:monospace\">{}</span> (the last hour)",
            escaped(chart)
        )));
    }
    let links: Vec<String> = paragraph.links.iter().map(|link| Style::Html.link(link.label, &link.address)).collect();
    if !links.is_empty() {
        block.push_str(&line(links.join(" &middot; ")));
    }
    block.push_str("</div>");
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::tests::{alert, ended, hostile, hostile_texts, message, notice};
    use serde_json::json;

    fn of(message: &Message) -> String {
        let to = ["a@example.com", "B <b@example.com>"].map(|to| to.parse().unwrap());
        String::from_utf8(mail(message, &"perf <perf@example.com>".parse().unwrap(), &to).unwrap()).unwrap()
    }

    #[test]
    fn a_mail_has_the_numbers_and_a_picture_in_both_parts() {
        let words = Words::of(&message(vec![alert(&json!({})), ended()]));
        for part in [plain(&words), html(&words)] {
            assert!(part.contains("▂·▅█ 0.20 s to 1.20 s"), "{part}");
            assert!(part.contains("https://perf.example/acknowledge?token=abc"), "{part}");
        }
        let html = html(&words);
        assert!(html.contains("Value<br><b>1.20 s</b>") && html.contains("Peak<br><b>1.40 s</b>"), "{html}");
        let mail = of(&message(vec![alert(&json!({}))]));
        assert!(mail.contains("\r\nSubject: Critical: Slow requests in shop\r\n"), "{mail}");
        assert!(mail.contains("\r\nAuto-Submitted: auto-generated\r\n"), "{mail}");
        assert_eq!(id_of(&mail), id_of(&of(&message(vec![ended()]))), "the same id at each attempt");
    }

    #[test]
    fn a_notice_is_a_mail_with_its_title_as_subject_and_its_lines_in_both_parts() {
        let message = notice("The week in shop", "12 deploys <b>\n\np95 120 ms");
        let mail = of(&message);
        assert!(mail.contains("\r\nSubject: The week in shop\r\n"), "{mail}");
        let words = Words::of(&message);
        assert!(plain(&words).contains("\n12 deploys <b>\n\np95 120 ms\n"), "{}", plain(&words));
        let html = html(&words);
        assert!(html.contains("<p>12 deploys &lt;b&gt;<br><br>p95 120 ms</p>"), "{html}");
        assert!(html.contains("https://perf.example/reports/1") && !html.contains("WARNING"), "{html}");
        let all = hostile_texts().into_iter().map(|text| super::html(&Words::of(&notice("Title", &text))));
        for html in all {
            assert!(
                html.len() <= MAX_HTML + 500 && !html.contains("<script") && !html.contains("<img"),
                "{}",
                html.len()
            );
        }
    }

    fn id_of(mail: &str) -> &str {
        mail.lines().find(|line| line.starts_with("Message-ID: <")).unwrap()
    }

    #[test]
    fn no_text_becomes_a_header_or_an_element() {
        // Of the long ones one is enough: to encode a mail takes seconds where lettre is not optimized.
        let long = |text: &String| text.len() > 1_000;
        let texts = hostile_texts().into_iter().filter(|text| !long(text) || text.starts_with('🚀'));
        for text in texts {
            let hostile = hostile(&text);
            let mail = of(&hostile);
            let (head, _) = mail.split_once("\r\n\r\n").unwrap();
            let names: Vec<&str> = head
                .split("\r\n")
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split(':').next().unwrap())
                .collect();
            let expected =
                ["From", "Date", "Subject", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "To"];
            assert!(
                names
                    .iter()
                    .all(|name| expected.contains(name) || name.starts_with("Content-") || *name == "MIME-Version"),
                "{names:?}"
            );
            assert!(mail.is_ascii() && mail.lines().all(|line| line.len() <= 998), "{text:?}");
            let html = html(&Words::of(&hostile));
            assert!(
                html.len() <= MAX_HTML + 500 && !html.contains("<script") && !html.contains("<img"),
                "{}",
                html.len()
            );
            assert!(plain(&Words::of(&hostile)).len() < MAX_PLAIN + 10_000);
        }
    }
}
