//! Text that somebody may have written who wishes us ill, made fit for a message: one line, escaped, no longer than allowed.

/// The way in which a receiver counts the length of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// UTF-16 units: never fewer than characters, whichever of the two the receiver counts.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
    /// Bytes of a JSON text in which `<`, `>`, `&` and `'` are escaped.
    Json,
}

impl Count {
    /// The length of a text.
    pub(crate) fn of(self, text: &str) -> usize {
        let of_char = |c: char| match (self, c) {
            (Self::Characters, c) => c.len_utf16(),
            (Self::Json, '<' | '>' | '&' | '\'') => 6,
            (Self::Json, '"' | '\\' | '\n') => 2,
            (Self::Json | Self::Bytes, c) => c.len_utf8(),
        };
        text.chars().map(of_char).sum()
    }
}

/// The markup of a receiver, for which text is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// None: what is written is what is shown.
    Plain,
    /// Slack's `mrkdwn`, whose mentions and links are written in `<>`.
    Slack,
    /// Slack's `plain_text`, in which nothing but `&`, `<` and `>` is escaped.
    SlackPlain,
    /// HTML, also the few elements of it that Telegram takes.
    Html,
    /// Discord's Markdown.
    Discord,
    /// A text run of an Adaptive Card: no markup but `{{DATE(..)}}`, and no line breaks.
    Teams,
}

impl Style {
    /// All styles by name, as templates write them.
    pub(crate) const NAMES: [(&'static str, Self); 5] = [
        ("plain", Self::Plain),
        ("slack", Self::Slack),
        ("html", Self::Html),
        ("discord", Self::Discord),
        ("teams", Self::Teams),
    ];

    fn push(self, c: char, to: &mut String) {
        match (self, c) {
            (Self::Slack | Self::SlackPlain | Self::Html, '&') => to.push_str("&amp;"),
            (Self::Slack | Self::SlackPlain | Self::Html, '<') => to.push_str("&lt;"),
            (Self::Slack | Self::SlackPlain | Self::Html, '>') => to.push_str("&gt;"),
            (Self::Html, '"') => to.push_str("&quot;"),
            (Self::Html, '\'') => to.push_str("&#39;"),
            // Slack has no escape for its own marks; a character of no width keeps them from being marks.
            (Self::Slack, '*' | '_' | '~' | '`') => to.extend(['\u{200b}', c, '\u{200b}']),
            // A colon too: without it there is no address that would become a link, and no emoji.
            (Self::Discord, c)
                if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | '%' | '=' | '/' | '\'' | '"') =>
            {
                to.extend(['\\', c]);
            }
            (Self::Teams, '{') => to.extend(['{', '\u{200b}']),
            _ => to.push(c),
        }
    }

    /// A text escaped.
    pub(crate) fn escaped(self, text: &str) -> String {
        let mut escaped = String::with_capacity(text.len() + 16);
        text.chars().for_each(|c| self.push(c, &mut escaped));
        escaped
    }

    /// A text escaped, and cut with `…` where it would be longer than `most`: never within an escape.
    pub(crate) fn fitted(self, text: &str, most: usize, count: Count) -> String {
        const CUT: &str = "…";
        let room = most.checked_sub(count.of(CUT));
        let (mut fitted, mut used, mut end) = (String::new(), 0, 0);
        for c in text.chars() {
            let before = fitted.len();
            self.push(c, &mut fitted);
            used += count.of(&fitted[before..]);
            if used > most {
                fitted.truncate(end);
                fitted.push_str(if room.is_some() { CUT } else { "" });
                break;
            }
            if room.is_some_and(|room| used <= room) {
                end = fitted.len();
            }
        }
        fitted
    }

    /// Emphasis on a text that is escaped already.
    pub(crate) fn bold(self, escaped: &str) -> String {
        match self {
            Self::Plain | Self::SlackPlain | Self::Teams => escaped.to_owned(),
            Self::Slack => format!("*{escaped}*"),
            Self::Html => format!("<b>{escaped}</b>"),
            Self::Discord => format!("**{escaped}**"),
        }
    }

    /// A link to an address that [`http_only`](super::link::http_only) gave.
    pub(crate) fn link(self, label: &str, address: &str) -> String {
        match self {
            Self::Plain | Self::SlackPlain | Self::Teams => format!("{label}: {address}"),
            Self::Slack => format!("<{}|{label}>", address.replace('&', "&amp;")),
            Self::Html => format!("<a href=\"{}\">{label}</a>", address.replace('&', "&amp;")),
            Self::Discord => format!("[{label}]({address})"),
        }
    }

