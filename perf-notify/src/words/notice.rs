//! The words of a notice: a text that another part wrote, line by line.

use super::clean::{Style, lines, short};
use super::{MAX_HEADLINE, Words, link};
use crate::message::{Message, MessageNotice};
use perf_runtime::extend::Notice;
use serde::Serialize;

/// The most lines that stand apart where each takes an element of its own.
const MAX_APART: usize = 60;

/// A notice, not escaped.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NoticeWords {
    /// The key, by which it is told once.
    pub(crate) key: String,
    /// The text, in lines.
    pub(crate) text: String,
}

impl NoticeWords {
    /// The text as a style has lines: where a paragraph has none, the first lines are paragraphs, and the rest is one.
    pub(super) fn laid_out(&self, style: Style) -> String {
        if style.line_end() == "\n" {
            return self.text.clone();
        }
        let mut all = self.text.lines().filter(|line| !line.is_empty());
        let mut paragraphs: Vec<String> = all.by_ref().take(MAX_APART).map(str::to_owned).collect();
        let rest = all.collect::<Vec<_>>().join(style.line_end());
        paragraphs.extend(Some(rest).filter(|rest| !rest.is_empty()));
        paragraphs.join("\n\n")
    }
}

impl Words {
    pub(super) fn of_notice(message: &Message, notice: &MessageNotice) -> Self {
        Self {
            headline: short(&notice.title, MAX_HEADLINE),
            status: "notice",
            severity: None,
            service: message.service.as_ref().map(|service| short(&service.to_string(), 200)),
            cause: None,
            notice: Some(NoticeWords { key: short(&notice.key, Notice::MAX_KEY), text: lines(&notice.text) }),
            paragraphs: Vec::new(),
            more: 0,
            link: message.link.as_deref().and_then(link::http_only),
        }
    }
}
