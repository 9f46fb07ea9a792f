//! The console: one line an alert to standard error, and a notice with its text below its title.

use super::{Accepted, Again, Channel, Refused};
use crate::message::Message;
use crate::words::Words;
use perf_runtime::text::rfc3339;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

/// Standard error, or another writer.
pub(super) struct Console<W> {
    to: W,
    is_coloured: bool,
}

impl Console<io::Stderr> {
    pub(super) fn stderr() -> Self {
        let to = io::stderr();
        // As <https://no-color.org> has it: set to anything but nothing.
        let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { is_coloured: to.is_terminal() && !is_refused, to }
    }
}

impl<W: Write + Send> Channel for Console<W> {
    fn send(&mut self, message: &Message) -> Result<Accepted, Refused> {
        let text = text(message, self.is_coloured);
        // In one piece, so that no other line comes between.
        let written = self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush());
        match written {
            Ok(()) => Ok(Accepted { status: None, body: String::new() }),
            Err(error) => Err(Refused { reason: error.to_string(), status: None, again: Again::Later }),
        }
    }
}

fn text(message: &Message, is_coloured: bool) -> String {
    let words = Words::of(message);
    let at = rfc3339(message.at);
    let service = words.service.map(|service| format!(" {service}:")).unwrap_or_default();
    let mut text = String::new();
    if let Some(notice) = &words.notice {
        let look = words.link.map(|link| format!(" {link}")).unwrap_or_default();
        let _ = writeln!(text, "{at} NOTICE{service} {}{look}", words.headline);
        for line in notice.text.lines() {
            let _ = writeln!(text, "  {line}");
        }
        return text;
    }
    if let Some(cause) = &words.cause {
        let _ = writeln!(text, "{at}{service} {}. {cause}", words.headline);
    }
    for paragraph in &words.paragraphs {
        let tag = match (paragraph.tag, is_coloured) {
            ("CRITICAL", true) => "\u{1b}[1;31mCRITICAL\u{1b}[0m",
            ("WARNING", true) => "\u{1b}[33mWARNING\u{1b}[0m",
            ("RECOVERED", true) => "\u{1b}[32mRECOVERED\u{1b}[0m",
            (tag, _) => tag,
        };
        let look = paragraph.links.iter().find(|link| link.label == "Look");
        let look = look.map(|link| format!(" {}", link.address)).unwrap_or_default();
        let _ = writeln!(text, "{at} {tag}{service} {}{look}", paragraph.sentence);
    }
    if words.paragraphs.is_empty() {
        let _ = writeln!(text, "{at}{service} {}", words.headline);
    }
    if words.more > 0 {
        let _ = writeln!(text, "{at}{service} and {} more", words.more);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::tests::{alert, ended, hostile, hostile_texts, message, notice};
    use serde_json::json;

    #[test]
    fn each_alert_is_one_line() {
        let mut console = Console { to: Vec::new(), is_coloured: false };
        console.send(&message(vec![alert(&json!({})), ended()])).unwrap();
        let text = String::from_utf8(console.to).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].starts_with("2026-11-21T03:09:00.000Z CRITICAL shop 1.4.2 (pod-3): Slow requests: p95"),
            "{text}"
        );
        assert!(lines[0].ends_with("https://perf.example/#/series?at=1&s=a"), "{text}");
        assert!(lines[1].contains("RECOVERED shop 1.4.2 (pod-3): Slow requests: recovered: "), "{text}");
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn a_notice_has_its_text_below_its_title() {
        let text = text(&notice("The week", "12 deploys\n\n\u{1b}[2Jp95"), true);
        assert_eq!(
            text,
            "2026-11-21T03:09:00.000Z NOTICE shop 1.4.2 (pod-3): The week https://perf.example/reports/1\n  \
            12 deploys\n  \n  \\u{1b}[2Jp95\n"
        );
    }

    #[test]
    fn colours_are_ours_alone() {
        let red = text(&message(vec![alert(&json!({"message": "\u{1b}[2J"}))]), true);
        assert!(red.contains("\u{1b}[1;31mCRITICAL\u{1b}[0m") && red.contains(r"\u{1b}[2J"), "{red}");
        for hostile_text in hostile_texts() {
            let text = text(&hostile(&hostile_text), false);
            assert_eq!(text.lines().count(), crate::words::tests::HOSTILE + 1);
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        }
    }
}
