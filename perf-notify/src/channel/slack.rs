//! Slack's blocks. Text of ours and others stands in `plain_text`, where there is no markup; links alone stand in `mrkdwn`.

use crate::words::{Count, Paragraph, Style, Words};
use serde_json::{Value, json};

/// Slack's limits, and one that it does not tell: with more characters in all it answers `msg_blocks_too_long`.
pub(super) const MAX_HEADER: usize = 150;
pub(super) const MAX_SECTION: usize = 3_000;
pub(super) const MAX_BLOCKS: usize = 50;
pub(super) const MAX_CHARACTERS: usize = 13_200;

/// The room for the block that counts what is left out, and for the message's link.
const RESERVED: usize = 3_500;

/// The most characters of the cause of an incident.
const MAX_CAUSE: usize = 800;

/// The body of a request to an incoming webhook.
pub(super) fn body(words: &Words) -> Value {
    let mut blocks = Blocks::default();
    blocks.push(json!({"type": "header", "text": plain(&words.headline, MAX_HEADER)}));
    if let Some(service) = &words.service {
        blocks.push(json!({"type": "context", "elements": [plain(service, 300)]}));
    }
    if let Some(cause) = &words.cause {
        blocks.push(json!({"type": "section", "text": plain(cause, MAX_CAUSE)}));
    }
    let is_whole = words.notice.as_ref().is_none_or(|notice| blocks.push_text(&notice.text));
    let mut left_out = words.more;
    for (place, paragraph) in words.paragraphs.iter().enumerate() {
        let of_paragraph = paragraph_blocks(paragraph);
        let size: usize = of_paragraph.iter().map(size).sum();
        if blocks.all.len() + of_paragraph.len() > MAX_BLOCKS - 2 || blocks.size + size > MAX_CHARACTERS - RESERVED {
            left_out += (words.paragraphs.len() - place) as u64;
            break;
        }
        for block in of_paragraph {
            blocks.push(block);
        }
    }
    if left_out > 0 {
        blocks.push(json!({"type": "context", "elements": [plain(&format!("and {left_out} more"), 100)]}));
    }
    if !is_whole {
        blocks.push(json!({"type": "context", "elements": [plain("There was no room for the rest.", 100)]}));
    }
    let look = words.link.as_ref().and_then(|link| links([Style::Slack.link("Look", link)]));
    if let Some(block) = look {
        blocks.push(block);
    }
    json!({
        // The text of the notification, and of clients that know no blocks.
        "text": Style::Slack.fitted(&words.headline, 300, Count::Characters),
        "mrkdwn": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": blocks.all,
    })
}

#[derive(Default)]
struct Blocks {
    all: Vec<Value>,
    size: usize,
}

impl Blocks {
    fn push(&mut self, block: Value) {
        self.size += size(&block);
        self.all.push(block);
    }

    /// Adds a text of lines, as many sections as it needs. Whether all of it had room.
    fn push_text(&mut self, text: &str) -> bool {
        let (mut section, mut is_whole) = (String::new(), true);
        let length = |text: &str| Count::Characters.of(&Style::SlackPlain.escaped(text));
        for line in text.lines() {
            if !section.is_empty() && length(&section) + 1 + length(line) > MAX_SECTION {
                is_whole = is_whole && self.push_section(&section);
                section.clear();
            }
            // A section does not begin with an empty line.
            if !section.is_empty() {
                section.push('\n');
            }
            section.push_str(line);
        }
        is_whole && (section.trim().is_empty() || self.push_section(&section))
    }

    fn push_section(&mut self, section: &str) -> bool {
        let block = json!({"type": "section", "text": plain(section, MAX_SECTION)});
        let has_room = self.all.len() < MAX_BLOCKS - 2 && self.size + size(&block) <= MAX_CHARACTERS - RESERVED;
        if has_room {
            self.push(block);
        }
        has_room
    }
}

/// The characters of a block: all of its JSON, for Slack does not tell what it counts.
fn size(block: &Value) -> usize {
    Count::Characters.of(&block.to_string())
}

fn paragraph_blocks(paragraph: &Paragraph) -> Vec<Value> {
    let lines = [
        Some(format!("{} {}", paragraph.tag, paragraph.sentence)),
        Some(paragraph.since.clone()),
        paragraph.meaning.clone(),
        paragraph.touches.as_ref().map(|touches| format!("Touches: {touches}")),
        paragraph.advice.as_ref().map(|advice| format!("Try first: {advice}")),
        paragraph.trace.as_ref().map(|trace| format!("Trace: {trace}")),
    ];
    let lines: Vec<String> = lines.into_iter().flatten().collect();
    let section = json!({"type": "section", "text": plain(&lines.join("\n"), MAX_SECTION)});
    let addresses = paragraph.links.iter().map(|link| Style::Slack.link(link.label, &link.address));
    [Some(section), links(addresses)].into_iter().flatten().collect()
}

/// Links side by side. One that has no room in a text is left out; `None` where none is left.
fn links(addresses: impl IntoIterator<Item = String>) -> Option<Value> {
    let element = |address: String| json!({"type": "mrkdwn", "verbatim": true, "text": address});
    let fits = |address: &String| Count::Characters.of(address) <= MAX_SECTION;
    let elements: Vec<Value> = addresses.into_iter().filter(fits).map(element).collect();
    (!elements.is_empty()).then(|| json!({"type": "context", "elements": elements}))
}

/// A text without markup.
fn plain(text: &str, most: usize) -> Value {
    json!({"type": "plain_text", "emoji": false, "text": Style::SlackPlain.fitted(text, most, Count::Characters)})
}
