//! Using a page as somebody does who has no mouse: by keys alone, and seeing at each step where one is.

use super::browser::Browser;
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use serde_json::{Value, json};

pub(crate) const TAB: char = '\u{e004}';
pub(crate) const ENTER: char = '\u{e007}';
pub(crate) const SHIFT: char = '\u{e008}';
pub(crate) const ESCAPE: char = '\u{e00c}';
pub(crate) const SPACE: char = ' ';
pub(crate) const LEFT: char = '\u{e012}';
pub(crate) const DOWN: char = '\u{e015}';

/// No page has so many places to stop at.
const STOPS: usize = 120;

/// Which way one goes from place to place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    On,
    Back,
}

impl Browser {
    /// Presses a key and lets it go, whatever has the focus.
    pub(crate) async fn key(&self, key: char) {
        self.keys(None, key).await;
    }

    pub(crate) async fn type_in(&self, words: &str) {
        for key in words.chars() {
            self.key(key).await;
        }
    }

    async fn keys(&self, held: Option<char>, key: char) {
        let mut keys = KeyActions::new("keyboard".to_owned());
        for value in held.into_iter().chain([key]) {
            keys = keys.then(KeyAction::Down { value });
        }
        for value in [key].into_iter().chain(held) {
            keys = keys.then(KeyAction::Up { value });
        }
        self.client.perform_actions(keys).await.expect("keys");
    }

    /// Presses Tab until this has the focus. Wherever that leads on the way, one sees where one is.
    pub(crate) async fn tab_to(&self, way: Way, selector: &str) {
        let mut stops = Vec::new();
        for _ in 0..STOPS {
            match way {
                Way::On => self.key(TAB).await,
                Way::Back => self.keys(Some(SHIFT), TAB).await,
            }
            let found = self.focus_on(selector).await;
            if found["is_wanted"] == json!(true) {
                return;
            }
            stops.push(found["what"].clone());
        }
        self.screenshot("failed").await;
        panic!("{way:?}: no {selector} among {stops:#?}");
    }

    /// Asserts that this has the focus, and that one sees it.
    pub(crate) async fn is_at(&self, selector: &str) {
        let found = self.focus_on(selector).await;
        assert_eq!(found["is_wanted"], json!(true), "the focus is on {}, not on {selector}", found["what"]);
    }

    pub(crate) async fn wait_to_be_at(&self, selector: &str) {
        let script = format!("return document.activeElement.matches({})", json!(selector));
        self.wait_until(&script, selector, |is_there| *is_there == json!(true)).await;
        self.is_at(selector).await;
    }

    /// Puts a mark on what has the focus, which a new element in its place would not have.
    pub(crate) async fn mark_focus(&self) {
        self.script("document.activeElement.isMarked = true").await;
    }

    pub(crate) async fn focus_is_where_it_was_marked(&self) {
        let found = self.focus_on("body").await;
        assert_eq!(found["is_marked"], json!(true), "the focus has gone to {}", found["what"]);
    }

    /// The element with the focus: that it is something, shown as such, and not behind anything.
    async fn focus_on(&self, wanted: &str) -> Value {
        let found = self.script(&FOCUS.replace("WANTED", &json!(wanted).to_string())).await;
        // After the last place of a page Tab leads out of it.
        let is_out = found["what"] == "body";
        let is_seen = is_out || ["has_ring", "is_in_sight"].iter().all(|one| found[*one] == json!(true));
        if !is_seen {
            self.screenshot("failed").await;
        }
        assert!(is_seen, "it is not seen that this has the focus: {found:#}");
        found
    }
}

const FOCUS: &str = "const it = document.activeElement;
    const style = getComputedStyle(it);
    const name = it.getAttribute('aria-label') ?? it.textContent.trim().slice(0, 60);
    const box = it.getBoundingClientRect();
    const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
    const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
    const upmost = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    const width = (value) => parseFloat(value) || 0;
    return {
        what: it === document.body ? 'body' : `${it.localName} ${name}`,
        is_wanted: it.matches(WANTED),
        is_marked: it.isMarked === true,
        has_ring: it.matches(':focus-visible') && style.outlineStyle !== 'none' && width(style.outlineWidth) >= 2,
        is_in_sight: right > left && bottom > top && (it.contains(upmost) || [...(it.labels ?? [])].some((one) => one.contains(upmost))),
        box: [box.left, box.top, box.right, box.bottom].map(Math.round),
        above_it: upmost?.outerHTML.slice(0, 80),
    }";