    /// The end of a line within a paragraph.
    pub(crate) fn line_end(self) -> &'static str {
        if self == Self::Teams { " · " } else { "\n" }
    }
}

/// A text as one line: line ends become spaces, and characters that steer a terminal, turn the direction of writing or
/// cannot be seen are written out, such as `\u{202e}`.
pub(crate) fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => line.push(' '),
            c if acts(c) => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
    }
    line
}

/// A text as several lines, each as [`line`] has it, without spaces at its end. Of empty lines one after the other there is one, and none at
/// either end.
pub(crate) fn lines(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    let mut is_after_empty = true;
    for text in text.lines() {
        let line = line(text);
        let line = line.trim_end();
        if !(line.is_empty() && is_after_empty) {
            lines.push_str(line);
            lines.push('\n');
        }
        is_after_empty = line.is_empty();
    }
    lines.truncate(lines.trim_end().len());
    lines
}

/// The beginning of a text as one line, at most so many characters (UTF-16 units).
pub(crate) fn short(text: &str, most: usize) -> String {
    // Text that is cut away need not be cleaned.
    let beginning: String = text.chars().take(most + 1).collect();
    Style::Plain.fitted(&line(&beginning), most, Count::Characters)
}

fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_one_line_in_which_nothing_acts() {
        assert_eq!(line("a\r\nb\tc"), "a  b c");
        assert_eq!(line("\u{1b}[31mred"), "\\u{1b}[31mred");
        assert_eq!(line("user\u{202e}gpj.exe"), "user\\u{202e}gpj.exe");
        assert_eq!(line("naïve 東京 🚀"), "naïve 東京 🚀");
    }

    #[test]
    fn a_text_is_cut_between_escapes() {
        assert_eq!(Style::Html.fitted("a<b", 4, Count::Characters), "a…");
        assert_eq!(Style::Html.fitted("a<b", 6, Count::Characters), "a&lt;b");
        assert_eq!(Style::Plain.fitted("🚀🚀", 3, Count::Characters), "🚀…");
        assert_eq!(Style::Plain.fitted("ab", 1, Count::Characters), "…");
        assert_eq!(Style::Plain.fitted("ab", 1, Count::Bytes), "");
    }

    #[test]
    fn no_mention_and_no_markup_is_left() {
        assert_eq!(Style::Slack.escaped("<!channel> & <@U1>"), "&lt;!channel&gt; &amp; &lt;@U1&gt;");
        assert_eq!(Style::Discord.escaped("@everyone [a](https://b) <@1> `x`"), {
            "\\@everyone \\[a\\]\\(https\\://b\\) \\<\\@1\\> \\`x\\`"
        });
        assert_eq!(Style::Html.escaped("<a href='x'>\""), "&lt;a href=&#39;x&#39;&gt;&quot;");
    }

    proptest! {
        #[test]
        fn a_fitted_text_is_no_longer_than_allowed(text in "\\PC{0,300}", most in 0_usize..200) {
            for (_, style) in Style::NAMES {
                for count in [Count::Characters, Count::Bytes, Count::Json] {
                    let fitted = style.fitted(&text, most, count);
                    prop_assert!(count.of(&fitted) <= most, "{fitted:?}");
                    if count.of(&style.escaped(&text)) <= most {
                        prop_assert_eq!(fitted, style.escaped(&text));
                    }
                }
            }
        }

        #[test]
        fn what_serde_writes_is_no_longer_than_counted(text in "\\PC{0,100}") {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert!(json.len() - 2 <= Count::Json.of(&text));
        }

        #[test]
        fn html_is_read_back_as_it_was(text in "\\PC{0,100}") {
            let html = Style::Html.escaped(&text);
            prop_assert!(!html.contains(['<', '>', '"', '\'']));
            let read = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
            prop_assert_eq!(read.iter().fold(html, |html, (escape, c)| html.replace(escape, c)), text);
        }

        #[test]
        fn a_line_has_no_control_characters(text in any::<String>()) {
            prop_assert!(!line(&text).contains(acts));
            prop_assert!(Count::Characters.of(&short(&text, 20)) <= 20);
        }
    }
}
